"""What is known of each stop of one target while it is carried out, and the outcome that comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.model import AwsError, Outcome, OutcomeStatus, Resource

UP = frozenset({"pending", "running"})
_DOWN = {"stopping": OutcomeStatus.STOPPING, "stopped": OutcomeStatus.STOPPED}
# Such as `User initiated (2026-11-23 19:00:00 GMT)`; EC2 documents it as text, and leaves it out at times.
_TRANSITION = re.compile(r"\((\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) (?:GMT|UTC)\)")


@dataclass(frozen=True, slots=True)
class Seen:
    """One instance as EC2 describes it; `since` is when its state last changed, where EC2 says so."""

    state: str
    since: datetime | None = None

    @classmethod
    def of(cls, raw: Any) -> Seen:
        found = _TRANSITION.search(raw.get("StateTransitionReason") or "")
        since = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) if found else None
        return cls(raw["State"]["Name"], since)

    @property
    def is_down(self) -> bool:
        return self.state in _DOWN


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen after the stops; `error` when nothing could be seen."""

    seen: dict[str, Seen]
    at: datetime | None
    error: AwsError | None = None


@dataclass(slots=True)
class Attempt:
    """What is known of one instance so far."""

    resource: Resource
    requested_at: datetime | None = None
    """When it was first asked for."""
    unanswered: bool = False
    """A call for it got no answer: what is down now may be down because of it."""
    accepted: bool = False
    error: AwsError | None = None
    already_down: bool = False
    left: bool = False
    """The time was up before it was its turn, or its turn again after AWS had refused the batch that it was in."""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        return self.accepted or self.already_down or self.left or self.error is not None

    def was_down_before(self, seen: Seen) -> bool:
        """Whether someone else stopped it before this sweep asked for the first time; EC2 tells whole seconds."""
        assert self.requested_at is not None, "it was asked for"
        return seen.since is not None and seen.since < self.requested_at.replace(microsecond=0)

    def found_down(self, *, before: bool) -> None:
        """It is down: by someone else before, or by this sweep."""
        self.already_down = before
        self.accepted = not before


def outcome(attempt: Attempt, look: Look) -> Outcome:
    """What was seen comes before what AWS answered."""
    status, code, message = _came_to(attempt, look)
    return Outcome(
        resource=attempt.resource,
        status=status,
        code=code,
        message="; ".join(text for text in (*attempt.notes, message) if text),
        requested_at=attempt.requested_at,
        verified_at=look.at if attempt.requested_at else None,
        warnings=tuple(attempt.warnings),
    )


def _came_to(attempt: Attempt, look: Look) -> tuple[OutcomeStatus, str, str]:
    """Status, code and message."""
    seen = look.seen.get(attempt.resource.resource_id)
    if attempt.already_down:
        return OutcomeStatus.ALREADY_STOPPED, "", "it was stopped by someone else before this sweep asked"
    if seen is not None and seen.is_down:
        return _DOWN[seen.state], "", ""
    error = attempt.error or AwsError("", "")
    if attempt.requested_at is None or attempt.left:
        return OutcomeStatus.NOT_ATTEMPTED, error.code, error.message or _time_was_up(attempt)
    if attempt.error is not None:
        return OutcomeStatus.FAILED, error.code, error.message
    return _not_seen_down(seen, look)


def _time_was_up(attempt: Attempt) -> str:
    again = " again, without what AWS had refused" if attempt.requested_at else ""
    return f"the time was up before this stop was asked for{again}"


def _not_seen_down(seen: Seen | None, look: Look) -> tuple[OutcomeStatus, str, str]:
    if look.error is not None:
        return OutcomeStatus.STOPPING, "", f"AWS accepted the stop; it could not be looked at afterwards: {look.error}"
    if seen is not None and seen.state in UP:
        return OutcomeStatus.FAILED, "StillRunning", f"AWS accepted the stop, but the instance is still {seen.state}"
    state = seen.state if seen else "gone"
    return OutcomeStatus.FAILED, "Terminated", f"the instance is {state}: it was terminated meanwhile"
