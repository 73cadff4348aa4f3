"""What was seen to come of one action, and why acting stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

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
    TAGGED = "tagged"
    UNTAGGED = "untagged"
    WOULD_TAG = "would_tag"
    WOULD_UNTAG = "would_untag"
    HELD = "held"
    NOT_ATTEMPTED = "not_attempted"
    UNKNOWN = "unknown"
    """It was asked for, or may have been, and it could not be looked at."""
    FAILED = "failed"


INTENT = "intent"
"""In the ledger, what stands for an outcome before there is one."""


class Strength(IntEnum):
    """How much an outcome knows. A weaker one never takes the place of a stronger one."""

    INTENT = 0
    NOT_ATTEMPTED = 1
    UNKNOWN = 2
    REFUSED = 3
    ACCEPTED = 4
    SEEN = 5


_WEAK = {
    INTENT: Strength.INTENT,
    OutcomeStatus.UNKNOWN.value: Strength.UNKNOWN,
    **dict.fromkeys((one.value for one in OutcomeStatus if one.value.startswith("would_")), Strength.NOT_ATTEMPTED),
    OutcomeStatus.HELD.value: Strength.NOT_ATTEMPTED,
    OutcomeStatus.NOT_ATTEMPTED.value: Strength.NOT_ATTEMPTED,
}


def strength(status: str, *, verified: bool) -> Strength:
    """Of an outcome's status, or of an intent; `verified`: it was looked at afterwards."""
    if status in _WEAK:
        return _WEAK[status]
    if verified:
        return Strength.SEEN
    return Strength.REFUSED if status == OutcomeStatus.FAILED else Strength.ACCEPTED


class HaltCause(StrEnum):
    """Why no more work is handed out."""

    OUT_OF_TIME = "out_of_time"
    INTERRUPTED = "interrupted"
    KILL_SWITCH = "kill_switch"
    KILL_SWITCH_UNREADABLE = "kill_switch_unreadable"
    """Like a time that is up: what is left is left to be resumed, once the kill switch says `go` again."""
    LEASE_LOST = "lease_lost"
    YIELDED = "yielded"
    """A sweep that only plans ends for one that acts."""
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

    @property
    def strength(self) -> Strength:
        """How much it knows."""
        return strength(self.status.value, verified=self.verified_at is not None)


@dataclass(frozen=True, slots=True)
class Intent:
    """An action that was announced in the ledger. Without an outcome, what came of it is unknown."""

    id: str
    """Random: the ledger replaces an intent only where this is the one that was read."""
    requested_at: datetime | None = None
    untouched: bool = False
    """No call was made by it: it may be announced anew. A dead process announced it, and the resource was seen as it
    was before; or it was not known here whether it was written, so nothing was asked for.
    """
    found: str = ""
    """The id of the intent that it was to take the place of: that one may stand still."""
    starts: bool = False
    """What was announced is a start."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of a plan's actions, as far as they were attempted."""

    outcomes: tuple[Outcome, ...] = ()
    """At most one for each action; those without one were not attempted, or kept after all."""
    kept: Mapping[ResourceKey, Reason] = field(default_factory=dict)
    """What was kept after all, right before its action."""
    halt: Halt | None = None
    """Why no more work was handed out."""
    intents: Mapping[ResourceKey, Intent] = field(default_factory=dict)
    """What was announced, by this process or by one before it."""

    def __add__(self, later: Outcomes) -> Outcomes:
        return self.joined((self, later))

    @classmethod
    def joined(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """All of them, earlier ones first, in one go: each `+` copies what there is."""
        return cls(
            tuple(outcome for part in parts for outcome in part.outcomes),
            {key: reason for part in parts for key, reason in part.kept.items()},
            next((part.halt for part in parts if part.halt is not None), None),
            {key: intent for part in parts for key, intent in part.intents.items()},
        )

    @property
    def keys(self) -> frozenset[ResourceKey]:
        """Of what needs nothing more: it has an outcome, or was kept."""
        return frozenset(outcome.resource.key for outcome in self.outcomes) | self.kept.keys()

    @property
    def open_intents(self) -> frozenset[ResourceKey]:
        """What AWS may have been asked for, as far as this process knows."""
        return frozenset(key for key, intent in self.intents.items() if not intent.untouched)
