"""Where a command is killed, and at which of these places: all of them, or the tenth that is this commit's turn."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

TENTHS = 10
FIFTHS = 5
PINNED = "KILL_TENTH"
"""An environment variable: 0 to 9, for the turn of another commit."""
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Boundary:
    """Before a call has any effect, or after it was carried out and before its answer is sent."""

    number: int
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} call {self.number}"


def every_tenth(environment: Mapping[str, str] = os.environ, folder: Path = _ROOT) -> list[ParameterSet]:
    """All boundaries in ten parts, as parameters of a test; all but the part whose turn it is are left to the full
    suite.
    """
    turn = turn_of(environment, folder)
    return [
        pytest.param(number, id=f"tenth-{number}", marks=() if number == turn else pytest.mark.full)
        for number in range(TENTHS)
    ]


def every_fifth(environment: Mapping[str, str] = os.environ, folder: Path = _ROOT) -> list[ParameterSet]:
    """The same in five parts, where a kill takes no process of its own."""
    turn = turn_of(environment, folder) % FIFTHS
    return [
        pytest.param(number, id=f"fifth-{number}", marks=() if number == turn else pytest.mark.full)
        for number in range(FIFTHS)
    ]


def turn_of(environment: Mapping[str, str], folder: Path) -> int:
    """Which tenth the fast suite takes: what is pinned, else by the commit; the first one where there is none."""
    if environment.get(PINNED):
        return int(environment[PINNED]) % TENTHS
    try:
        command = ["git", "rev-parse", "--verify", "HEAD"]
        said = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(said.stdout, 16) % TENTHS


def tenth_of(boundaries: Sequence[Boundary], number: int) -> list[Boundary]:
    return list(boundaries[number::TENTHS])
