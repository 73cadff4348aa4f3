"""Intents of a process that died between announcing a batch and recording it: what became of each, told by looking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.core.model import Action, AwsError, Outcome, Resource, ResourceState, time_text
from orchestrator.core.model.marks import MARKS, STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.kinds.shared.attempts import already_there, gone, since_when
from orchestrator.kinds.shared.marks import Marks
from orchestrator.kinds.shared.operations import Profile
from orchestrator.kinds.shared.transitions import START, STOP, Transition, transition_of

RECOVERED = "recovered after an interruption"
_CLOCKS_DIFFER_BY = timedelta(seconds=5)
_CLOCKS_DIFFER_BY_AT_MOST = timedelta(minutes=5)
"""For what has this sweep's marks: they were written to something that ran, and soon after it was down."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a process announced and when, and the resource as it is now (None: gone)."""

    resource: Resource
    transition: Transition
    requested_at: datetime
    fresh: Resource | None

    @classmethod
    def of(cls, intent: tuple[Resource, Action, datetime], fresh: Mapping[str, Resource]) -> Intent:
        """The intent with the resource as it is in `fresh`, by id."""
        resource, action, requested_at = intent
        return cls(resource, transition_of(action), requested_at, fresh.get(resource.resource_id))


class Recovery:
    """One target's. Stops and starts nothing; completes the marks that the process left undone.

    What still runs keeps its marks: AWS shows a stop some time after it accepted it, and the sweep is resumed.
    """

    def __init__(self, profile: Profile, marks: Marks, sweep_id: str, now: Callable[[], datetime]) -> None:
        self._profile = profile
        self._marks = marks
        self._sweep_id = sweep_id
        self._now = now

    def recover(self, intents: Sequence[Intent]) -> tuple[Outcome, ...]:
        """One for each that is where it was wanted, or gone; none for those on which the call had no effect."""
        warnings = self._complete_marks([intent for intent in intents if self._is_ours(intent)])
        outcomes = [(intent, self._outcome(intent)) for intent in intents]
        return tuple(
            replace(outcome, warnings=warnings.get(intent.resource.resource_id, ()))
            for intent, outcome in outcomes
            if outcome is not None
        )

    def _outcome(self, intent: Intent) -> Outcome | None:
        transition, fresh = intent.transition, intent.fresh
        if fresh is None or fresh.state is ResourceState.GONE:
            status, code, message = gone(self._profile, fresh)
        elif fresh.state not in transition.reached_states:
            return None
        elif self._is_ours(intent):
            status, code, message = transition.reached_states[fresh.state], "", RECOVERED
        else:
            status, code, message = transition.already_status, "", already_there(transition)
        return Outcome(intent.resource, status, code, message, intent.requested_at, self._now())

    def _is_ours(self, intent: Intent) -> bool:
        """Where it was wanted, and not since before the process asked, as far as clocks agree."""
        transition, fresh = intent.transition, intent.fresh
        if fresh is None or fresh.state not in transition.reached_states or self._was_marked_since(intent, fresh):
            return False
        since = since_when(fresh, transition)
        tolerance = _CLOCKS_DIFFER_BY
        if transition is STOP and fresh.tags.get(STOPPED_BY_TAG) == self._sweep_id:
            tolerance = _CLOCKS_DIFFER_BY_AT_MOST
        return since is None or since >= intent.requested_at - tolerance

    def _was_marked_since(self, intent: Intent, fresh: Resource) -> bool:
        """Whether another sweep announced its own stop after this intent: then it ran until that one asked."""
        at = fresh.tags.get(STOPPED_AT_TAG, "")
        another = fresh.tags.get(STOPPED_BY_TAG, self._sweep_id) != self._sweep_id
        return intent.transition is STOP and another and at > (time_text(intent.requested_at) or "")

    def _complete_marks(self, ours: Sequence[Intent]) -> dict[str, tuple[str, ...]]:
        """Warnings by resource id. The time in the marks is that of the request, not that of this look."""
        unmarked: dict[datetime, list[Resource]] = defaultdict(list)
        marked: list[Resource] = []
        for intent in ours:
            tags = intent.fresh.tags if intent.fresh else {}
            if intent.transition is STOP and tags.get(STOPPED_BY_TAG) != self._sweep_id:
                unmarked[intent.requested_at].append(intent.resource)
            if intent.transition is START and any(key in tags for key in MARKS):
                marked.append(intent.resource)
        warnings = _warnings("its marks were not deleted", self._marks.delete(marked))
        for at, resources in unmarked.items():
            refused = self._marks.complete(resources, self._sweep_id, at)
            warnings.update(_warnings("it is not marked, so no undo starts it", refused))
        return warnings


def _warnings(text: str, refused: Mapping[str, AwsError]) -> dict[str, tuple[str, ...]]:
    return {resource_id: (f"{text}: {error}",) for resource_id, error in refused.items()}
