"""Who only looks reads the ledger, and writes nothing to it."""

from __future__ import annotations

from pathlib import Path

from orchestrator.ledger.items import Delete, Put
from orchestrator.ledger.read_only import ReadOnlyItems
from orchestrator.local.sqlite_items import SqliteItems

KEY = ("SWEEPS", "1")
ITEM = {"PK": "SWEEPS", "SK": "1", "status": "running"}


def test_what_is_there_is_read_and_every_write_is_passed_over_as_if_it_had_been_made(tmp_path: Path) -> None:
    items = SqliteItems(tmp_path)
    items.put(ITEM)
    before = (tmp_path / "ledger.sqlite").read_bytes()
    looking = ReadOnlyItems(items)
    other = {**ITEM, "SK": "2"}
    assert looking.put(other)
    assert looking.update(KEY, {"status": "complete"})
    assert looking.write_each([Put(other), Delete(KEY)]) == frozenset()
    looking.put_many([other])
    assert looking.get(KEY) == ITEM
    assert looking.query("SWEEPS") == looking.query_each(["SWEEPS"])["SWEEPS"] == [ITEM]
    assert looking.query_index("SWEEPS") == []
    assert (tmp_path / "ledger.sqlite").read_bytes() == before


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    looking = ReadOnlyItems(SqliteItems(tmp_path / "none"))
    assert looking.put(ITEM)
    assert looking.get(KEY) is None
    assert not (tmp_path / "none").exists()
