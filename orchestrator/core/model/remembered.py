"""What the ledger remembers of resources, beside what AWS says of them: a decision reads both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.resource import Fact, ResourceKey


@dataclass(frozen=True, slots=True)
class RememberedStop:
    """That a sweep holds the resource down."""

    sweep_id: str
    policy_name: str
    requested_at: datetime | None
    """When the sweep asked for the stop."""
    accepted: bool
    """AWS accepted the stop, or it was seen; else what came of it is unknown."""
    start_asked_at: datetime | None = None
    """When a later sweep asked for its start, which was not seen to come up."""
    started_before: datetime | None = None
    """When it was started before the sweep stopped it."""
    start_failed_at: datetime | None = None
    """When a start was last seen to have come to nothing."""
    evidence: StopEvidence = field(default_factory=StopEvidence)
    """What tells that it is down by that stop."""
    restore: Mapping[str, Fact] = field(default_factory=dict)
    """What a start needs to know, such as sizes."""


@dataclass(frozen=True, slots=True)
class Notice:
    """That a stop of the resource was announced, and is due after that day."""

    sweep_id: str
    """The sweep that announced it."""
    rule: str
    stop_after: date


@dataclass(frozen=True, slots=True)
class LinkedOptOut:
    """That a person opted the resource out by a link in a message."""

    value: str
    """The last day that it counts, as it was found; or what is wrong with the item."""
    until: date | None
    """None: that is no day; then it counts for good."""
    reason: str | None


LinkedOptOuts = Mapping[str, tuple[LinkedOptOut, ...]]
"""By ARN."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """By resource. `unread`: why the ledger could not be asked; empty where it could."""

    stops: Mapping[ResourceKey, RememberedStop] = field(default_factory=dict)
    notices: Mapping[ResourceKey, Notice] = field(default_factory=dict)
    unread: str = ""
    opt_outs: LinkedOptOuts = field(default_factory=dict)
    """Of a policy that has links; by other policies they are not read."""
    opt_outs_unread: str = ""
    """Why those could not be read: then everything is kept."""


NOTHING_REMEMBERED = Remembered()
