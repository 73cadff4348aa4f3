"""Ctrl-C: what was asked for is known, or said to be unknown, and the report follows."""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import running
from orchestrator.cli.console import counted
from orchestrator.core.report.document import document_exit_code
from orchestrator.core.report.manifest import MANIFEST
from orchestrator.demo.faults import Fault
from orchestrator.ledger.lease import Lease
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.sweep.act import _Actor
from orchestrator.sweep.interruption import InterruptionNote
from tests.support.at_a_terminal import (
    DEV,
    ENFORCE,
    FRANKFURT,
    IRELAND,
    PATIENCE,
    down,
    last_report,
    launched,
    until,
)
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.suites import only_in_full


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return launched(organization)


def press_ctrl_c(*_: object) -> None:
    handler = signal.getsignal(signal.SIGINT)
    assert callable(handler)
    handler(signal.SIGINT, None)


def test_ctrl_c_while_reading_hands_out_no_more_and_the_report_follows(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    organization.front.faults.add(Fault(operation="ec2:DescribeInstances", times=1, effect=press_ctrl_c))
    ran = run(*ENFORCE, policy(DEV), "--yes", "--workers", "1", "--format", "json")
    assert ran.exit_code == 3
    states = Counter(row["status"] for row in ran.report["coverage"] if row["account_id"] == account)
    assert states == {"scanned": 1, "not_attempted": 1}
    assert {row["status"] for row in ran.report["outcomes"]} == {"not_attempted"}
    assert down(organization, account) == 0
    assert "SIGINT: no more work is handed out; the report follows." in ran.stderr


def test_ctrl_c_while_stopping_reports_what_was_stopped_and_what_was_not(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    organization.front.faults.add(Fault(operation="ec2:StopInstances", times=1, effect=press_ctrl_c))
    ran = run(*ENFORCE, policy(DEV), "--yes", "--workers", "1", "--format", "json")
    assert ran.exit_code == 3
    states = {row["resource_id"]: row["status"] for row in ran.report["outcomes"]}
    stopped = organization.down(account, FRANKFURT) | organization.down(account, IRELAND)
    assert 0 < len(stopped) < 3
    assert {one for one, status in states.items() if status in {"stopped", "stopping"}} == stopped
    assert Counter(states.values())["not_attempted"] == 3 - len(stopped)


def test_after_ctrl_c_the_totals_add_up_and_what_to_do_next_is_said(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy, tmp_path: Path
) -> None:
    halt_in_the_first_stop(organization)
    said = " ".join(run(*ENFORCE, policy(DEV), "--yes", "--workers", "1").stdout.split())
    stopped, report = down(organization, account), last_report(tmp_path)
    assert f"3 to stop, 0 exempt; {stopped} stopped, 0 failed, {3 - stopped} not attempted" in said
    undo = f"`stop-orchestrator undo {report['sweep_id']}` starts what it stopped"
    assert report["error"] == f"Interrupted: {undo}; the same command again does the rest"
    assert f"Ended by: {report['error']}" in said


def test_after_ctrl_c_an_undo_says_what_it_left_and_the_command_that_it_names_does_that(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    sweep_id = run(*ENFORCE, policy(DEV), "--yes", "--format", "json").report["sweep_id"]
    organization.front.faults.add(Fault(operation="ec2:StartInstances", times=1, effect=press_ctrl_c))
    ran = run("undo", sweep_id, "--account", account, "--yes", "--workers", "1")
    report = run("report", "latest", "--format", "json").report
    left = [row["resource_id"] for row in report["outcomes"] if row["status"] == "not_attempted"]
    assert (ran.exit_code, len(left), down(organization, account)) == (3, 3 - report["totals"]["started"], len(left))
    assert left
    command = f"stop-orchestrator undo {sweep_id} --account {account}"
    assert report["error"] == f"Interrupted; not attempted: {len(left)} of 3 starts. To go on: {command}"
    said = " ".join(ran.stdout.split())
    assert f"Ended by: {report['error']}" in said
    assert all(one in said.partition("Not attempted")[2] for one in left)
    shown = run("sweep", "--resume", report["sweep_id"])
    assert f"{report['sweep_id']} is finished; nothing was done again." in shown.stderr
    assert command in " ".join(shown.stdout.split())
    again = run(*command.split()[1:], "--yes", "--format", "json").report
    assert sorted(row["resource_id"] for row in again["outcomes"]) == sorted(left)
    assert down(organization, account) == 0
    kept = {row["reason"] for row in again["decisions"] if row["verdict"] == "keep"}
    assert kept == {f"It is running: started by undo {report['sweep_id']}."}


def test_after_ctrl_c_while_reading_there_is_nothing_to_undo(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    organization.front.faults.add(Fault(operation="ec2:DescribeInstances", times=1, effect=press_ctrl_c))
    said = " ".join(run("plan", "--policy", policy(DEV), "--workers", "1").stdout.split())
    assert "Ended by: Interrupted: the same command again does the rest" in said
    assert "nothing stopped (plan only)" in said


@pytest.mark.usefixtures("terminal")
def test_ctrl_c_before_the_question_asks_nothing_and_stops_nothing(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    organization.front.faults.add(
        Fault(operation="ec2:DescribeInstances", region=IRELAND, times=1, effect=press_ctrl_c)
    )
    ran = run(*ENFORCE, policy(DEV), typed="2\n")
    assert (ran.exit_code, down(organization, account)) == (1, 0)
    assert "Type that number" not in ran.stderr


def test_a_second_ctrl_c_ends_it_at_once_and_still_leaves_a_report(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy, tmp_path: Path
) -> None:
    def twice(*_: object) -> None:
        press_ctrl_c()
        _thread.interrupt_main()

    organization.front.faults.add(Fault(operation="ec2:DescribeInstances", times=1, effect=twice))
    ran = run(*ENFORCE, policy(DEV), "--yes", "--workers", "1")
    report = last_report(tmp_path)
    assert ran.exit_code == document_exit_code(report) == 3
    assert (report["status"], report["totals"]["stopped"]) == ("failed", 0)
    assert report["error"] == "Interrupted: the same command again does the rest"
    assert account in {row["account_id"] for row in report["coverage"]}
    assert report["sweep_id"] in ran.stdout


def test_a_second_ctrl_c_in_a_resumed_sweep_shows_its_report_and_has_its_exit_code(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die() -> None:
        raise _DiedError

    at_the_first(monkeypatch, (_Actor, "act", ""), die)
    at_the_first(monkeypatch, THE_END["report"], die)
    source = policy(DEV)
    with pytest.raises(_DiedError):
        run(*ENFORCE, source, "--yes", "--workers", "1")
    [died] = run("history", "--format", "json").report

    def press_twice() -> None:
        press_ctrl_c()
        press_ctrl_c()

    at_the_first(monkeypatch, (InterruptionNote, "write", ""), press_twice)
    ran = run("sweep", "--resume", died["sweep_id"], "--workers", "1", "--format", "json")
    assert ran.report["sweep_id"] == died["sweep_id"]
    assert ran.report["error"].startswith("Interrupted: ")
    assert ran.exit_code == document_exit_code(ran.report) >= 3
    assert Counter(row["status"] for row in ran.report["outcomes"])["not_attempted"] > 0


@pytest.mark.parametrize("presses", [2, 5])
def test_a_second_ctrl_c_while_stopping_waits_for_no_answer_and_what_was_asked_for_is_unknown_until_an_undo_looks(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy, tmp_path: Path, presses: int
) -> None:
    answer = threading.Event()

    def press_and_hold(*_: object) -> None:
        press_ctrl_c()
        for _press in range(presses - 1):
            _thread.interrupt_main()
            time.sleep(0.05)
        answer.wait(PATIENCE)

    organization.front.faults.add(
        Fault(operation="ec2:StopInstances", region=FRANKFURT, times=1, effect=press_and_hold)
    )
    began = time.monotonic()
    ran = run(*ENFORCE, policy(DEV), "--yes", "--workers", "1")
    took = time.monotonic() - began
    answer.set()
    report = last_report(tmp_path)
    states = {row["resource_id"]: row["status"] for row in report["outcomes"]}
    frankfurt = set(organization.described(account, FRANKFURT))
    assert ran.exit_code == 5
    assert f"`stop-orchestrator undo {report['sweep_id']}` starts what it stopped" in report["error"]
    assert {one for one, state in states.items() if state == "unknown"} == frankfurt
    assert took < PATIENCE / 2
    until(lambda: organization.down(account, FRANKFURT) == frankfurt)
    undone = run("undo", report["sweep_id"], "--yes", "--format", "json")
    assert undone.report["totals"]["started"] == len(frankfurt), undone.report
    assert down(organization, account) == 0


def at_the_first(monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str, str], do: Callable[[], object]) -> None:
    """Does that just before the first call of that function with that argument, if one is named."""
    owner, name, argument = place
    function, done = getattr(owner, name), threading.Event()

    def called(*arguments: Any, **more: Any) -> Any:
        if not done.is_set() and (not argument or argument in arguments):
            done.set()
            do()
        return function(*arguments, **more)

    monkeypatch.setattr(owner, name, called)


def halt_in_the_first_stop(organization: OrganizationBuilder) -> None:
    organization.front.faults.add(Fault(operation="ec2:StopInstances", times=1, effect=press_ctrl_c))


THE_END = {
    "outcomes put together": (_Actor, "_left_to_others", ""),
    "report": (LocalReportStore, "put_chunks", "report.json"),
    "table": (LocalReportStore, "put_chunks", "coverage.csv"),
    "manifest": (LocalReportStore, "put", MANIFEST),
    "ledger": (Ledger, "finish", ""),
    "lease": (Lease, "give_back", ""),
    "shown": (running, "show", ""),
}
"""What is called when a sweep ends, in this order."""


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("number", [signal.SIGINT, *only_in_full(signal.SIGHUP, signal.SIGTERM)])
@pytest.mark.parametrize("place", THE_END.values(), ids=THE_END)
def test_a_second_signal_while_the_end_is_written_loses_nothing_and_the_next_sweep_asks_anew(
    organization: OrganizationBuilder,
    account: str,
    run: Run,
    policy: Policy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[Any, str, str],
    number: signal.Signals,
) -> None:
    halt_in_the_first_stop(organization)
    at_the_first(monkeypatch, place, lambda: signal.raise_signal(number))
    ran = run(*ENFORCE, policy(DEV), "--workers", "1", "--format", "json", typed="3\n")
    assert ran.exit_code == 3, ran
    assert ran.report == last_report(tmp_path)
    stopped = organization.down(account, FRANKFURT) | organization.down(account, IRELAND)
    reported = {row["resource_id"] for row in ran.report["outcomes"] if row["status"] in {"stopped", "stopping"}}
    assert reported == stopped
    assert 0 < len(stopped) < 3
    [ended] = run("history", "--format", "json").report
    assert (ended["status"], ended["totals"]) == (ran.report["status"], ran.report["totals"])
    assert run("verify", ran.report["sweep_id"]).exit_code == 0
    again = run(*ENFORCE, policy(DEV), typed="\n")
    assert f"{counted(3 - len(stopped), 'resource')} in 1 account would be stopped now." in again.stderr
    assert down(organization, account) == len(stopped)


class _DiedError(BaseException):
    """In place of the end of the process: no `except Exception` sees it."""


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    "place", [THE_END["report"], THE_END["table"], THE_END["ledger"]], ids=["report", "table", "ledger"]
)
def test_what_a_person_interrupted_and_died_before_it_was_sealed_is_closed_and_the_next_sweep_asks_anew(
    organization: OrganizationBuilder,
    account: str,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[Any, str, str],
) -> None:
    def die() -> None:
        raise _DiedError

    halt_in_the_first_stop(organization)
    at_the_first(monkeypatch, place, die)
    with pytest.raises(_DiedError):
        run(*ENFORCE, policy(DEV), "--yes", "--workers", "1")
    [died] = run("history", "--format", "json").report
    assert died["status"] == "running"
    assert died["interrupted_at"]
    stopped = down(organization, account)
    again = run(*ENFORCE, policy(DEV), typed="\n")
    assert f"{counted(3 - stopped, 'resource')} in 1 account would be stopped now." in again.stderr
    assert down(organization, account) == stopped
    history = run("history", "--format", "json").report
    [closed] = [one for one in history if one["sweep_id"] == died["sweep_id"]]
    assert closed["status"] == ("abandoned" if place is THE_END["report"] else "incomplete")
    assert closed["totals"]["stopped"] == stopped
    report = run("report", died["sweep_id"], "--format", "json").report
    assert Counter(row["status"] for row in report["outcomes"])["not_attempted"] == 3 - stopped


def test_a_second_ctrl_c_while_the_report_is_put_to_s3_which_hangs_up_loses_nothing(
    hub: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    def press(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    halt_in_the_first_stop(hub)
    put = Fault(operation="s3:*report.json", times=1, hangs_up=True, effect=press)
    hub.front.faults.add(put)
    ran = run(*ENFORCE, policy(DEV), "--yes", "--workers", "1", "--format", "json")
    assert ran.exit_code == 3, ran
    assert put.times == 0
    assert ran.report["totals"]["stopped"] == down(hub, account)
    [ended] = run("history", "--format", "json").report
    assert (ended["status"], ended["totals"]) == (ran.report["status"], ran.report["totals"])
