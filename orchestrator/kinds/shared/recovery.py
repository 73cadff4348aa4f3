"""Intents of a process that died between announcing a batch and recording it: what became of each, told by looking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.core.decide.drift import is_from_before
from orchestrator.core.decide.whose import CLOCKS_DIFFER, is_before, may_be_of
from orchestrator.core.model import Action, AwsError, Outcome, OutcomeStatus, Resource, ResourceState, time_text
from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.marks import MARKS, STOPPED_AT_TAG, STOPPED_BY_TAG, SWEEP_ID
from orchestrator.kinds.shared.attempts import already_there, gone, since_when, was_started_since
from orchestrator.kinds.shared.marks import Marks, not_deleted
from orchestrator.kinds.shared.operations import Profile
from orchestrator.kinds.shared.stopped_again import STOPPED_AGAIN, stopped_again
from orchestrator.kinds.shared.transitions import START, STOP, Transition, transition_of

RECOVERED = "recovered after an interruption"
STARTED_AGAIN = "StartedAgain"
"""The code of what was stopped, or may have been, and was started again before anybody looked."""
NOT_MARKED = "NotMarked"
"""The code of what is down without a mark, by a release that would have marked it only afterwards."""
_NOT_MARKED = (
    f"{RECOVERED}: it is down; the release of this program that was about to stop it would have marked it only "
    "afterwards, and AWS does not say that it went down right then"
)
_RIGHT_AFTER = timedelta(seconds=5)
"""So far clocks mostly agree; for what carries no mark of the sweep that may be is not enough."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a process announced and when, and the resource as it is now (None: gone)."""

    resource: Resource
    transition: Transition
    requested_at: datetime
    fresh: Resource | None
    marked_after: bool = False
    """By a release that marked what it had stopped only afterwards: without a mark the times have to tell."""

    @classmethod
    def of(
        cls,
        intent: tuple[Resource, Action, datetime],
        fresh: Mapping[str, Resource],
        *,
        marked_after: bool = False,
    ) -> Intent:
        """The intent with the resource as it is in `fresh`, by id."""
        resource, action, requested_at = intent
        return cls(resource, transition_of(action), requested_at, fresh.get(resource.resource_id), marked_after)


def unknown(intent: Intent, error: AwsError) -> Outcome:
    """For one that could not be looked at."""
    text = f"it was about to be acted on when the process died, and it cannot be looked at: {error.message}"
    return Outcome(intent.resource, OutcomeStatus.UNKNOWN, error.code, text, intent.requested_at)


def _is_behind(intent: Intent) -> bool:
    """A start of what AWS shows as it was before it was down."""
    fresh = intent.fresh
    return intent.transition is START and fresh is not None and is_from_before(intent.resource, fresh)


def _came_up_and_went_down(intent: Intent, fresh: Resource) -> Outcome | None:
    """Of a start. It is nothing that was seen here: what another sweep holds down by now stays so."""
    again = stopped_again(intent.resource, fresh, intent.requested_at)
    if not again:
        return None
    since = since_when(fresh, START)
    if since not in (None, intent.resource.started_at) and not is_before(since, intent.requested_at):
        status, text = OutcomeStatus.STARTED, f"{RECOVERED}: it was started, and {again}"
    else:
        status, text = OutcomeStatus.UNKNOWN, f"{RECOVERED}: it was {again}, and AWS does not say who had started it"
    return Outcome(intent.resource, status, STOPPED_AGAIN, text, intent.requested_at)


def _went_down_and_came_up(intent: Intent, fresh: Resource) -> Outcome | None:
    """Of a stop: by this, or by somebody else."""
    if not was_started_since(intent.resource, fresh):
        return None
    text = (
        f"{RECOVERED}: it was down, and started again at {time_text(fresh.started_at)}; AWS does not say who stopped it"
    )
    return Outcome(intent.resource, OutcomeStatus.UNKNOWN, STARTED_AGAIN, text, intent.requested_at)


def _resized(intent: Intent, fresh: Resource, needed: frozenset[str]) -> Outcome | None:
    """Of a stop of what AWS does not date, that still bears this sweep's mark: somebody gave it another size since.

    Before that it may have been down by this stop; it is not asked for again.
    """
    before = intent.resource.restore
    changes = [
        f"its {name} was {before[name]} and is {fresh.restore.get(name)}"
        for name in sorted(before.keys() & needed)
        if before[name] != fresh.restore.get(name)
    ]
    if not changes:
        return None
    text = f"{RECOVERED}: {', '.join(changes)}; AWS does not say whether the stop came before that"
    return Outcome(intent.resource, OutcomeStatus.UNKNOWN, STARTED_AGAIN, text, intent.requested_at)


class Recovery:
    """One target's. Stops and starts nothing; deletes the marks of what the process had started, and gives back what
    its calls changed beside what runs.

    What still runs keeps its marks: AWS shows a stop some time after it accepted it, and the sweep is resumed.
    """

    def __init__(
        self,
        profile: Profile,
        marks: Marks,
        sweep_id: str,
        now: Callable[[], datetime],
        evidence: StopEvidence,
    ) -> None:
        """`evidence`: what tells of the kind's resources that they are down by a stop."""
        self._profile = profile
        self._marks = marks
        self._sweep_id = sweep_id
        self._now = now
        self._evidence = evidence

    def recover(self, intents: Sequence[Intent]) -> tuple[Outcome, ...]:
        """One for each that is where it was wanted, or gone, or was there and is not any more; none for those on which
        the call had no effect.
        """
        up = [one for one in intents if one.fresh is not None and one.fresh.state in START.reached_states]
        seen = {one.resource.resource_id: one.fresh for one in up if one.fresh is not None}
        marked = [one for one in up if self._is_ours(one) and self._is_marked_start(one)]
        left = self._marks.delete([one.resource for one in marked], seen)
        others = [one.resource for one in up if one not in marked]
        not_given_back = {**left.not_given_back, **self._marks.give_back(others, seen)}
        told = (_told_of_what_is_left(one, self._outcome(one), left.refused, not_given_back) for one in intents)
        return tuple(outcome for outcome in told if outcome is not None)

    def _outcome(self, intent: Intent) -> Outcome | None:
        transition, fresh = intent.transition, intent.fresh
        if fresh is None or fresh.state is ResourceState.GONE:
            status, code, message = gone(self._profile, fresh)
        elif fresh.state not in transition.reached_states or _is_behind(intent):
            if transition is START:
                return _came_up_and_went_down(intent, fresh)
            is_marked = fresh.tags.get(STOPPED_BY_TAG) == self._sweep_id and fresh.state is ResourceState.RUNNING
            resized = _resized(intent, fresh, self._evidence.start_needs) if is_marked else None
            return resized or _went_down_and_came_up(intent, fresh)
        elif self._is_ours(intent):
            status, code, message = transition.reached_states[fresh.state], "", RECOVERED
        elif self._is_perhaps_ours(intent, fresh):
            return Outcome(intent.resource, OutcomeStatus.UNKNOWN, NOT_MARKED, _NOT_MARKED, intent.requested_at)
        else:
            status, code, message = transition.already_status, "", already_there(transition)
        return Outcome(intent.resource, status, code, message, intent.requested_at, self._now())

    def _is_ours(self, intent: Intent) -> bool:
        """Where it was wanted, and since when the process may have asked, as far as clocks agree.

        A stop is marked before it is asked for: what does not carry this sweep's mark was stopped by someone else. So
        was what went down long after: the process died after it had marked, and a mark alone says nothing. Where it is
        marked only afterwards, what carries no mark is ours if it went down right after it was announced.
        """
        transition, fresh = intent.transition, intent.fresh
        if fresh is None or fresh.state not in transition.reached_states or _is_behind(intent):
            return False
        since = since_when(fresh, transition)
        if transition is STOP and fresh.tags.get(STOPPED_BY_TAG) != self._sweep_id:
            return self._is_unmarked(intent, fresh) and since is not None and self._is_right_after(intent, since)
        if since is None or transition is START:
            return since is None or not is_before(since, intent.requested_at)
        return may_be_of(since, intent.requested_at, self._evidence.noted_within)

    def _is_perhaps_ours(self, intent: Intent, fresh: Resource) -> bool:
        """Of what is down without a mark of the sweep, and not right after it was announced."""
        since = since_when(fresh, intent.transition)
        is_unmarked = intent.transition is STOP and self._is_unmarked(intent, fresh)
        return is_unmarked and (since is None or may_be_of(since, intent.requested_at, self._evidence.noted_within))

    def _is_unmarked(self, intent: Intent, fresh: Resource) -> bool:
        """Whether no mark tells who stopped it: the one of a sweep before stays on what a person started since."""
        if not intent.marked_after:
            return False
        by, at = fresh.tags.get(STOPPED_BY_TAG, ""), fresh.tags.get(STOPPED_AT_TAG, "")
        asked = time_text(intent.requested_at - CLOCKS_DIFFER) or ""
        return not by or (SWEEP_ID.fullmatch(by) is not None and by < self._sweep_id and at < asked)

    def _is_right_after(self, intent: Intent, since: datetime) -> bool:
        return -_RIGHT_AFTER <= since - intent.requested_at <= self._evidence.noted_within

    def _is_marked_start(self, intent: Intent) -> bool:
        """Of what runs: what is on its way may fall back."""
        fresh = intent.fresh
        return (
            intent.transition is START
            and fresh is not None
            and fresh.state is ResourceState.RUNNING
            and any(key in fresh.tags for key in MARKS)
        )


def _told_of_what_is_left(
    intent: Intent, outcome: Outcome | None, refused: Mapping[str, AwsError], not_given_back: Mapping[str, AwsError]
) -> Outcome | None:
    """A start whose marks are left has a warning; it is not up before all is given back that its stop had changed.

    What runs on without that is not asked for again: it is unknown, so that an undo gives it back.
    """
    resource_id = intent.resource.resource_id
    error = not_given_back.get(resource_id)
    if error is not None:
        status = OutcomeStatus.UNKNOWN if intent.transition is STOP else OutcomeStatus.STARTING
        text = f"{RECOVERED}: {error.message}"
        return Outcome(intent.resource, status, error.code, text, intent.requested_at)
    error = refused.get(resource_id)
    if outcome is None or error is None:
        return outcome
    return replace(outcome, warnings=(not_deleted(error, START),))
