"""`doctor --prove`: one instance that a person names is stopped and started again, by the protections of any sweep."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import app
from orchestrator.core.model.marks import MARKS
from orchestrator.demo.faults import Fault
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.permissions import Permissions, enforce, pause, policy_of
from tests.support.processes import SCRIPT
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, FRANKFURT
from tests.support.time import set_time

ACTING = ("ec2:StopInstances", "ec2:StartInstances", "ec2:CreateTags", "ec2:DeleteTags")
RULES = "rules: [{name: none, where: {tag: {Environment: nothing-has-this}}}]\n"
Prove = Callable[..., Ran]


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("dev", "/Dev")


@pytest.fixture
def instance(organization: OrganizationBuilder, account: str) -> str:
    organization.instances(account, FRANKFURT, 1, DEV)  # beside it
    return organization.instances(account, FRANKFURT, 1, DEV)[0]


@pytest.fixture
def prove(run: Run, policy: Policy, account: str, instance: str) -> Prove:
    """With --yes and as JSON, unless something else is said."""

    def _prove(*arguments: str, one: str = instance, body: str = RULES, typed: str | None = None) -> Ran:
        said = ("--yes", "--format", "json") if typed is None else ()
        where = () if "/" in one or "--region" in arguments else ("--account", account, "--region", FRANKFURT)
        options = ("--policy", policy(body, FRANKFURT), *where, *arguments, *said)
        return run("doctor", "--prove", one, *options, typed=typed)

    return _prove


def acted(organization: OrganizationBuilder) -> int:
    return sum(organization.front.calls[one] for one in ACTING)


def calls(ran: Ran) -> list[str]:
    return [one["call"].partition(":")[2] for one in ran.report["calls"]]


def of_each(ran: Ran, call: str) -> list[dict[str, object]]:
    return [one for one in ran.report["calls"] if one["call"] == call]


# --- proved -----------------------------------------------------------------------------------------------------------


def test_it_is_marked_stopped_seen_started_and_unmarked_and_nothing_else_is(
    organization: OrganizationBuilder, prove: Prove, account: str, instance: str
) -> None:
    before = organization.described(account, FRANKFURT)
    ran = prove()
    assert (ran.exit_code, ran.report["proved"], ran.report["to_undo"]) == (0, True, "")
    order = [one for one in calls(ran) if f"ec2:{one}" in ACTING]
    assert order == ["CreateTags", "StopInstances", "StartInstances", "DeleteTags"]
    [stop], [start] = of_each(ran, "ec2:StopInstances"), of_each(ran, "ec2:StartInstances")
    assert [one[0] for one in (stop["states"], start["states"])] == ["running", "stopped"]  # type: ignore[index]  # both are there
    assert {one["code"] for one in ran.report["calls"]} == {""}
    assert all(one["request_id"] for one in ran.report["calls"])
    assert calls(ran)[0] == "AssumeRole"
    seen = [one["states"] for one in of_each(ran, "ec2:DescribeInstances")]
    assert ["stopped"] in seen
    assert seen[-1] == ["running"]
    after = organization.described(account, FRANKFURT)
    assert {one: raw["State"]["Name"] for one, raw in after.items()} == dict.fromkeys(before, "running")
    assert after[instance]["Tags"] == before[instance]["Tags"]


def test_each_of_its_sweeps_is_in_the_history_with_its_report(prove: Prove, run: Run) -> None:
    report = prove().report
    rows = json.loads(run("history", "--format", "json").stdout)
    assert {row["mode"]: row["sweep_id"] for row in rows} == {one: report[one] for one in ("plan", "apply", "undo")}
    assert {row["status"] for row in rows} == {"complete"}
    assert {row["mode"]: bool(row["consent"]) for row in rows} == {"plan": False, "apply": True, "undo": True}
    for row in rows:
        assert run("report", row["sweep_id"]).exit_code == 0
        assert run("verify", row["sweep_id"]).exit_code == 0


@pytest.mark.usefixtures("terminal")
def test_its_table_fits_80_columns_and_shows_each_answer(
    prove: Prove, instance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ran = prove(typed=f"{instance}\n")
    assert ran.exit_code == 0
    assert max(len(line.rstrip()) for line in ran.stdout.splitlines() if not line.startswith("Sweeps: ")) <= 80
    text = " ".join(ran.stdout.split())
    for words in ("ec2:StopInstances", "was running", "request ", FRANKFURT, "Proved: marked, stopped, seen stopped"):
        assert words in text
    assert f"{instance} in" in ran.stderr
    assert "There is no kill switch" in ran.stderr


@pytest.mark.full
def test_account_region_and_id_may_be_one_word(prove: Prove, account: str, instance: str) -> None:
    assert prove(one=f"{account}/{FRANKFURT}/{instance}").exit_code == 0


@pytest.mark.full
def test_the_templates_roles_allow_all_of_it(
    organization: OrganizationBuilder, prove: Prove, monkeypatch: pytest.MonkeyPatch
) -> None:
    permissions = Permissions(policy_of("member-role", "MemberRole"), policy_of("hub", "HubRole"))
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)
    enforce(organization, permissions)
    ran = prove()
    pause(organization, permissions)
    assert set(permissions.refused) <= {("hub", "s3:DeleteObject")}  # of the probe that it can write
    assert ran.exit_code == 0


# --- not without consent ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("typed", ["1\n", *only_in_full("yes\n", "", "i-0\n")])
def test_anything_but_its_id_stops_nothing(organization: OrganizationBuilder, prove: Prove, typed: str) -> None:
    ran = prove(typed=typed)
    assert (ran.exit_code, acted(organization)) == (1, 0)
    assert "Declined: nothing was stopped." in ran.stderr


def test_without_a_terminal_and_without_yes_it_is_refused(
    organization: OrganizationBuilder, run: Run, policy: Policy, account: str, instance: str
) -> None:
    organization.front.calls.clear()
    where = ("--account", account, "--region", FRANKFURT)
    ran = run("doctor", "--prove", instance, "--policy", policy(RULES), *where)
    assert (ran.exit_code, dict(organization.front.calls)) == (2, {})


def test_every_mistake_of_what_is_named_is_told_at_once(organization: OrganizationBuilder, prove: Prove) -> None:
    organization.front.calls.clear()
    ran = prove("--region", "Frankfurt", "--account", "12", one="i-xyz")
    assert (ran.exit_code, dict(organization.front.calls)) == (2, {})
    for words in ("'i-xyz' must be", "'12' must be", "'Frankfurt' must be"):
        assert words in ran.stderr


@pytest.mark.parametrize("options", [("--yes",), ("--region", FRANKFURT), ("--account", "111122223333")])
def test_what_is_said_for_a_proof_is_no_option_of_a_diagnosis(
    run: Run, policy: Policy, options: tuple[str, ...]
) -> None:
    assert run("doctor", "--policy", policy(RULES), *options).exit_code == 2


@pytest.mark.parametrize("mode", ["plan", "approve"])
def test_a_mode_that_is_set_refuses_it(
    organization: OrganizationBuilder, prove: Prove, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", mode)
    assert prove().exit_code == 2
    assert acted(organization) == 0


# --- what is kept by a sweep is kept here -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"stop-orchestrator:opt-out": "true"}, "opt"),
        ({"aws:autoscaling:groupName": "web"}, "Auto Scaling"),
        *only_in_full(
            ({"stop-orchestrator:protected": ""}, "protected"),
            ({"Stop-Orchestrator:Opt_Out": "no"}, "misspelt"),
            ({"aws:eks:cluster-name": "web"}, "EKS"),
        ),
    ],
)
def test_what_a_sweep_would_keep_is_refused_with_its_reason(
    organization: OrganizationBuilder, prove: Prove, account: str, tags: dict[str, str], words: str
) -> None:
    [kept] = organization.instances(account, FRANKFURT, 1, {**DEV, **tags})
    ran = prove(one=kept)
    assert (ran.exit_code, acted(organization)) == (2, 0)
    assert words in ran.report["why"]
    assert (ran.report["proved"], ran.report["apply"], ran.report["to_undo"]) == (False, "", "")


def test_what_does_not_run_is_refused(
    organization: OrganizationBuilder, prove: Prove, account: str, instance: str
) -> None:
    organization.act("stop_instances", account, FRANKFURT, InstanceIds=[instance])
    before = acted(organization)
    ran = prove()
    assert (ran.exit_code, acted(organization)) == (2, before)
    assert "not running" in ran.report["why"]


@pytest.mark.parametrize(
    "scope",
    [
        "organization: {exclude: [/Dev]}\n",
        *only_in_full(
            "organization: {include: [/Other]}\n",
            "regions: {include: [eu-west-1]}\n",
            "regions: {include: ['eu-*'], exclude: [eu-central-1]}\n",
        ),
    ],
)
def test_where_the_policy_leaves_out_it_is_refused(
    organization: OrganizationBuilder, run: Run, account: str, instance: str, tmp_path: Path, scope: str
) -> None:
    organization.account("other", "/Other")
    (tmp_path / "p.yaml").write_text(f"version: 1\nname: test\n{scope}{RULES}")
    asked = ("--prove", f"{account}/{FRANKFURT}/{instance}", "--policy", "p.yaml", "--yes", "--format", "json")
    ran = run("doctor", *asked)
    assert (ran.exit_code, acted(organization)) == (2, 0)
    assert "excluded" in ran.report["why"]


def test_an_account_that_opted_out_is_refused(
    organization: OrganizationBuilder, prove: Prove, instance: str, account: str
) -> None:
    tag = [{"Key": "stop-orchestrator:opt-out", "Value": "true"}]
    organization.client("organizations").tag_resource(ResourceId=account, Tags=tag)
    ran = prove()
    assert (ran.exit_code, acted(organization)) == (2, 0)
    assert "opted_out" in ran.report["why"]


def test_an_excluded_name_that_matches_nothing_holds_it(organization: OrganizationBuilder, prove: Prove) -> None:
    ran = prove(body=f"organization: {{exclude: [/Prod]}}\n{RULES}")
    assert (ran.exit_code, acted(organization)) == (4, 0)
    assert "/Prod" in ran.report["why"]


@pytest.mark.parametrize(("limits", "code"), [("max_stops: 0", 4), *only_in_full(("max_stops_percent: 1", 0))])
def test_counts_limit_it_and_percentages_of_one_do_not(prove: Prove, limits: str, code: int) -> None:
    assert prove(body=f"guardrails: {{{limits}}}\n{RULES}").exit_code == code


def test_a_target_that_cannot_be_read_is_incomplete(organization: OrganizationBuilder, prove: Prove) -> None:
    organization.front.faults.add(Fault(operation="sts:AssumeRole", code="AccessDenied", status=403))
    ran = prove()
    assert (ran.exit_code, acted(organization)) == (3, 0)
    assert "denied" in ran.report["why"]


@pytest.mark.parametrize("one", ["i-00000000000000000", "999999999999/eu-central-1/i-0123456789abcdef0"])
def test_what_is_not_there_is_bad_usage(organization: OrganizationBuilder, prove: Prove, one: str) -> None:
    ran = prove(one=one)
    assert (ran.exit_code, ran.stdout, acted(organization)) == (2, "", 0)
    assert one.rpartition("/")[2] in ran.stderr or "no account of the organization" in ran.stderr


# --- halts, and what fails half-way -----------------------------------------------------------------------------------


def test_a_pulled_kill_switch_refuses_it(organization: OrganizationBuilder, prove: Prove, tmp_path: Path) -> None:
    (tmp_path / "switch").write_text("stop")
    ran = prove("--kill-switch", f"file:{tmp_path / 'switch'}")
    assert (ran.exit_code, acted(organization)) == (1, 0)


def test_a_kill_switch_that_is_pulled_after_the_stop_keeps_it_from_being_started_and_says_how_to(
    organization: OrganizationBuilder, prove: Prove, run: Run, tmp_path: Path, instance: str, account: str
) -> None:
    switch = tmp_path / "switch"
    switch.write_text("go")
    pull = Fault(operation="ec2:StopInstances", times=1, effect=lambda _: switch.write_text("stop"))
    organization.front.faults.add(pull)
    ran = prove("--kill-switch", f"file:{switch}")
    assert (ran.exit_code, organization.front.calls["ec2:StartInstances"]) == (1, 0)
    assert organization.down(account, FRANKFURT) == {instance}
    rows = json.loads(run("history", "--format", "json").stdout)
    [found] = [row["sweep_id"] for row in rows if row["mode"] == "apply"]
    assert f"stop-orchestrator undo {found}" in ran.stderr
    assert run("undo", found, "--yes").exit_code == 0
    assert organization.down(account, FRANKFURT) == set()


def test_a_start_without_capacity_leaves_it_recorded_as_held_down_and_says_how_to_start_it(
    organization: OrganizationBuilder,
    prove: Prove,
    run: Run,
    instance: str,
    account: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_time(monkeypatch, sleep=lambda _: None)
    organization.front.faults.add(Fault(operation="ec2:StartInstances", code="InsufficientInstanceCapacity"))
    ran = prove()
    applied = ran.report["apply"]
    assert (ran.exit_code, ran.report["proved"], ran.report["to_undo"]) == (5, False, applied)
    assert "InsufficientInstanceCapacity" in ran.report["why"]
    assert {one["code"] for one in of_each(ran, "ec2:StartInstances")} == {"InsufficientInstanceCapacity"}
    assert organization.down(account, FRANKFURT) == {instance}
    organization.front.faults.clear()
    assert run("undo", applied, "--yes").exit_code == 0
    assert organization.down(account, FRANKFURT) == set()


def test_a_refused_stop_is_shown_and_nothing_is_left_behind(
    organization: OrganizationBuilder, prove: Prove, instance: str, account: str
) -> None:
    organization.front.faults.add(Fault(operation="ec2:StopInstances", code="OperationNotPermitted", status=400))
    ran = prove()
    assert (ran.exit_code, ran.report["to_undo"], ran.report["undo"]) == (5, "", "")
    assert "OperationNotPermitted" in ran.report["why"]
    tags = {one["Key"] for one in organization.described(account, FRANKFURT)[instance]["Tags"]}
    assert not tags & set(MARKS)


@pytest.mark.full
def test_when_its_process_dies_after_the_stop_history_and_undo_reach_it(
    organization: OrganizationBuilder, policy: Policy, run: Run, tmp_path: Path, instance: str, account: str
) -> None:
    running: list[subprocess.Popen[bytes]] = []

    def kill(_: object) -> None:
        os.kill(running[0].pid, signal.SIGKILL)

    organization.front.faults.add(Fault(operation="ec2:StartInstances", code="InternalError", effect=kill))
    where = f"{account}/{FRANKFURT}/{instance}"
    command = [SCRIPT, "doctor", "--prove", where, "--policy", policy(RULES, FRANKFURT), "--yes"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        running.append(one)
    organization.front.faults.clear()
    assert one.returncode == -signal.SIGKILL
    sweeps = {one.mode: one for one in Ledger(SqliteItems(tmp_path / ".stop-orchestrator"), app.now).sweeps(3)}
    undo, applied = sweeps["undo"], sweeps["apply"]
    assert (undo.status, applied.status) == ("running", "complete")
    assert organization.down(account, FRANKFURT) == {instance}
    assert run("undo", applied.sweep_id, "--yes").exit_code == 0
    assert organization.down(account, FRANKFURT) == set()


@pytest.mark.full
def test_a_plan_that_died_is_never_resumed_as_one_of_a_whole_region(
    organization: OrganizationBuilder, policy: Policy, run: Run, tmp_path: Path, instance: str, account: str
) -> None:
    running: list[subprocess.Popen[bytes]] = []
    kill = Fault(operation="ec2:DescribeInstances", times=1, effect=lambda _: os.kill(running[0].pid, signal.SIGKILL))
    organization.front.faults.add(kill)
    path = policy(RULES, FRANKFURT)
    where = f"{account}/{FRANKFURT}/{instance}"
    command = [SCRIPT, "doctor", "--prove", where, "--policy", path, "--yes"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        running.append(one)
    organization.front.faults.clear()
    Path(path).unlink()  # where it is there, its text is another one, and the plan is closed as abandoned
    [dead] = Ledger(SqliteItems(tmp_path / ".stop-orchestrator"), app.now).sweeps(1)
    ran = run("sweep", "--resume", dead.sweep_id, "--format", "json")
    assert [row["resource_id"] for row in ran.report["decisions"]] == [instance]


@pytest.mark.full
def test_when_its_process_dies_amid_the_stop_it_is_closed_first_and_then_undone(
    organization: OrganizationBuilder, policy: Policy, run: Run, tmp_path: Path, instance: str, account: str
) -> None:
    running: list[subprocess.Popen[bytes]] = []

    def kill(_: object) -> None:
        os.kill(running[0].pid, signal.SIGKILL)

    stops = Fault(operation="ec2:StopInstances", code="InternalError", carried_out=True, effect=kill)
    organization.front.faults.add(stops)
    where = f"{account}/{FRANKFURT}/{instance}"
    command = [SCRIPT, "doctor", "--prove", where, "--policy", policy(RULES, FRANKFURT), "--yes"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        running.append(one)
    organization.front.faults.clear()
    sweeps = {one.mode: one for one in Ledger(SqliteItems(tmp_path / ".stop-orchestrator"), app.now).sweeps(2)}
    applied = sweeps["apply"].sweep_id
    assert (sweeps["apply"].status, organization.down(account, FRANKFURT)) == ("running", {instance})
    told = run("undo", applied, "--yes")
    assert (told.exit_code, f"sweep --resume {applied}" in told.stderr) == (2, True)
    closed = run("sweep", "--resume", applied, "--format", "json")
    assert (closed.report["status"], [row["status"] for row in closed.report["outcomes"]]) == ("abandoned", ["stopped"])
    assert f"to start again what it stopped: stop-orchestrator undo {applied}" in closed.report["error"]
    assert run("undo", applied, "--yes").exit_code == 0
    assert organization.down(account, FRANKFURT) == set()
