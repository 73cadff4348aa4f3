"""How often many processes together read the kill switch, of which the parameter store answers 40 reads a second."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left
from collections.abc import Iterator

import pytest

from orchestrator.core.model import HaltCause
from orchestrator.sweep.halt import FRESH_SECONDS, SPREAD_SECONDS, KillSwitch

PROCESSES, SECONDS, LIMIT = 40, 60.0, 40
_ASKED_EVERY = 0.2
"""Before each batch and each call, of each of a process's threads."""


class Process:
    """One Lambda that begins at 0 s and asks at each step: its own clock, and when it read."""

    def __init__(self, spread: float, text: str = "go") -> None:
        self.at = 0.0
        self.text = text
        self.reads: list[float] = []
        self.switch = KillSwitch("/k", self._read, elapsed=lambda: self.at, sleep=self._sleep, spread=spread)

    def _read(self) -> str:
        self.reads.append(self.at)
        return self.text

    def _sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture(autouse=True)
def _same_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in every run, so that no run fails by chance."""
    monkeypatch.setattr("orchestrator.sweep.halt.random", random.Random(7))


def reads_of(processes: list[Process]) -> list[float]:
    turns = [(one.at, number) for number, one in enumerate(processes)]
    while turns and turns[0][0] < SECONDS:
        _, number = heapq.heappop(turns)
        assert processes[number].switch.halt() is None
        processes[number].at += _ASKED_EVERY
        heapq.heappush(turns, (processes[number].at, number))
    return sorted(at for one in processes for at in one.reads)


def most_in_a_second(reads: list[float]) -> int:
    return max(bisect_left(reads, at + 1.0) - number for number, at in enumerate(reads))


def test_40_lambdas_that_begin_together_stay_under_40_reads_a_second() -> None:
    reads = reads_of([Process(SPREAD_SECONDS) for _ in range(PROCESSES)])
    assert most_in_a_second(reads) < LIMIT
    assert len(reads) <= PROCESSES * SECONDS / (FRESH_SECONDS * 0.8)


def test_without_a_spread_they_would_not() -> None:
    assert most_in_a_second(reads_of([Process(0.0) for _ in range(PROCESSES)])) >= LIMIT


def pulled() -> Iterator[Process]:
    for _ in range(PROCESSES):
        one = Process(SPREAD_SECONDS)
        assert one.switch.halt() is None
        one.text = "stop"
        yield one


def test_a_pulled_switch_halts_each_of_them_within_5_seconds() -> None:
    for one in pulled():
        one.at += FRESH_SECONDS
        halt = one.switch.halt()
        assert halt is not None
        assert halt.cause is HaltCause.KILL_SWITCH


def test_nothing_is_done_while_the_first_read_waits() -> None:
    one = Process(SPREAD_SECONDS, "stop")
    assert one.switch.halt() is not None
    assert one.reads == [one.at]
    assert 0.0 < one.at <= SPREAD_SECONDS


def test_only_the_first_read_waits() -> None:
    one = Process(SPREAD_SECONDS)
    one.switch.halt()
    one.at = waited = 100.0
    one.switch.halt()
    assert one.reads[-1] == waited
