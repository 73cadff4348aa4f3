"""Metrics: read before deciding, of those alone whose fate hangs on them, and again before a stop once they are old."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.model import ConsentHow, Mode, Question
from orchestrator.core.model.measured import Measured, Series
from orchestrator.core.model.metric import MetricSpan
from orchestrator.core.report.document import Row
from orchestrator.ports import NoProgress
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep
from orchestrator.sweep.stored_plan import open_plan
from tests.support.builders import AT, SWEEP_ID, a_policy
from tests.support.fake_world import (
    ONE,
    OUT_OF_TIME,
    REGIONS,
    TWO,
    FakeWorld,
    a_world,
    outcomes,
    reasons,
    unreadable,
)
from tests.support.parts import Machine

DAY = timedelta(days=1)
IDLE = "rules: [{name: idle, where: {idle: {cpu_below: 5, for: 24h}}}]"
BUSY_ONES = "rules: [{name: busy, where: {not: {idle: {cpu_below: 5, for: 24h}}}}]"
DENIED = unreadable("AccessDenied", "not you", "cloudwatch:GetMetricData")


def cpu(highest: float) -> Measured:
    series = Series("cpu", DAY, AT - DAY, 288, highest)
    return Measured(AT, (MetricSpan("cpu", DAY),), (series,), 0, 1)


def a_measured_world(*accounts: str, **measured: Any) -> FakeWorld:
    """Everything runs for a month; i-0 is idle and i-1 is busy where nothing else is said."""
    fake = a_world(*(accounts or (ONE,)), workers=1)
    fake.measured = {"i-0": cpu(1), "i-1": cpu(90), **measured}
    for target, found in fake.resources.items():
        assert not isinstance(found, Exception)
        fake.resources[target] = tuple(replace(one, started_at=AT - 30 * DAY) for one in found)
    return fake


def enforced(fake: FakeWorld, policy: str = IDLE) -> Row:
    run_sweep(fake.world(), a_policy(policy), SWEEP_ID, Mode.ENFORCE)
    return fake.written()


def measurements(fake: FakeWorld) -> list[str]:
    return [one for one in fake.asked if one.startswith("metrics of ")]


def test_what_is_idle_is_stopped_and_what_is_busy_is_not() -> None:
    fake = a_measured_world()
    report = enforced(fake)
    assert fake.stopped == ["i-0"]
    assert reasons(report) == {"i-1": "No rule of the policy matches it."}
    found = {row["resource_id"]: row["facts"].get("idle:cpu") for row in report["decisions"]}
    assert found == {"i-0": "at most 1.0 % in 24h (288 of 288 datapoints)", "i-1": None}


def test_the_report_says_what_the_metrics_cost_and_nothing_of_them_where_none_were_read() -> None:
    assert enforced(a_measured_world())["metrics"] == {"requested": 2, "price_usd": 0.00002}
    assert "metrics" not in enforced(a_measured_world(), "rules: [{name: all, where: everything}]")


@pytest.mark.parametrize("policy", [IDLE, BUSY_ONES])
def test_what_cloudwatch_refuses_is_kept_with_its_words_and_the_other_targets_are_not(policy: str) -> None:
    fake = a_measured_world(**{f"{ONE} {REGIONS[0]}": DENIED})
    report = enforced(fake, policy)
    assert "i-0" not in fake.stopped
    text = "depends on what is unknown: its idle (cloudwatch:GetMetricData: AccessDenied: not you)."
    assert reasons(report)["i-0"].endswith(text)
    assert fake.stopped == (["i-1"] if policy == BUSY_ONES else [])
    assert set(coverage_statuses(report)) == {"scanned"}


def coverage_statuses(report: Row) -> list[str]:
    return [row["status"] for row in report["coverage"]]


def test_what_cloudwatch_does_not_tell_is_kept() -> None:
    fake = a_measured_world()
    del fake.measured["i-0"]
    assert "CloudWatch was asked and did not tell" in reasons(enforced(fake))["i-0"]
    assert fake.stopped == []


def test_a_fault_of_this_program_while_reading_them_is_kept_too() -> None:
    fake = a_measured_world(**{"i-0": ValueError("a bug")})
    assert "its idle (ValueError: a bug)" in reasons(enforced(fake))["i-0"]
    assert fake.stopped == []


# --- of those alone whose fate hangs on it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy",
    [
        "rules: [{name: all, where: everything}, {name: idle, where: {idle: {cpu_below: 5, for: 24h}}}]",
        "rules: [{name: idle, where: {all: [{tag: {a: b}}, {idle: {cpu_below: 5, for: 24h}}]}}]",
        "rules: [{name: idle, where: {any: [{region: '*'}, {idle: {cpu_below: 5, for: 24h}}]}}]",
        "schedules: {always: {timezone: UTC, running: ['daily 00:00-24:00']}}\n" + IDLE[:-2] + ", schedule: always}]",
    ],
    ids=["another rule owns it", "it cannot hold", "it holds anyway", "it should run now"],
)
def test_nothing_is_measured_where_it_would_change_nothing(policy: str) -> None:
    fake = a_measured_world()
    enforced(fake, policy)
    assert measurements(fake) == []


def test_what_is_spared_or_does_not_run_is_not_measured() -> None:
    fake = a_measured_world()
    fake.change("i-0", lambda one: replace(one, tags={"stop-orchestrator:opt-out": "true"}))
    enforced(fake)
    assert measurements(fake) == [f"metrics of i-1 {ONE} {REGIONS[1]}"]


def test_a_later_rule_that_would_stop_it_is_a_reason_to_measure() -> None:
    """It should run by the first rule, whose it may be, and it is another one's where it is busy."""
    fake = a_measured_world()
    policy = (
        "schedules: {always: {timezone: UTC, running: ['daily 00:00-24:00']}}\n"
        "rules: [{name: idle, where: {idle: {cpu_below: 5, for: 24h}}, schedule: always}, "
        "{name: all, where: everything}]"
    )
    enforced(fake, policy)
    assert fake.stopped == ["i-1"]


def test_what_another_active_policy_may_own_is_measured_too() -> None:
    fake = a_measured_world()
    fake.activate("other", IDLE)
    report = enforced(fake, "rules: [{name: all, where: everything}]")
    assert fake.stopped == ["i-1"]
    assert "rule idle of policy other owns it too" in reasons(report)["i-0"]


# --- right before the stop --------------------------------------------------------------------------------------------


def while_the_prompt_is_open(fake: FakeWorld, minutes: int, change: Callable[[], object] = lambda: None) -> None:
    def confirm(_: Question) -> ConsentHow | None:
        fake.at += timedelta(minutes=minutes)
        change()
        return ConsentHow.YES

    fake.confirm = confirm


def test_what_was_measured_a_while_ago_still_counts_within_max_fact_age() -> None:
    fake = a_measured_world()
    while_the_prompt_is_open(fake, 60, lambda: fake.measured.update({"i-0": cpu(90)}))
    enforced(fake)
    assert (fake.stopped, len(measurements(fake))) == (["i-0"], 2)


@pytest.mark.parametrize(
    ("by_now", "reason"),
    [(cpu(90), "no rule of the policy matches it"), (DENIED, "AccessDenied: not you"), (None, "did not tell")],
)
def test_what_was_measured_longer_ago_is_measured_again(by_now: Any, reason: str) -> None:
    fake = a_measured_world()
    while_the_prompt_is_open(fake, 61, lambda: fake.measured.update({"i-0": by_now}))
    report = enforced(fake)
    assert fake.stopped == []
    assert reason in reasons(report)["i-0"]


def test_what_is_still_idle_by_then_is_stopped() -> None:
    fake = a_measured_world()
    while_the_prompt_is_open(fake, 61)
    enforced(fake)
    assert fake.stopped == ["i-0"]


def test_a_plan_that_is_applied_hours_later_is_measured_again() -> None:
    fake = a_measured_world()
    run_sweep(fake.world(), a_policy(IDLE), SWEEP_ID, Mode.PLAN)
    fake.at += timedelta(hours=5)
    fake.measured["i-0"] = cpu(90)
    world, applied = fake.world(), "20261124T000000Z-7f3a9c"
    _, source = open_plan(world.store, world.ledger, SWEEP_ID, world.now(), applied)
    apply_plan(world, a_policy(IDLE), applied, source)
    assert fake.stopped == []
    assert "metrics" not in fake.written(applied)


# --- several processes ------------------------------------------------------------------------------------------------


def test_the_state_machine_decides_the_same(fake: FakeWorld, machine: Machine) -> None:
    report_of_one = enforced(a_measured_world(ONE, TWO))
    machine(IDLE)({"mode": "enforce"})
    report = fake.written()
    assert (fake.stopped, outcomes(report)) == (["i-0"], outcomes(report_of_one))
    assert report["metrics"] == report_of_one["metrics"]
    assert reasons(report) == reasons(report_of_one)


@pytest.fixture
def fake() -> FakeWorld:
    return a_measured_world(ONE, TWO)


def test_when_the_time_is_up_before_they_are_read_a_fresh_process_reads_them() -> None:
    fake = a_measured_world(ONE, TWO)
    phases = _Phases()
    fake.progress = phases
    fake.halt = lambda: OUT_OF_TIME if phases.last.startswith("Reading the metrics") else None
    fake.hand_over = lambda: fake.ledger.amend(SWEEP_ID, continuations=1) is None
    document, _ = run_sweep(fake.world(), a_policy(IDLE), SWEEP_ID, Mode.ENFORCE)
    assert (document["status"], measurements(fake)) == ("running", [])
    fake.halt = lambda: None
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    resume_sweep(fake.world(), a_policy(IDLE), begun)
    assert (fake.stopped, len(measurements(fake))) == (["i-0"], 4)
    assert len([one for one in fake.asked if one.startswith("read ")]) == 4


class _Phases(NoProgress):
    last = ""

    def phase(self, text: str) -> None:
        self.last = text
