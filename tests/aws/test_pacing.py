"""Organizations' pace: at most five calls begin in any second, whoever makes them."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.organizations import CALLS_PER_SECOND, RATES, pace
from orchestrator.aws.pacing import Pacing
from tests.support.clocks import Clock


def test_the_first_call_does_not_wait() -> None:
    clock = Clock()
    pace(Pacing(RATES, clock, clock.sleep))()
    assert clock.now == 100.0


@given(pauses=st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_at_most_five_calls_begin_in_any_second(pauses: list[float]) -> None:
    clock, begun = Clock(), []
    wait = pace(Pacing(RATES, clock, clock.sleep))
    for pause in pauses:
        clock.now += pause
        wait()
        begun.append(clock.now)
    assert CALLS_PER_SECOND == 5
    for first, sixth in zip(begun, begun[CALLS_PER_SECOND:], strict=False):
        assert sixth - first >= 1 - 1e-9


def test_a_burst_is_spread_evenly() -> None:
    clock, begun = Clock(), []
    wait = pace(Pacing(RATES, clock, clock.sleep))
    for _ in range(11):
        wait()
        begun.append(round(clock.now - 100, 6))
    assert begun == [round(number * 0.2, 6) for number in range(11)]


def test_threads_that_ask_at_once_get_turns_of_their_own() -> None:
    waits: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            waits.append(round(seconds, 6))

    wait = pace(Pacing(RATES, lambda: 0.0, sleep))
    threads = [threading.Thread(target=wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [round(turn * 0.2, 6) for turn in range(1, 20)]
