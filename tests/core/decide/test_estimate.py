"""What a sweep costs, by size."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.estimate import LAMBDA_MB, LAMBDA_SECONDS, PRICES, assumptions, estimate
from orchestrator.core.model.size import Size

SIZE = Size(accounts=1000, regions=17, resources=27_000, stops=2000)
sizes = st.builds(Size, st.integers(1, 20_000), st.integers(1, 40), st.integers(0, 1_000_000), st.integers(0, 1000))


def test_a_plan_asks_once_for_each_account_and_target() -> None:
    assert estimate(SIZE).calls == {
        "organizations:ListRoots": 1,
        "organizations:ListAccounts": 50,
        "tag:GetResources": 10,
        "sts:AssumeRole": 1000,
        "ec2:DescribeRegions": 1000,
        "ec2:DescribeInstances": 17_000,
    }


def test_an_enforce_looks_twice_marks_and_stops_once_for_each_batch() -> None:
    calls, planned = estimate(SIZE, enforce=True).calls, estimate(SIZE).calls
    assert {name: number - planned.get(name, 0) for name, number in calls.items() if number != planned.get(name)} == {
        "organizations:ListTagsForResource": 1000,
        "ec2:DescribeInstances": 4000,
        "ec2:CreateTags": 2000,
        "ec2:StopInstances": 2000,
    }


def test_more_stops_than_targets_share_batches_of_fifty() -> None:
    assert estimate(replace(SIZE, accounts=1, regions=2, stops=101), enforce=True).calls["ec2:StopInstances"] == 3
    assert estimate(replace(SIZE, accounts=1, regions=2, stops=3), enforce=True).calls["ec2:StopInstances"] == 2


def test_tags_that_come_one_by_one_take_a_call_for_each_account() -> None:
    cost = estimate(SIZE)
    assert cost.seconds < 60
    assert cost.seconds_without_bulk_tags == (1 + 50 + 1000) / 5


def test_stops_beyond_the_bucket_of_one_target_wait_for_it() -> None:
    size = Size(accounts=1, regions=1, resources=21_000, stops=21_000)
    assert estimate(size, enforce=True).seconds == (21_000 - 1000) / 20


def test_what_ends_neither_in_time_nor_in_memory_is_for_the_state_machine() -> None:
    assert estimate(SIZE).fits_one_lambda
    slow, large = estimate(replace(SIZE, accounts=4400)), estimate(replace(SIZE, resources=500_000))
    assert slow.seconds_without_bulk_tags > LAMBDA_SECONDS
    assert slow.fits_one_lambda
    assert not slow.fits_without_bulk_tags
    assert large.memory_mb > LAMBDA_MB
    assert not large.fits_one_lambda


@given(sizes, st.booleans())
def test_a_larger_organization_never_costs_less(size: Size, enforce: bool) -> None:
    cost = estimate(size, enforce=enforce)
    for larger in (
        replace(size, accounts=size.accounts + 1),
        replace(size, regions=size.regions + 1),
        replace(size, resources=size.resources + 1),
    ):
        more = estimate(larger, enforce=enforce)
        assert more.cpu_seconds > cost.cpu_seconds
        assert more.memory_mb > cost.memory_mb
        assert more.dollars["total"] >= cost.dollars["total"]
    assert cost.dollars["total"] == sum(price for name, price in cost.dollars.items() if name != "total")


def test_the_assumptions_name_the_prices_and_the_pace() -> None:
    told = " ".join(assumptions(SIZE))
    assert PRICES.region in told
    assert PRICES.as_of in told
    assert "2,000 stops" in told
    assert "stops" not in " ".join(assumptions(replace(SIZE, stops=0)))


def test_each_of_the_policys_kinds_takes_a_call_in_each_target() -> None:
    listings = {"rds": "rds:DescribeDBInstances", "eks_nodegroup": "eks:ListClusters"}
    calls = estimate(SIZE, enforce=True, listings=listings).calls
    assert calls["rds:DescribeDBInstances"] == calls["eks:ListClusters"] == 17_000
    assert not [name for name in calls if name in ("ec2:DescribeInstances", "ec2:StopInstances")]
    assert not [one for one in assumptions(SIZE, listings=listings) if "all of them EC2" in one]
    assert "the policy's kinds: eks_nodegroup, rds; each takes a call in each target" in assumptions(
        SIZE, listings=listings
    )
