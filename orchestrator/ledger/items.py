"""The port of the ledger: a table of items with conditional writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Item = dict[str, Any]
ITEMS_AT_ONCE = 100
"""As many as DynamoDB takes in one transaction."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Holds when there is no item with that key."""


@dataclass(frozen=True, slots=True)
class Equals:
    """Holds when the item is there and this attribute has this value."""

    attribute: str
    value: str


Condition = Absent | Equals


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

    def put_all(self, items: Sequence[Item]) -> None:
        """All of at most ITEMS_AT_ONCE items, or none of them."""
        ...

    def put_many(self, items: Sequence[Item]) -> None:
        """Any number, each by itself."""
        ...

    def get(self, key: tuple[str, str]) -> Item | None:
        """As of now: what was written is seen."""
        ...

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        """The items of a partition whose sort key begins with the prefix, sorted by it."""
        ...
