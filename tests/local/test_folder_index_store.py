"""The files of the index page in the local folder: written in place of the last ones, as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.core.report.sweep_index import MOST_BYTES
from orchestrator.errors import ReportStoreError
from orchestrator.local.folder_index_store import LocalIndexStore


@pytest.fixture
def store(tmp_path: Path) -> LocalIndexStore:
    return LocalIndexStore(tmp_path / "store")


def test_a_file_that_is_not_there_is_none(store: LocalIndexStore) -> None:
    assert store.find("sweeps.json") is None


def test_what_was_written_last_is_found_beside_the_sweeps(store: LocalIndexStore, tmp_path: Path) -> None:
    for content in (b"1", b"22"):
        store.put("sweeps.json", content)
    assert store.find("sweeps.json") == b"22"
    assert [one.name for one in (tmp_path / "store/index").iterdir()] == ["sweeps.json"]


def test_a_pipe_or_a_folder_in_its_place_holds_nothing_up(store: LocalIndexStore, tmp_path: Path) -> None:
    folder = tmp_path / "store/index"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "sweeps.json")
    (folder / "index.html").mkdir()
    assert (store.find("sweeps.json"), store.find("index.html")) == (None, None)


def test_of_a_file_that_is_too_large_no_more_is_read_than_shows_it(store: LocalIndexStore) -> None:
    store.put("sweeps.json", b"x" * (MOST_BYTES + 100))
    assert len(store.find("sweeps.json") or b"") == MOST_BYTES + 1


def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_left(store: LocalIndexStore, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(ReportStoreError, match=r"index/sweeps\.json cannot be written: "):
        store.put("sweeps.json", b"1")
    (tmp_path / "store").unlink()
    (tmp_path / "store/index/sweeps.json/x").mkdir(parents=True)
    with pytest.raises(ReportStoreError, match="cannot be written"):
        store.put("sweeps.json", b"1")
    assert [one.name for one in (tmp_path / "store/index").iterdir()] == ["sweeps.json"]
