"""Reports in a local folder: as in S3, never overwritten, and there as a whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from orchestrator.core.report_files import report_files
from orchestrator.errors import ReportStoreError
from orchestrator.local import LocalReportStore
from tests.support.builders import SWEEP_ID, a_coverage, a_decision, a_report, an_outcome

REPORT = a_report(coverage=(a_coverage(),), decisions=(a_decision(),), outcomes=(an_outcome(),))
NEWER = "20261124T190000Z-000000"


@pytest.fixture
def store(tmp_path: Path) -> LocalReportStore:
    return LocalReportStore(tmp_path / "store")


def folder(tmp_path: Path, sweep_id: str = SWEEP_ID) -> Path:
    return tmp_path / "store" / f"sweeps/dt={sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}" / f"sweep={sweep_id}"


def test_a_report_is_laid_out_as_in_s3(store: LocalReportStore, tmp_path: Path) -> None:
    store.check(SWEEP_ID)
    assert store.write(REPORT) == str(folder(tmp_path) / "report.json")
    assert {path.name: path.read_bytes() for path in folder(tmp_path).iterdir()} == report_files(REPORT)


def test_checking_makes_the_folder_and_leaves_no_file_in_it(store: LocalReportStore, tmp_path: Path) -> None:
    store.check(SWEEP_ID)
    assert list(folder(tmp_path).iterdir()) == []


def test_a_sweep_id_is_used_once(store: LocalReportStore) -> None:
    store.check(SWEEP_ID)
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

    monkeypatch.setattr("orchestrator.local.tempfile.TemporaryFile", full)
    with pytest.raises(ReportStoreError, match="No space left on device"):
        store.check(SWEEP_ID)


def test_what_is_written_is_never_overwritten(store: LocalReportStore, tmp_path: Path) -> None:
    folder(tmp_path).mkdir(parents=True)
    (folder(tmp_path) / "coverage.csv").write_bytes(b"evidence")
    with pytest.raises(ReportStoreError, match="File exists"):
        store.write(REPORT)
    assert (folder(tmp_path) / "coverage.csv").read_bytes() == b"evidence"
    assert not (folder(tmp_path) / "manifest.json").exists()


def test_a_file_is_there_as_a_whole_or_not_at_all(
    store: LocalReportStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bytes]] = []
    link = os.link

    def look_before_link(source: str, target: Path) -> None:
        assert not target.exists()
        seen.append((target.name, Path(source).read_bytes()))
        link(source, target)

    monkeypatch.setattr("orchestrator.local.os.link", look_before_link)
    store.write(REPORT)
    assert seen == list(report_files(REPORT).items())
    assert seen[-1][0] == "manifest.json"


def test_a_write_that_breaks_off_leaves_no_part_of_a_file(
    store: LocalReportStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: str, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(target))

    monkeypatch.setattr("orchestrator.local.os.link", refuse)
    with pytest.raises(ReportStoreError, match="Operation not permitted"):
        store.write(REPORT)
    assert list(folder(tmp_path).iterdir()) == []


def test_a_file_can_be_read_back(store: LocalReportStore) -> None:
    store.write(REPORT)
    assert json.loads(store.read(SWEEP_ID, "report.json"))["sweep_id"] == SWEEP_ID


def test_a_sweep_that_is_not_there_is_answered_with_those_that_are(store: LocalReportStore) -> None:
    with pytest.raises(ReportStoreError, match="the newest sweeps here: none"):
        store.read(NEWER, "report.json")
    store.write(REPORT)
    with pytest.raises(ReportStoreError, match=f"the newest sweeps here: {SWEEP_ID}"):
        store.read(NEWER, "report.json")


def test_a_report_that_is_a_folder_is_an_error_and_no_traceback(store: LocalReportStore, tmp_path: Path) -> None:
    (folder(tmp_path) / "report.json").mkdir(parents=True)
    with pytest.raises(ReportStoreError, match="cannot be read: Is a directory"):
        store.read(SWEEP_ID, "report.json")


def test_only_finished_sweeps_are_listed_and_the_newest_first(store: LocalReportStore) -> None:
    store.check("20261125T190000Z-ffffff")  # begun, and no manifest yet
    store.write(REPORT)
    store.write(a_report(sweep_id=NEWER))
    assert store.sweeps() == [NEWER, SWEEP_ID]
