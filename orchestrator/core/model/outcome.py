"""What was seen to come of one action, and why acting stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from orchestrator.core.model.decision import Reason
from orchestrator.core.model.resource import Resource, ResourceKey


class OutcomeStatus(StrEnum):
    """What was seen to come of one action."""

    STOPPED = "stopped"
    STOPPING = "stopping"
    ALREADY_STOPPED = "already_stopped"
    WOULD_STOP = "would_stop"
    STARTED = "started"
    STARTING = "starting"
    ALREADY_RUNNING = "already_running"
    WOULD_START = "would_start"
    HELD = "held"
    NOT_ATTEMPTED = "not_attempted"
    FAILED = "failed"


class HaltCause(StrEnum):
    """Why no more work is handed out."""

    OUT_OF_TIME = "out_of_time"
    INTERRUPTED = "interrupted"
    KILL_SWITCH = "kill_switch"
    KILL_SWITCH_UNREADABLE = "kill_switch_unreadable"
    """Like a time that is up: what is left is left to be resumed, once the kill switch says `go` again."""
    LEASE_LOST = "lease_lost"
    LEDGER = "ledger"
    FAILURES = "failures"


ABORTING = frozenset({HaltCause.KILL_SWITCH, HaltCause.LEDGER, HaltCause.FAILURES})


@dataclass(frozen=True, slots=True)
class Halt:
    """No more work is handed out, and why, in words for the report."""

    cause: HaltCause
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen to come of one action; `code` and `message` are AWS's own where AWS refused."""

    resource: Resource
    status: OutcomeStatus
    code: str = ""
    message: str = ""
    requested_at: datetime | None = None
    verified_at: datetime | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of a plan's actions, as far as they were attempted."""

    outcomes: tuple[Outcome, ...] = ()
    """At most one for each action; those without one were not attempted, or kept after all."""
    kept: Mapping[ResourceKey, Reason] = field(default_factory=dict)
    """What was kept after all, right before its action."""
    halt: Halt | None = None
    """Why no more work was handed out."""

    def __add__(self, later: Outcomes) -> Outcomes:
        return Outcomes((*self.outcomes, *later.outcomes), {**self.kept, **later.kept}, self.halt or later.halt)

    @property
    def keys(self) -> frozenset[ResourceKey]:
        """Of what needs nothing more: it has an outcome, or was kept."""
        return frozenset(outcome.resource.key for outcome in self.outcomes) | self.kept.keys()
