"""`import`: the policy to standard output, what was not carried over to standard error, and the exit code tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fixtures import Run

TOOLS = ("cloud-custodian", "instance-scheduler")


@pytest.mark.parametrize("tool", TOOLS)
def test_files_that_cannot_be_read_are_all_named_and_end_it_with_2(run: Run, tmp_path: Path, tool: str) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    ran = run("import", tool, str(tmp_path / "none.yaml"), str(binary))
    assert ran.exit_code == 2
    assert not ran.stdout
    for text in ("none.yaml cannot be read: No such file", "binary.yaml cannot be read: it is text in UTF-16"):
        assert text in ran.stderr
