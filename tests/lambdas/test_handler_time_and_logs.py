"""The Lambda handler when its time is short, and what it says of itself: log lines and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from orchestrator.demo.faults import Fault
from orchestrator.errors import EventError, OrganizationError, SettingsError
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy
from tests.support.lambdas import (
    ENFORCE,
    FRANKFURT,
    IRELAND,
    PLENTY,
    SHORT,
    SWEEP_ID,
    Lines,
    dev_accounts,
    invoked,
    metrics_of,
    stop_states,
    target_states,
    written_report,
)
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV_RULE

DEV_TAGS = {"Environment": "dev"}
pytestmark = pytest.mark.usefixtures("first_id")
OTHER_SWEEP_ID = "20261124T190000Z-0a1b2c"


# --- time -------------------------------------------------------------------------------------------------------------


def test_with_too_little_time_nothing_is_read_and_the_report_says_so(hub: OrganizationBuilder) -> None:
    places = dev_accounts(hub, 2)
    answer = invoked(ENFORCE, lambda: SHORT)
    assert answer["status"] == "incomplete"
    assert (hub.front.calls["sts:AssumeRole"], hub.front.calls["ec2:DescribeInstances"]) == (0, 0)
    report = written_report(hub)
    assert target_states(report) == {(account, "*"): "not_attempted" for account, _ in places}
    assert report["outcomes"] == []


@pytest.mark.parametrize("reads", [2, *only_in_full(1, 3)])
def test_time_that_runs_out_while_reading_leaves_each_target_in_one_state_and_stops_nothing(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_WORKERS", "1")
    places = dev_accounts(hub, 2)
    answer = invoked(ENFORCE, lambda: SHORT if hub.front.calls["ec2:DescribeInstances"] >= reads else PLENTY)
    assert answer["status"] == "incomplete"
    report = written_report(hub)
    states = target_states(report)
    assert set(states) == set(places)
    assert Counter(states.values()) == {"scanned": reads, "not_attempted": len(places) - reads}
    read = {one for place, one in places.items() if states[place] == "scanned"}
    assert stop_states(report) == dict.fromkeys(read, "not_attempted")
    assert hub.front.calls["ec2:StopInstances"] == 0


@pytest.mark.parametrize("stops", [1, *only_in_full(0, 3)])
def test_time_that_runs_out_while_stopping_leaves_each_stop_in_one_state_that_ec2_agrees_with(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, stops: int
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_WORKERS", "1")
    places = dev_accounts(hub, 2)
    calls = hub.front.calls

    def remaining() -> int:
        read = calls["ec2:DescribeInstances"] >= len(places)
        return SHORT if read and calls["ec2:StopInstances"] >= stops else PLENTY

    answer = invoked(ENFORCE, remaining)
    assert (answer["status"], answer["totals"]["stopped"]) == ("incomplete", stops)
    report = written_report(hub)
    assert target_states(report) == dict.fromkeys(places, "scanned")
    down = {one for place in places for one in hub.down(*place)}
    assert len(down) == stops
    states = stop_states(report)
    assert {one for one, status in states.items() if status in {"stopped", "stopping"}} == down
    assert {status for one, status in states.items() if one not in down} == {"not_attempted"}


@pytest.mark.full
def test_a_deadline_that_is_not_reached_changes_nothing(hub: OrganizationBuilder) -> None:
    dev_accounts(hub, 1)
    answer = invoked(ENFORCE, lambda: 30_000)
    assert (answer["status"], answer["totals"]["stopped"]) == ("complete", 2)


# --- logs and metrics -------------------------------------------------------------------------------------------------


def test_every_line_carries_the_sweep_id_and_the_last_says_how_it_ended(hub: OrganizationBuilder, lines: Lines) -> None:
    dev_accounts(hub, 1)
    answer = invoked(ENFORCE)
    said = lines()
    assert {line["sweep_id"] for line in said} == {SWEEP_ID}
    assert {line["mode"] for line in said if "_aws" not in line} == {"enforce"}
    assert said[-1]["message"] == "Sweep ended"
    assert (said[-1]["status"], said[-1]["totals"]) == ("complete", answer["totals"])
    assert said[-1]["report"] == answer["report"]["json"]
    progress = [(line["message"], line["done"], line["total"]) for line in said if "done" in line]
    assert ("Targets read", 2, 2) in progress
    assert ("Stops done", 2, 2) in progress


def test_the_last_line_of_a_held_sweep_says_what_holds_it(
    hub: OrganizationBuilder, lines: Lines, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev_accounts(hub, 1)
    text = "User: x is not authorized to perform: a with an explicit deny in a service control policy"
    hub.front.faults.add(Fault("UnauthorizedOperation", text, 403, operation="ec2:DescribeInstances", region=IRELAND))
    guardrails = "guardrails: {max_stops: 0, min_coverage_percent: 80}\n"
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", policy(f"{DEV_RULE}{guardrails}"))
    assert invoked(ENFORCE)["status"] == "held"
    count, coverage = lines()[-1]["held_by"]
    assert count == "max_stops"
    assert coverage.startswith("min_coverage_percent: ")
    assert coverage.endswith(f'exclude: ["{IRELAND}"]')


def test_a_sweep_id_that_was_not_given_is_on_every_line_too(hub: OrganizationBuilder, lines: Lines) -> None:
    answer = invoked({})
    assert {line["sweep_id"] for line in lines()} == {answer["sweep_id"]}


def test_the_metrics_count_what_the_report_has(hub: OrganizationBuilder, lines: Lines) -> None:
    account = hub.account("dev")
    hub.account("denied", role=False)
    hub.front.faults.add(Fault(code="InvalidParameterValue", region=IRELAND, operation="ec2:DescribeInstances"))
    hub.instances(account, FRANKFURT, 3, DEV_TAGS)
    hub.instances(account, FRANKFURT, 2, {**DEV_TAGS, "stop-orchestrator:opt-out": "true"})
    hub.instances(account, FRANKFURT, 1, DEV_TAGS, DisableApiStop=True)
    hub.instances(account, FRANKFURT, 1, {"Environment": "production"})
    invoked(ENFORCE)
    assert metrics_of(lines()) == {
        "SweepsEnded": (1, "Count"),
        "SweepsHeld": (0, "Count"),
        "ConsentMissing": (0, "Count"),
        "TargetsScanned": (1, "Count"),
        "TargetsUnreadable": (2, "Count"),
        "AccountsWithoutRole": (1, "Count"),
        "ResourcesStopped": (3, "Count"),
        "StopsFailed": (1, "Count"),
        "ResourcesStarted": (0, "Count"),
        "StartsFailed": (0, "Count"),
        "StopsDeniedByGuard": (0, "Count"),
        "ResourcesExempt": (2, "Count"),
        "CoveragePercent": (pytest.approx(100 / 3), "Percent"),
        "SweepDuration": (written_report(hub)["duration_seconds"], "Seconds"),
    }


def test_a_held_sweep_is_measured_with_the_coverage_that_its_guardrail_saw(
    hub: OrganizationBuilder, lines: Lines, monkeypatch: pytest.MonkeyPatch, policy: Callable[..., str]
) -> None:
    dev_accounts(hub, 1)
    hub.account("denied", role=False)  # weighs two regions, though its row is one
    rule = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", policy(rule + "guardrails: {min_coverage_percent: 80}\n"))
    assert invoked(ENFORCE)["status"] == "held"
    measured = metrics_of(lines())
    assert (measured["SweepsEnded"], measured["SweepsHeld"]) == ((1, "Count"), (1, "Count"))
    assert measured["CoveragePercent"] == (50.0, "Percent")


def test_a_sweep_with_nothing_in_scope_has_full_coverage(hub: OrganizationBuilder, lines: Lines) -> None:
    invoked(ENFORCE)
    assert metrics_of(lines())["CoveragePercent"] == (100.0, "Percent")


@pytest.mark.parametrize(
    ("why", "hits"), [("with an explicit deny in an identity-based policy", 1), ("because no policy allows it", 0)]
)
def test_a_stop_that_a_policy_denies_by_name_is_told_from_a_missing_permission(
    hub: OrganizationBuilder, lines: Lines, why: str, hits: int
) -> None:
    places = dev_accounts(hub, 1)
    denied = next(iter(places.values()))
    message = f"You are not authorized to perform: ec2:StopInstances on resource: instance/{denied} {why}."
    fault = Fault("UnauthorizedOperation", message, operation="ec2:StopInstances", instance=denied)
    hub.front.faults.add(fault)
    invoked(ENFORCE)
    measured = metrics_of(lines())
    assert (measured["StopsFailed"], measured["StopsDeniedByGuard"]) == ((1, "Count"), (hits, "Count"))


def test_what_was_not_attempted_counts_as_unreadable(hub: OrganizationBuilder, lines: Lines) -> None:
    dev_accounts(hub, 2)
    invoked(ENFORCE, lambda: SHORT)
    measured = metrics_of(lines())
    assert (measured["TargetsScanned"], measured["TargetsUnreadable"]) == ((0, "Count"), (2, "Count"))


def test_a_warm_lambda_starts_each_sweep_with_no_keys_and_no_metrics_of_the_last(
    hub: OrganizationBuilder, lines: Lines
) -> None:
    dev_accounts(hub, 1)
    invoked(ENFORCE)
    assert metrics_of(lines())["ResourcesStopped"] == (2, "Count")
    answer = invoked({"mode": "plan"})
    said = lines()
    assert {line["sweep_id"] for line in said} == {answer["sweep_id"]}
    assert {line["mode"] for line in said if "_aws" not in line} == {"plan"}
    assert metrics_of(said)["ResourcesStopped"] == (0, "Count")


def test_a_warm_lambda_that_cannot_start_says_nothing_of_the_last_sweep(
    hub: OrganizationBuilder, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoked(ENFORCE)
    lines()
    monkeypatch.delenv("STOP_ORCHESTRATOR_TABLE")
    with pytest.raises(SettingsError):
        invoked({"sweep_id": OTHER_SWEEP_ID})
    [error] = lines()
    assert error["sweep_id"] == OTHER_SWEEP_ID
    assert "mode" not in error


def test_a_sweep_that_an_error_ended_leaves_nothing_to_the_next(hub: OrganizationBuilder, lines: Lines) -> None:
    hub.front.faults.add(Fault(code="AccessDeniedException", operation="organizations:*", times=1))
    with pytest.raises(OrganizationError):
        invoked(ENFORCE)
    said = lines()
    assert [line for line in said if "_aws" in line] == []
    assert {line["sweep_id"] for line in said} == {SWEEP_ID}
    with pytest.raises(EventError):
        invoked({"mode": "stop"})
    assert SWEEP_ID not in str(lines())
    answer = invoked({})
    said = lines()
    assert {line["sweep_id"] for line in said} == {answer["sweep_id"]}
    assert not [line for line in said if line.get("level") == "ERROR"]
