"""history, verify and sweep --resume: which sweeps there were, that nothing of them was touched, and going on."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator import app
from orchestrator.cli.history import print_history
from orchestrator.cli.terminal import SafeConsole
from orchestrator.demo.faults import Fault
from orchestrator.ledger.lease import EXECUTION, Lease, Leases
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.local.sqlite_items import SqliteItems
from orchestrator.settings import Settings
from tests.support.builders import a_resource
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.processes import SCRIPT
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND

STORE = Path(".stop-orchestrator")
DEAD, WAITING, UNKNOWN = "20261123T190000Z-7f3a9c", "20261123T190001Z-0a1b2c", "20261123T190002Z-3d4e5f"


@pytest.fixture
def planned(healthy: str, run: Run, policy: Policy) -> str:
    return sweep_id_of(run("plan", "--format", "json", "--policy", policy(DEV_RULE)))


def sweep_id_of(ran: Ran) -> str:
    return str(ran.report["sweep_id"])


def ledger() -> Ledger:
    return Ledger(SqliteItems(STORE), app.now)


def listed(run: Run, *arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("history", "--format", "json", *arguments).stdout)
    return rows


def file_of(sweep_id: str, name: str) -> Path:
    [path] = STORE.glob(f"sweeps/*/sweep={sweep_id}/{name}")
    return path


# --- history ----------------------------------------------------------------------------------------------------------


def test_history_before_the_first_sweep_is_empty(organization: OrganizationBuilder, run: Run) -> None:
    assert (run("history").exit_code, run("history").stdout) == (0, "No sweeps yet.\n")
    assert listed(run) == []


def test_history_lists_every_sweep_newest_first_with_how_it_ended(
    organization: OrganizationBuilder,
    healthy: str,
    planned: str,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enforce = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")
    applied = sweep_id_of(run("apply", planned, "--yes", "--format", "json"))
    undone = sweep_id_of(run("undo", applied, "--yes", "--format", "json"))
    held = sweep_id_of(run(*enforce, policy(DEV_RULE + "guardrails: {max_stops: 0}\n")))
    approve = ("sweep", "--mode", "approve", "--format", "json", "--policy")
    waiting = sweep_id_of(run(*approve, policy(DEV_RULE)))
    organization.front.faults.add(Fault("UnauthorizedOperation", region=IRELAND, operation="ec2:DescribeInstances"))
    incomplete = sweep_id_of(run("plan", "--format", "json", "--policy", policy(DEV_RULE)))
    organization.front.faults.add(Fault("AccessDeniedException", operation="organizations:*"))
    failed = sweep_id_of(run(*enforce, policy(DEV_RULE)))
    rows = listed(run)
    assert {row["sweep_id"]: (row["mode"], row["status"], row["source_sweep_id"]) for row in rows} == {
        planned: ("plan", "complete", ""),
        applied: ("apply", "complete", planned),
        undone: ("undo", "complete", applied),
        held: ("enforce", "held", ""),
        waiting: ("approve", "awaiting_approval", ""),
        incomplete: ("plan", "incomplete", ""),
        failed: ("enforce", "failed", ""),
    }
    assert [row["sweep_id"] for row in rows] == sorted((row["sweep_id"] for row in rows), reverse=True)
    assert [row["sweep_id"] for row in listed(run, "--limit", "2")] == [row["sweep_id"] for row in rows[:2]]
    by_id = {row["sweep_id"]: row for row in rows}
    assert by_id[applied]["totals"]["stopped"] == by_id[undone]["totals"]["started"] == 1
    assert "OrganizationError" in by_id[failed]["error"]
    assert "policy" not in rows[0]
    monkeypatch.setattr("orchestrator.cli.console.stdout.width", 80)
    ran = run("history")
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    table = [line for line in lines if line[:8].isdigit() and " was confirmed " not in line]
    cells = {line.split()[0]: line.split()[1:3] for line in table}
    assert cells[held] == ["enforce", "held"]
    assert cells[waiting] == ["approve", "awaiting"]
    assert f"{applied} carried out the plan of {planned}" in lines
    assert f"{undone} undid {applied}" in lines
    assert f"To carry it out: stop-orchestrator apply {waiting}" in lines
    assert "Its process died" not in ran.stdout


@pytest.mark.parametrize(
    ("status", "totals", "does"),
    [
        ("held", {"planned": 3, "held": 3}, "was to carry out the plan of"),
        ("aborted", {"planned": 3, "not_attempted": 3}, "was to carry out the plan of"),
        ("held", {"planned": 3, "stopped": 1, "held": 2}, "carried out the plan of"),
        ("incomplete", {"planned": 3, "unknown": 3}, "carried out the plan of"),
        ("complete", {"planned": 0}, "carried out the plan of"),
    ],
)
def test_history_says_of_an_apply_that_did_nothing_what_it_was_to_do(
    status: str, totals: dict[str, int], does: str
) -> None:
    file = io.StringIO()
    consent = {"by": "ann", "how": "typed"}
    one = SweepSummary(DEAD, status, "apply", "test", "", source_sweep_id=WAITING, totals=totals, consent=consent)
    print_history(SafeConsole(file=file, width=80), [one], {})
    assert f"{DEAD} {does} {WAITING}" in file.getvalue()


def begun(sweep_id: str, policy_text: str = "", **more: Any) -> None:
    """A sweep of which the ledger only knows that it began."""
    at = f"{sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}T19:00:00Z"
    ledger().begin(SweepSummary(sweep_id, "running", "plan", "test", at, policy=policy_text, **more))


def test_history_says_how_to_resume_what_runs_without_a_process_and_only_that(
    organization: OrganizationBuilder, run: Run
) -> None:
    begun(DEAD)
    hint = f"Its process died: stop-orchestrator sweep --resume {DEAD}"
    assert hint in run("history").stdout.splitlines()
    settings = Settings(store=STORE)
    hub = app.make_stores(settings, app.make_clients(settings))
    lease = hub.leases.take("test", DEAD, "plan")
    assert isinstance(lease, Lease)
    assert "Its process died" not in run("history").stdout
    record = hub.ledger.lease("test")
    assert record is not None
    run_out = replace(record, nonce="another", held_until="2026-11-23T19:00:00Z")
    assert hub.ledger.take_lease("test", run_out, record)
    said = run("history").stdout
    assert hint not in said, "a process that is slow lives"
    assert f"{DEAD} gave no sign of life since its lease ran out at 2026-11-23 19:00 UTC" in " ".join(said.split())
    given_back = replace(run_out, nonce="a third", held_until="")
    assert hub.ledger.take_lease("test", given_back, run_out)
    assert hint in run("history").stdout.splitlines()


def test_history_of_an_account_says_what_each_sweep_saw_of_its_regions(healthy: str, planned: str, run: Run) -> None:
    [row] = listed(run, "--account", healthy)
    seen = {(one["account_id"], one["region"], one["status"]) for one in row["coverage"]}
    assert seen == {(healthy, FRANKFURT, "scanned"), (healthy, IRELAND, "scanned")}
    said = run("history", "--account", healthy).stdout
    assert f"Account {healthy}" in said
    assert [line.split() for line in said.splitlines() if "scanned" in line] == [[planned, "2", "scanned"]]
    assert "No sweep above saw account 999988887777" in run("history", "--account", "999988887777").stdout
    assert "coverage" not in listed(run)[0]


@pytest.mark.parametrize(
    "arguments", [("--limit", "0"), ("--limit", "few"), ("now",), ("--format", "csv"), ("--account", "1234")]
)
def test_bad_usage_of_history_exits_2(organization: OrganizationBuilder, run: Run, arguments: tuple[str, ...]) -> None:
    assert run("history", *arguments).exit_code == 2


def test_a_ledger_that_cannot_be_read_exits_1(
    organization: OrganizationBuilder, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_TABLE", "not-there")
    ran = run("history")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "not-there" in ran.stderr


# --- verify -----------------------------------------------------------------------------------------------------------


def alter(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def remove(path: Path) -> None:
    path.unlink()


def test_verify_says_that_every_file_is_as_it_was_sealed(planned: str, run: Run) -> None:
    for arguments in ((planned,), ("--all",)):
        ran = run("verify", *arguments)
        assert ran.exit_code == 0
        assert ran.stdout == "1 sweep verified: every file is as it was sealed\n"
        document = json.loads(run("verify", *arguments, "--format", "json").stdout)
        begins = {"begins": planned if arguments == ("--all",) else "", "expired": 0}
        assert document == {"verified": True, "sweeps": 1, "broken": [], **begins, "notes": []}


def test_without_a_sweep_nothing_is_verified_and_no_folder_is_made(
    organization: OrganizationBuilder, run: Run, tmp_path: Path
) -> None:
    for arguments in (("--store", str(tmp_path / "no-such")), ()):
        ran = run("verify", "--all", *arguments, "--format", "json")
        nothing = {"verified": False, "sweeps": 0, "broken": [], "begins": "", "expired": 0, "notes": []}
        assert (ran.exit_code, json.loads(ran.stdout)) == (1, nothing)
        assert f"there are no sweeps in the ledger in {arguments[1] if arguments else STORE} " in ran.stderr
    assert run("history").exit_code == 0
    assert not (tmp_path / "no-such").exists()
    assert not STORE.exists()


def test_verify_all_names_a_folder_that_the_ledger_does_not_know(planned: str, run: Run) -> None:
    folder = STORE / f"sweeps/dt=2026-11-23/sweep={UNKNOWN}"
    folder.mkdir(parents=True)
    empty = run("verify", "--all")
    assert (empty.exit_code, f"sweep={UNKNOWN}/ was added" in empty.stdout) == (1, True)
    (folder / "report.json").write_text("forged")
    ran = run("verify", "--all")
    assert ran.exit_code == 1
    assert f"{UNKNOWN} * belongs to no sweep of the ledger" in ran.stdout


@pytest.mark.parametrize(
    "name", ["report.json", "manifest.json", *only_in_full("plan.json", "decisions.csv", "coverage.csv")]
)
@pytest.mark.parametrize(("touch", "problem"), [(alter, "was altered"), (remove, "is missing")])
def test_verify_names_the_file_that_was_altered_or_removed(
    planned: str, run: Run, name: str, touch: Callable[[Path], None], problem: str
) -> None:
    touch(file_of(planned, name))
    for arguments in ((planned,), ("--all",)):
        ran = run("verify", *arguments, "--format", "json")
        assert ran.exit_code == 1
        [first, *_] = json.loads(ran.stdout)["broken"]
        assert (first["sweep_id"], first["file"]) == (planned, name)
        assert problem in first["problem"]
        assert f"{planned} {name} {first['problem']}" in run("verify", *arguments).stdout


def test_verify_all_names_the_first_broken_link_from_the_newest_back(healthy: str, run: Run, policy: Policy) -> None:
    sweeps = [sweep_id_of(run("plan", "--format", "json", "--policy", policy(DEV_RULE))) for _ in range(3)]
    alter(file_of(sweeps[0], "report.json"))
    alter(file_of(sweeps[1], "coverage.csv"))
    ran = run("verify", "--all", "--format", "json")
    broken = [(row["sweep_id"], row["file"]) for row in json.loads(ran.stdout)["broken"]]
    assert (ran.exit_code, broken) == (1, [(sweeps[1], "coverage.csv"), (sweeps[0], "report.json")])
    assert run("verify", sweeps[2]).exit_code == 0


@pytest.mark.parametrize("arguments", [(), (DEAD, "--all"), ("yesterday",), (UNKNOWN,)])
def test_bad_usage_of_verify_exits_2(organization: OrganizationBuilder, run: Run, arguments: tuple[str, ...]) -> None:
    ran = run("verify", *arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr


# --- sweep --resume ---------------------------------------------------------------------------------------------------


def test_resuming_a_finished_sweep_says_so_and_shows_its_report(
    organization: OrganizationBuilder, planned: str, run: Run
) -> None:
    calls = organization.front.calls["sts:AssumeRole"]
    ran = run("sweep", "--resume", planned, "--format", "json")
    assert (ran.exit_code, sweep_id_of(ran)) == (0, planned)
    assert f"{planned} is finished; nothing was done again." in ran.stderr
    assert organization.front.calls["sts:AssumeRole"] == calls
    assert len(listed(run)) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((UNKNOWN,), f"there is no sweep {UNKNOWN} in the ledger"),
        (("yesterday",), "'yesterday' is no sweep id"),
        ((UNKNOWN, "--mode", "plan"), "leave them out"),
        ((UNKNOWN, "--policy", "policy.yaml"), "leave them out"),
    ],
)
def test_resuming_what_cannot_be_resumed_exits_2(
    organization: OrganizationBuilder, run: Run, arguments: tuple[str, ...], words: str
) -> None:
    ran = run("sweep", "--resume", *arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert words in ran.stderr


def test_resuming_what_a_state_machine_carries_out_says_so_at_once_and_how_to_look(
    organization: OrganizationBuilder, run: Run
) -> None:
    execution = "arn:aws:states:eu-central-1:123456789012:execution:sweep:1"
    text = f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n{DEV_RULE}"
    begun(DEAD, text, execution=execution)
    leases = replace(Leases(ledger(), app.now), holder=f"{EXECUTION}{execution}")
    assert isinstance(leases.take("test", DEAD), Lease)
    ran = run("sweep", "--resume", DEAD)
    assert (ran.exit_code, listed(run)[0]["status"]) == (0, "running")
    assert f"{DEAD} is carried out by the state machine's execution {execution}" in ran.stderr
    assert f"aws stepfunctions describe-execution --execution-arn {execution}" in ran.stderr


@pytest.mark.full
def test_resuming_a_dead_sweep_finishes_it_and_stops_nothing_twice_where_the_environment_lets_it_act(
    organization: OrganizationBuilder, run: Run, policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = organization.account("dev")
    ids = {region: organization.instances(account, region, 2, DEV) for region in (FRANKFURT, IRELAND)}
    running: list[subprocess.Popen[bytes]] = []
    kill = Fault(operation="ec2:StopInstances", times=1, effect=lambda _: os.kill(running[0].pid, signal.SIGKILL))
    organization.front.faults.add(kill)
    enforce = ("sweep", "--mode", "enforce", "--yes", "--workers", "1", "--policy", policy(DEV_RULE))
    with subprocess.Popen([SCRIPT, *enforce], cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        running.append(process)
    assert process.returncode == -signal.SIGKILL
    [dead] = [row["sweep_id"] for row in listed(run) if row["status"] == "running"]
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "approve")
    refused = run("sweep", "--resume", dead)
    assert (refused.exit_code, refused.stdout, organization.front.calls["ec2:StopInstances"]) == (2, "", 1)
    assert "the mode 'enforce' is refused: STOP_ORCHESTRATOR_MODE is 'approve'" in refused.stderr
    monkeypatch.delenv("STOP_ORCHESTRATOR_MODE")
    ran = run("sweep", "--resume", dead, "--format", "json")
    assert (ran.exit_code, sweep_id_of(ran), ran.report["status"]) == (0, dead, "complete")
    assert {row["resource_id"]: row["status"] for row in ran.report["outcomes"]} == {
        one: "stopped" for some in ids.values() for one in some
    }
    assert {region: organization.down(account, region) for region in ids} == {one: set(two) for one, two in ids.items()}
    assert organization.front.calls["ec2:StopInstances"] == 2
    assert [(row["sweep_id"], row["status"]) for row in listed(run)] == [(dead, "complete")]
    assert run("verify", "--all").exit_code == 0


@pytest.mark.usefixtures("organization")
def test_what_has_been_down_for_over_thirty_days_is_listed_whatever_the_limit(run: Run) -> None:
    long_ago, lately = (f"{app.now() - timedelta(days=days):%Y%m%dT%H%M%SZ}-7f3a9c" for days in (31, 29))
    for sweep_id in (long_ago, lately):
        sized = a_resource(f"i-{sweep_id[:8]}", restore={"desired": 3})
        ledger().intend(sweep_id, [sized], "1", held_by="test")
    (row,) = listed(run)
    assert (row["sweep_id"], [one["restore"] for one in row["held_down"]]) == (long_ago, [{"desired": 3}])
    said = run("history").stdout
    assert "Stopped over 30 days ago, and not seen started since" in said
    assert f"i-{long_ago[:8]}" in said
    assert f"i-{lately[:8]}" not in said
