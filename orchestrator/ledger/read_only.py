"""A ledger's table for who only looks: what is there is read, and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.ledger.items import Condition, Item, Items, Write


class ReadOnlyItems:
    """Every write is passed over, as if it had been made: what a look would remember is for sweeps to remember."""

    def __init__(self, items: Items) -> None:
        self._items = items

    def put(self, _item: Item, _condition: Condition | None = None) -> bool:
        return True

    def update(self, _key: tuple[str, str], _values: Mapping[str, Any], _condition: Condition | None = None) -> bool:
        return True

    def write_each(self, _writes: Sequence[Write]) -> frozenset[int]:
        return frozenset()

    def put_many(self, _items: Sequence[Item]) -> None:
        """Nothing."""

    def get(self, key: tuple[str, str]) -> Item | None:
        return self._items.get(key)

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        return self._items.query(pk, prefix, newest_first=newest_first, limit=limit)

    def query_each(self, pks: Sequence[str]) -> dict[str, list[Item]]:
        return self._items.query_each(pks)

    def query_index(self, pk: str, prefix: str = "", before: str = "") -> list[Item]:
        return self._items.query_index(pk, prefix, before)
