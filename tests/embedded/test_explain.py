"""`explain` at the command line: live on one account and region, and from a stored report without AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.sweeps import DEV, FRANKFURT, IRELAND
from tests.support.time import set_time

RULES = """
schedules: {office-hours: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}}
rules:
  - {name: costly, where: {account_tag: {CostCenter: "cc-*"}}}
  - {name: dev, where: {tag: {Environment: dev}}, schedule: office-hours}
"""
SENTENCE = "Rule dev owns it and its schedule office-hours is outside of its running hours"
NIGHT = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)


@pytest.fixture
def account(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> str:
    set_time(monkeypatch, now=lambda: NIGHT)
    return organization.account("dev", "/Workloads/Dev", {"CostCenter": "xx-1"})


@pytest.fixture
def explain(run: Run, policy: Policy) -> Callable[..., Ran]:
    path = policy(RULES)
    return lambda *words: run("explain", *words, *(() if "--sweep" in words else ("--policy", path)))


def test_live_it_says_what_a_plan_decides_and_reads_that_account_and_region_alone(
    organization: OrganizationBuilder, account: str, explain: Callable[..., Ran]
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    ran = explain(f"arn:aws:ec2:{FRANKFURT}:{account}:instance/{one}", "--format", "json")
    assert ran.exit_code == 0, ran
    found = ran.report
    assert (found["verdict"], found["rule"], found["reason_code"]) == ("stop", "dev", "outside_schedule")
    assert found["reason"].startswith(SENTENCE)
    assert [(rule["name"], rule["answer"]) for rule in found["rules"]] == [("costly", "no_match"), ("dev", "owns")]
    assert found["rules"][0]["condition"]["found"] == {"account_tag:CostCenter": "xx-1"}
    assert found["rules"][1]["schedule"]["until"] == "2026-11-26T06:00:00Z"
    assert organization.down(account, FRANKFURT) == set()
    assert not Path(".stop-orchestrator").exists()


def test_it_is_decided_for_the_moment_of_at_by_the_policys_clock(
    organization: OrganizationBuilder, account: str, explain: Callable[..., Ran]
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    where = (one, "--account", account, "--region", FRANKFURT, "--format", "json")
    assert explain(*where, "--at", "2026-11-26T09:00").report["reason_code"] == "schedule"
    wrong = explain(*where, "--at", "noon")
    assert wrong.exit_code == 2
    assert "--at: 'noon' is no moment; write it like 2026-12-24T22:00" in wrong.stderr


def test_a_table_has_the_sentence_each_condition_and_the_schedule_in_80_columns(
    organization: OrganizationBuilder, account: str, explain: Callable[..., Ran]
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    ran = explain(f"{account}/{FRANKFURT}/{one}")
    assert ran.exit_code == 0, ran
    assert all(len(line) <= 80 for line in ran.stdout.splitlines())
    text = " ".join(ran.stdout.split())
    assert f"stop: {SENTENCE}" in text
    assert "no account_tag CostCenter: cc-* account_tag:CostCenter = xx-1" in text
    assert "yes tag Environment: dev tag:Environment = dev" in text
    assert "it is Wed 2026-11-25 23:30 in Europe/Berlin; it may be stopped since Wed 2026-11-25 19:00" in text


def test_an_opted_out_account_is_explained_by_its_tag(
    organization: OrganizationBuilder, account: str, explain: Callable[..., Ran]
) -> None:
    lab = organization.account("lab", "/Labs", {"stop-orchestrator:opt-out": "2026-11-30"})
    [one] = organization.instances(lab, FRANKFURT, 1, DEV)
    found = explain(f"{lab}/{FRANKFURT}/{one}", "--format", "json").report
    assert (found["verdict"], found["coverage"]["status"]) == ("keep", "opted_out")
    assert "stop-orchestrator:opt-out=2026-11-30 on the account" in found["reason"]
    assert [(row["carrier"], row["decides"]) for row in found["opt_outs"]] == [("account", True)]
    later = explain(f"{lab}/{FRANKFURT}/{one}", "--at", "2026-12-01T23:00Z", "--format", "json").report
    assert (later["verdict"], later["coverage"]) == ("stop", None)


def test_what_is_not_there_or_not_told_is_bad_usage_that_says_what_to_name(
    organization: OrganizationBuilder, account: str, explain: Callable[..., Ran]
) -> None:
    for words, said in (
        ((f"{account}/{FRANKFURT}/i-00000000000000009",), "there is no ec2 i-00000000000000009"),
        (("i-00000000000000009",), "name its ARN, or ACCOUNT/REGION/ID, or --account, --region and --kind"),
        (("arn:aws:s3:::bucket",), "is no ARN of a kind that is swept: such as arn:aws:ec2:REGION:ACCOUNT:instance/ID"),
        (("i-1", "--account", "12", "--region", "here"), "'12' is no account's id"),
    ):
        ran = explain(*words)
        assert ran.exit_code == 2
        assert said in ran.stderr


def test_from_a_report_the_sentence_is_the_reports_and_aws_is_not_asked(
    organization: OrganizationBuilder,
    account: str,
    explain: Callable[..., Ran],
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [stopped] = organization.instances(account, FRANKFURT, 1, DEV)
    [kept] = organization.instances(account, IRELAND, 1, {"Environment": "prod"})
    report = run("plan", "--policy", policy(RULES), "--format", "json").report
    decisions = {row["resource_id"]: row for row in report["decisions"]}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nothing answers there
    for sweep in (report["sweep_id"], "latest"):
        for one in (stopped, kept):
            ran = explain(one, "--sweep", sweep, "--format", "json")
            assert ran.exit_code == 0, ran
            found = ran.report
            row = decisions[one]
            assert found["sweep_id"] == report["sweep_id"]
            assert {name: found[name] for name in ("verdict", "rule", "reason_code", "reason")} == {
                name: row[name] for name in ("verdict", "rule", "reason_code", "reason")
            }
    assert found["nearest_rule"] == "dev"
    costly = found["rules"][0]["condition"]
    assert (costly["held"], costly["unknown"]) == (None, ["account_tag"])
    assert any("tags of accounts" in note for note in found["notes"])
    assert json.dumps(found)
    missing = explain("i-00000000000000009", "--sweep", "latest")
    assert (missing.exit_code, "has no i-00000000000000009" in missing.stderr) == (1, True)


def test_an_id_alone_is_found_by_the_newest_report(
    organization: OrganizationBuilder, account: str, explain: Callable[..., Ran], run: Run, policy: Policy
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    run("plan", "--policy", policy(RULES))
    found = explain(one, "--format", "json").report
    assert (found["resource"]["account_id"], found["sweep_id"], found["verdict"]) == (account, None, "stop")


def test_what_is_down_in_its_running_time_is_explained_by_its_mark_and_the_ledger(
    organization: OrganizationBuilder,
    account: str,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [one, by_hand] = organization.instances(account, FRANKFURT, 2, DEV)
    path = policy(RULES.replace("schedule: office-hours}", "schedule: office-hours, start: what_was_stopped}"))
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=[by_hand])
    run("sweep", "--policy", path, "--mode", "enforce", "--yes")
    assert organization.down(account, FRANKFURT) == {one, by_hand}
    set_time(monkeypatch, now=lambda: datetime(2026, 11, 26, 9, 0, tzinfo=UTC))
    plan = run("plan", "--policy", path, "--format", "json").report
    decided = {row["resource_id"]: row for row in plan["decisions"]}
    for instance in (one, by_hand):
        found = run("explain", f"{account}/{FRANKFURT}/{instance}", "--policy", path, "--format", "json").report
        row = decided[instance]
        assert (found["verdict"], found["reason"]) == (row["verdict"], row["reason"])


def test_what_a_sweep_stopped_is_explained_with_what_came_of_it_and_how_to_start_it_again(
    organization: OrganizationBuilder, account: str, explain: Callable[..., Ran], run: Run, policy: Policy
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    sweep_id = run("sweep", "--mode", "enforce", "--yes", "--policy", policy(RULES), "--format", "json").report[
        "sweep_id"
    ]
    found = explain(one, "--sweep", sweep_id, "--format", "json").report
    assert (found["outcome"]["status"], found["held_down_by"]) == ("stopped", sweep_id)
    undo = f"  stop-orchestrator undo {sweep_id} --account {account} --region {FRANKFURT} --resource {one}"
    for words in ((one, "--sweep", sweep_id), (f"{account}/{FRANKFURT}/{one}",)):
        assert undo in explain(*words).stdout.splitlines()
    assert "stopped (asked at 2026-11-25 22:30 UTC" in explain(one, "--sweep", sweep_id).stdout
