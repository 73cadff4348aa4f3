"""How much throttling slows a target down, by the calls and the waits of each target (tests/support/call_times.py)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median

import pytest
from moto.moto_api._internal import mock_random

from orchestrator.aws.pacing import OperationRates, Rate
from orchestrator.demo.faults import Fault
from tests.support.call_times import CallTimes, Place
from tests.support.embedded import OrganizationBuilder
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, FRANKFURT, IRELAND, Sweeps, Swept
from tests.support.time import set_time

pytestmark = pytest.mark.usefixtures("light_path")

REGIONS = (FRANKFURT, IRELAND)
SECONDS_A_CALL = 0.1
UNDISTURBED = 5 * SECONDS_A_CALL
"""DescribeInstances, and again right before the stop; then CreateTags, StopInstances and a last DescribeInstances."""
LIMITED = ("RequestLimitExceeded", "Request limit exceeded.", 503)


@dataclass(frozen=True, slots=True)
class Estate:
    organization: OrganizationBuilder
    sweep: Sweeps
    monkeypatch: pytest.MonkeyPatch
    healthy: list[Place]
    dead: str

    def swept(self, seed: int, *faults: Fault) -> tuple[Swept, CallTimes]:
        """What came of a sweep with these faults, and how long each place took."""
        times = CallTimes(SECONDS_A_CALL, seed)
        front = self.organization.front
        front.faults.seed = seed
        for fault in faults:
            front.faults.add(fault)
        with self.monkeypatch.context() as patch:
            times.install(patch)
            patch.setattr(front, "_gates", (times.gate, *front._gates))
            swept = self.sweep(regions=REGIONS, workers=16)
        front.faults.clear()
        return swept, times

    def ratios(self, times: CallTimes) -> dict[Place, float]:
        return {place: times.took[place] / UNDISTURBED for place in self.healthy}


@pytest.fixture
def estate(organization: OrganizationBuilder, sweep: Sweeps, monkeypatch: pytest.MonkeyPatch) -> Estate:
    """Eight healthy accounts with two targets each, and one more; the same ids in every run: chances depend on them."""
    mock_random.seed(20261123)
    accounts = [organization.account(f"healthy-{number}") for number in range(8)]
    dead = organization.account("dead")
    places = [(account, region) for account in (*accounts, dead) for region in REGIONS]
    for place in places:
        organization.instances(*place, 2, DEV)
    return Estate(organization, sweep, monkeypatch, [place for place in places if place[0] != dead], dead)


def assert_all_done(estate: Estate, swept: Swept) -> None:
    statuses = swept.statuses()
    assert {statuses[place] for place in estate.healthy} == {"scanned"}
    for place in estate.healthy:
        assert len(estate.organization.down(*place)) == 2
        assert {swept.outcomes[one]["status"] for one in estate.organization.down(*place)} == {"stopped"}


@pytest.mark.full
def test_an_undisturbed_target_takes_five_calls_and_never_waits(estate: Estate) -> None:
    swept, times = estate.swept(1)
    assert_all_done(estate, swept)
    assert set(estate.ratios(times).values()) == {1.0}
    assert times.waited == {}


@pytest.mark.full
@pytest.mark.parametrize("seed", [3, *only_in_full(12, 20)])
@pytest.mark.parametrize(
    ("dead", "status"),
    [
        pytest.param(Fault("AccessDenied", "no", 403, operation="sts:AssumeRole"), "denied", id="denied"),
        pytest.param(Fault(*LIMITED), "failed", id="throttled", marks=pytest.mark.full),
    ],
)
def test_with_30_percent_throttled_and_a_dead_account_no_target_takes_three_times_as_long(
    estate: Estate, dead: Fault, status: str, seed: int
) -> None:
    """Seeds in which it holds: of a target's four calls, one that is refused four times running is past it by itself.

    Over 40 seeds a target takes 1.8 times as long on average, and one in thirteen more than three times.
    """
    swept, times = estate.swept(seed, replace(dead, account=estate.dead), Fault(*LIMITED, operation="ec2:*", share=0.3))
    assert_all_done(estate, swept)
    assert swept.coverage[estate.dead, "*"]["status"] == status
    ratios = estate.ratios(times).values()
    assert sum(ratio > 1 for ratio in ratios) > 8
    assert max(ratios) <= 3
    assert median(ratios) <= 2


@pytest.mark.parametrize(
    "operation", ["*", *only_in_full("ec2:*", "ec2:DescribeInstances", "ec2:StopInstances", "ec2:CreateTags")]
)
def test_a_target_whose_calls_are_all_throttled_makes_no_other_target_wait(estate: Estate, operation: str) -> None:
    swept, times = estate.swept(1, Fault(*LIMITED, account=estate.dead, operation=operation))
    assert_all_done(estate, swept)
    assert set(estate.ratios(times).values()) == {1.0}
    paced = {""}  # AWS Organizations has a pace of its own
    assert {account for account, _ in times.waited} - paced == {estate.dead}


def test_a_sweep_waits_for_what_the_rates_of_its_calls_say(
    sweep: Sweeps, healthy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name in the rates that no call has would hold nothing back, and nobody would see it."""
    waits: list[float] = []
    seconds = {"DescribeInstances": 4.0, "CreateTags": 2.0, "StopInstances": 1.0}
    rates = {f"ec2:{name}": OperationRates(Rate(0, 1 / each)) for name, each in seconds.items()}
    monkeypatch.setattr("orchestrator.kinds.registry.rates", lambda: rates)
    monkeypatch.setattr("orchestrator.sweep.halt._LOOK_EVERY_SECONDS", 60.0)  # a wait is told as one
    set_time(monkeypatch, sleep=waits.append)
    sweep(regions=(FRANKFURT,))
    assert {round(wait) for wait in waits} >= set(seconds.values())
