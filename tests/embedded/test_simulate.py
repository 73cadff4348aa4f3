"""`simulate` at the command line: live and from reports, and where two policies differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.sweeps import DEV, FRANKFURT
from tests.support.time import set_time

RULES = """
timezone: Europe/Berlin
schedules: {office-hours: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}}
rules:
  - {name: costly, where: {account_tag: {CostCenter: "cc-*"}}}
  - {name: dev, where: {tag: {Environment: dev}}, schedule: office-hours}
"""
NOON = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)
OPT_OUT = "stop-orchestrator:opt-out"
DAY = [("2026-11-25T18:00:00Z", "running", "stopped"), ("2026-11-26T06:00:00Z", "stopped", "running")]


@pytest.fixture
def account(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> str:
    set_time(monkeypatch, now=lambda: NOON)
    return organization.account("dev", "/Workloads/Dev", {"CostCenter": "xx-1"})


@pytest.fixture
def simulate(run: Run) -> Callable[..., Ran]:
    return lambda *words: run("simulate", *words, "--format", "json")


def edges(ran: Ran, resource_id: str) -> list[tuple[str, str, str]]:
    assert ran.exit_code == 0, ran
    rows: list[dict[str, Any]] = json.loads(ran.stdout)
    return [(row["at"], row["from"], row["to"]) for row in rows if row["resource_id"] == resource_id]


def test_live_it_has_a_row_for_each_edge_and_writes_nothing(
    organization: OrganizationBuilder, account: str, simulate: Callable[..., Ran], policy: Policy
) -> None:
    lab = organization.account("lab", "/Labs", {OPT_OUT: "2026-11-25"})
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    [other] = organization.instances(account, FRANKFURT, 1, {"Environment": "prod"})
    [in_lab] = organization.instances(lab, FRANKFURT, 1, DEV)
    ran = simulate("--policy", policy(RULES), "--days", "1")
    assert edges(ran, one) == DAY
    assert edges(ran, other) == []
    assert edges(ran, in_lab) == [("2026-11-25T23:00:00Z", "kept", "stopped"), DAY[1]]
    row = next(row for row in json.loads(ran.stdout) if row["resource_id"] == one)
    assert list(row) == ["at", "account_id", "region", "kind", "resource_id", "from", "to", "rule", "reason"]
    assert (row["account_id"], row["region"], row["kind"], row["rule"]) == (account, FRANKFURT, "ec2", "dev")
    assert organization.down(account, FRANKFURT) == set()
    assert not Path(".stop-orchestrator").exists()


def test_from_a_stored_report_in_every_form_it_is_the_same_and_aws_is_not_asked(
    organization: OrganizationBuilder,
    account: str,
    simulate: Callable[..., Ran],
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    path = policy(RULES)
    report = run("plan", "--policy", path, "--format", "json").report
    [folder] = Path(".stop-orchestrator").glob(f"sweeps/*/sweep={report['sweep_id']}")
    laid_out = Path("laid-out.json")
    laid_out.write_text(json.dumps(report, indent=2))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nothing answers there
    for words in (
        ("--sweep", "latest"),
        ("--sweep", report["sweep_id"], "--policy", path),
        ("--inventory", str(folder / "report.json"), "--policy", path),
        ("--inventory", str(laid_out), "--policy", path),
    ):
        ran = simulate(*words, "--days", "1")
        assert edges(ran, one) == DAY, words
        assert "of the tags of accounts only those that its decisions looked at" in ran.stderr
    # A list of decisions does not tell by which policy: what the rule before asks for is unknown, so it is kept.
    ran = simulate("--inventory", str(folder / "decisions.jsonl.gz"), "--policy", path, "--days", "1")
    assert edges(ran, one) == []
    simple = policy(RULES.replace("account_tag: {CostCenter", "tag: {CostCenter"))
    ran = simulate("--inventory", str(folder / "decisions.jsonl.gz"), "--policy", simple, "--days", "1")
    assert edges(ran, one) == DAY


@pytest.mark.full
def test_it_agrees_with_plans_for_the_minutes_before_and_after_each_edge(
    organization: OrganizationBuilder, account: str, simulate: Callable[..., Ran], run: Run, policy: Policy
) -> None:
    lab = organization.account("lab", "/Labs", {OPT_OUT: "2026-11-26"})
    for one in (account, lab):
        organization.instances(one, FRANKFURT, 1, DEV)
    organization.instances(account, FRANKFURT, 1, {**DEV, OPT_OUT: "2026-11-25"})
    path = policy(RULES)
    rows = json.loads(simulate("--policy", path, "--days", "2").stdout)
    assert len({row["resource_id"] for row in rows}) == 3
    for at in sorted({row["at"] for row in rows}):
        moment = datetime.fromisoformat(at)
        before, after = (
            {
                row["resource_id"]: row["verdict"]
                for row in run("plan", "--policy", path, "--at", when.isoformat(), "--format", "json").report[
                    "decisions"
                ]
            }
            for when in (moment - timedelta(minutes=1), moment)
        )
        for row in rows:
            if row["at"] == at:  # an account that is opted out has no decisions
                told = (before.get(row["resource_id"], "keep"), after.get(row["resource_id"], "keep"))
                assert told == tuple("stop" if row[side] == "stopped" else "keep" for side in ("from", "to"))


def test_a_look_leaves_store_and_ledger_as_they_are(
    organization: OrganizationBuilder, account: str, simulate: Callable[..., Ran], run: Run, policy: Policy
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    path = policy(RULES)
    run("plan", "--policy", path)
    organization.account("new", "/New")  # which a sweep would remember
    before = _files()
    simulate("--policy", path)
    run("plan", "--policy", path, "--at", "2026-12-24")
    run("explain", one, "--policy", path)
    run("explain", one, "--sweep", "latest")
    assert _files() == before


def _files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(".stop-orchestrator").rglob("*") if path.is_file()}


def test_of_two_policies_only_what_differs_is_shown(
    organization: OrganizationBuilder, account: str, simulate: Callable[..., Ran], run: Run, policy: Policy
) -> None:
    [one] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.instances(account, FRANKFURT, 1, {"Environment": "prod"})
    first = Path(policy(RULES)).rename("first.yaml")
    second = Path(policy(RULES.replace("07:00-19:00", "07:00-20:00"))).rename("second.yaml")
    policies = ("--policy", str(first), "--policy", str(second))
    ran = simulate(*policies, "--days", "1")
    rows = json.loads(ran.stdout)
    assert [(row["policy"], row["resource_id"], row["at"], row["to"]) for row in rows] == [
        ("first.yaml", one, "2026-11-25T18:00:00Z", "stopped"),
        ("second.yaml", one, "2026-11-25T19:00:00Z", "stopped"),
    ]
    table = run("simulate", *policies, "--days", "1").stdout
    assert "Only one of them asks" in table
    assert all(len(line) <= 80 for line in table.splitlines())


def test_the_table_draws_a_week_by_hours_for_each_rule_in_80_columns(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    organization.instances(account, FRANKFURT, 2, DEV)
    ran = run("simulate", "--policy", policy(RULES), "--from", "2026-11-23", "--days", "14")
    assert ran.exit_code == 0, ran
    lines = ran.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "costly: owns nothing of it" in lines
    assert "dev: 2 resources, Europe/Berlin" in lines
    assert f"Mon 2026-11-23 {'..' * 7}{'##' * 12}{'..' * 5}" in lines
    assert f"Sun 2026-11-29 {'..' * 24}" in lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--days", "1", "--until", "2026-12-01"), "--until and --days exclude each other"),
        (("--until", "2026-11-01"), "has to be after the beginning"),
        (("--step", "7m"), "--step: '7m' is no step; steps are 1m, 5m"),
        (("--from", "soon"), "--from: 'soon' is no moment"),
        (("--inventory", "none.json"), "none.json cannot be read"),
        (("--inventory", "policy.yaml"), "policy.yaml is neither a report.json nor a decisions.jsonl.gz"),
        (("--inventory", "x", "--sweep", "latest"), "exclude each other"),
    ],
)
def test_bad_usage_says_what_would_be_right(run: Run, policy: Policy, words: tuple[str, ...], said: str) -> None:
    ran = run("simulate", "--policy", policy(RULES), *words)
    assert (ran.exit_code, said in ran.stderr) == (2, True), ran


# --- narrowed ---------------------------------------------------------------------------------------------------------


def resources_of(ran: Ran) -> set[str]:
    assert ran.exit_code == 0, ran
    return {row["resource_id"] for row in json.loads(ran.stdout)}


def test_it_may_be_narrowed_as_a_plan_live_and_from_a_report(
    organization: OrganizationBuilder, account: str, simulate: Callable[..., Ran], run: Run, policy: Policy
) -> None:
    other = organization.account("other", "/Labs")
    one, two = organization.instances(account, FRANKFURT, 2, DEV)
    [in_labs] = organization.instances(other, "eu-west-1", 1, DEV)
    path = policy(RULES)
    run("plan", "--policy", path)
    for narrowed, left in (
        (("--account", other), {in_labs}),
        (("--organizational-unit", "/Workloads"), {one, two}),
        (("--region", "eu-west-1"), {in_labs}),
        (("--resource", one), {one}),
        (("--rule", "dev", "--resource", two, "--resource", in_labs), {two, in_labs}),
        (("--rule", "costly"), set()),
    ):
        for source in (("--policy", path), ("--sweep", "latest")):
            ran = simulate(*source, "--days", "1", *narrowed)
            assert resources_of(ran) == left, (source, narrowed)
            assert "Narrowed to " in ran.stderr


def test_what_it_is_narrowed_to_and_is_not_there_is_an_error_as_of_a_plan(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    organization.instances(account, FRANKFURT, 1, DEV)
    path = policy(RULES)
    run("plan", "--policy", path)
    for source in (("--policy", path), ("--sweep", "latest")):
        ran = run("simulate", *source, "--rule", "devv")
        assert (ran.exit_code, "the policy has no such rule (did you mean dev?)" in ran.stderr) == (2, True)
        for names in (("--resource", "i-0000000000000000f"), ("--account", "999999999999")):
            ran = run("simulate", *source, *names)
            assert (ran.exit_code, f"{' '.join(names)}: " in ran.stderr, ran.stdout) == (4, True, ""), source
    ran = run("simulate", "--sweep", "latest", "--organizational-unit", "ou-abcd-12345678")
    assert (ran.exit_code, "a report has no ids of OUs; name it by its path" in ran.stderr) == (4, True)


def test_each_example_of_its_help_is_a_command(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    organization.instances(account, FRANKFURT, 1, DEV)
    first, other = policy(RULES), Path("other.yaml")
    other.write_text(Path(first).read_text().replace("19:00", "20:00"))
    paths = {"config/policy.yaml": first, "OTHER": str(other), "RULE": "dev"}
    run("plan", "--policy", paths["config/policy.yaml"])
    lines = [line.split() for line in run("simulate", "--help").stdout.splitlines()]
    examples = [words[1:] for words in lines if words[:2] == ["stop-orchestrator", "simulate"]]
    assert len(examples) == 3
    for words in examples:
        ran = run(*(paths.get(word, word) for word in words))
        assert ran.exit_code == 0, (words, ran)
