"""What is known of each stop or start of one target while it is carried out, and the outcome that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.core.decide.undo import transition_time
from orchestrator.core.model import AwsError, Outcome, OutcomeStatus, Resource
from orchestrator.kinds.ec2.transitions import STOP, Goal
from orchestrator.ports import NOT_HANDED_OUT


@dataclass(frozen=True, slots=True)
class Seen:
    """One instance as EC2 describes it; `since` is when it got into that state, where EC2 says so."""

    state: str
    since: datetime | None = None

    @classmethod
    def of(cls, raw: Any) -> Seen:
        """EC2 tells when it went down in a text that it leaves out at times, and when it came up as its launch time."""
        state = raw["State"]["Name"]
        if state in STOP.there:
            return cls(state, transition_time({"state_transition": raw.get("StateTransitionReason")}))
        return cls(state, raw.get("LaunchTime"))


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen after the calls; `error` when nothing could be seen."""

    seen: dict[str, Seen]
    at: datetime | None
    error: AwsError | None = None


@dataclass(slots=True)
class Attempt:
    """What is known of one instance so far."""

    resource: Resource
    goal: Goal
    requested_at: datetime | None = None
    """When it was first asked for."""
    unanswered: bool = False
    """A call for it got no answer: where it is now, it may be because of it."""
    accepted: bool = False
    error: AwsError | None = None
    already_there: bool = False
    left: bool = False
    """No more work was handed out before it was its turn, or its turn again after a refusal."""
    no_capacity: AwsError | None = None
    """AWS had no room for it when it was last asked for; it is asked for again at the end."""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        return self.accepted or self.already_there or self.left or self.error is not None

    @property
    def waits_for_capacity(self) -> bool:
        return self.no_capacity is not None and not self.is_settled

    def was_there_before(self, seen: Seen) -> bool:
        """Whether someone else did it before this sweep asked for the first time; EC2 tells whole seconds."""
        assert self.requested_at is not None, "it was asked for"
        return seen.since is not None and seen.since < self.requested_at.replace(microsecond=0)

    def found_there(self, *, before: bool) -> None:
        """It is where it was wanted: by someone else before, or by this sweep."""
        self.already_there = before
        self.accepted = not before


def provisional(attempt: Attempt) -> Outcome:
    """What AWS's answers say, before anybody has looked."""
    return _outcome(attempt, _as_answered(attempt), verified_at=None)


def outcome(attempt: Attempt, look: Look) -> Outcome:
    """What was seen comes before what AWS answered."""
    return _outcome(attempt, _as_seen(attempt, look), verified_at=look.at if attempt.requested_at else None)


_CameTo = tuple[OutcomeStatus, str, str]
"""Status, code and message."""


def _outcome(attempt: Attempt, came_to: _CameTo, verified_at: datetime | None) -> Outcome:
    status, code, message = came_to
    return Outcome(
        resource=attempt.resource,
        status=status,
        code=code,
        message="; ".join(text for text in (*attempt.notes, message) if text),
        requested_at=attempt.requested_at,
        verified_at=verified_at,
        warnings=tuple(attempt.warnings),
    )


def _as_answered(attempt: Attempt) -> _CameTo:
    goal = attempt.goal
    if attempt.already_there:
        return goal.already, "", already_there(goal)
    if attempt.accepted:
        return goal.promised, "", ""
    return _not_asked_or_refused(attempt) or (
        OutcomeStatus.FAILED,
        "Unanswered",
        f"AWS's answer to {goal.operation} does not name this instance",
    )


def _as_seen(attempt: Attempt, look: Look) -> _CameTo:
    goal = attempt.goal
    seen = look.seen.get(attempt.resource.resource_id)
    if attempt.already_there:
        return goal.already, "", already_there(goal)
    if seen is not None and seen.state in goal.there:
        return goal.there[seen.state], "", ""
    return _not_asked_or_refused(attempt) or _not_seen(goal, seen, look)


def _not_asked_or_refused(attempt: Attempt) -> _CameTo | None:
    error = attempt.error or AwsError("", "")
    if attempt.requested_at is None or attempt.left:
        return OutcomeStatus.NOT_ATTEMPTED, error.code, error.message or NOT_HANDED_OUT
    if attempt.error is not None:
        return OutcomeStatus.FAILED, error.code, error.message
    return None


def _not_seen(goal: Goal, seen: Seen | None, look: Look) -> _CameTo:
    if look.error is not None:
        text = f"AWS accepted the {goal.verb}; it could not be looked at afterwards: {look.error}"
        return goal.promised, "", text
    if seen is not None and seen.state in goal.not_there:
        text = f"AWS accepted the {goal.verb}, but the instance is still {seen.state}"
        return OutcomeStatus.FAILED, goal.not_seen, text
    return gone(seen.state if seen else "gone")


def already_there(goal: Goal) -> str:
    return f"it was {goal.done} by someone else before this sweep asked"


def gone(state: str) -> _CameTo:
    return OutcomeStatus.FAILED, "Terminated", f"the instance is {state}: it was terminated meanwhile"
