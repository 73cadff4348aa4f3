"""How much of what was in scope was read: rows of a report's coverage in, counts of accounts x regions out.

A target is an account x region, however many kinds were read in it. An account of which nothing could be read, and
nobody can say of which regions, counts as many targets as its row's weight says, which is that many under each kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from orchestrator.core.model import ALL_KINDS, ALL_REGIONS, UNREADABLE, TargetStatus

Row = Mapping[str, Any]
UNREAD = frozenset(status.value for status in UNREADABLE)


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """Of one sweep, in accounts x regions."""

    read: int
    """Of at least one kind."""
    unread: int
    """Of no kind."""
    whole_account: int
    """What an account counts as of which nothing could be read; 0: there is none, or it counts as one target."""
    unread_kinds: Mapping[str, int]
    """Of those that were read: in how many each kind was not."""
    partly_read: int
    """Of those that were read: how many were not of every kind."""

    @property
    def in_scope(self) -> int:
        """What was to be read: what was left out on purpose, or is not there, is none of it."""
        return self.read + self.unread

    @property
    def holes(self) -> int:
        """Where something is not known: those that were not read, or not of every kind."""
        return self.unread + self.partly_read

    @property
    def weight_text(self) -> str:
        """Why there are more than rows; else empty."""
        return f"an account that cannot be entered counts as {self.whole_account} targets" if self.whole_account else ""

    @property
    def kinds_text(self) -> str:
        """Where some kinds alone could not be read, which and in how many targets; else empty."""
        if not self.unread_kinds:
            return ""
        targets = f"{self.partly_read:,} {'target' if self.partly_read == 1 else 'targets'} of {self.in_scope:,}"
        if len(self.unread_kinds) == 1:
            return f"{targets} could not be read for {', '.join(self.unread_kinds)}"
        each = ", ".join(f"{kind} in {count:,}" for kind, count in self.unread_kinds.items())
        return f"{targets} could not be read for some kinds: {each}"


class Places:
    """A set of accounts x regions; small, as an organization has many."""

    def __init__(self, regions: dict[str, int]) -> None:
        """`regions`: their numbers, which sets that are compared share."""
        self._regions = regions
        self._found: dict[str, int] = {}

    def add(self, account_id: str, region: str) -> None:
        """Once is as good as often."""
        bit = 1 << self._regions.setdefault(region, len(self._regions))
        self._found[account_id] = self._found.get(account_id, 0) | bit

    def bits(self, account_id: str) -> int:
        """A bit for each of its regions."""
        return self._found.get(account_id, 0)

    @property
    def accounts(self) -> Iterable[str]:
        """Those that have any."""
        return self._found.keys()


class TargetTally:
    """Takes the rows of the coverage one by one, in any order."""

    def __init__(self) -> None:
        self._regions: dict[str, int] = {}
        self._kinds: set[str] = set()
        self._read = Places(self._regions)
        self._unread: dict[str, Places] = {}
        """By kind."""
        self._whole: dict[str, int] = {}
        """What accounts weigh under all kinds together, of which nobody can say which regions they have."""
        self._groups: dict[tuple[str, ...], tuple[Places, set[str]]] = {}

    def add(self, row: Row, group: tuple[str, ...] = ()) -> None:
        """One of `coverage`; `group`: under what its target is to be counted, where it was not read."""
        account_id, region, kind = row["account_id"], row["region"], row.get("kind", ALL_KINDS)  # 0.1.0 wrote none
        if kind != ALL_KINDS:
            self._kinds.add(kind)
        if row["status"] == TargetStatus.SCANNED:
            self._read.add(account_id, region)
        if row["status"] not in UNREAD:
            return
        places, whole = self._groups.setdefault(group, (Places(self._regions), set()))
        if region == ALL_REGIONS:
            weight = row.get("weight")  # 0.1.0 wrote none, and nobody may know it
            self._whole[account_id] = max(self._whole.get(account_id, 1), weight or 1)
            whole.add(account_id)
        else:
            self._unread.setdefault(kind, Places(self._regions)).add(account_id, region)
            places.add(account_id, region)

    def counts(self) -> TargetCounts:
        """Of all rows."""
        read = sum(self._read.bits(one).bit_count() for one in self._read.accounts)
        holes = self._all_unread()
        known = {one: found & ~self._read.bits(one) for one, found in holes.items()}
        partly = sum((found & self._read.bits(one)).bit_count() for one, found in holes.items())
        kinds = Counter[str]()
        for kind in sorted(self._unread.keys() - {ALL_KINDS}):
            places = self._unread[kind]
            kinds[kind] = sum((places.bits(one) & self._read.bits(one)).bit_count() for one in places.accounts)
        weights = [self._weight(one) for one in self._whole]
        return TargetCounts(
            read,
            sum(found.bit_count() for found in known.values()) + sum(weights),
            max((one for one in weights if one > 1), default=0),
            MappingProxyType({kind: count for kind, count in kinds.items() if count}),
            partly,
        )

    def holes_of(self, account_id: str, kind: str = ALL_KINDS) -> int:
        """How many targets of that account were not read: of that kind, or else of any."""
        whole = self._weight(account_id) if account_id in self._whole else 0
        return self._bits_of(account_id, kind).bit_count() + whole

    def grouped(self) -> dict[tuple[str, ...], int]:
        """The same of all accounts, by the groups that rows came with."""
        return {
            group: sum(places.bits(one).bit_count() for one in places.accounts) + sum(map(self._weight, whole))
            for group, (places, whole) in self._groups.items()
        }

    def _all_unread(self) -> dict[str, int]:
        accounts = dict.fromkeys(one for places in self._unread.values() for one in places.accounts)
        return {one: self._bits_of(one) for one in accounts}

    def _bits_of(self, account_id: str, wanted: str = ALL_KINDS) -> int:
        bits = 0
        for kind, places in self._unread.items():
            if wanted == ALL_KINDS or kind in (wanted, ALL_KINDS):
                bits |= places.bits(account_id)
        return bits

    def _weight(self, account_id: str) -> int:
        return max(1, self._whole[account_id] // max(1, len(self._kinds)))


def target_counts(rows: Iterable[Row]) -> TargetCounts:
    """Of all rows of the coverage."""
    tally = TargetTally()
    for row in rows:
        tally.add(row)
    return tally.counts()
