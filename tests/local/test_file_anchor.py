"""The anchor in a file: replaced as a whole, and an error with the system's words where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import AnchorError
from orchestrator.local.file_anchor import FileAnchor


def test_it_is_nothing_until_it_is_written_and_then_what_was_written_last(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "anchor")
    assert anchor.read() is None
    for text in ("one", "two"):
        anchor.write(text)
        assert anchor.read() == text
    assert [path.name for path in tmp_path.iterdir()] == ["anchor"]


def test_a_place_that_cannot_be_used_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(AnchorError, match=f"{tmp_path}: Is a directory"):
        FileAnchor(tmp_path).read()
    with pytest.raises(AnchorError, match="No such file or directory"):
        FileAnchor(tmp_path / "none" / "anchor").write("text")
