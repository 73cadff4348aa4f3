"""What is decided of one resource, and what spares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from orchestrator.core.model.organization import AccountId, Region
from orchestrator.core.model.resource import Fact, Resource


class Action(StrEnum):
    """What a rule does to the resources that it owns."""

    STOP = "stop"
    HIBERNATE = "hibernate"
    START = "start"
    """Undoing a stop; no rule can ask for it."""


class Verdict(StrEnum):
    STOP = "stop"
    START = "start"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Exemption:
    """Why a resource or a whole account is spared: which tag, on what, until when, for which reason."""

    source: str
    """`resource`, `account` or `organizational_unit`."""
    source_id: str
    """The resource id, the account id or the OU's path."""
    tag: str
    value: str
    until: date | None
    """The last day that it counts, in the policy's time zone; None: for good."""
    reason: str | None
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Stop or keep for one resource: the rule that owns it, one sentence why, and the facts that were looked at."""

    resource: Resource
    verdict: Verdict
    reason: str
    rule: str | None = None
    action: Action = Action.STOP
    exemption: Exemption | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violation:
    """One line of compliance. For an account's or an OU's tag the region is `*` and `resource_id` names its carrier."""

    account_id: AccountId
    region: Region
    resource_id: str
    violation: str
    detail: str
