"""The port of the ledger: a table of items with conditional writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Absent:
    """Holds when there is no item with that key."""


@dataclass(frozen=True, slots=True)
class Equals:
    """Holds when the item is there and this attribute has this value."""

    attribute: str
    value: str


@dataclass(frozen=True, slots=True)
class AtMost:
    """Holds when the item is there and this number is no greater. One that an earlier release left out holds."""

    attribute: str
    value: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Holds when the item is there without this attribute."""

    attribute: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds when each of them does."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when one of them does."""

    conditions: tuple[Condition, ...]


Condition = Absent | Equals | AtMost | Missing | AllOf | AnyOf


def holds(condition: Condition | None, found: Item | None) -> bool:
    """Whether it holds of that item (None: there is none); for tables that do not ask that themselves."""
    if condition is None:
        return True
    if isinstance(condition, AllOf):
        return all(holds(one, found) for one in condition.conditions)
    if isinstance(condition, AnyOf):
        return any(holds(one, found) for one in condition.conditions)
    if found is None or isinstance(condition, Absent):
        return found is None and isinstance(condition, Absent)
    value = found.get(condition.attribute)
    if isinstance(condition, AtMost):
        return value is None or bool(value <= condition.value)
    return value is None if isinstance(condition, Missing) else value == condition.value


@dataclass(frozen=True, slots=True)
class Put:
    """Puts an item, where its condition holds."""

    item: Item
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Takes an item away, where the condition holds."""

    key: tuple[str, str]
    condition: Condition | None = None


Write = Put | Delete


class Items(Protocol):
    """A table of items with string keys `PK` and `SK`; an attribute that is None is not stored.

    Methods raise LedgerError with the store's own words.
    """

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        """False, and nothing is written, when the condition does not hold."""
        ...

    def update(self, key: tuple[str, str], values: Mapping[str, Any], condition: Condition | None = None) -> bool:
        """Sets some attributes of an item; False when it is not there or the condition does not hold."""
        ...

    def write_each(self, writes: Sequence[Write]) -> frozenset[int]:
        """Any number, each by itself and side by side: no two of one key; gives back which their conditions refused.

        Where it raises, each of them may have been written or not; none is under way any more.
        """
        ...

    def put_many(self, items: Sequence[Item]) -> None:
        """Any number, each by itself and side by side; of two with one key the later one."""
        ...

    def get(self, key: tuple[str, str]) -> Item | None:
        """As of now: what was written is seen."""
        ...

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        """The items of a partition whose sort key begins with the prefix, sorted by it."""
        ...

    def query_each(self, pks: Sequence[str]) -> dict[str, list[Item]]:
        """All items of each of these partitions, side by side."""
        ...

    def query_index(self, pk: str, prefix: str = "", before: str = "") -> list[Item]:
        """The same of the index on `GSI1PK` and `GSI1SK`, a moment ago; with `before`, those that sort before it."""
        ...


def last_of_each_key(items: Sequence[Item]) -> list[Item]:
    """Without those that a later one with the same key replaces."""
    return list({(item["PK"], item["SK"]): item for item in items}.values())
