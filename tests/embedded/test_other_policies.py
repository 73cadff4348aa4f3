"""Two teams and one hub over the embedded AWS: their policies in S3, which are active in DynamoDB.

What is for the full suite alone has its fast test over the world in memory (tests/sweep/test_other_policies.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.lambdas import FRANKFURT, dev_accounts, invoked, written_report
from tests.support.other_policies import activate_other, ledger_of

ENFORCE = {"mode": "enforce"}
DEV = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
TEAM_B = "organization: {include: [/Workloads]}\nrules: [{name: b, where: {account_tag: {Team: b}}}]"


def an_account_of_team_b(hub: OrganizationBuilder) -> str:
    account = hub.account("b", "/Workloads/B", tags={"Team": "b"})
    [instance] = hub.instances(account, FRANKFURT, 1, {"Environment": "dev"})
    return instance


def codes(report: dict[str, object]) -> dict[str, str]:
    rows: list[dict[str, str]] = report["decisions"]  # type: ignore[assignment]  # as the schema has them
    return {row["resource_id"]: row["reason_code"] for row in rows}


def test_the_lambda_stops_its_own_and_keeps_what_the_other_teams_policy_owns_too(hub: OrganizationBuilder) -> None:
    mine = set(dev_accounts(hub, 1).values())
    theirs = an_account_of_team_b(hub)
    activate_other(hub, "team-b", TEAM_B)
    answer = invoked(ENFORCE)
    report = written_report(hub, answer["sweep_id"])
    assert answer["status"] == "incomplete"
    assert codes(report) == {**dict.fromkeys(mine, "any_time"), theirs: "owned_by_two_policies"}
    assert {row["resource_id"] for row in report["outcomes"] if row["status"] == "stopped"} == mine


@pytest.mark.full
def test_a_text_that_is_not_there_any_more_holds_the_lambda_and_is_named(hub: OrganizationBuilder) -> None:
    dev_accounts(hub, 1)
    hub.client("s3").delete_object(Bucket=BUCKET, Key=activate_other(hub, "team-b", TEAM_B))
    answer = invoked(ENFORCE)
    [row] = [one for one in written_report(hub, answer["sweep_id"])["guardrails"] if not one["passed"]]
    assert (answer["status"], row["name"]) == ("held", "other_policies_known")
    assert f"the policy s3://{BUCKET}/policies/team-b.yaml cannot be read: NoSuchKey" in row["detail"]
    assert hub.front.calls["ec2:StopInstances"] == 0


@pytest.mark.full
def test_at_a_terminal_with_the_table_a_plan_names_it_and_apply_takes_in_what_was_activated_since(
    hub: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    mine = set(dev_accounts(hub, 1).values())
    theirs = an_account_of_team_b(hub)
    file = policy(DEV)
    activate_other(hub, "team-b", TEAM_B)
    ran = run("plan", "--policy", file)
    assert ran.exit_code == 3
    assert "Kept: owned by two policies" in ran.stdout
    assert "Other active policies: team-b (" in ran.stdout
    assert theirs in ran.stdout
    planned = run("plan", "--policy", file, "--format", "json").report
    activate_other(hub, "team-c", DEV)
    ran = run("apply", planned["sweep_id"], "--yes", "--format", "json")
    assert (ran.exit_code, set(codes(ran.report).values())) == (3, {"owned_by_two_policies"})
    assert hub.front.calls["ec2:StopInstances"] == 0
    assert set(codes(ran.report)) == {*mine, theirs}


@pytest.mark.full
def test_under_its_own_name_a_policy_at_a_terminal_takes_the_place_of_the_active_one(
    hub: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    dev_accounts(hub, 1)
    file = policy(DEV)
    name = Path(file).read_text().splitlines()[1].removeprefix("name: ")
    activate_other(hub, name, "rules: [{name: everything, where: everything}]")
    assert run("plan", "--policy", file).exit_code == 0


def test_without_a_table_there_are_no_others(
    hub: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dev_accounts(hub, 1)
    activate_other(hub, "team-b", "rules: [{name: everything, where: everything}]")
    for name in ("REPORT_BUCKET", "TABLE"):
        monkeypatch.delenv(f"STOP_ORCHESTRATOR_{name}")
    ran = run("plan", "--policy", policy(DEV), "--store", str(tmp_path), "--format", "json")
    assert (ran.exit_code, ran.report["other_policies"]) == (0, [])


def test_a_table_that_names_a_file_of_a_machine_has_none_read_here(
    hub: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    file = policy(DEV)
    activate_other(hub, "team-b", DEV)
    ledger = ledger_of(hub)
    active = ledger.active_policies()["team-b"]
    ledger.activate_policy("team-b", type(active)(active.policy_sha256, "bob", active.activated_at, file))
    ran = run("plan", "--policy", file, "--format", "json")
    assert ran.exit_code == 4
    assert "it is on the machine that activated it" in str(ran.report["guardrails"])


def test_the_cost_is_a_query_and_a_read_of_each_text(hub: OrganizationBuilder, run: Run, policy: Policy) -> None:
    dev_accounts(hub, 1)
    file = policy(DEV)
    run("plan", "--policy", file)  # what the first listing has is remembered
    before = run("plan", "--policy", file, "--format", "json").report["calls"]
    activate_other(hub, "team-b", "rules: []")
    after = run("plan", "--policy", file, "--format", "json").report["calls"]
    more = {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}
    assert more == {"s3:GetObject": 1, "dynamodb:GetItem": 1, "dynamodb:Query": 1}


@pytest.mark.full
def test_one_refusal_of_s3_is_not_the_end(hub: OrganizationBuilder, run: Run, policy: Policy) -> None:
    dev_accounts(hub, 1)
    activate_other(hub, "team-b", "rules: []")
    hub.front.faults.add(Fault(code="AccessDenied", status=403, operation="s3:*team-b.yaml", times=1))
    assert run("plan", "--policy", policy(DEV)).exit_code == 0
