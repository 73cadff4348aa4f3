"""A table of items in memory for the tests above the ledger, with answers that get lost and processes that die."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.core.report.files import sweep_folder
from orchestrator.core.report.stored_files import Entry
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Condition, Delete, Item, Write, holds


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
            if not holds(condition, self.items.get(key)):
                return False
            self.items[key] = _stored(item)
        self.after(f"put {item['PK']}")
        return True

    def update(self, key: tuple[str, str], values: Mapping[str, Any], condition: Condition | None = None) -> bool:
        with self._lock:
            found = self.items.get(key)
            if found is None or not holds(condition, found):
                return False
            self.items[key] = {**found, **values}
            return True

    def write_all(self, writes: Sequence[Write]) -> frozenset[int]:
        self.before("write all")
        with self._lock:
            refused = frozenset(number for number, write in enumerate(writes) if not self._written(write))
        self.after("write all")
        return refused

    def _written(self, write: Write) -> bool:
        key = write.key if isinstance(write, Delete) else (write.item["PK"], write.item["SK"])
        if not holds(write.condition, self.items.get(key)):
            return False
        if isinstance(write, Delete):
            self.items.pop(key, None)
        else:
            self.items.update({(item["PK"], item["SK"]): _stored(item) for item in write.items})
        return True

    def put_many(self, items: Sequence[Item]) -> None:
        for item in items:
            self.put(item)

    def get(self, key: tuple[str, str]) -> Item | None:
        with self._lock:
            return self.items.get(key)

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        with self._lock:
            keys = sorted(
                (key for key in self.items if key[0] == pk and key[1].startswith(prefix)), reverse=newest_first
            )
            return [self.items[key] for key in keys][:limit]

    def query_index(self, pk: str, prefix: str = "", before: str = "") -> list[Item]:
        with self._lock:
            found = [one for one in self.items.values() if one.get("GSI1PK") == pk]
        some = [one for one in found if one["GSI1SK"].startswith(prefix) and (not before or one["GSI1SK"] < before)]
        return sorted(some, key=lambda one: str(one["GSI1SK"]))


class MemoryFiles:
    """ports.ReportStore; `after` hears of each file that was written and may raise."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.entries: dict[str, Entry] = {}
        """What else is stored, by key."""
        self.after: Callable[[str], None] = lambda _what: None

    def check(self, sweep_id: str) -> None:
        """Always good."""

    def put(self, sweep_id: str, name: str, content: bytes) -> None:
        assert self.files.setdefault((sweep_id, name), content) == content, f"{name} is written twice"
        self.after(f"file {name}")

    def put_chunks(self, sweep_id: str, name: str, chunks: Iterable[bytes]) -> None:
        self.put(sweep_id, name, b"".join(chunks))

    def find(self, sweep_id: str, name: str) -> bytes | None:
        return self.files.get((sweep_id, name))

    def find_chunks(self, sweep_id: str, name: str) -> Iterator[bytes] | None:
        content = self.find(sweep_id, name)
        return iter((content,)) if content is not None else None

    def read(self, sweep_id: str, name: str) -> bytes:
        return self.files[sweep_id, name]

    def list_files(self, sweep_id: str | None = None) -> Mapping[str, Entry]:
        found = {f"{sweep_folder(one)}/{name}": Entry.FILE for one, name in self.files} | self.entries
        folder = "" if sweep_id is None else f"{sweep_folder(sweep_id)}/"
        return {key: entry for key, entry in found.items() if key.startswith(folder)}

    def location(self, sweep_id: str, name: str) -> str:
        return f"memory/{sweep_id}/{name}"


def unanswered(_what: str) -> None:
    raise LedgerError("no answer")


def _stored(item: Item) -> Item:
    return {name: value for name, value in item.items() if value is not None}
