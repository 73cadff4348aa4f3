"""plan, apply and undo on the command line: exactly that plan, once, and what may be applied or undone at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator import app
from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.command_line import Do
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.processes import SCRIPT
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND
from tests.support.time import set_time

UNKNOWN = "20261123T190000Z-7f3a9c"
OPT_OUT = "stop-orchestrator:opt-out"
NO_CAPACITY = "InsufficientInstanceCapacity"
ACTING = ("ec2:StopInstances", "ec2:StartInstances")
REAL_NOW = app.SYSTEM_TIME.now


@pytest.fixture
def planned(ids: list[str], do: Do, policy: Policy) -> str:
    return str(do("plan", "--policy", policy(DEV_RULE)).report["sweep_id"])


def down(organization: OrganizationBuilder, account: str) -> set[str]:
    return organization.down(account, FRANKFURT) | organization.down(account, IRELAND)


def reasons(ran: Ran) -> dict[str, tuple[str, str]]:
    return {row["resource_id"]: (row["verdict"], row["reason"]) for row in ran.report["decisions"]}


def refused(ran: Ran, organization: OrganizationBuilder, words: str, acts: int = 0) -> None:
    """Exit code 2, and no more calls that stop or start than there were."""
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert acted(organization) == acts


def acted(organization: OrganizationBuilder) -> int:
    """How many calls stopped or started."""
    return sum(organization.front.calls[one] for one in ACTING)


# --- a process that dies ---------------------------------------------------------------------------------------------


@pytest.fixture
def dies(organization: OrganizationBuilder, tmp_path: Path) -> Callable[..., str]:
    """Runs a command that is killed at its first stop or start; the id of its sweep."""

    def _dies(*arguments: str) -> str:
        running: list[subprocess.Popen[bytes]] = []
        for one in ACTING:
            kill = Fault(operation=one, times=1, effect=lambda _: os.kill(running[0].pid, signal.SIGKILL))
            organization.front.faults.add(kill)
        with subprocess.Popen([SCRIPT, *arguments, "--workers", "1"], cwd=tmp_path, stderr=subprocess.DEVNULL) as one:
            running.append(one)
        organization.front.faults.clear()
        assert one.returncode == -signal.SIGKILL
        # Not by their order: another sweep may have begun in the same second.
        sweeps = Ledger(SqliteItems(tmp_path / ".stop-orchestrator"), app.now).sweeps()
        [dead] = [each for each in sweeps if each.status == "running"]
        return dead.sweep_id

    return _dies


@pytest.mark.parametrize(
    ("command", "how"), [("apply", "mended"), ("undo", "gone"), *only_in_full(("apply", "gone"), ("undo", "mended"))]
)
def test_a_dead_one_acts_no_more_once_the_text_that_it_went_by_is_another_or_cannot_be_read(
    organization: OrganizationBuilder,
    planned: str,
    do: Do,
    dies: Callable[..., str],
    policy: Policy,
    command: str,
    how: str,
) -> None:
    source = str(do("apply", planned).report["sweep_id"]) if command == "undo" else planned
    dead = dies(command, source, "--yes")
    acts = acted(organization)
    path = Path(policy(DEV_RULE.replace("Environment: dev", "Environment: none")))
    if how == "gone":
        path.unlink()
    ran = do("sweep", "--resume", dead)
    assert acted(organization) == acts
    if how == "mended":
        assert (ran.report["sweep_id"], ran.report["status"]) == (dead, "abandoned")
        assert "the policy has another text today" in str(ran.report["error"])
    else:
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert "Name its source in STOP_ORCHESTRATOR_POLICY" in ran.stderr


# --- apply ------------------------------------------------------------------------------------------------------------


def test_apply_stops_what_the_plan_says_and_names_it(
    organization: OrganizationBuilder, account: str, ids: list[str], planned: str, do: Do
) -> None:
    organization.instances(account, FRANKFURT, 1, DEV)  # not in the plan
    ran = do("apply", planned)
    assert (ran.exit_code, ran.report["mode"], ran.report["source_sweep_id"]) == (0, "apply", planned)
    assert ran.report["sweep_id"] != planned
    assert down(organization, account) == set(ids)
    tags = organization.tags(account, FRANKFURT)
    assert {tags[one]["stop-orchestrator:stopped-by"] for one in ids[:2]} == {ran.report["sweep_id"]}


@pytest.mark.parametrize("tagged", ["the instance", "the account"])
def test_what_opted_out_since_the_plan_is_kept_and_the_decision_says_so(
    organization: OrganizationBuilder, account: str, ids: list[str], planned: str, do: Do, tagged: str
) -> None:
    tags = [{"Key": OPT_OUT, "Value": "true"}]
    if tagged == "the account":
        organization.client("organizations").tag_resource(ResourceId=account, Tags=tags)
    else:
        organization.act("create_tags", account, FRANKFURT, Resources=ids[:1], Tags=tags)
    kept = set(ids) if tagged == "the account" else {ids[0]}
    ran = do("apply", planned)
    assert (ran.exit_code, down(organization, account)) == (0, set(ids) - kept)
    for one in kept:
        verdict, reason = reasons(ran)[one]
        assert verdict == "keep"
        assert reason.startswith("Changed since the plan: ")
        assert OPT_OUT in reason
    assert {row["resource_id"] for row in ran.report["outcomes"]} == set(ids) - kept


def edit_locally(folder: Path, sweep_id: str, organization: OrganizationBuilder) -> None:
    [path] = folder.glob(f".stop-orchestrator/sweeps/*/sweep={sweep_id}/plan.json")
    path.write_bytes(path.read_bytes().replace(b'"verdict":"keep"', b'"verdict":"stop"'))


def edit_in_s3(folder: Path, sweep_id: str, organization: OrganizationBuilder) -> None:
    s3 = organization.client("s3")
    [key] = [
        one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"] if f"{sweep_id}/plan.json" in one["Key"]
    ]
    content = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=key, Body=content.replace(b'"verdict":"keep"', b'"verdict":"stop"'))


@pytest.mark.parametrize("edit", [edit_locally, edit_in_s3])
def test_an_edited_plan_is_refused_and_nothing_is_stopped(
    organization: OrganizationBuilder,
    account: str,
    do: Do,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    edit: Callable[..., None],
) -> None:
    if edit is edit_in_s3:
        for name, value in organization.hub().items():
            monkeypatch.setenv(name, value)
    organization.instances(account, FRANKFURT, 1, DEV)
    organization.instances(account, FRANKFURT, 1, {"Environment": "production"})
    planned = do("plan", "--policy", policy(DEV_RULE)).report["sweep_id"]
    edit(tmp_path, planned, organization)
    refused(do("apply", planned), organization, "plan.json was altered: its SHA-256 is not the one")


@pytest.mark.parametrize(("hours", "exit_code"), [(24, 2), (23, 0)])
def test_a_plan_expires(
    organization: OrganizationBuilder,
    ids: list[str],
    do: Do,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
    exit_code: int,
) -> None:
    planned = do("plan", "--policy", policy(DEV_RULE + "plan_valid_hours: 24\n")).report["sweep_id"]
    set_time(monkeypatch, now=lambda: REAL_NOW() + timedelta(hours=hours))
    ran = do("apply", planned)
    assert ran.exit_code == exit_code
    if exit_code:
        refused(ran, organization, f"{planned} expired at 20")


def test_a_plan_is_applied_once_and_only_a_plan_is(organization: OrganizationBuilder, planned: str, do: Do) -> None:
    applied = do("apply", planned).report["sweep_id"]
    refused(do("apply", planned), organization, f"{planned} was applied already, by {applied}", acts=2)
    refused(do("apply", applied), organization, f"{applied} is no plan: its mode was apply", acts=2)


@pytest.mark.parametrize("command", ["apply", "undo"])
def test_an_unknown_sweep_and_what_is_no_sweep_id_are_refused(
    organization: OrganizationBuilder, do: Do, command: str
) -> None:
    refused(do(command, UNKNOWN), organization, f"there is no sweep {UNKNOWN} in the ledger")
    refused(do(command, "yesterday"), organization, "'yesterday' is no sweep id")


@pytest.mark.parametrize("command", ["apply", "undo"])
def test_without_a_terminal_and_without_yes_it_is_refused(
    organization: OrganizationBuilder, planned: str, run: Run, command: str
) -> None:
    refused(run(command, planned, typed="3\n"), organization, "--yes")
    refused(run(command, UNKNOWN, typed="3\n"), organization, f"there is no sweep {UNKNOWN} in the ledger")


@pytest.mark.usefixtures("terminal")
def test_at_a_terminal_the_number_is_wanted_for_apply_and_for_undo(
    organization: OrganizationBuilder, account: str, ids: list[str], planned: str, run: Run
) -> None:
    declined = run("apply", planned, typed="4\n")
    assert (declined.exit_code, down(organization, account)) == (1, set())
    ran = run("apply", planned, "--format", "json", typed="3\n")
    assert "3 resources in 1 account would be stopped now." in ran.stderr
    assert (ran.exit_code, down(organization, account)) == (0, set(ids))
    declined = run("undo", ran.report["sweep_id"], typed="yes\n")
    assert (declined.exit_code, down(organization, account)) == (1, set(ids))
    assert declined.stderr.splitlines()[-2].endswith("Declined: nothing was started.")
    assert declined.stdout == ""
    [touched] = json.loads(run("history", ids[0], "--format", "json").stdout)["actions"]
    assert touched["sweep_id"] == ran.report["sweep_id"]  # not those that were declined
    undone = run("undo", ran.report["sweep_id"], typed="3\n")
    assert "3 resources in 1 account would be started now." in undone.stderr
    assert (undone.exit_code, down(organization, account)) == (0, set())


def test_only_what_stopped_something_can_be_undone(organization: OrganizationBuilder, planned: str, do: Do) -> None:
    refused(do("undo", planned), organization, f"{planned} stopped nothing, its mode was plan")
    applied = do("apply", planned).report["sweep_id"]
    refused(do("undo", planned), organization, f"it was carried out by {applied}: undo that one", acts=2)
    undone = do("undo", applied).report["sweep_id"]
    refused(
        do("undo", undone),
        organization,
        f"{undone} is an undo itself; what it left is done by: stop-orchestrator undo ",
        acts=4,
    )


def test_what_is_stopped_in_its_running_time_takes_no_yes_in_place_of_the_number(run: Run) -> None:
    ran = run("undo", "20261123T190000Z-7f3a9c", "--outside-schedule", "--yes")
    assert ran.exit_code == 2
    assert "asks for its number" in " ".join(ran.stderr.split())
