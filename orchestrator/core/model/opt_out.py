"""One opt-out in the register of all of them: who carries it, until when, and what it spares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from orchestrator.core.model.organization import ALL_REGIONS, AccountId, Region
from orchestrator.core.model.resource import ALL_KINDS

EXPIRING_DAYS = 14


class OptOutStatus(StrEnum):
    """Whether an opt-out counts, and whether as it was meant."""

    ACTIVE = "active"
    EXPIRED = "expired"
    MALFORMED = "malformed"
    """Its value is neither `true` nor a date: it counts for good."""
    MISSPELT = "misspelt"
    """Its key is: it counts for good."""


@dataclass(frozen=True, slots=True)
class RegisteredOptOut:
    """One tag that spares, or spared until it ended, with its carrier; or what a link did, whose tag is `link`."""

    carrier: str
    """`resource`, `account` or `organizational_unit`."""
    carrier_id: str
    """The resource id, the account id or the OU's path."""
    tag: str
    value: str
    until: date | None
    """The last day that it counts; None: for good."""
    reason: str | None
    status: OptOutStatus
    days_left: int | None
    """After today; None: it has no end."""
    spared_accounts: int
    """So many accounts in scope are not read because of it, or of another one beside it."""
    spared_resources: int | None
    """So many running resources would be stopped by this sweep but for it; None: unknown, as what it spares was not
    read.
    """
    spared_hours_per_week: float | None
    """So long they would be down in the seven days from the sweep on; None: unknown."""
    violations: tuple[str, ...] = ()
    """What is reported of it under compliance."""
    account_id: AccountId | None = None
    """None for an OU, which has many."""
    account_name: str = ""
    ou_path: str = ""
    owner: str = ""
    region: Region = ALL_REGIONS
    kind: str = ALL_KINDS

    @property
    def is_expiring(self) -> bool:
        """Whether it ends within 14 days."""
        return self.status is OptOutStatus.ACTIVE and self.days_left is not None and self.days_left <= EXPIRING_DAYS
