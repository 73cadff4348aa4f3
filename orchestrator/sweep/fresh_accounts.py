"""The accounts of a sweep as of now: where each is in the organization, its tags and those of the OUs above it.

What was read longer ago than the policy's `max_tag_age` is read again by the first thread that needs it, and once:
the others wait for that. AWS Organizations allows few calls, so whatever is young enough is not asked for.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from orchestrator.core.decide.drift import changed, not_seen_again
from orchestrator.core.model import Account, AccountId, Organization, OrganizationalUnit, Reason
from orchestrator.errors import OrganizationError
from orchestrator.ports import Carrier, World

_AT_ONCE = 8
"""AWS Organizations' pace allows no more, with some 0.1 s for each answer."""
_FAILURE_COUNTS = timedelta(seconds=30)
"""So long what could not be read is not asked for again: every batch of an account would try it."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_LEFT = changed("its account is not in the organization any more.")


class _HaltedError(Exception):
    """No more work is handed out, so nothing is read for it."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """The organization as it was listed last, or why it could not be."""

    at: float
    done_at: float
    """Both by `Clocks.elapsed`."""
    organization: Organization | None = None
    accounts: Mapping[AccountId, Account] = field(default_factory=dict)
    error: OrganizationError | None = None


class FreshAccounts:
    """For all threads of a sweep. `known` are the accounts as they were listed, with the times of that."""

    def __init__(self, world: World, max_age: timedelta, known: Iterable[Account] = ()) -> None:
        self._world = world
        self._max_age = max_age
        self._accounts: Mapping[AccountId, Account] = {account.id: account for account in known}
        self._listing: _Listing | None = None
        self._carriers: dict[str, Account | OrganizationalUnit] = {}
        """With their tags, by id; units once for all accounts below them."""
        self._read_here_at: dict[str, float] = {}
        """Those of which the tags were read here, and when, by `Clocks.elapsed`."""
        self._lock = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        for account in self._accounts.values():
            self._remember(account)
            for unit in account.organizational_units:
                self._remember(unit)

    def list_again(self, account_ids: Iterable[AccountId]) -> None:
        """Lists the organization where that of one of these accounts is older. Raises OrganizationError."""
        with suppress(_HaltedError):
            for account_id in account_ids:
                listing = self._listed(account_id)
                if listing is not None and listing.error is not None:
                    raise listing.error

    @property
    def organization(self) -> Organization | None:
        """As it was listed last here; None where that was not needed, or failed."""
        listing = self._listing
        return listing.organization if listing is not None else None

    def place(self, account_id: AccountId) -> Account | Reason:
        """The account where it is now, its tags as they may be; or why what is in it is kept."""
        try:
            return self._place(account_id)
        except _HaltedError:
            return not_seen_again("no more work was handed out.")

    def account(self, account_id: AccountId) -> Account | Reason:
        """The account as it is now, with its own tags and those of the units above it; or why what is in it is kept.

        What could not be read is in `tags_error`.
        """
        try:
            place = self._place(account_id)
            return self._tagged(place) if isinstance(place, Account) else place
        except _HaltedError:
            return not_seen_again("no more work was handed out.")

    def for_others(self, account_ids: Iterable[AccountId]) -> tuple[Account, ...]:
        """These accounts as of now, as far as that can be told, where something of them is older; else none.

        In order, and no longer than the first of them stays young.
        """
        wanted = dict.fromkeys(account_ids)
        if not any(map(self._is_stale, wanted)):
            return ()
        until = self._elapsed() + self._max_age.total_seconds()
        found = self._read_each(wanted, lambda: self._elapsed() >= until)
        return tuple(found[one] for one in wanted if one in found)

    @contextmanager
    def read_ahead(self, account_ids: Iterable[AccountId]) -> Iterator[None]:
        """Meanwhile threads of its own read what is older of these accounts, in this order."""
        stale = [account_id for account_id in dict.fromkeys(account_ids) if self._is_stale(account_id)]
        ended = threading.Event()
        reading = threading.Thread(target=self._read_each, args=(stale, ended.is_set), name="tags", daemon=True)
        if stale:
            reading.start()
        try:
            yield
        finally:
            ended.set()
            if stale:
                reading.join()

    # --- where they are

    def _place(self, account_id: AccountId) -> Account | Reason:
        listing = self._listed(account_id)
        if listing is None:
            return self._accounts[account_id]
        if listing.error is not None:
            return not_seen_again(listing.error)
        return listing.accounts.get(account_id, _LEFT)

    def _listed(self, account_id: AccountId) -> _Listing | None:
        """The organization as it was listed last; None where the account as it was known before is young enough."""
        wanted_at = self._elapsed()
        with self._lock_of("organization"):
            if self._listing is None and self._is_young(self._known_at(account_id)):
                return None
            if self._listing is None or not self._counts(self._listing, wanted_at):
                self._listing = self._list()
            return self._listing

    def _counts(self, listing: _Listing, wanted_at: float) -> bool:
        """Young, or made while this thread waited: listing thousands of accounts may take longer than that counts."""
        return wanted_at <= listing.done_at or self._counts_still(listing.at, failed=listing.error is not None)

    def _known_at(self, account_id: AccountId) -> datetime | None:
        return self._accounts[account_id].listed_at if account_id in self._accounts else None

    def _list(self) -> _Listing:
        self._ask_halt()
        at = self._elapsed()
        try:
            organization = self._world.organization.read()
        except OrganizationError as failure:
            return _Listing(at, self._elapsed(), error=failure)
        accounts = {account.id: account for account in organization.accounts}
        return _Listing(at, self._elapsed(), organization, accounts)

    # --- their tags

    def _tagged(self, place: Account) -> Account:
        """One whose units' tags cannot be read is kept whatever its own are."""
        units = tuple(self._with_own_tags(unit) for unit in place.organizational_units)
        account = replace(place, organizational_units=units)
        if account.tags_error is not None:
            return account  # the listing itself cannot tell which units it is below
        unreadable = next((unit.tags_error for unit in units if unit.tags_error is not None), None)
        if unreadable is not None:
            return replace(account, tags_error=unreadable)
        return self._with_own_tags(account)

    def _with_own_tags(self, carrier: Carrier) -> Carrier:
        with self._lock_of(carrier.id):
            read = self._carriers.get(carrier.id)
            if read is None or not self._are_young(read):
                self._ask_halt()
                at = self._elapsed()
                read = self._carriers[carrier.id] = self._world.organization.read_own_tags(carrier)
                self._read_here_at[carrier.id] = at
        return replace(carrier, tags=read.tags, tags_error=read.tags_error, tags_read_at=read.tags_read_at)

    def _remember(self, carrier: Account | OrganizationalUnit) -> None:
        """Accounts that were read at different times may know the same unit differently."""
        known = self._carriers.get(carrier.id)
        if known is None or (known.tags_read_at or _NEVER) < (carrier.tags_read_at or _NEVER):
            self._carriers[carrier.id] = carrier

    # --- ahead of the batches

    def _is_stale(self, account_id: AccountId) -> bool:
        account = self._accounts.get(account_id)
        if account is None or self._listing is not None or not self._is_young(account.listed_at):
            return True
        times = [account.tags_read_at, *(unit.tags_read_at for unit in account.organizational_units)]
        return not all(map(self._is_young, times))

    def _read_each(self, account_ids: Iterable[AccountId], ended: Callable[[], bool]) -> dict[AccountId, Account]:
        """Begins with them in this order, several at once; what those share, one of their threads reads."""
        waiting, found = deque(account_ids), dict[AccountId, Account]()

        def read() -> None:
            while waiting and not ended():
                with suppress(IndexError):  # another thread took the last one
                    account_id = waiting.popleft()
                    with suppress(Exception):  # a thread's boundary: the batches that wait for it meet it themselves
                        account = self.account(account_id)
                        if isinstance(account, Account):
                            found[account_id] = account

        threads = [
            threading.Thread(target=read, name="tags", daemon=True)
            for _ in range(min(len(waiting), _AT_ONCE, self._world.workers) - 1)
        ]
        for thread in threads:
            thread.start()
        read()
        for thread in threads:
            thread.join()
        return found

    # --- ages

    def _are_young(self, carrier: Account | OrganizationalUnit) -> bool:
        """Its tags, or the refusal of them."""
        read_at = self._read_here_at.get(carrier.id)
        if read_at is None:
            return carrier.tags_error is None and self._is_young(carrier.tags_read_at)
        return self._counts_still(read_at, failed=carrier.tags_error is not None)

    def _counts_still(self, read_at: float, *, failed: bool) -> bool:
        longest = min(_FAILURE_COUNTS, self._max_age) if failed else self._max_age
        return self._elapsed() - read_at <= longest.total_seconds()

    def _is_young(self, dated: datetime | None) -> bool:
        """Of what was read before: a time to come is of a clock that was wrong, and proves nothing."""
        clocks = self._world.clocks
        return dated is not None and dated <= clocks.now() and clocks.latest() - dated <= self._max_age

    def _elapsed(self) -> float:
        return self._world.clocks.elapsed()

    def _ask_halt(self) -> None:
        if self._world.halt() is not None:
            raise _HaltedError

    def _lock_of(self, name: str) -> threading.Lock:
        with self._lock:
            return self._locks[name]
