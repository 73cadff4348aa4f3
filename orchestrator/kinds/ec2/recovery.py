"""Intents of a process that died between announcing a batch and recording it: what became of each, told by looking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from orchestrator.core.decide.undo import STOPPED_BY_TAG, transition_time
from orchestrator.core.model import Action, Outcome, Resource
from orchestrator.kinds.ec2.attempts import already_there, gone
from orchestrator.kinds.ec2.marks import MARKS, StopTags
from orchestrator.kinds.ec2.transitions import START, STOP, Goal, goal_of

SETTLED = "settled after an interruption"
_CLOCKS_DIFFER_BY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Intent:
    """What a process announced and when, and the instance as it is now (None: gone)."""

    resource: Resource
    goal: Goal
    requested_at: datetime
    fresh: Resource | None

    @classmethod
    def of(cls, intent: tuple[Resource, Action, datetime], fresh: Mapping[str, Resource]) -> Intent:
        resource, action, requested_at = intent
        return cls(resource, goal_of(action), requested_at, fresh.get(resource.resource_id))


class Settling:
    """One target's. Stops and starts nothing; completes the tags that the process left undone."""

    def __init__(self, tags: StopTags, sweep_id: str, now: Callable[[], datetime]) -> None:
        self._tags = tags
        self._sweep_id = sweep_id
        self._now = now

    def settle(self, intents: Sequence[Intent]) -> tuple[Outcome, ...]:
        """One for each that is where it was wanted, or gone; none for those on which the call had no effect."""
        warnings = self._complete_tags([intent for intent in intents if self._is_ours(intent)])
        outcomes = [(intent, self._outcome(intent)) for intent in intents]
        return tuple(
            replace(outcome, warnings=warnings.get(intent.resource.resource_id, ()))
            for intent, outcome in outcomes
            if outcome is not None
        )

    def _outcome(self, intent: Intent) -> Outcome | None:
        goal, fresh = intent.goal, intent.fresh
        if fresh is None or fresh.state not in {*STOP.there, *START.there}:
            status, code, message = gone(fresh.state if fresh else "gone")
        elif fresh.state not in goal.there:
            return None
        elif self._is_ours(intent):
            status, code, message = goal.there[fresh.state], "", SETTLED
        else:
            status, code, message = goal.already, "", already_there(goal)
        return Outcome(intent.resource, status, code, message, intent.requested_at, self._now())

    def _is_ours(self, intent: Intent) -> bool:
        """Where it was wanted, and not since before the process asked; by its tag where a process got so far."""
        goal, fresh = intent.goal, intent.fresh
        if fresh is None or fresh.state not in goal.there:
            return False
        if goal is STOP and fresh.tags.get(STOPPED_BY_TAG) == self._sweep_id:
            return True
        since = _since(fresh, goal)
        return since is None or since >= intent.requested_at - _CLOCKS_DIFFER_BY

    def _complete_tags(self, ours: Sequence[Intent]) -> dict[str, tuple[str, ...]]:
        """Warnings by instance id. The time in the tag is when the process asked, not when somebody looked."""
        unmarked: dict[datetime, list[str]] = defaultdict(list)
        marked: list[str] = []
        for intent in ours:
            tags = intent.fresh.tags if intent.fresh else {}
            if intent.goal is STOP and tags.get(STOPPED_BY_TAG) != self._sweep_id:
                unmarked[intent.requested_at].append(intent.resource.resource_id)
            if intent.goal is START and any(key in tags for key in MARKS):
                marked.append(intent.resource.resource_id)
        warnings = dict(self._tags.delete(marked))
        for at, ids in unmarked.items():
            warnings.update(self._tags.write(ids, self._sweep_id, at))
        return {instance_id: (warning,) for instance_id, warning in warnings.items()}


def _since(fresh: Resource, goal: Goal) -> datetime | None:
    """When it got where it was wanted: a stop from a text that EC2 may leave out, a start from its launch time."""
    if goal is STOP:
        return transition_time(fresh.facts)
    launched = fresh.facts.get("launched_at")
    return datetime.fromisoformat(str(launched)).astimezone(UTC) if launched else None
