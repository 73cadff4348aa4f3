"""Organizations' pace: five calls a second at first, more while AWS takes them, less once it refuses some."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.organization_pace import (
    FIRST_PER_SECOND,
    LEAST_PER_SECOND,
    MOST_PER_SECOND,
    OrganizationPace,
)
from tests.support.clocks import Clock
from tests.support.local_aws import Answer, Answering, LocalAws, Request, closing_clients, json_answer

LATENCY = 0.05


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers() -> Answering:
    return lambda _: json_answer({"__type": "AccessDeniedException"}, 400)


@pytest.fixture
def pace(clock: Clock) -> OrganizationPace:
    return OrganizationPace(clock, clock.sleep)


def call(pace: OrganizationPace, clock: Clock, *, refused: bool = False, latency: float = LATENCY) -> float:
    """When it began."""
    pace.wait()
    at = clock.now
    clock.now += latency
    if refused:
        pace.refused()
    else:
        pace.answered()
    return at


def test_the_first_call_does_not_wait(pace: OrganizationPace, clock: Clock) -> None:
    pace.wait()
    assert clock.now == 100.0


def test_calls_that_nobody_answered_yet_are_spread_evenly_five_a_second(pace: OrganizationPace, clock: Clock) -> None:
    begun = []
    for _ in range(11):
        pace.wait()
        begun.append(round(clock.now - 100, 6))
    assert begun == [round(number * 0.2, 6) for number in range(11)]


def test_the_pace_doubles_every_two_seconds_while_aws_takes_all_calls(pace: OrganizationPace, clock: Clock) -> None:
    rates: dict[int, float] = {}
    while clock.now < 105:
        call(pace, clock, latency=0.0)
        rates.setdefault(int(clock.now - 100), pace.per_second)
    assert rates[0] == FIRST_PER_SECOND
    assert rates[2] == pytest.approx(2 * FIRST_PER_SECOND, rel=0.15)
    assert rates[4] == pytest.approx(4 * FIRST_PER_SECOND, rel=0.15)


def test_fifty_pages_that_follow_one_another_take_five_seconds_instead_of_ten(
    pace: OrganizationPace, clock: Clock
) -> None:
    for _ in range(50):
        call(pace, clock)
    assert clock.now - 100 < 5


def test_calls_that_do_not_wait_for_their_turn_prove_nothing_and_raise_nothing(
    pace: OrganizationPace, clock: Clock
) -> None:
    for _ in range(100):
        call(pace, clock, latency=1.0)
    assert pace.per_second == FIRST_PER_SECOND


def test_a_refusal_halves_the_pace_and_from_then_on_it_rises_by_one_a_second(
    pace: OrganizationPace, clock: Clock
) -> None:
    while pace.per_second < 20:
        call(pace, clock, latency=0.0)
    call(pace, clock, refused=True, latency=0.0)
    halved, at = pace.per_second, clock.now
    assert halved == pytest.approx(10, rel=0.05)
    while clock.now < at + 4:
        call(pace, clock, latency=0.0)
    assert pace.per_second == pytest.approx(halved + 4, abs=1)


def test_calls_that_are_refused_together_halve_it_once(pace: OrganizationPace, clock: Clock) -> None:
    while pace.per_second < 20:
        call(pace, clock, latency=0.0)
    for _ in range(8):
        pace.wait()
    for _ in range(8):
        pace.refused()
    assert pace.per_second == pytest.approx(10, rel=0.05)


@given(calls=st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=200))
def test_the_pace_stays_between_its_bounds_whatever_aws_answers(calls: list[tuple[bool, float]]) -> None:
    clock = Clock()
    pace = OrganizationPace(clock, clock.sleep)
    begun = []
    for refused, latency in calls:
        begun.append(call(pace, clock, refused=refused, latency=latency))
        assert LEAST_PER_SECOND <= pace.per_second <= MOST_PER_SECOND
    for one, next_one in pairwise(begun):
        assert next_one - one >= 1 / MOST_PER_SECOND - 1e-9


def test_threads_that_ask_at_once_get_turns_of_their_own() -> None:
    waits: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            waits.append(round(seconds, 6))

    pace = OrganizationPace(lambda: 0.0, sleep)
    threads = [threading.Thread(target=pace.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [round(turn * 0.2, 6) for turn in range(1, 20)]


def test_what_aws_answers_to_a_client_is_heard_and_so_is_each_try_of_botocore(aws: LocalAws, clock: Clock) -> None:
    def answer(_: Request) -> Answer:
        if len(aws.requests) == 8:
            return json_answer({"__type": "TooManyRequestsException"}, 400)
        return json_answer({"Roots": []})

    aws.answering = answer
    pace = OrganizationPace(clock, clock.sleep)
    rates = []
    with pytest.MonkeyPatch.context() as patch, closing_clients(pace_organizations=pace.attach) as clients:
        patch.setattr("botocore.endpoint.time.sleep", lambda _: None)
        for _ in range(8):
            clients.organizations().list_roots()
            rates.append(pace.per_second)
    assert len(aws.requests) == 9
    assert rates[6] > FIRST_PER_SECOND
    assert rates[7] < rates[6] / 2 + 1


@pytest.mark.usefixtures("aws")
def test_a_refusal_that_is_not_about_the_rate_leaves_it(clock: Clock) -> None:
    pace = OrganizationPace(clock, clock.sleep)
    with closing_clients(pace_organizations=pace.attach) as clients:
        for _ in range(3):
            with pytest.raises(clients.organizations().exceptions.AccessDeniedException):
                clients.organizations().list_roots()
    assert pace.per_second == FIRST_PER_SECOND
