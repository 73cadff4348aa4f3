"""Fan out to read: the accounts in scope, their regions, and every resource in them; failures are coverage.

Listing in, Reading in, Inventory out. What breaks off in the middle leaves what was read until then with the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import TypeVar

from orchestrator.core.decide import scope
from orchestrator.core.decide.narrowing import policy_to_read
from orchestrator.core.decide.whose import is_later_start
from orchestrator.core.model import (
    ALL_REGIONS,
    NOT_NARROWED,
    Account,
    AccountId,
    Coverage,
    Inventory,
    Narrowing,
    Region,
    Resource,
    ResourceKey,
    ResourceState,
    Target,
    TargetStatus,
)
from orchestrator.core.model.aws_error_codes import coverage_of, is_refusal
from orchestrator.core.model.copies import tell_once
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import LedgerError
from orchestrator.ledger.records import HeldRecord
from orchestrator.ports import AccountsPort, NotOfferedError, RegionStatus, TargetUnreadableError, World
from orchestrator.sweep.listing import AccountLister, Listing, ListingEvent
from orchestrator.sweep.pool import Pool

T = TypeVar("T")

LIST_REGIONS = "ec2:DescribeRegions"
ENDED_EARLY = "the sweep ended before it was read"


@dataclass(frozen=True, slots=True)
class Unread:
    """Why an account or target was not read, as coverage says it."""

    status: TargetStatus
    detail: str
    lacks_list: bool = False
    """The account may not list its regions."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An account whose role was assumed, and its regions."""

    account_id: AccountId
    regions: tuple[RegionStatus, ...]
    unlisted: str = ""
    """Why AWS did not list them; then they are those that the policy names, and whether each is enabled is unknown."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the reading of the listed accounts is."""

    opened: tuple[Opened, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    resources: tuple[Resource, ...] = ()

    def __add__(self, later: Reading) -> Reading:
        return Reading(
            (*self.opened, *later.opened),
            (*self.coverage, *later.coverage),
            (*self.resources, *later.resources),
        )


# --- the targets ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of one task; of an account as it was listed when the task was handed out."""

    account: Account
    found: Opened | Reading


_Result = ListingEvent | _Answer


def list_and_read(
    world: World,
    policy: OrgPolicy,
    today: date,
    keep: Callable[[Listing, Reading], None],
    narrowing: Narrowing = NOT_NARROWED,
) -> tuple[Listing, Reading]:
    """The accounts in scope that did not opt out, as list_accounts lists them, and every target of theirs: an account
    is read while others are still listed.

    What was read of an account that opted out, as its tags said later, is in neither. `keep` is told what is known,
    also when this breaks off. Raises OrganizationError and LedgerError, and NarrowedToNothingError.
    """
    lister = AccountLister(world, policy, today, narrowing)
    reader = _AccountReader(world, policy_to_read(narrowing, policy), Reading(), lister.is_spared)
    try:
        with Pool[_Result](world.workers) as pool, lister.listing_in(pool):
            for result in pool.results():
                if isinstance(result, _Answer):
                    reader.hear(pool, result)
                    continue
                reader.begin(pool, lister.hear(pool, result))
                if lister.is_complete:
                    world.progress.phase(f"Reading {len(lister.listing().to_read)} accounts")
    except BaseException:
        listing = lister.so_far()
        keep(listing, reader.reading_of(listing))
        raise
    listing = lister.listing()
    reading = reader.reading_of(listing)
    keep(listing, reading)
    return listing, reading


def read_accounts(
    world: World, policy: OrgPolicy, accounts: Sequence[Account], before: Reading, keep: Callable[[Reading], None]
) -> Reading:
    """Reads every target of these accounts in one pool of threads, but for what was read `before`.

    `keep` is told what was read in all, also when this breaks off.
    """
    reader = _AccountReader(world, policy, before)
    try:
        world.progress.phase(f"Reading {len(accounts)} accounts")
        with Pool[_Result](world.workers) as pool:
            reader.begin(pool, accounts)
            for result in pool.results():
                if isinstance(result, _Answer):
                    reader.hear(pool, result)
    finally:
        keep(reader.reading)
    return reader.reading


def _no_account(_: AccountId) -> bool:
    return False


class _AccountReader:
    """One reading; used by the coordinating thread only.

    `is_spared`: whether an account is not to be read after all. From any thread.
    """

    def __init__(
        self,
        world: World,
        policy: OrgPolicy,
        before: Reading,
        is_spared: Callable[[AccountId], bool] = _no_account,
    ) -> None:
        self._world = world
        self._policy = policy
        self._is_spared = is_spared
        self._accounts: dict[AccountId, Account] = {}
        self._known = {(row.account_id, row.region, row.kind) for row in before.coverage}
        self._before = before
        self._kinds = sorted(policy.kinds)
        self._starting = policy.starting_kinds
        self._opened: list[Opened] = []
        self._coverage: list[Coverage] = []
        self._resources: list[Resource] = []
        self._done = self._total = 0

    @property
    def reading(self) -> Reading:
        """Of every account that was begun."""
        return self._before + Reading(tuple(self._opened), tuple(self._coverage), tuple(self._resources))

    def reading_of(self, listing: Listing) -> Reading:
        """Of the accounts that are to be read, and of no other."""
        return self._only(frozenset(listing.to_read))

    def _only(self, accounts: Collection[AccountId]) -> Reading:
        return Reading(
            tuple(one for one in self._opened if one.account_id in accounts),
            tuple(row for row in self._coverage if row.account_id in accounts),
            tuple(one for one in self._resources if one.target.account_id in accounts),
        )

    def _forget(self, accounts: Collection[AccountId]) -> None:
        left = self._only(self._accounts.keys() - accounts)
        self._opened, self._coverage, self._resources = [*left.opened], [*left.coverage], [*left.resources]

    def begin(self, pool: Pool[_Result], accounts: Sequence[Account]) -> None:
        """Hands out what is to be read of these accounts; anew of those that were listed as something else before."""
        again = self._accounts.keys() & {account.id for account in accounts}
        if again:
            self._forget(again)
        self._accounts.update({account.id: account for account in accounts})
        opened = {one.account_id: one for one in self._before.opened}
        whole = {account_id for account_id, region, _ in self._known if region == ALL_REGIONS}
        for account in accounts:
            if account.id in opened:
                self._total += self._hand_out(pool, opened[account.id])
            elif account.id not in whole:
                pool.submit(_open_account, self._world, self._policy, account, self._is_spared)
                self._total += 1

    def hear(self, pool: Pool[_Result], answer: _Answer) -> None:
        """Of an account that is spared by now nothing is kept, and nothing more is asked."""
        account, found = answer.account, answer.found
        counts = self._accounts[account.id] is account and not self._is_spared(account.id)
        if isinstance(found, Opened):
            self._total -= 1
            if counts:
                self._opened.append(found)
                self._coverage += self._disabled(found)
                self._total += self._hand_out(pool, found)
        else:
            self._done += 1
            if counts:
                self._coverage += found.coverage
                self._resources += found.resources
        self._world.progress.targets(self._done, self._total)

    def _hand_out(self, pool: Pool[_Result], opened: Opened) -> int:
        account, targets = self._accounts[opened.account_id], 0
        for region in regions_to_read(self._policy, opened):
            kinds = [kind for kind in self._kinds if (account.id, region, kind) not in self._known]
            if kinds:
                told = (self._starting, opened.unlisted, self._is_spared)
                pool.submit(_read_target, self._world, account, region, kinds, *told)
                targets += 1
        return targets

    def _disabled(self, opened: Opened) -> Iterator[Coverage]:
        account = self._accounts[opened.account_id]
        for one in opened.regions:
            if not one.enabled and scope.region_in_scope(self._policy.regions, one.region):
                yield scope.coverage_row(account, one.region, TargetStatus.REGION_DISABLED, one.detail)


def regions_to_read(policy: OrgPolicy, opened: Opened) -> list[Region]:
    """The enabled ones in the policy's scope."""
    return [one.region for one in opened.regions if one.enabled and scope.region_in_scope(policy.regions, one.region)]


def _open_account(world: World, policy: OrgPolicy, account: Account, is_spared: Callable[[AccountId], bool]) -> _Answer:
    """A thread's boundary: nothing is raised past it."""
    if is_spared(account.id):
        return _Answer(account, Reading())

    def open_account() -> Opened:
        with world.accounts.bind(account.id):
            regions, refusal = regions_of_account(world, policy)
            return Opened(account.id, regions, str(refusal or ""))

    result = read_unless_halted(world, open_account)
    if isinstance(result, Opened):
        return _Answer(account, result)
    advice = f"; {scope.NAME_THE_REGIONS}" if result.lacks_list else ""
    row = scope.whole_account(account, result.status, f"{result.detail}{advice}")
    return _Answer(account, Reading(coverage=(row,)))


def regions_of_account(
    world: World, policy: OrgPolicy
) -> tuple[tuple[RegionStatus, ...], TargetUnreadableError | None]:
    """As list_regions; without a call where the policy names each of its regions and no account can disable them."""
    named = scope.named_regions(policy.regions)
    if named and world.always_enabled_regions.issuperset(named):
        return tuple(RegionStatus(region, enabled=True) for region in named), None
    return list_regions(world.accounts, policy)


def list_regions(
    accounts: AccountsPort, policy: OrgPolicy
) -> tuple[tuple[RegionStatus, ...], TargetUnreadableError | None]:
    """The regions of the bound account; where it may not list them and the policy names each of its own, those, and
    the refusal. Raises TargetUnreadableError.
    """
    named = scope.named_regions(policy.regions)
    try:
        return accounts.regions(named), None
    except TargetUnreadableError as refusal:
        if not named or not is_refusal(refusal.error):
            raise
        return tuple(RegionStatus(region, enabled=True) for region in named), refusal


def _read_target(
    world: World,
    account: Account,
    region: Region,
    kinds: Iterable[str],
    starting: Collection[str],
    unlisted: str,
    is_spared: Callable[[AccountId], bool],
) -> _Answer:
    """A row for each kind: one that cannot be read leaves the others as they are. Of those in `starting` also what is
    down. A thread's boundary.
    """
    if is_spared(account.id):
        return _Answer(account, Reading())
    rows: list[Coverage] = []
    resources: list[Resource] = []
    read = partial(_read_kind, world)
    note = f"its regions could not be listed, and the policy names this one: {unlisted}" if unlisted else ""
    for kind in kinds:
        result = read_unless_halted(
            world, partial(read, Target(account.id, region), kind, with_stopped=kind in starting)
        )
        if isinstance(result, Unread):
            detail = "; ".join(filter(None, (result.detail, note)))
            rows.append(scope.coverage_row(account, region, result.status, detail, kind))
        else:
            rows.append(scope.coverage_row(account, region, TargetStatus.SCANNED, note, kind))
            resources += result
    return _Answer(account, Reading(coverage=tuple(rows), resources=tuple(resources)))


def _read_kind(world: World, target: Target, kind: str, *, with_stopped: bool) -> tuple[Resource, ...]:
    with world.accounts.bind(target.account_id):
        found = world.kinds[kind].read(target, with_stopped=with_stopped)
    if not found:
        return ()
    return tuple(_reported(world, target, tell_once(found).each))


def _reported(world: World, target: Target, resources: Sequence[Resource]) -> Iterator[Resource]:
    """Of what is stopping only what a sweep stopped: by the ledger, or by its mark where the ledger knows of none."""
    held: Mapping[ResourceKey, HeldRecord] = {}
    if any(one.state is ResourceState.STOPPING for one in resources):
        with suppress(LedgerError):
            held = world.ledger.held_at(target)
    for one in resources:
        by = held.get(one.key)
        if one.state is not ResourceState.STOPPING:
            yield one
        elif by is not None and not _was_started_after(one, by):
            yield replace(one, restore={**one.restore, STOPPED_BY_TAG: by.sweep_id})
        elif STOPPED_BY_TAG in one.tags:
            yield one


def _was_started_after(resource: Resource, held: HeldRecord) -> bool:
    return is_later_start(resource.started_at, held.started_before, datetime.fromisoformat(held.asked_at))


def read_unless_halted(world: World, read: Callable[[], T]) -> T | Unread:
    """What was read, or why it was not. A thread's boundary: nothing is raised past it."""
    halt = world.halt()
    if halt is not None:
        return Unread(TargetStatus.NOT_ATTEMPTED, halt.text)
    try:
        return read()
    except NotOfferedError as refusal:
        return Unread(TargetStatus.NOT_OFFERED, f"AWS does not offer it in this region: {refusal}")
    except TargetUnreadableError as refusal:
        lacks_list = refusal.operation == LIST_REGIONS and is_refusal(refusal.error)
        return Unread(*coverage_of(refusal.error, refusal.operation), lacks_list)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        return Unread(TargetStatus.FAILED, f"{type(failure).__name__}: {failure}")


# --- the inventory ----------------------------------------------------------------------------------------------------


def inventory_so_far(policy: OrgPolicy, listing: Listing, reading: Reading) -> Inventory:
    """With a row for every account and every target that is known of, for when the reading breaks off."""
    accounts = {account.id: account for account in listing.accounts}
    coverage = [*listing.coverage, *reading.coverage]
    coverage += _not_read(policy, accounts, reading.opened, coverage)
    return Inventory(
        listing.organization_id, listing.accounts, tuple(coverage), reading.resources, listing.names, listing.others
    )


def complete_inventory(policy: OrgPolicy, listing: Listing, reading: Reading) -> Inventory:
    """With a row for every account and every target, also for what AWS does not list for an account."""
    accounts = {account.id: account for account in listing.accounts}
    coverage = [*reading.coverage, *_unlisted_regions(policy, accounts, reading.opened)]
    coverage += _without_regions(accounts, reading.opened, coverage)
    return inventory_so_far(policy, listing, replace(reading, coverage=tuple(coverage)))


def _not_read(
    policy: OrgPolicy, accounts: dict[AccountId, Account], opened: Iterable[Opened], coverage: Sequence[Coverage]
) -> list[Coverage]:
    """The targets that were handed out and did not come back, and the accounts of which nothing is known."""
    known, kinds = {(row.account_id, row.region, row.kind) for row in coverage}, sorted(policy.kinds)
    rows = [
        scope.coverage_row(accounts[one.account_id], region, TargetStatus.NOT_ATTEMPTED, ENDED_EARLY, kind)
        for one in opened
        for region in regions_to_read(policy, one)
        for kind in kinds
        if (one.account_id, region, kind) not in known
    ]
    begun = {row.account_id for row in (*coverage, *rows)}
    left = (account for account in accounts.values() if account.id not in begun)
    return [*rows, *(scope.whole_account(one, TargetStatus.NOT_ATTEMPTED, ENDED_EARLY) for one in left)]


def _unlisted_regions(
    policy: OrgPolicy, accounts: dict[AccountId, Account], opened: Sequence[Opened]
) -> Iterator[Coverage]:
    """Regions that AWS lists for others and not for this account."""
    known = {status.region for account in opened for status in account.regions}
    detail = "ec2:DescribeRegions does not list it for this account"
    for one in opened:
        listed = [status.region for status in one.regions]
        for region in scope.unlisted_regions(policy.regions, listed, known):
            yield scope.coverage_row(accounts[one.account_id], region, TargetStatus.REGION_DISABLED, detail)


def _without_regions(
    accounts: dict[AccountId, Account], opened: Iterable[Opened], coverage: Iterable[Coverage]
) -> list[Coverage]:
    """The accounts that were opened and in which there was nothing to read."""
    known = {row.account_id for row in coverage}
    rows = []
    for one in opened:
        if one.account_id not in known:
            status = TargetStatus.EXCLUDED if one.regions else TargetStatus.FAILED
            detail = "none of its regions is in the policy's scope" if one.regions else "it has no regions"
            rows.append(scope.whole_account(accounts[one.account_id], status, detail))
    return rows


def unknown_account_weight(world: World, policy: OrgPolicy) -> int | None:
    """How many targets an account weighs whose regions are not known: at least one; None where the hub's regions are
    not known either, and the policy does not name each of them.
    """
    try:
        statuses = world.accounts.hub_regions()
    except TargetUnreadableError:
        return len(scope.named_regions(policy.regions)) or None
    return max(1, sum(one.enabled and scope.region_in_scope(policy.regions, one.region) for one in statuses))
