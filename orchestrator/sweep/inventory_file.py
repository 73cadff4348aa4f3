"""What was read so far, as a file: for a fresh process to go on with, or to be put together with the other parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import TypeAdapter

from orchestrator.core.decide import scope as targets
from orchestrator.core.model import Account, AccountId, Coverage, Region, Resource, TargetStatus
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import RegionStatus
from orchestrator.sweep.record import Record


@dataclass(frozen=True, slots=True)
class StoredInventory:
    """What one process has read."""

    organization_id: str
    accounts: tuple[Account, ...]
    to_read: tuple[AccountId, ...]
    opened: tuple[tuple[AccountId, tuple[RegionStatus, ...]], ...]
    coverage: tuple[Coverage, ...]
    resources: tuple[Resource, ...]


_STORED = TypeAdapter(StoredInventory)


@dataclass(frozen=True, slots=True)
class Opened:
    """An account whose role was assumed, and its regions."""

    account: Account
    regions: tuple[RegionStatus, ...]


@dataclass(slots=True)
class Reading:
    """How far the reading is."""

    to_read: tuple[Account, ...] = ()
    opened: list[Opened] = field(default_factory=list)


def stored_bytes(record: Record, reading: Reading, *, whole: bool = False) -> bytes:
    """Without the rows of what was not attempted, since somebody else attempts it; `whole`: nobody does."""
    coverage = (row for row in record.coverage if whole or row.status is not TargetStatus.NOT_ATTEMPTED)
    return _STORED.dump_json(
        StoredInventory(
            organization_id=record.organization_id,
            accounts=record.accounts,
            to_read=tuple(account.id for account in reading.to_read),
            opened=tuple((one.account.id, one.regions) for one in reading.opened),
            coverage=tuple(coverage),
            resources=tuple(record.resources),
        )
    )


def restored(record: Record, content: bytes) -> Reading:
    """What another process has read, back in the record."""
    stored = _STORED.validate_json(content)
    accounts = {account.id: account for account in stored.accounts}
    record.organization_id = stored.organization_id
    record.accounts = stored.accounts
    reading = Reading(tuple(accounts[one] for one in stored.to_read))
    _add(record, reading, stored)
    return reading


def add_part(record: Record, reading: Reading, content: bytes) -> None:
    """One part of what was to be read, into a record and a reading that hold the whole list of accounts."""
    _add(record, reading, _STORED.validate_json(content))


def _add(record: Record, reading: Reading, stored: StoredInventory) -> None:
    accounts = {account.id: account for account in record.accounts}
    opened = [Opened(accounts[account_id], regions) for account_id, regions in stored.opened]
    reading.opened += opened
    record.targets += [(one.account, region) for one in opened for region in regions_to_read(record.policy, one)]
    record.coverage += stored.coverage
    record.resources += stored.resources


def regions_to_read(policy: OrgPolicy, opened: Opened) -> list[Region]:
    scope = policy.regions
    return [one.region for one in opened.regions if one.enabled and targets.region_in_scope(scope, one.region)]
