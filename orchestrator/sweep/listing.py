"""List the accounts that a policy has in scope: the organization page by page, and beside it the tags that opt out.

Everything is asked for in the threads of a pool, so whatever is to be done with an account begins while others are
still listed. What comes out depends on what AWS says and not on the order in which it says it: accounts of a page are
provisional until the whole organization is listed, and an account is in the listing only once its tags are known.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from orchestrator.core.decide import scope
from orchestrator.core.decide.bulk_tags import with_bulk_tags
from orchestrator.core.decide.known_names import UNIT
from orchestrator.core.decide.narrowing import narrow_organization, organization_problems
from orchestrator.core.model import (
    NO_NAMES,
    NOT_NARROWED,
    Account,
    AccountId,
    AwsError,
    Coverage,
    Names,
    Narrowing,
    Organization,
    OtherPolicy,
    TargetStatus,
)
from orchestrator.core.model.bulk_tags import BulkTags
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import NarrowedToNothingError
from orchestrator.ports import World
from orchestrator.sweep.names import resolve_and_remember
from orchestrator.sweep.other_policies import list_others
from orchestrator.sweep.pool import Pool

_TAGS_AT_ONCE = 8
"""Reads of one account's tags. The pace lets few calls a second through, and the threads are for the accounts."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The organization as a policy sees it."""

    organization_id: str
    accounts: tuple[Account, ...] = ()
    """Those in scope, with their tags; every account until the tags were read."""
    to_read: tuple[AccountId, ...] = ()
    """Those of them that did not opt out."""
    coverage: tuple[Coverage, ...] = ()
    """A row for each account that is left out."""
    listed_at: datetime | None = None
    """What it says of tags is not older than that."""
    names: Names = NO_NAMES
    """Those of the policy of which it has nothing."""
    others: tuple[OtherPolicy, ...] = ()
    """The other active policies, with their texts."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Some of the organization, or all of it."""

    organization: Organization
    names: Names = NO_NAMES
    others: tuple[OtherPolicy, ...] = ()
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class TagsInBulk:
    """Of every account; or why tags are read one by one."""

    tags: BulkTags | AwsError
    halted: str = ""
    """Why nothing more is read."""


@dataclass(frozen=True, slots=True)
class TagsOfOne:
    """Of one account and the OUs above it."""

    listed: Account
    tagged: Account | None
    halted: str = ""


ListingEvent = Listed | TagsInBulk | TagsOfOne


class _GivenUpError(Exception):
    """The listing is not wanted any more."""


def list_accounts(world: World, policy: OrgPolicy, today: date, keep: Callable[[Listing], None]) -> Listing:
    """The accounts in scope that did not opt out, and a row for each of the others.

    `keep` is told what is known, also when this breaks off. Raises OrganizationError and LedgerError.
    """
    lister = AccountLister(world, policy, today)
    try:
        with Pool[ListingEvent](world.workers) as pool, lister.listing_in(pool):
            for event in pool.results():
                lister.hear(pool, event)
    finally:
        keep(lister.so_far())
    return lister.listing()


class AccountLister:
    """One listing; used by the coordinating thread only, but for what the pool's threads run of it.

    The pool's results are its events, and whatever else the caller hands out.
    """

    def __init__(self, world: World, policy: OrgPolicy, today: date, narrowing: Narrowing = NOT_NARROWED) -> None:
        self._world = world
        self._narrowing = narrowing
        self._policy = policy
        self._today = today
        self._listed_at = world.now()
        self._given_up = threading.Event()
        self._organization = Organization("", AccountId(""), ())
        """As far as it is listed."""
        self._whole: Listed | None = None
        self._in_scope: dict[AccountId, Account] = {}
        """As they are listed."""
        self._left_out: tuple[Coverage, ...] = ()
        self._bulk: TagsInBulk | None = None
        self._untagged: deque[Account] = deque()
        self._reading_tags = 0
        self._tagged: dict[AccountId, Account] = {}
        self._spared: dict[AccountId, Coverage] = {}
        """The rows of those that opted out, or whose tags cannot be read."""
        self._halted: dict[AccountId, Coverage] = {}
        """The rows of those whose tags were not read because of a halt."""

    @contextmanager
    def listing_in(self, pool: Pool[Any]) -> Iterator[None]:
        """Begins it. When it is left early, nothing more is listed."""
        self._world.progress.phase("Listing the organization")
        pool.submit(self._list, pool)
        try:
            yield
        finally:
            self._given_up.set()

    def hear(self, pool: Pool[Any], event: ListingEvent) -> Sequence[Account]:
        """The accounts that are in scope for all that is known, and were not given before, or as something else."""
        new: Sequence[Account] = ()
        if isinstance(event, Listed):
            new = self._hear_listed(pool, event)
        elif isinstance(event, TagsInBulk):
            self._bulk = event
        else:
            self._reading_tags -= 1
            self._hear_tags(event)
        self._tag(pool)
        return new

    @property
    def is_complete(self) -> bool:
        """Whether all is known that `listing` has."""
        waits = self._bulk is None or self._untagged or self._reading_tags
        return self._whole is not None and not waits

    def is_spared(self, account_id: AccountId) -> bool:
        """Whether nothing of the account is read, for all that is known. From any thread."""
        return account_id in self._spared

    def so_far(self) -> Listing:
        """What is known by now: every account that is listed, in scope or not."""
        accounts = tuple(self._tagged.get(one.id, one) for one in self._organization.accounts)
        return self._as_listing(accounts)

    def listing(self) -> Listing:
        """The whole of it, once the pool has no more results."""
        return self._as_listing(tuple(self._tagged[one] for one in self._in_scope if one in self._tagged))

    def _as_listing(self, accounts: tuple[Account, ...]) -> Listing:
        tagged = [one.id for one in accounts if one.id in self._tagged]
        halted = (self._halted[one] for one in self._in_scope if one in self._halted)
        spared = (self._spared[one] for one in self._in_scope if one in self._spared)
        return Listing(
            self._organization.id,
            accounts,
            tuple(one for one in tagged if one not in self._spared),
            (*self._left_out, *halted, *spared),
            self._listed_at if self._organization.id else None,
            self._whole.names if self._whole else NO_NAMES,
            self._whole.others if self._whole else (),
        )

    # --- in the pool's threads

    def _list(self, pool: Pool[Any]) -> Listed:
        """The names of the policy are held against the whole organization, and nothing less."""

        def tell(page: Organization) -> None:
            if self._given_up.is_set():
                raise _GivenUpError
            pool.tell(Listed(page))

        world, policy = self._world, self._policy
        organization = world.organization.read(tell, self._needs_every_unit)
        problems = organization_problems(self._narrowing, organization)
        if problems:
            raise NarrowedToNothingError(problems)
        others = list_others(world, policy.name, organization)  # first: it is held against earlier listings
        names = resolve_and_remember(world, policy, organization)
        return Listed(organization, names, others, is_whole=True)

    def _needs_every_unit(self, organization_id: str) -> bool:
        """Also those without accounts: where a name of this policy, of another one, or of an earlier listing may mean
        one of them.
        """
        scope_, ledger = self._policy.organization, self._world.ledger
        in_rules = (one for rule in self._policy.rules for one in rule.where.names())
        if scope_.include or scope_.exclude or any(one.word == UNIT for one in in_rules):
            return True
        if any(name != self._policy.name for name in ledger.active_policies()):
            return True
        before = ledger.earlier_listings(organization_id)
        return bool(before.units or before.places)

    def _read_bulk(self, organization_id: str) -> TagsInBulk:
        halt = self._world.halt()
        if halt is not None:
            return TagsInBulk(AwsError("Halted", halt.text), halt.text)
        return TagsInBulk(self._world.organization.read_bulk_tags(organization_id))

    def _read_tags(self, account: Account) -> TagsOfOne:
        halt = self._world.halt()
        if halt is not None:
            return TagsOfOne(account, None, halt.text)
        [tagged] = self._world.organization.read_tags([account])
        return TagsOfOne(account, tagged)

    # --- in the coordinating thread

    def _hear_listed(self, pool: Pool[Any], listed: Listed) -> Sequence[Account]:
        """The whole organization has the last word on what a page said of an account."""
        listed = replace(listed, organization=narrow_organization(self._narrowing, listed.organization))
        if not self._organization.id:
            pool.submit(self._read_bulk, listed.organization.id, first=True)
        found = scope.accounts_in_scope(self._policy.organization, listed.organization)
        before = self._in_scope
        new = [account for account in found.accounts if before.get(account.id) != account]
        if listed.is_whole:
            self._whole, self._organization = listed, listed.organization
            self._in_scope, self._left_out = {}, ()
        else:
            page = listed.organization
            self._organization = replace(page, accounts=(*self._organization.accounts, *page.accounts))
        self._left_out = (*self._left_out, *found.left_out)
        self._in_scope.update({account.id: account for account in found.accounts})
        for account in new:
            for known in (self._tagged, self._spared, self._halted):
                known.pop(account.id, None)
            self._untagged.append(account)
        if listed.is_whole:
            text = f"Reading the tags of {len(found.accounts)} accounts and their OUs"
            self._world.progress.phase(text)
        return new

    def _tag(self, pool: Pool[Any]) -> None:
        """Takes what is known in bulk; else hands out as many reads as there may be at once."""
        while self._bulk is not None and self._untagged and self._reading_tags < _TAGS_AT_ONCE:
            account = self._untagged.popleft()
            if self._in_scope.get(account.id) != account:
                continue  # the whole organization has it elsewhere
            if self._bulk.halted:
                self._hear_tags(TagsOfOne(account, None, self._bulk.halted))
            elif isinstance(self._bulk.tags, AwsError):
                self._reading_tags += 1
                pool.submit(self._read_tags, account, first=True)
            else:
                self._hear_tags(TagsOfOne(account, with_bulk_tags(account, self._bulk.tags)))

    def _hear_tags(self, event: TagsOfOne) -> None:
        listed = event.listed
        if self._in_scope.get(listed.id) != listed:
            return
        if event.tagged is None:
            self._halted[listed.id] = scope.whole_account(listed, TargetStatus.NOT_ATTEMPTED, event.halted)
            return
        self._tagged[listed.id] = event.tagged
        for row in scope.accounts_not_opted_out((event.tagged,), self._today).left_out:
            self._spared[listed.id] = row
