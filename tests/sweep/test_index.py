"""Each sweep writes the index page anew once it is sealed; whatever goes wrong with that costs the sweep nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.core.model import Mode
from orchestrator.core.report.document import report_document
from orchestrator.core.report.manifest import MANIFEST
from orchestrator.core.report.sweep_index import DIGESTS_FILE, PAGE_FILE, SWEEPS_SHOWN, read_digests
from orchestrator.errors import LedgerError, ReportStoreError
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.local.sqlite_items import SqliteItems
from orchestrator.ports import World
from orchestrator.sweep.index import read_index, write_index
from orchestrator.sweep.run import run_sweep
from orchestrator.sweep.verify import verify
from tests.support.builders import AT, SWEEP_ID, a_policy, a_report
from tests.support.fake_world import EVERYTHING, ONE, FakeWorld, a_world
from tests.support.stored_sweeps import store_sweeps

NEXT = "20261124T190000Z-000000"


class MemoryIndex:
    """ports.IndexStore; `before` hears of each call, and may raise or wait."""

    name = "index/"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.before: Callable[[str], None] = lambda _call: None

    def find(self, name: str) -> bytes | None:
        self.before(f"find {name}")
        return self.files.get(name)

    def put(self, name: str, content: bytes) -> None:
        self.before(f"put {name}")
        self.files[name] = content

    @property
    def ids(self) -> list[str]:
        return [one["sweep_id"] for one in read_digests(self.files.get(DIGESTS_FILE))]


class Indexed:
    def __init__(self, fake: FakeWorld) -> None:
        self.fake = fake
        self.index = MemoryIndex()
        self.told: list[str] = []

    def world(self) -> World:
        return replace(self.fake.world(), index=self.index, warn=self.told.append)

    def sweep(self, sweep_id: str = SWEEP_ID) -> str:
        document, _ = run_sweep(self.world(), a_policy(EVERYTHING), sweep_id, Mode.PLAN)
        return str(document["status"])


@pytest.fixture
def indexed() -> Indexed:
    return Indexed(a_world(ONE))


def test_each_sweep_puts_itself_before_those_that_ended_earlier(indexed: Indexed) -> None:
    assert indexed.sweep() == indexed.sweep(NEXT) == "complete"
    assert indexed.index.ids == [NEXT, SWEEP_ID]
    page = indexed.index.files[PAGE_FILE].decode()
    assert f'href="../sweeps/dt=2026-11-24/sweep={NEXT}/report.html"' in page
    assert indexed.told == []


def test_it_is_written_after_the_sweep_was_sealed_and_closed(indexed: Indexed) -> None:
    seen: list[tuple[bool, str]] = []

    def look(_call: str) -> None:
        record = indexed.fake.ledger.sweep(SWEEP_ID)
        seen.append((indexed.fake.has_file(MANIFEST), record.status if record else ""))

    indexed.index.before = look
    indexed.sweep()
    assert set(seen) == {(True, "complete")}
    assert len(seen) == 3  # one read, two writes


def test_it_is_no_evidence_so_verify_looks_at_none_of_it(tmp_path: Path) -> None:
    [only] = store_sweeps(tmp_path)
    (tmp_path / "index/index.html").write_text("touched")
    (tmp_path / "index/more.html").write_text("added")
    verified = verify(LocalReportStore(tmp_path), Ledger(SqliteItems(tmp_path), lambda: AT), None, None)
    assert (verified.sweeps, list(verified.broken)) == (1, [])
    assert (tmp_path / "index" / f"../sweeps/dt=2026-11-23/sweep={only}/report.html").is_file()


@pytest.mark.parametrize("call", [f"find {DIGESTS_FILE}", f"put {DIGESTS_FILE}", f"put {PAGE_FILE}"])
@pytest.mark.parametrize("failure", [ReportStoreError("AccessDenied: not you"), RuntimeError("a mistake")], ids=repr)
def test_what_fails_is_a_warning_and_the_next_sweep_mends_it(indexed: Indexed, call: str, failure: Exception) -> None:
    def refuse(asked: str) -> None:
        if asked == call:
            raise failure

    indexed.index.before = refuse
    assert indexed.sweep() == "complete"
    [warning] = indexed.told
    assert str(failure) in warning
    assert "the index page in index/ was not written" in warning
    indexed.index.before = lambda _call: None
    assert indexed.sweep(NEXT) == "complete"
    assert indexed.index.ids == [NEXT, SWEEP_ID]
    assert len(indexed.told) == 1


def test_a_damaged_file_is_made_anew_from_the_ledger(indexed: Indexed) -> None:
    indexed.sweep()
    indexed.index.files[DIGESTS_FILE] = b"<html>"
    indexed.sweep(NEXT)
    assert indexed.index.ids == [NEXT, SWEEP_ID]
    assert indexed.told == []


def test_a_store_that_hangs_is_not_waited_for(indexed: Indexed) -> None:
    answers = threading.Event()
    indexed.index.before = lambda _call: (answers.wait(10), None)[1]
    document = report_document(a_report())
    write_index(indexed.world(), document, longest=0.01)
    assert "it takes longer than 0.01 s, and is not waited for" in indexed.told[0]
    answers.set()


def test_a_world_without_a_place_for_it_writes_none(indexed: Indexed) -> None:
    world = replace(indexed.world(), index=None)
    write_index(world, report_document(a_report()))
    assert (indexed.index.files, indexed.told) == ({}, [])


def test_of_many_sweeps_the_ledger_is_asked_for_the_newest_alone(indexed: Indexed) -> None:
    asked: list[int | None] = []
    ledger = indexed.fake.ledger

    class Listening(type(ledger)):  # type: ignore[misc]  # the fake's own class
        def sweeps(self, limit: int | None = None) -> object:
            asked.append(limit)
            return ()

    read_index(indexed.index, Listening(indexed.fake.items, lambda: indexed.fake.at))
    assert asked == [SWEEPS_SHOWN + 10]


def test_what_cannot_be_read_is_noted(indexed: Indexed) -> None:
    indexed.sweep()

    def refuse(_call: str) -> None:
        raise ReportStoreError("AccessDenied: not you")

    indexed.index.before = refuse
    digests, [note] = read_index(indexed.index, indexed.fake.ledger)
    assert [one["sweep_id"] for one in digests] == [SWEEP_ID]
    assert "only what the ledger has" in note


def test_without_a_ledger_that_answers_the_page_is_not_written(
    indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> object:
        raise LedgerError("AccessDenied: not you")

    world = indexed.world()
    monkeypatch.setattr(world.ledger, "sweeps", refuse)
    write_index(world, report_document(a_report()))
    assert indexed.index.files == {}
    assert "AccessDenied: not you" in indexed.told[0]
