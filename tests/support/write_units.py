"""What a table of items in memory would cost in DynamoDB: write and read units by AWS's rules, by what they are for.

Rules, by AWS's developer guide:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html (a write costs a unit for
each 1 KB of the larger of the item before and after it, a refused one for what is there, at least one; a consistent
read one for each 4 KB),
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html (sizes),
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes (an index
costs a write of its own for each entry that is put, changed or taken away, two where its key changes; none where
nothing that it has is changed).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

from orchestrator.ledger.items import Condition, Delete, Item, Items, Write

_WRITE_BYTES, _READ_BYTES = 1024, 4096


class MeteredItems:
    """ledger.Items over another one, in memory; counts units by what an item is: `intent`, `held`, `coverage`, ..."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._lock = threading.RLock()
        self.written: Counter[str] = Counter()
        self.read: Counter[str] = Counter()

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        return self._metered((item["PK"], item["SK"]), lambda: self._items.put(item, condition))

    def update(self, key: tuple[str, str], values: Mapping[str, Any], condition: Condition | None = None) -> bool:
        return self._metered(key, lambda: self._items.update(key, values, condition))

    def write_each(self, writes: Sequence[Write]) -> frozenset[int]:
        return frozenset(number for number, write in enumerate(writes) if not self._one(write))

    def put_many(self, items: Sequence[Item]) -> None:
        for item in items:
            self.put(item)

    def get(self, key: tuple[str, str]) -> Item | None:
        found = self._items.get(key)
        self._count_read(key, [found] if found else [])
        return found

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        found = self._items.query(pk, prefix, newest_first=newest_first, limit=limit)
        self._count_read((pk, prefix), found)
        return found

    def query_each(self, pks: Sequence[str]) -> dict[str, list[Item]]:
        return {pk: self.query(pk) for pk in pks}

    def query_index(self, pk: str, prefix: str = "", before: str = "") -> list[Item]:
        return self._items.query_index(pk, prefix, before)

    def _one(self, write: Write) -> bool:
        if isinstance(write, Delete):
            return self._metered(write.key, lambda: not self._items.write_each([write]))
        return self.put(write.item, write.condition)

    def _metered(self, key: tuple[str, str], write: Callable[[], bool]) -> bool:
        with self._lock:
            before = self._items.get(key)
            done = write()
            after = self._items.get(key)
            self.written[_word(key, after or before)] += units_of_a_write(before, after)
        return done

    def _count_read(self, key: tuple[str, str], found: Sequence[Item]) -> None:
        with self._lock:
            self.read[_word(key, None)] += max(1, ceil(sum(map(size_of, found)) / _READ_BYTES))


def units_of_a_write(before: Item | None, after: Item | None) -> int:
    """Of the table and its index GSI1, which has all attributes of the items that have its keys."""
    table = max(_units(before), _units(after), 1)
    if before == after:
        return table
    old, new = (one if one and "GSI1PK" in one else None for one in (before, after))
    same_key = old and new and (old["GSI1PK"], old["GSI1SK"]) == (new["GSI1PK"], new["GSI1SK"])
    return table + (max(_units(old), _units(new)) if same_key else _units(old) + _units(new))


def size_of(item: Item) -> int:
    """In bytes: names and values."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items() if value is not None)


def _units(item: Item | None) -> int:
    return ceil(size_of(item) / _WRITE_BYTES) if item else 0


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int | float):
        return ceil(len(str(value)) / 2) + 1
    if isinstance(value, Mapping):
        return 3 + sum(1 + len(name.encode()) + _size(one) for name, one in value.items())
    return 3 + sum(1 + _size(one) for one in value)


def _word(key: tuple[str, str], item: Item | None) -> str:
    pk, sk = key
    if pk.startswith("HELD#"):
        return "held"
    if sk.startswith("TARGET#"):
        return "coverage"
    if sk.startswith("ACTION#"):
        return "intent" if item is not None and item.get("status") == "intent" else "outcome" if item else "actions"
    return pk.partition("#")[0].lower()
