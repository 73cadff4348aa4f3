"""plan and sweep, narrowed at the command line: what is read, what is said, and with which exit code it is refused."""

from __future__ import annotations

import json

import pytest

from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run

FRANKFURT, IRELAND = "eu-central-1", "eu-west-1"
DEV = "rules: [{name: dev, where: {tag: {Environment: dev}}}, {name: rest, where: everything}]\n"
DEV_TAGS = {"Environment": "dev"}


def test_a_narrowed_enforce_stops_what_was_named_and_says_so_everywhere(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    account, other = organization.account("dev", "/Dev"), organization.account("prod", "/Prod")
    one, two = organization.instances(account, FRANKFURT, 2, DEV_TAGS)
    organization.instances(other, FRANKFURT, 1, DEV_TAGS)
    path = policy(DEV)
    planned = run("plan", "--organizational-unit", "/Dev", "--rule", "dev", "--resource", one, "--policy", path)
    assert planned.exit_code == 0
    words = " ".join(planned.stdout.split())
    assert f"Narrowed to OU /Dev; rule dev; resource {one}: it says nothing of the rest of the organization" in words
    [summary, *_] = json.loads(run("history", "--format", "json").stdout)
    assert summary["narrowed"] == {"organizational_units": ["/Dev"], "rules": ["dev"], "resources": [one]}
    assert f"{summary['sweep_id']} was narrowed to OU /Dev" in run("history").stdout
    swept = run("sweep", "--mode", "enforce", "--yes", "--account", account, "--resource", one, "--policy", path)
    assert swept.exit_code == 0
    assert organization.down(account, FRANKFURT) == {one}
    assert two not in organization.down(account, FRANKFURT)
    assert organization.down(other, FRANKFURT) == set()


def test_a_name_that_the_policy_lacks_exits_2_and_nothing_is_listed(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    ran = run("plan", "--rule", "devv", "--region", "eu-centrl-1", "--policy", policy(DEV))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[-2:] == [
        "--rule devv: the policy has no such rule (did you mean dev?); the rules are dev, rest",
        "--region eu-centrl-1: there is no such region (did you mean eu-central-1?)",
    ]
    assert organization.front.calls["organizations:ListAccountsForParent"] == 0
    assert run("history").stdout == "No sweeps yet.\n"


def test_a_name_that_the_organization_lacks_exits_4_and_nothing_is_stopped(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    account = organization.account("dev", "/Dev")
    organization.instances(account, FRANKFURT, 1, DEV_TAGS)
    enforce = ("sweep", "--mode", "enforce", "--yes", "--policy", policy(DEV))
    ran = run(*enforce, "--account", account, "--organizational-unit", "/Devv")
    assert ran.exit_code == 4
    assert "--organizational-unit /Devv: no account of o-" in ran.stderr
    assert "is in or below such an OU (did you mean /Dev?)" in ran.stderr
    ran = run(*enforce, "--resource", "i-0000000000000000f")
    assert (ran.exit_code, organization.down(account, FRANKFURT)) == (4, set())
    assert "--resource i-0000000000000000f: nothing that runs has this id or ARN" in ran.stderr


@pytest.mark.parametrize("option", ["--account", "--organizational-unit", "--region", "--rule", "--resource"])
def test_a_resume_keeps_its_narrowing_and_an_estimate_has_none(run: Run, policy: Policy, option: str) -> None:
    ran = run("sweep", "--resume", "20261123T190000Z-7f3a9c", option, "x")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--resume keeps the mode, the policy and the narrowing" in ran.stderr
    ran = run("plan", "--estimate", "--accounts", "5", option, "x", "--policy", policy(DEV))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--estimate knows sizes and no names" in ran.stderr


def test_a_summary_tells_of_opt_outs_and_of_whom_to_ask(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    account = organization.account("dev", "/Dev", {"Owner": "team-web"})
    organization.instances(account, FRANKFURT, 1, {**DEV_TAGS, "stop-orchestrator:opt-out": "true", "Owner": "=ann"})
    organization.instances(account, IRELAND, 1, {"Stage": "labs"})
    body = "required_tags: {Stage: [dev, test]}\nopt_out: {max_days: 30}\n"
    ran = run("plan", "--format", "json", "--policy", policy(DEV + body))
    sweep_id = ran.report["sweep_id"]
    [row] = ran.report["opt_outs"]
    assert (row["account_name"], row["ou_path"], row["owner"], row["spared_resources"]) == ("dev", "/Dev", "=ann", 1)
    assert (row["spared_hours_per_week"], row["violations"]) == (
        168,
        ["opt_out_too_long", "opt_out_without_reason"],
    )
    table = run("report", sweep_id)
    assert [
        line
        for line in table.stdout.splitlines()
        if len(line) > 80 and not line.startswith(("Report:", "To carry it out"))
    ] == []
    words = " ".join(table.stdout.split())
    assert "1 opt-out (opt_outs.csv): 1 resource would be stopped but for them" in words
    assert "wrong_required_tag" in words
    assert "team-web" in words
    header, line = run("report", sweep_id, "--format", "csv", "--part", "opt_outs").stdout.splitlines()
    assert header.startswith("carrier,carrier_id,account_id,")
    assert "'=ann" in line
