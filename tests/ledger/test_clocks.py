"""How much time passed, by a monotonic clock that stands still and a wall clock that jumps."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.ledger.clocks import Clocks
from tests.support.builders import AT


class Machine:
    """Its two clocks."""

    def __init__(self) -> None:
        self.wall, self.monotonic = AT, 1000.0
        self.clocks = Clocks(lambda: self.wall, lambda: self.monotonic)

    def move(self, wall: float, monotonic: float) -> None:
        self.wall += timedelta(seconds=wall)
        self.monotonic += monotonic


STEPS = st.lists(st.tuples(st.integers(-7200, 7200), st.integers(0, 600)), max_size=8)


@pytest.mark.parametrize(
    ("wall", "monotonic", "passed"),
    [(60, 60, 60), (7200, 1, 7200), (-3600, 60, 60), (0, 60, 60), (7200, 0, 7200)],
    ids=["awake", "suspended", "set back", "wall stands still", "suspended at once"],
)
def test_as_much_time_passed_as_by_the_clock_that_moved_on_more(wall: float, monotonic: float, passed: float) -> None:
    machine = Machine()
    began, dated = machine.clocks.elapsed(), machine.clocks.now()
    machine.move(wall, monotonic)
    assert machine.clocks.elapsed() - began == passed
    assert machine.clocks.latest() - dated == timedelta(seconds=passed)


def test_a_suspension_after_the_wall_clock_was_set_back_counts_too() -> None:
    machine = Machine()
    began, dated = machine.clocks.elapsed(), machine.clocks.now()
    machine.move(-3600, 10)
    machine.clocks.now()
    machine.move(1800, 0)
    assert machine.clocks.elapsed() - began == 10 + 1800
    assert machine.clocks.latest() - dated == timedelta(seconds=10 + 1800)


@given(before=STEPS, after=STEPS)
def test_nothing_is_younger_than_by_either_clock(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> None:
    machine = Machine()
    for step in before:
        machine.move(*step)
        machine.clocks.now()
    began, dated, monotonic = machine.clocks.elapsed(), machine.clocks.now(), machine.monotonic
    for step in after:
        machine.move(*step)
        machine.clocks.now()
    least = max(machine.monotonic - monotonic, (machine.wall - dated).total_seconds())
    assert machine.clocks.elapsed() - began >= least
    assert machine.clocks.latest() - dated >= timedelta(seconds=least)


def test_clocks_that_are_not_read_at_quite_the_same_time_make_nothing_older() -> None:
    machine = Machine()
    began = machine.clocks.elapsed()
    for _ in range(1000):
        machine.move(0.09, 0)
        machine.clocks.now()
        machine.move(-0.09, 0)
        machine.clocks.now()
    assert machine.clocks.elapsed() == began
