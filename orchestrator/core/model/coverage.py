"""How far the reading of one target got, kind by kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.model.decision import Exemption
from orchestrator.core.model.organization import AccountId, Region
from orchestrator.core.model.resource import ALL_KINDS


class TargetStatus(StrEnum):
    """How far the reading of one kind in one target got."""

    SCANNED = "scanned"
    DENIED = "denied"
    REGION_DISABLED = "region_disabled"
    SUSPENDED = "suspended"
    EXCLUDED = "excluded"
    OPTED_OUT = "opted_out"
    FAILED = "failed"
    NOT_ATTEMPTED = "not_attempted"


UNREADABLE = frozenset({TargetStatus.DENIED, TargetStatus.FAILED, TargetStatus.NOT_ATTEMPTED})
"""Statuses that leave a hole in the coverage: exit code 3."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The status of one kind in one target (of a whole account: region `*`), with AWS's own words in `detail`."""

    account_id: AccountId
    account_name: str
    ou_path: str
    region: Region
    status: TargetStatus
    detail: str = ""
    exemption: Exemption | None = None
    kind: str = ALL_KINDS
