"""`plan --at`: what a sweep would do at another moment, and nothing that could be done by it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV, FRANKFURT
from tests.support.time import set_time

RULES = """
timezone: Europe/Berlin
schedules: {office-hours: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}}
rules: [{name: dev, where: {tag: {Environment: dev}}, schedule: office-hours}]
"""
NOON = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)
OPT_OUT = "stop-orchestrator:opt-out"


@pytest.fixture
def account(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> str:
    set_time(monkeypatch, now=lambda: NOON)
    return organization.account("dev", "/Workloads/Dev")


def test_it_decides_for_that_moment_by_schedules_and_opt_outs_of_that_day_and_stores_nothing(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    lab = organization.account("lab", "/Labs", {OPT_OUT: "2026-12-23"})
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    [until_then] = organization.instances(account, FRANKFURT, 1, {**DEV, OPT_OUT: "2026-12-24"})
    [in_lab] = organization.instances(lab, FRANKFURT, 1, DEV)
    path = policy(RULES)
    ran = run("plan", "--policy", path, "--at", "2026-12-24T22:00", "--format", "json")
    assert ran.exit_code == 0, ran
    assert (ran.report["as_of"], ran.report["started_at"]) == ("2026-12-24T21:00:00Z", "2026-11-25T11:00:00Z")
    decided = {row["resource_id"]: (row["verdict"], row["reason_code"]) for row in ran.report["decisions"]}
    assert decided == {
        one: ("stop", "outside_schedule"),
        until_then: ("keep", "exempt"),
        in_lab: ("stop", "outside_schedule"),
    }
    assert not Path(".stop-orchestrator").exists()
    refused = run("apply", ran.report["sweep_id"], "--yes")
    assert (refused.exit_code, "there is no sweep" in refused.stderr) == (2, True)
    assert organization.down(account, FRANKFURT) == set()


def test_the_table_says_that_it_is_a_what_if(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    organization.instances(account, FRANKFURT, 1, DEV)
    ran = run("plan", "--policy", policy(RULES), "--at", "2026-11-28T12:00+01:00")
    text = " ".join(ran.stdout.split())
    assert "1 to stop" in text
    assert text.startswith("What if, at 2026-11-28T11:00:00Z plan complete")
    assert "That is Sat 2026-11-28 12:00 CET (Europe/Berlin) " in text
    assert "Decided for that moment by what AWS says now. Nothing is stored: it cannot be applied." in text
    assert "Report:" not in text


@pytest.mark.parametrize(("at", "said"), [("tonight", "--at: 'tonight' is no moment"), ("2026-03-29T02:30", "--at: ")])
def test_a_moment_that_is_none_is_bad_usage(run: Run, policy: Policy, at: str, said: str) -> None:
    ran = run("plan", "--policy", policy(RULES), "--at", at)
    assert (ran.exit_code, said in ran.stderr) == (2, True)


def test_it_may_be_narrowed_as_a_plan(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    other = organization.account("other", "/Labs")
    ids = {one: organization.instances(one, FRANKFURT, 1, DEV)[0] for one in (account, other)}
    at = ("plan", "--policy", policy(RULES), "--at", "2026-12-24T22:00", "--format", "json")
    narrowed = run(*at, "--account", other).report
    assert {row["resource_id"] for row in narrowed["decisions"]} == {ids[other]}
    assert narrowed["narrowed"] is not None
    assert run(*at, "--rule", "none").exit_code == 2
