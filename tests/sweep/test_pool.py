"""The pool: every result comes back, and there are only as many threads as the processor has room for."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from orchestrator.sweep.pool import Pool

WORKERS = 64


class Meter:
    """The highest number of tasks at the same time; each task ends when as many as expected have begun."""

    def __init__(self, expected: int) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()
        self._enough = threading.Event()
        self._expected = expected

    def task(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now >= self._expected:
                self._enough.set()
        self._enough.wait(timeout=5)
        with self._lock:
            self.now -= 1


def ticking(step: float) -> Callable[[], float]:
    time = [0.0]

    def tick() -> float:
        time[0] += step
        return time[0]

    return tick


def test_every_result_comes_back_also_of_what_is_submitted_between_two_results() -> None:
    results = []
    with Pool[int](4) as pool:
        for number in range(20):
            pool.submit(lambda number=number: number)
        for result in pool.results():
            results.append(result)
            if result < 20:
                pool.submit(lambda number=result: number + 100)
    assert sorted(results) == [*range(20), *range(100, 120)]


def test_tasks_that_wait_get_all_the_threads() -> None:
    meter = Meter(WORKERS)
    with Pool[None](WORKERS, cpu=lambda: 0.0, clock=ticking(1.0)) as pool:
        for _ in range(WORKERS * 2):
            pool.submit(meter.task)
        list(pool.results())
    assert meter.most == WORKERS


def test_tasks_that_compute_get_few_threads() -> None:
    meter = Meter(8)
    with Pool[None](WORKERS, cpu=ticking(1.0), clock=ticking(1.0)) as pool:
        for _ in range(WORKERS * 2):
            pool.submit(meter.task)
        list(pool.results())
    assert meter.most == 8


def test_a_task_that_raises_raises_in_the_coordinating_thread() -> None:
    def broken() -> None:
        raise ValueError("broken")

    with Pool[None](2) as pool:
        pool.submit(broken)
        with pytest.raises(ValueError, match="broken"):
            list(pool.results())


def test_what_was_done_before_a_break_off_is_finished_and_what_was_not_handed_out_never_begins() -> None:
    begun: list[int] = []
    pool = Pool[int](1, keeps=True)

    def break_off() -> None:
        with pool:
            for number in range(10):
                pool.submit(lambda number=number: begun.append(number) or number)
            next(pool.results())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert sorted(pool.finished()) == begun
    assert len(begun) < 10
