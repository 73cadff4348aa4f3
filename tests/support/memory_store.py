"""What outlives a process, in memory: a table of items and the files of sweeps, and the death of that process.

Everything that is written, stopped or started is an event; a world that died does nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.core.model import INTENT
from orchestrator.errors import ReportStoreError
from orchestrator.ledger.items import Condition, Delete, Item, Write
from orchestrator.ledger.records import SWEEPS
from tests.support.item_tables import MemoryFiles, MemoryItems

T = TypeVar("T")


class Died(BaseException):
    """The process is killed: nothing that the program does on its way out reaches the world any more."""


@dataclass
class Life:
    """Counts what a process does to the world, and ends it after `dies_after` events."""

    events: list[str] = field(default_factory=list)
    dies_after: int | None = None
    before: Callable[[str], None] = lambda _event: None
    """Hears of each event before it happens, and may raise."""

    def does(self, event: str, effect: Callable[[], T]) -> T:
        self._alive()
        self.before(event)
        result = effect()
        if result is not False:  # a write whose condition does not hold changes nothing
            self.events.append(event)
        self._alive()
        return result

    def _alive(self) -> None:
        if self.dies_after is not None and len(self.events) >= self.dies_after:
            raise Died(f"killed after: {self.events[-1] if self.events else 'nothing'}")


class MortalItems(MemoryItems):
    """ledger.Items whose writes are events: `begin`, `intend i-0,i-1`, `hold i-0,i-1`, `settle i-0`, `update error`."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self.life = life

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        event = "begin" if item["PK"] == SWEEPS else f"put {item['PK']} {item['SK']}"
        return self.life.does(event, lambda: super(MortalItems, self).put(item, condition))

    def update(self, key: tuple[str, str], values: Mapping[str, Any], condition: Condition | None = None) -> bool:
        event = f"update {','.join(sorted(values))}"
        return self.life.does(event, lambda: super(MortalItems, self).update(key, values, condition))

    def write_each(self, writes: Sequence[Write]) -> frozenset[int]:
        items = [write.item for write in writes if not isinstance(write, Delete)]
        if not writes:
            return frozenset()
        word = "intend" if any(item.get("status") == INTENT for item in items) else "settle"
        if not any("status" in item for item in items):
            word = "hold" if any(item["PK"].startswith("HELD#") for item in items) else "put"  # what a listing had
        names = ",".join(str(item.get("resource_id", item["SK"])) for item in items)
        event = f"{word} {names}" if items else "delete rows"
        return self.life.does(event, lambda: super(MortalItems, self).write_each(writes))

    def put_many(self, items: Sequence[Item]) -> None:
        def put() -> None:
            for item in items:
                super(MortalItems, self).put(item)

        self.life.does("put rows", put)


class MortalFiles(MemoryFiles):
    """ports.ReportStore whose writes are events: `file report.json`."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self.life = life

    def check(self, sweep_id: str) -> None:
        self.life.before("check")
        if any(key[0] == sweep_id for key in self.files):
            raise ReportStoreError(f"{sweep_id} has files already")

    def put(self, sweep_id: str, name: str, content: bytes) -> None:
        if self.files.get((sweep_id, name)) == content:
            return  # the same again is no event: nothing changes

        def write() -> None:
            if self.files.setdefault((sweep_id, name), content) != content:
                raise ReportStoreError(f"{sweep_id}/{name} is there already, with other content")

        self.life.does(f"file {name}", write)
