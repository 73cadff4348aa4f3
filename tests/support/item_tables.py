"""A table of items in memory for the tests above the ledger, with answers that get lost and processes that die."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Absent, Condition, Item


class MemoryItems:
    """ledger.Items; `before` and `after` hear of each write and may raise."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.before: Callable[[str], None] = lambda _what: None
        self.after: Callable[[str], None] = lambda _what: None
        self._lock = threading.Lock()

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        self.before(f"put {item['PK']}")
        key = (item["PK"], item["SK"])
        with self._lock:
            if not _holds(condition, self.items.get(key)):
                return False
            self.items[key] = dict(item)
        self.after(f"put {item['PK']}")
        return True

    def update(self, key: tuple[str, str], values: Mapping[str, Any], condition: Condition | None = None) -> bool:
        with self._lock:
            found = self.items.get(key)
            if found is None or not _holds(condition, found):
                return False
            self.items[key] = {**found, **values}
            return True

    def put_all(self, items: Sequence[Item]) -> None:
        for item in items:
            self.put(item)

    put_many = put_all

    def get(self, key: tuple[str, str]) -> Item | None:
        with self._lock:
            return self.items.get(key)

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        with self._lock:
            keys = sorted(
                (key for key in self.items if key[0] == pk and key[1].startswith(prefix)), reverse=newest_first
            )
            return [self.items[key] for key in keys][:limit]


class MemoryFiles:
    """ports.ReportStore; `after` hears of each file that was written and may raise."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.after: Callable[[str], None] = lambda _what: None

    def check(self, sweep_id: str) -> None:
        """Always good."""

    def put(self, sweep_id: str, name: str, content: bytes) -> None:
        assert self.files.setdefault((sweep_id, name), content) == content, f"{name} is written twice"
        self.after(f"file {name}")

    def find(self, sweep_id: str, name: str) -> bytes | None:
        return self.files.get((sweep_id, name))

    def read(self, sweep_id: str, name: str) -> bytes:
        return self.files[sweep_id, name]

    def sweep_ids(self) -> frozenset[str]:
        return frozenset(sweep_id for sweep_id, _ in self.files)

    def location(self, sweep_id: str, name: str) -> str:
        return f"memory/{sweep_id}/{name}"


def unanswered(_what: str) -> None:
    raise LedgerError("no answer")


def _holds(condition: Condition | None, found: Item | None) -> bool:
    if condition is None:
        return True
    if isinstance(condition, Absent):
        return found is None
    return found is not None and found.get(condition.attribute) == condition.value
