"""Token buckets under AWS's published rates: for each account, region and API, and slower after throttling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.pacing import Bucket, Pacing
from orchestrator.core.model import OperationRates, Rate
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.clocks import Clock
from tests.support.local_aws import in_threads

ACCOUNT, REGION = "111111111111", "eu-central-1"
EC2_RATES = EC2.rates


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacing(clock: Clock) -> Pacing:
    return Pacing(EC2_RATES, clock, clock.sleep)


def seconds_of(clock: Clock, pacing: Pacing, calls: int, operation: str, resources: int = 0) -> float:
    began = clock.now
    for _ in range(calls):
        pacing.wait(ACCOUNT, REGION, operation, resources)
    return round(clock.now - began, 6)


def test_the_rates_are_those_that_aws_publishes() -> None:
    assert EC2_RATES["ec2:StopInstances"] == OperationRates(Rate(50, 5), Rate(1000, 20))
    assert EC2_RATES["ec2:StartInstances"] == OperationRates(Rate(5, 2), Rate(1000, 2))
    assert EC2_RATES["ec2:CreateTags"] == OperationRates(Rate(100, 10))
    assert EC2_RATES["ec2:DescribeInstances"] == OperationRates(Rate(100, 20))


def test_every_rate_is_of_a_call_that_can_be_made() -> None:
    """A misspelt name would hold nothing back, and nobody would see it."""
    for kind in DESCRIPTIONS:
        callable_ones = {f"{service}:{operation}" for service, some in kind.operations.items() for operation in some}
        assert kind.rates.keys() <= callable_ones


def test_a_full_bucket_lets_a_burst_through_and_then_its_rate(clock: Clock, pacing: Pacing) -> None:
    assert seconds_of(clock, pacing, 50, "ec2:StopInstances") == 0
    assert seconds_of(clock, pacing, 10, "ec2:StopInstances") == 2.0


def test_what_a_request_names_is_counted_beside_requests(clock: Clock, pacing: Pacing) -> None:
    assert seconds_of(clock, pacing, 20, "ec2:StopInstances", resources=50) == 0
    assert seconds_of(clock, pacing, 4, "ec2:StopInstances", resources=50) == 10.0


def test_starting_many_instances_is_as_slow_as_aws_is(clock: Clock, pacing: Pacing) -> None:
    assert seconds_of(clock, pacing, 100, "ec2:StartInstances", resources=50) == 2000.0  # (5,000 - 1,000) / 2


def test_an_operation_without_a_rate_is_not_held_back(clock: Clock, pacing: Pacing) -> None:
    assert seconds_of(clock, pacing, 1000, "ec2:DescribeRegions") == 0
    pacing.throttled(ACCOUNT, REGION, "ec2:DescribeRegions")
    assert seconds_of(clock, pacing, 1000, "ec2:DescribeRegions") == 0


def test_operations_of_the_same_name_in_two_services_have_buckets_of_their_own(clock: Clock) -> None:
    rates = {"ec2:Stop": OperationRates(Rate(1, 1)), "rds:Stop": OperationRates(Rate(2, 1), Rate(10, 2))}
    pacing = Pacing(rates, clock, clock.sleep)
    assert seconds_of(clock, pacing, 1, "ec2:Stop") == 0
    assert seconds_of(clock, pacing, 1, "rds:Stop", resources=10) == 0
    assert seconds_of(clock, pacing, 1, "rds:Stop", resources=10) == 5.0
    assert seconds_of(clock, pacing, 1, "ec2:Stop") == 0


def test_tokens_come_back_with_time_and_not_beyond_the_buckets_size(clock: Clock, pacing: Pacing) -> None:
    seconds_of(clock, pacing, 50, "ec2:StopInstances")
    clock.now += 2
    assert seconds_of(clock, pacing, 10, "ec2:StopInstances") == 0
    clock.now += 3600
    assert seconds_of(clock, pacing, 50, "ec2:StopInstances") == 0
    assert seconds_of(clock, pacing, 1, "ec2:StopInstances") > 0


@pytest.mark.parametrize(
    ("account", "region", "operation"),
    [
        ("222222222222", REGION, "ec2:StopInstances"),
        (ACCOUNT, "us-east-1", "ec2:StopInstances"),
        (ACCOUNT, REGION, "ec2:CreateTags"),
    ],
)
def test_one_throttled_target_never_slows_down_another(
    clock: Clock, pacing: Pacing, account: str, region: str, operation: str
) -> None:
    seconds_of(clock, pacing, 60, "ec2:StopInstances")
    for _ in range(5):
        pacing.throttled(ACCOUNT, REGION, "ec2:StopInstances")
    began = clock.now
    pacing.wait(account, region, operation)
    assert clock.now == began


def test_a_throttled_bucket_is_empty_and_one_throttled_while_empty_fills_more_slowly(
    clock: Clock, pacing: Pacing
) -> None:
    def seconds_after_throttling() -> float:
        pacing.throttled(ACCOUNT, REGION, "ec2:StopInstances")
        return seconds_of(clock, pacing, 1, "ec2:StopInstances")

    pacing.wait(ACCOUNT, REGION, "ec2:StopInstances")
    assert [seconds_after_throttling() for _ in range(3)] == pytest.approx([0.1, 0.1 / 0.7, 0.1 / 0.7**2], rel=0.05)


def test_throttling_now_and_then_empties_a_bucket_and_never_slows_it_down(clock: Clock, pacing: Pacing) -> None:
    for _ in range(20):
        pacing.throttled(ACCOUNT, REGION, "ec2:StopInstances")
        assert seconds_of(clock, pacing, 1, "ec2:StopInstances") == 0.1
        clock.now += 0.5


def test_the_bucket_of_instances_is_emptied_once_the_one_of_requests_was_empty(clock: Clock, pacing: Pacing) -> None:
    pacing.throttled(ACCOUNT, REGION, "ec2:StopInstances")
    assert seconds_of(clock, pacing, 1, "ec2:StopInstances", resources=50) == 0.1
    pacing.throttled(ACCOUNT, REGION, "ec2:StopInstances")
    assert seconds_of(clock, pacing, 1, "ec2:StopInstances", resources=50) == pytest.approx(49.5 / 20)


def test_throttling_again_and_again_slows_down_to_a_sixteenth_and_no_further() -> None:
    bucket = Bucket(Rate(50, 5), 0)
    for _ in range(20):
        bucket.throttled(0)
    assert bucket.take(1, 0) == pytest.approx(0.5 * 16 / 5)


def test_a_throttled_bucket_recovers_within_a_minute() -> None:
    bucket = Bucket(Rate(50, 5), 0)
    for _ in range(20):
        bucket.throttled(0)
    for second in range(1, 61):
        bucket.take(0, second)
    bucket.take(50, 60)
    assert bucket.take(5, 60) <= 2.0


def test_throttling_takes_no_debt_away() -> None:
    bucket = Bucket(Rate(1, 1), 0)
    bucket.take(11, 0)
    bucket.throttled(0)
    assert bucket.take(0, 0) == pytest.approx(9 / 0.7)


def test_a_clock_that_was_read_earlier_gives_nothing_back() -> None:
    bucket = Bucket(Rate(1, 1), 100)
    bucket.take(1, 100)
    bucket.take(0, 50)
    assert bucket.take(1, 100) == pytest.approx(1)


@given(pauses=st.lists(st.floats(0, 3), min_size=1, max_size=80), instances=st.integers(1, 50))
def test_no_window_of_time_ever_has_more_than_the_bucket_and_what_came_back(
    pauses: list[float], instances: int
) -> None:
    clock = Clock()
    pacing = Pacing(EC2_RATES, clock, clock.sleep)
    calls: list[float] = []
    for pause in pauses:
        clock.now += pause
        pacing.wait(ACCOUNT, REGION, "ec2:StartInstances", instances)
        calls.append(clock.now)
    for first, begun in enumerate(calls):
        for last in range(first, len(calls)):
            assert last - first + 1 <= 5 + 2 * (calls[last] - begun) + 1e-6


def test_threads_of_one_target_share_its_bucket() -> None:
    waits: list[float] = []
    pacing = Pacing(EC2_RATES, lambda: 0.0, waits.append)
    in_threads(60, lambda _: pacing.wait(ACCOUNT, REGION, "ec2:StopInstances"))
    assert sorted(round(seconds, 6) for seconds in waits) == [round(number * 0.2, 6) for number in range(1, 11)]
