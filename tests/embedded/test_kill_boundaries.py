"""Every kill boundary is tested: a tenth of them by each commit, whichever its turn is, and all in the full suite."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.crashes.boundaries import TENTHS, Boundary, every_tenth, tenth_of, turn_of

BOUNDARIES = [Boundary(number, after) for number in range(1, 48) for after in (False, True)]


def test_the_tenths_together_are_all_boundaries_once() -> None:
    parts = [boundary for number in range(TENTHS) for boundary in tenth_of(BOUNDARIES, number)]
    assert len(parts) == len(BOUNDARIES)
    assert set(parts) == set(BOUNDARIES)


@pytest.mark.parametrize("pinned", range(TENTHS))
def test_the_pinned_tenth_is_in_the_fast_suite_and_the_others_are_in_the_full_one(pinned: int) -> None:
    parameters = every_tenth({"KILL_TENTH": str(pinned)})
    assert [one.values for one in parameters] == [(number,) for number in range(TENTHS)]
    assert [one.id for one in parameters if not one.marks] == [f"tenth-{pinned}"]
    assert {mark.name for one in parameters for mark in one.marks} == {"full"}


def test_it_is_the_commit_that_says_whose_turn_it_is(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    turns = []
    for number in range(2 * TENTHS):
        (tmp_path / ".git" / "HEAD").write_text(f"{number:040x}\n")
        turns.append(turn_of({}, tmp_path))
    assert turns == [*range(TENTHS), *range(TENTHS)]


def test_without_git_or_a_commit_it_is_the_first_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert turn_of({}, tmp_path) == 0
    monkeypatch.setenv("PATH", str(tmp_path))
    assert turn_of({}, tmp_path) == 0
