"""What is known of each stop or start of one target while it is carried out, and the outcome that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.core.decide.drift import is_from_before
from orchestrator.core.decide.whose import is_before, is_nearer
from orchestrator.core.model import AwsError, Outcome, OutcomeStatus, Resource, ResourceState
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.core.model.times import whole_second
from orchestrator.kinds.shared.operations import Profile
from orchestrator.kinds.shared.transitions import STOP, Transition
from orchestrator.ports import NOT_HANDED_OUT

CANNOT_MARK = "CannotMark"
"""The code of what was not stopped because AWS did not take its marks."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen after the calls; `error` when nothing could be seen."""

    seen: Mapping[str, Resource]
    at: datetime | None
    error: AwsError | None = None
    refused: Mapping[str, AwsError] = field(default_factory=dict)
    """Those that could not be seen, by id."""

    def error_about(self, resource_id: str) -> AwsError | None:
        """Why nothing is known of that one; None where it was seen, or is gone."""
        return self.error or self.refused.get(resource_id)


@dataclass(slots=True)
class Attempt:
    """What is known of one resource so far."""

    resource: Resource
    transition: Transition
    profile: Profile
    asked_before: datetime | None = None
    """When a process that died announced it: it may be what took it where it is."""
    requested_at: datetime | None = None
    """When its stop or start was first asked for; of what had no capacity, when it was last."""
    marked: bool = False
    """It has this sweep's marks, or may have them: nothing says that they were refused."""
    mark_refusal: AwsError | None = None
    marked_again: bool = False
    """Before its start, as the mark of the sweep that stopped it was gone."""
    unmarkable: AwsError | None = None
    """Why that could not be: AWS may refuse its start."""
    unanswered: bool = False
    """A call for it got no answer: where it is now, it may be because of it."""
    accepted: bool = False
    error: AwsError | None = None
    already_there: bool = False
    left: bool = False
    """No more work was handed out before it was its turn, or before its retry after a refusal."""
    no_capacity: AwsError | None = None
    """AWS had no room for it when it was last requested; it is retried at the end."""
    not_given_back: AwsError | None = None
    """Why what its stop changed beside it is not as it was yet: a start is done only when it is."""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def lost_mark(self) -> str:
        """The sweep whose mark a start has to write again first; empty where none was lost."""
        return "" if self.resource.tags.get(STOPPED_BY_TAG) else str(self.resource.restore.get(STOPPED_BY_TAG) or "")

    @property
    def is_concluded(self) -> bool:
        """Whether nothing more is to be called for it."""
        refused = self.error is not None or self.mark_refusal is not None
        return self.accepted or self.already_there or self.left or refused

    @property
    def waits_for_capacity(self) -> bool:
        """Whether a retry at the end is due."""
        return self.no_capacity is not None and not self.is_concluded

    @property
    def may_have_happened(self) -> bool:
        """AWS accepted it, or did not answer: only a look tells that it is as it was."""
        return self.accepted or (self.unanswered and not self.already_there)

    @property
    def is_looked_at(self) -> bool:
        """It was asked for; or its marks were refused, as AWS refuses them for what is down or gone already."""
        return self.requested_at is not None or self.mark_refusal is not None

    def is_there(self, seen: Resource) -> bool:
        """Whether it is seen where it was wanted; and not, for a start, as it was before it was down."""
        if seen.state not in self.transition.reached_states:
            return False
        return self.transition is STOP or not is_from_before(self.resource, seen)

    def was_there_before(self, seen: Resource) -> bool:
        """Whether someone else did it before this sweep asked for the first time.

        Whatever the clocks, where a call for it got no answer and may have done it; else AWS refused what was asked,
        and does nothing of that.
        """
        assert self.requested_at is not None, "it was asked for"
        since, asked = since_when(seen, self.transition), min(self.requested_at, self.asked_before or self.requested_at)
        return since is not None and (is_before(since, asked) if self.unanswered else since < whole_second(asked))

    def happened_earlier(self, seen: Resource) -> bool:
        """Whether it is there by what the process before asked for, and not by this one."""
        since, first, last = since_when(seen, self.transition), self.asked_before, self.requested_at
        return since is not None and first is not None and last is not None and is_nearer(since, first, last)

    def found_there(self, *, before: bool) -> None:
        """It is where it was wanted: by someone else before, or by this sweep."""
        self.already_there = before
        self.accepted = not before


def since_when(seen: Resource, transition: Transition) -> datetime | None:
    """When it got where it was wanted, where AWS says so."""
    return seen.changed_at if transition is STOP else seen.started_at


def answered_outcome(attempt: Attempt) -> Outcome:
    """The outcome by AWS's answers alone, before the resource was described afterwards."""
    return _outcome(attempt, _as_answered(attempt), verified_at=None)


def seen_outcome(attempt: Attempt, look: Look) -> Outcome:
    """The outcome by what was seen, which counts for more than what AWS answered."""
    result = _as_seen(attempt, look)
    seen = look.seen.get(attempt.resource.resource_id)
    is_there = seen is not None and attempt.is_there(seen)
    unseen = look.error_about(attempt.resource.resource_id) is not None
    is_open = unseen or (not is_there and result[0] in (attempt.transition.accepted_status, OutcomeStatus.UNKNOWN))
    if attempt.accepted and seen is not None and attempt.happened_earlier(seen):
        attempt.requested_at = attempt.asked_before
    return _outcome(attempt, result, verified_at=look.at if attempt.is_looked_at and not is_open else None)


_Result = tuple[OutcomeStatus, str, str]
"""Status, code and message."""


def _outcome(attempt: Attempt, result: _Result, verified_at: datetime | None) -> Outcome:
    status, code, message = result
    return Outcome(
        resource=attempt.resource,
        status=status,
        code=code,
        message="; ".join(text for text in (*attempt.notes, message) if text),
        requested_at=attempt.requested_at,
        verified_at=verified_at,
        warnings=tuple(attempt.warnings),
    )


def _as_answered(attempt: Attempt) -> _Result:
    transition = attempt.transition
    if attempt.already_there:
        return transition.already_status, "", already_there(transition)
    if attempt.accepted:
        return transition.accepted_status, "", ""
    known = _not_asked_or_refused(attempt)
    if attempt.unanswered and known is not None and known[0] is OutcomeStatus.FAILED:
        return OutcomeStatus.UNKNOWN, known[1], known[2]
    return known or (OutcomeStatus.UNKNOWN, _UNANSWERED, _not_named(attempt))


def _as_seen(attempt: Attempt, look: Look) -> _Result:
    transition, reached = attempt.transition, attempt.transition.reached_states
    seen, unseen = look.seen.get(attempt.resource.resource_id), look.error_about(attempt.resource.resource_id)
    if attempt.already_there:
        return transition.already_status, "", already_there(transition)
    if seen is not None and attempt.is_there(seen):
        if attempt.mark_refusal is not None:  # so this sweep did not ask for its stop
            return transition.already_status, "", already_there(transition)
        left = attempt.not_given_back
        return (transition.accepted_status, left.code, left.message) if left else (reached[seen.state], "", "")
    if attempt.mark_refusal is not None and unseen is None and (seen is None or seen.state is ResourceState.GONE):
        return gone(attempt.profile, seen)
    known = _not_asked_or_refused(attempt)
    if attempt.unanswered and unseen is not None and known is not None and known[0] is OutcomeStatus.FAILED:
        text = f"AWS did not answer ({known[1]}: {known[2]}), and it could not be looked at afterwards: {unseen}"
        return OutcomeStatus.UNKNOWN, unseen.code, text
    return known or _not_seen(attempt, seen, unseen)


def _not_asked_or_refused(attempt: Attempt) -> _Result | None:
    error = attempt.error or AwsError("", "")
    if attempt.mark_refusal is not None:
        return OutcomeStatus.FAILED, CANNOT_MARK, f"not stopped, as it cannot be marked: {attempt.mark_refusal}"
    if attempt.requested_at is None or (attempt.left and not attempt.unanswered):
        return OutcomeStatus.NOT_ATTEMPTED, error.code, error.message or NOT_HANDED_OUT
    if attempt.error is not None:
        unmarked = f"; its mark was removed, and it cannot be marked again: {attempt.unmarkable}"
        return OutcomeStatus.FAILED, error.code, f"{error.message}{unmarked if attempt.unmarkable else ''}"
    return None


def _not_seen(attempt: Attempt, seen: Resource | None, unseen: AwsError | None) -> _Result:
    transition, profile = attempt.transition, attempt.profile
    accepted = f"AWS accepted the {transition.verb}"
    status = transition.accepted_status
    if not attempt.accepted:
        accepted, status = _not_named(attempt), OutcomeStatus.UNKNOWN
    code = "" if attempt.accepted else _UNANSWERED
    if unseen is not None:
        return status, code, f"{accepted}; it could not be looked at afterwards: {unseen}"
    if seen is None or seen.state is ResourceState.GONE:
        return gone(profile, seen)
    if seen.state in transition.earlier_states:
        text = f"{accepted}, but the {profile.noun} is still {seen.aws_state}"
        if transition is STOP and was_started_since(attempt.resource, seen):
            return OutcomeStatus.FAILED, transition.not_seen_code, f"{accepted}, and it was started again since"
        # AWS shows it late: an undo has to look at a stop, and a start is watched until it is up or fell back.
        return status, code or (transition.not_seen_code if transition is STOP else ""), text
    return status, code, f"{accepted}; the {profile.noun} is {seen.aws_state}"


def was_started_since(planned: Resource, seen: Resource) -> bool:
    """Whether what ran when it was planned was started once more, so that it was down in between."""
    before, now = planned.started_at, seen.started_at
    return before is not None and now is not None and now > before


_UNANSWERED = "Unanswered"


def _not_named(attempt: Attempt) -> str:
    operation = attempt.profile.stop if attempt.transition is STOP else attempt.profile.start
    if attempt.left:
        return f"AWS did not answer {operation}, and it was not asked again"
    return f"AWS's answer to {operation} does not name this {attempt.profile.noun}"


def already_there(transition: Transition) -> str:
    """The message for a resource that was in the state before the sweep asked."""
    return f"it was {transition.done} by someone else before this sweep asked"


def gone(profile: Profile, seen: Resource | None) -> _Result:
    """The failure of an action on a resource that was destroyed meanwhile."""
    state = seen.aws_state if seen else "gone"
    text = f"the {profile.noun} is {state}: it was {profile.destroyed} meanwhile"
    return OutcomeStatus.FAILED, profile.destroyed.capitalize(), text
