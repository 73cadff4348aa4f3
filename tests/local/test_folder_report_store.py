"""Reports in a local folder: as in S3, never overwritten, and there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.core.report.stored_files import Entry
from orchestrator.errors import ReportStoreError
from orchestrator.local.folder_report_store import LocalReportStore
from tests.support.builders import SWEEP_ID
from tests.support.local_aws import in_threads

CONTENT = b'{"a": 1}'
NEWER = "20261124T190000Z-000000"
KEYS = f"sweeps/dt=2026-11-23/sweep={SWEEP_ID}"


@pytest.fixture
def store(tmp_path: Path) -> LocalReportStore:
    return LocalReportStore(tmp_path / "store")


def folder(tmp_path: Path, sweep_id: str = SWEEP_ID) -> Path:
    return tmp_path / "store" / f"sweeps/dt={sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}" / f"sweep={sweep_id}"


def test_a_file_is_laid_out_as_in_s3_and_read_back(store: LocalReportStore, tmp_path: Path) -> None:
    store.check(SWEEP_ID)
    store.put(SWEEP_ID, "report.json", CONTENT)
    path = folder(tmp_path) / "report.json"
    assert {one: one.read_bytes() for one in folder(tmp_path).iterdir()} == {path: CONTENT}
    assert store.location(SWEEP_ID, "report.json") == str(path)
    assert store.read(SWEEP_ID, "report.json") == store.find(SWEEP_ID, "report.json") == CONTENT


def test_checking_leaves_nothing_of_a_sweep_that_the_ledger_does_not_know_yet(
    store: LocalReportStore, tmp_path: Path
) -> None:
    store.check(SWEEP_ID)
    assert list((tmp_path / "store/sweeps").iterdir()) == []


def test_a_sweep_id_is_used_once(store: LocalReportStore) -> None:
    store.put(SWEEP_ID, "report.json", CONTENT)
    with pytest.raises(ReportStoreError, match=f"the sweep id {SWEEP_ID} was used before"):
        store.check(SWEEP_ID)


def test_a_store_below_a_file_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ReportStoreError, match="Not a directory"):
        LocalReportStore(tmp_path / "file").check(SWEEP_ID)


def test_a_store_whose_path_the_system_refuses_is_the_same_kind_of_error(tmp_path: Path) -> None:
    with pytest.raises(ReportStoreError, match="File name too long"):
        LocalReportStore(tmp_path / ("x" * 300)).check(SWEEP_ID)


def test_a_folder_that_cannot_be_written_to_is_found_before_the_sweep(
    store: LocalReportStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("orchestrator.local.folder_report_store.tempfile.TemporaryFile", full)
    with pytest.raises(ReportStoreError, match="No space left on device"):
        store.check(SWEEP_ID)


def test_a_file_needs_no_check_before_it(store: LocalReportStore) -> None:
    store.put(SWEEP_ID, "plan.json", CONTENT)
    assert store.read(SWEEP_ID, "plan.json") == CONTENT


def test_what_is_written_is_never_overwritten(store: LocalReportStore, tmp_path: Path) -> None:
    store.put(SWEEP_ID, "coverage.csv", b"evidence")
    with pytest.raises(ReportStoreError, match=r"coverage\.csv cannot be written: File exists"):
        store.put(SWEEP_ID, "coverage.csv", CONTENT)
    assert store.read(SWEEP_ID, "coverage.csv") == b"evidence"
    assert [path.name for path in folder(tmp_path).iterdir()] == ["coverage.csv"]


def test_a_file_may_be_written_again_with_the_same_content(store: LocalReportStore, tmp_path: Path) -> None:
    store.put(SWEEP_ID, "report.json", CONTENT)
    store.put(SWEEP_ID, "report.json", CONTENT)
    assert [path.name for path in folder(tmp_path).iterdir()] == ["report.json"]


def test_a_file_of_any_size_is_written_and_read_piece_by_piece(store: LocalReportStore, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            seen.append([path.suffix for path in folder(tmp_path).iterdir()])
            yield bytes([number]) * (1 << 20)

    store.put_chunks(SWEEP_ID, "report.json", pieces())
    assert seen == [[".part"]] * 3
    found = store.find_chunks(SWEEP_ID, "report.json")
    assert found is not None
    assert [(len(piece), {*piece}) for piece in found] == [(1 << 20, {number}) for number in range(3)]
    assert store.find_chunks(SWEEP_ID, "plan.json") is None


def test_of_a_file_that_breaks_off_while_it_is_written_nothing_is_left(store: LocalReportStore, tmp_path: Path) -> None:
    def breaks_off() -> Iterator[bytes]:
        yield b"a"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put_chunks(SWEEP_ID, "report.json", breaks_off())
    assert list(folder(tmp_path).iterdir()) == []


def test_of_many_that_write_a_file_at_once_one_does(store: LocalReportStore, tmp_path: Path) -> None:
    written: list[bytes] = []

    def write(number: int) -> None:
        content = f"by {number}".encode()
        try:
            store.put(SWEEP_ID, "plan.json", content)
        except ReportStoreError:
            return
        written.append(content)

    in_threads(16, write)
    assert written == [store.read(SWEEP_ID, "plan.json")]
    assert [path.name for path in folder(tmp_path).iterdir()] == ["plan.json"]


def test_a_file_is_there_as_a_whole_or_not_at_all(store: LocalReportStore, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bytes]] = []
    link = os.link

    def look_before_link(source: str, target: Path) -> None:
        assert not target.exists()
        seen.append((target.name, Path(source).read_bytes()))
        link(source, target)

    monkeypatch.setattr("orchestrator.local.folder_report_store.os.link", look_before_link)
    store.put(SWEEP_ID, "report.json", CONTENT)
    assert seen == [("report.json", CONTENT)]


def refuse(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("broken", ["link", "fsync"])
def test_a_write_that_breaks_off_leaves_no_part_of_a_file(
    store: LocalReportStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(f"orchestrator.local.folder_report_store.os.{broken}", refuse)
    with pytest.raises(ReportStoreError, match="Operation not permitted"):
        store.put(SWEEP_ID, "report.json", CONTENT)
    assert list(folder(tmp_path).iterdir()) == []


def test_a_file_that_is_not_there_is_none_or_answered_with_the_sweeps_that_are(store: LocalReportStore) -> None:
    assert store.find(NEWER, "report.json") is None
    with pytest.raises(ReportStoreError, match="the newest sweeps here: none"):
        store.read(NEWER, "report.json")
    store.put(SWEEP_ID, "manifest.json", CONTENT)
    with pytest.raises(ReportStoreError, match=f"the newest sweeps here: {SWEEP_ID}"):
        store.read(NEWER, "report.json")


@pytest.mark.parametrize("ask", [LocalReportStore.find, LocalReportStore.read])
def test_a_file_that_cannot_be_read_is_an_error_and_not_missing(
    store: LocalReportStore, tmp_path: Path, ask: Callable[[LocalReportStore, str, str], object]
) -> None:
    (folder(tmp_path) / "report.json").mkdir(parents=True)
    with pytest.raises(ReportStoreError, match="cannot be read: Is a directory"):
        ask(store, SWEEP_ID, "report.json")


def test_only_finished_sweeps_are_listed_and_the_newest_first(store: LocalReportStore) -> None:
    store.put("20261125T190000Z-ffffff", "report.json", CONTENT)  # no manifest yet
    store.put(SWEEP_ID, "manifest.json", CONTENT)
    store.put(NEWER, "manifest.json", CONTENT)
    assert store.sweeps() == [NEWER, SWEEP_ID]


def test_everything_is_listed_as_what_it_is_also_what_no_sweep_wrote(store: LocalReportStore, tmp_path: Path) -> None:
    assert store.list_files() == {}
    store.put(SWEEP_ID, "report.json", CONTENT)
    store.put(SWEEP_ID, "work/listing.json", b"[]")
    (folder(tmp_path) / ".abc_1234.part").touch()
    (folder(tmp_path) / ".writable").touch()
    names = ("report.json", "work/listing.json", ".writable")
    mine = {f"{KEYS}/{name}": Entry.FILE for name in names} | {f"{KEYS}/.abc_1234.part": Entry.PART}
    assert store.list_files() == store.list_files(SWEEP_ID) == mine
    folder(tmp_path, NEWER).mkdir(parents=True)
    (tmp_path / "store/sweeps/notes.txt").write_text("added")
    assert store.list_files(SWEEP_ID) == mine
    empty = f"sweeps/dt=2026-11-24/sweep={NEWER}/"
    assert store.list_files() == {**mine, empty: Entry.EMPTY_FOLDER, "sweeps/notes.txt": Entry.FILE}


def test_a_link_to_a_folder_elsewhere_is_listed_as_the_link_that_it_is(store: LocalReportStore, tmp_path: Path) -> None:
    store.put(SWEEP_ID, "report.json", CONTENT)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "store/sweeps/dt=2026-11-23/sweep=forged").symlink_to(elsewhere)
    assert store.list_files()["sweeps/dt=2026-11-23/sweep=forged"] is Entry.LINK
    folder(tmp_path, NEWER).parent.mkdir()
    folder(tmp_path, NEWER).symlink_to(folder(tmp_path))
    assert store.list_files(NEWER) == {f"sweeps/dt=2026-11-24/sweep={NEWER}": Entry.LINK}


def test_a_pipe_in_place_of_a_file_is_an_error_and_holds_nothing_up(store: LocalReportStore, tmp_path: Path) -> None:
    store.put(SWEEP_ID, "plan.json", CONTENT)
    os.mkfifo(folder(tmp_path) / "report.json")
    with pytest.raises(ReportStoreError, match="it is a pipe"):
        store.find(SWEEP_ID, "report.json")


def test_a_name_that_is_no_text_is_listed_as_one(store: LocalReportStore, tmp_path: Path) -> None:
    store.put(SWEEP_ID, "report.json", CONTENT)
    Path(os.fsdecode(os.fsencode(folder(tmp_path)) + b"/\xff")).touch()
    assert f"{KEYS}/\\xff" in store.list_files()
