"""How far the reading of one target got, kind by kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.model.decision import Exemption
from orchestrator.core.model.organization import ALL_REGIONS, AccountId, Region
from orchestrator.core.model.resource import ALL_KINDS


class TargetStatus(StrEnum):
    """How far the reading of one kind in one target got."""

    SCANNED = "scanned"
    DENIED = "denied"
    REGION_DISABLED = "region_disabled"
    SUSPENDED = "suspended"
    EXCLUDED = "excluded"
    OPTED_OUT = "opted_out"
    NOT_OFFERED = "not_offered"
    """The region does not have the kind's service."""
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

    @property
    def is_unknown_account(self) -> bool:
        """Whether it was to be read, and nobody can say of which regions."""
        return self.status in UNREADABLE and self.region == ALL_REGIONS


def coverage_weights(rows: Sequence[Coverage], unknown_account: int | None) -> list[int | None]:
    """How many targets each row counts for in the coverage percentage: the share of them that was scanned.

    0: not in scope, since it was left out on purpose or is disabled. An account whose regions are not known counts for
    `unknown_account` targets (None: that is not known either) under each kind that others were read for.
    """
    kinds = max(len({row.kind for row in rows} - {ALL_KINDS}), 1)
    in_all = None if unknown_account is None else unknown_account * kinds
    in_scope = UNREADABLE | {TargetStatus.SCANNED}
    return [in_all if row.is_unknown_account else int(row.status in in_scope) for row in rows]
