"""Fan out to read: the accounts in scope, their regions, and every resource in them; failures are coverage.

What was read can be stored and gone on with by a fresh process, where the time of one does not do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.core.decide import scope as targets
from orchestrator.core.model import (
    ALL_REGIONS,
    Account,
    Coverage,
    HaltCause,
    Region,
    Resource,
    Target,
    TargetStatus,
)
from orchestrator.core.model.aws_error_codes import coverage_of
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import TargetUnreadableError, World
from orchestrator.sweep.inventory_file import Opened, Reading, regions_to_read, restored, stored_bytes
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.record import Record

T = TypeVar("T")


_ACCOUNTS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class _Read:
    coverage: Coverage
    resources: tuple[Resource, ...] = ()


def read_everything(world: World, record: Record) -> bool:
    """Reads what the policy has in scope into the record; False when a fresh process goes on with it instead."""
    reading = _restored(world, record) or Reading(accounts_to_read(world, record))
    read_targets(world, record, reading)
    halt = world.halt()
    left = any(row.status is TargetStatus.NOT_ATTEMPTED for row in record.coverage)
    if left and halt is not None:
        record.halt = halt
        if halt.cause is HaltCause.OUT_OF_TIME and _handed_over(world, record, reading):
            return False
    note_what_is_not_there(record, reading)
    return True


def note_what_is_not_there(record: Record, reading: Reading) -> None:
    """Coverage for regions that AWS does not list for an account, and for accounts without a region in scope."""
    record.coverage += _unlisted_regions(record.policy, reading.opened)
    record.coverage += _without_regions(record, reading.opened)


def accounts_to_read(world: World, record: Record) -> tuple[Account, ...]:
    """The accounts in scope that did not opt out; the others are in the record, each with its reason."""
    world.progress.phase("Listing the organization")
    organization = world.organization.read()
    record.organization_id = organization.id
    record.accounts = organization.accounts
    in_scope = targets.accounts_in_scope(record.policy.organization, organization)
    record.coverage += in_scope.left_out
    world.progress.phase(f"Reading the tags of {len(in_scope.accounts)} accounts and their OUs")
    record.accounts = _tagged(world, record, in_scope.accounts)
    to_read = targets.accounts_not_opted_out(record.accounts, record.today)
    record.coverage += to_read.left_out
    return to_read.accounts


def _tagged(world: World, record: Record, accounts: Sequence[Account]) -> tuple[Account, ...]:
    """The accounts with their tags, as far as the time allows: AWS Organizations is slow to ask."""
    tagged: list[Account] = []
    for start in range(0, len(accounts), _ACCOUNTS_AT_ONCE):
        halt = world.halt()
        if halt is not None:
            left = accounts[start:]
            record.coverage += [targets.whole_account(one, TargetStatus.NOT_ATTEMPTED, halt.text) for one in left]
            record.halt = halt
            break
        tagged += world.organization.read_tags(accounts[start : start + _ACCOUNTS_AT_ONCE])
    return tuple(tagged)


def read_targets(world: World, record: Record, reading: Reading) -> None:
    """Reads every target of these accounts in one pool of threads; an account's targets follow when it is open."""
    known = {(row.account_id, row.region) for row in record.coverage}
    opened = {one.account.id for one in reading.opened}
    unopened = [one for one in reading.to_read if one.id not in opened and (one.id, ALL_REGIONS) not in known]
    world.progress.phase(f"Reading {len(reading.to_read)} accounts")
    done, total = 0, len(unopened)
    with Pool[Opened | _Read](world.workers) as pool:

        def hand_out(account: Opened, regions: Sequence[Region]) -> None:
            for region in regions:
                pool.submit(_read_target, world, account.account, region)

        for one in reading.opened:
            regions = [
                region for region in regions_to_read(record.policy, one) if (one.account.id, region) not in known
            ]
            total += len(regions)
            hand_out(one, regions)
        for account in unopened:
            pool.submit(_open_account, world, account)
        for result in pool.results():
            if isinstance(result, Opened):
                reading.opened.append(result)
                record.coverage += _disabled_in_scope(record, result)
                regions = regions_to_read(record.policy, result)
                record.targets += [(result.account, region) for region in regions]
                total += len(regions) - 1
                hand_out(result, regions)
            else:
                done += 1
                record.coverage.append(result.coverage)
                record.resources += result.resources
            world.progress.targets(done, total)


def _handed_over(world: World, record: Record, reading: Reading) -> bool:
    """Stores what was read and lets a fresh process go on; what was not attempted here is for that one."""
    to_read = {account.id for account in reading.to_read}
    if any(row.status is TargetStatus.NOT_ATTEMPTED and row.account_id not in to_read for row in record.coverage):
        return False  # not even all tags were read: going on would mean to list the organization again
    number = record.continuations + 1
    while world.store.find(record.sweep_id, _file(number)) is not None:
        number += 1  # of a process that died before it could hand over; a file is written once
    world.store.put(record.sweep_id, _file(number), stored_bytes(record, reading))
    record.handed_over = world.hand_over()
    record.alone = not record.handed_over
    return record.handed_over


def _restored(world: World, record: Record) -> Reading | None:
    """What the process before this one has read, back in the record: the newest there is."""
    content, number = None, record.continuations
    while number and (found := world.store.find(record.sweep_id, _file(number))) is not None:
        content, number = found, number + 1
    if content is None:
        return None
    return restored(record, content)


def _file(continuation: int) -> str:
    return f"inventory-{continuation}.json"


def _open_account(world: World, account: Account) -> Opened | _Read:
    def read() -> Opened:
        with world.accounts.bind(account.id):
            return Opened(account, world.accounts.regions())

    return _or_coverage(world, account, ALL_REGIONS, read)


def _read_target(world: World, account: Account, region: Region) -> _Read:
    def read() -> _Read:
        target = Target(account.id, region)
        with world.accounts.bind(account.id):
            found = tuple(resource for kind in world.kinds.values() for resource in kind.read(target))
        return _Read(targets.coverage_row(account, region, TargetStatus.SCANNED), found)

    return _or_coverage(world, account, region, read)


def _or_coverage(world: World, account: Account, region: Region, read: Callable[[], T]) -> T | _Read:
    """What was read, or the coverage row that says why not. A thread's boundary: nothing is raised past it."""
    halt = world.halt()
    if halt is not None:
        return _Read(targets.coverage_row(account, region, TargetStatus.NOT_ATTEMPTED, halt.text))
    try:
        return read()
    except TargetUnreadableError as refusal:
        status, detail = coverage_of(refusal.error, refusal.operation)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        status, detail = TargetStatus.FAILED, f"{type(failure).__name__}: {failure}"
    if region == ALL_REGIONS and status is TargetStatus.REGION_DISABLED:
        status = TargetStatus.FAILED  # one closed region says nothing of the account's others
    return _Read(targets.coverage_row(account, region, status, detail))


def _disabled_in_scope(record: Record, opened: Opened) -> Iterator[Coverage]:
    for status in opened.regions:
        if not status.enabled and targets.region_in_scope(record.policy.regions, status.region):
            yield targets.coverage_row(opened.account, status.region, TargetStatus.REGION_DISABLED, status.detail)


def _unlisted_regions(policy: OrgPolicy, opened: Sequence[Opened]) -> Iterator[Coverage]:
    known = {status.region for account in opened for status in account.regions}
    detail = "ec2:DescribeRegions does not list it for this account"
    for account in opened:
        listed = [status.region for status in account.regions]
        for region in targets.unlisted_regions(policy.regions, listed, known):
            yield targets.coverage_row(account.account, region, TargetStatus.REGION_DISABLED, detail)


def _without_regions(record: Record, opened: Sequence[Opened]) -> Iterator[Coverage]:
    """The accounts that were opened and in which there was nothing to read."""
    known = {row.account_id for row in record.coverage}
    for one in opened:
        if one.account.id not in known:
            status = TargetStatus.EXCLUDED if one.regions else TargetStatus.FAILED
            detail = "none of its regions is in the policy's scope" if one.regions else "it has no regions"
            yield targets.whole_account(one.account, status, detail)


def unknown_account_weight(world: World, record: Record) -> int:
    """What an account weighs whose regions are not known: at least one target.

    Where the hub's are not known either, as much as the account of which most was read.
    """
    by_account = Counter(row.account_id for row in record.coverage if row.status is TargetStatus.SCANNED)
    most = max(by_account.values(), default=1)
    try:
        statuses = world.accounts.hub_regions()
    except TargetUnreadableError:
        return most
    scope = record.policy.regions
    return max(1, sum(status.enabled and targets.region_in_scope(scope, status.region) for status in statuses))
