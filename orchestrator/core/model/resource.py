"""One thing that can be stopped, as its kind read and normalised it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.model.aws_error import AwsError
from orchestrator.core.model.loss import Loss
from orchestrator.core.model.measured import Measured
from orchestrator.core.model.organization import AccountId, Region, Tags, Target

Fact = str | int | bool | None

ALL_KINDS = "*"
"""In coverage and compliance, for what concerns an account or a region whatever the kind."""


STARTS_AGAIN = "starts_again"
"""The name of a fact: one sentence or more that say what starts the resource again after a stop, beside people and
sweeps. They follow the reason of its stop.
"""


class ResourceState(StrEnum):
    """A kind's states, normalised; whatever a kind does not know is `unknown`, which is kept."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    GONE = "gone"
    UNKNOWN = "unknown"


class ObstacleCode(StrEnum):
    """The classes of obstacles, for programs."""

    CANNOT_STOP = "cannot_stop"
    """AWS has no stop for it, or not as it is, or a stop would lose what a start does not give back."""
    OWNED = "owned"
    """Another service owns it, and would replace it."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a resource is kept whatever the policy says; the sentence is for people."""

    code: ObstacleCode
    sentence: str


class ResourceKey(NamedTuple):
    """The identity of one resource. Sorts by account, region, kind and id."""

    account_id: AccountId
    region: Region
    kind: str
    resource_id: str

    @property
    def target(self) -> Target:
        """The account and region that the resource is in."""
        return Target(self.account_id, self.region)

    def as_row(self) -> dict[str, str]:
        """For reports, ledger items and files."""
        return {
            "account_id": self.account_id,
            "region": self.region,
            "kind": self.kind,
            "resource_id": self.resource_id,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> ResourceKey:
        """What `as_row` gave, whatever else the row has."""
        return cls(AccountId(row["account_id"]), Region(row["region"]), row["kind"], row["resource_id"])


_NOTHING: Mapping[str, Fact] = {}
"""One for all resources that have none."""


@dataclass(frozen=True, slots=True)
class Resource:
    """`facts` are what its kind read about it, under AWS's words in snake case."""

    kind: str
    target: Target
    resource_id: str
    arn: str
    name: str
    state: ResourceState
    aws_state: str
    """AWS's own word for the state."""
    tags: Tags
    facts: Mapping[str, Fact]
    changed_at: datetime | None = None
    """When its state changed last, where AWS says so."""
    started_at: datetime | None = None
    """When it was started last, where AWS says so."""
    obstacle: Obstacle | None = None
    start_failure: AwsError | None = None
    """Why its last start did not last, where AWS says so; the message is AWS's and what it mostly comes from."""
    may_have_run: bool = False
    """It shut down from inside, and nothing says how long after its start that was."""
    restore: Mapping[str, Fact] = field(default_factory=lambda: _NOTHING)
    """What a later start needs to know, such as sizes, or the mark to write again if it is gone; part of the intent."""
    units: int = 1
    """How many of what guardrails count it runs: the instances of a group."""
    losses: tuple[Loss, ...] = ()
    """What a stop of it would lose, or might; of what does not run nothing."""
    created_at: datetime | None = None
    """When it was made, where AWS says so."""
    details: Mapping[str, Fact] = field(default_factory=lambda: _NOTHING)
    """Facts that only conditions look at: no report has them, but where a rule asks for them, nor has a plan's file."""
    measured: Measured | None = None
    """What CloudWatch has of it; None where nothing depended on that."""

    @property
    def key(self) -> ResourceKey:
        """Its identity."""
        return ResourceKey(self.target.account_id, self.target.region, self.kind, self.resource_id)
