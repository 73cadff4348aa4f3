"""The question before the stops, and Ctrl-C: what a person at the terminal can still prevent."""

from __future__ import annotations

import _thread
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import running
from orchestrator.cli.console import Interruption, interruptible
from orchestrator.cli.tables import counted
from orchestrator.core.report.document import document_exit_code
from orchestrator.core.report.manifest import MANIFEST
from orchestrator.demo.faults import Fault
from orchestrator.ledger.lease import Lease
from orchestrator.ledger.ledger import Ledger
from orchestrator.local.folder_report_store import LocalReportStore
from orchestrator.sweep.act import _Actor
from orchestrator.sweep.interruption import InterruptionNote
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.suites import only_in_full

FRANKFURT, IRELAND = "eu-central-1", "eu-west-1"
DEV = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
ENFORCE = ("sweep", "--mode", "enforce", "--policy")
QUESTION = "3 resources in 1 account would be stopped now."
PATIENCE = 20
"""Seconds until a process that does not do what it should fails the test."""
ON_A_TERMINAL = """
import os, sys
from orchestrator.cli.main import main
os.dup2(os.open(sys.argv.pop(1), os.O_RDWR), 0)
main()
"""

SIGNALS_WHILE_IT_ENDS = """
import atexit, os, signal
from orchestrator.cli.main import main

def press():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) * 2:
        os.kill(os.getpid(), number)

class AtTheVeryEnd:
    def __init__(self, press=press):
        self.press = press
    def __del__(self):
        self.press()

atexit.register(press)
at_the_very_end = AtTheVeryEnd()  # goes after Python gave up its signal handlers
main()
"""

HANGS_UP = """
import os, pathlib, signal, sys, time
from orchestrator.cli import main, running
shown, show = pathlib.Path(sys.argv.pop(1)), running.show

def show_late(*arguments):
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGINT)
    shown.touch()
    while os.isatty(1):
        time.sleep(0.05)
    show(*arguments)

running.show = show_late
main.main()
"""


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    """One account with three instances to stop."""
    made = organization.account("dev")
    organization.instances(made, FRANKFURT, 2, {"Environment": "dev"})
    organization.instances(made, IRELAND, 1, {"Environment": "dev"})
    return made


def down(organization: OrganizationBuilder, account: str) -> int:
    return len(organization.down(account, FRANKFURT)) + len(organization.down(account, IRELAND))


def last_report(folder: Path) -> dict[str, Any]:
    [path] = folder.glob(".stop-orchestrator/sweeps/*/*/report.json")
    report: dict[str, Any] = json.loads(path.read_text())
    return report


# --- the question -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("terminal")
def test_the_right_number_stops(organization: OrganizationBuilder, account: str, run: Run, policy: Policy) -> None:
    ran = run(*ENFORCE, policy(DEV), typed="3\n")
    assert ran.exit_code == 0
    assert QUESTION in ran.stderr
    assert "Type that number to stop them: " in ran.stderr
    assert down(organization, account) == 3


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("typed", ["2\n", "y\n", "", *only_in_full("\n", "yes\n", "33\n", "3 of them\n", "-3\n")])
def test_anything_else_stops_nothing_says_so_and_is_reported(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy, tmp_path: Path, typed: str
) -> None:
    ran = run(*ENFORCE, policy(DEV), typed=typed)
    assert ran.exit_code == 1
    assert ran.stderr.endswith("the stops were not confirmed; nothing was stopped\n")
    assert (down(organization, account), organization.front.calls["ec2:StopInstances"]) == (0, 0)
    report = last_report(tmp_path)
    assert [row["status"] for row in report["outcomes"]] == ["not_attempted"] * 3
    assert document_exit_code(report) == 1
    assert re.search(rf"^Report: .*{report['sweep_id']}/report\.json$", ran.stdout, re.MULTILINE)


@pytest.mark.usefixtures("terminal")
def test_nothing_is_asked_where_nothing_would_be_stopped(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    organization.account("empty")
    ran = run(*ENFORCE, policy(DEV))
    assert ran.exit_code == 0
    assert "Type that number" not in ran.stderr


@pytest.mark.usefixtures("terminal")
def test_nothing_is_asked_where_a_guardrail_holds(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    ran = run(*ENFORCE, policy(DEV + "guardrails: {max_stops: 2}\n"), typed="3\n")
    assert (ran.exit_code, down(organization, account)) == (4, 0)
    assert "Type that number" not in ran.stderr


def test_without_a_terminal_and_without_yes_nothing_is_read(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    ran = run(*ENFORCE, policy(DEV), typed="3\n")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--yes" in ran.stderr
    assert organization.front.calls["organizations:ListAccountsForParent"] == 0


# --- a real terminal --------------------------------------------------------------------------------------------------


def at_a_terminal(arguments: tuple[str, ...], folder: Path, typed: str, *, too_early: str = "") -> Ran:
    """Runs with a terminal as standard input, and types once the question is there; before it, what is `too_early`."""
    primary, secondary = pty.openpty()
    said = folder / "stderr"
    try:
        with (
            said.open("w") as stderr,
            subprocess.Popen(
                [sys.executable, "-c", ON_A_TERMINAL, os.ttyname(secondary), *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            os.write(primary, too_early.encode())
            until(lambda: "Type that number" in said.read_text() or process.poll() is not None)
            os.write(primary, typed.encode())
            stdout, _ = process.communicate(timeout=PATIENCE)
    finally:
        os.close(primary)
        os.close(secondary)
    return Ran(process.returncode, stdout, said.read_text())


def until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.full
@pytest.mark.parametrize(("typed", "exit_code", "stops"), [("\x03", 1, 0), ("3\n", 0, 3), ("\x04", 1, 0)])
def test_at_a_real_terminal_a_number_answers_and_ctrl_c_and_ctrl_d_stop_nothing(
    organization: OrganizationBuilder,
    account: str,
    policy: Policy,
    tmp_path: Path,
    typed: str,
    exit_code: int,
    stops: int,
) -> None:
    ran = at_a_terminal((*ENFORCE, policy(DEV), "--format", "json"), tmp_path, typed)
    assert ran.exit_code == exit_code, ran
    assert ran.report == last_report(tmp_path)
    assert ran.stdout.startswith("{")
    assert down(organization, account) == ran.report["totals"]["stopped"] == stops
    assert ("the stops were not confirmed; nothing was stopped" in ran.stderr) is (stops == 0)
    assert "Traceback" not in ran.stderr


def test_what_was_typed_before_the_question_is_no_answer_to_it(
    organization: OrganizationBuilder, account: str, policy: Policy, tmp_path: Path
) -> None:
    ran = at_a_terminal((*ENFORCE, policy(DEV), "--format", "json"), tmp_path, "\x03", too_early="3\n")
    assert "the stops were not confirmed; nothing was stopped" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (ran.exit_code, down(organization, account)) == (1, 0)
    assert ran.report == last_report(tmp_path)


# --- ctrl-c -----------------------------------------------------------------------------------------------------------


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
    "report": (LocalReportStore, "put", "report.json"),
    "table": (LocalReportStore, "put", "coverage.csv"),
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


def test_the_signals_of_the_process_are_as_they_were_afterwards(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy
) -> None:
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(one) for one in ending]
    assert run("plan", "--policy", policy(DEV)).exit_code == 0
    assert [signal.getsignal(one) for one in ending] == before


@pytest.mark.parametrize("command", ["plan", *only_in_full("enforce", "apply", "undo", "resume")])
def test_from_its_end_on_no_signal_costs_a_command_its_exit_code(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy, tmp_path: Path, command: str
) -> None:
    source = policy(DEV + "guardrails: {max_stops: 2}\n")
    arguments: tuple[str, ...] = (command, "--policy", source)
    code = 4  # held by the guardrail
    if command in ("apply", "undo", "resume"):
        how = ENFORCE[:3] if command == "undo" else ("plan",)
        begun = run(*how, "--policy", policy(DEV), "--format", "json", *(("--yes",) if command == "undo" else ()))
        sweep_id, code = begun.report["sweep_id"], 0
        arguments = ("sweep", "--resume", sweep_id) if command == "resume" else (command, sweep_id, "--yes")
    elif command == "enforce":
        arguments = (*ENFORCE, source, "--yes")
    ran = subprocess.run(
        [sys.executable, "-c", SIGNALS_WHILE_IT_ENDS, *arguments, "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=6 * PATIENCE,
        check=False,
    )
    assert (ran.returncode, json.loads(ran.stdout)["totals"]["planned"]) == (code, 3), ran.stderr


@pytest.mark.usefixtures("terminal")
def test_a_second_ctrl_c_while_the_question_ends_leaves_no_handler_of_the_question_behind(
    organization: OrganizationBuilder, account: str, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_handler, left = signal.signal, [1]

    def press(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    def press_again_and_set(*arguments: Any) -> Any:
        if seen and left:
            left.pop()
            press()
        return set_handler(*arguments)

    def readline(*_: object) -> str:
        seen.append(signal.getsignal(signal.SIGINT))
        press()
        raise AssertionError("the question did not end")

    seen: list[Any] = []
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.readline", readline, raising=False)
    monkeypatch.setattr(signal, "signal", press_again_and_set)
    monkeypatch.setattr(running, "show", lambda *_: seen.append(signal.getsignal(signal.SIGINT)))
    ran = run(*ENFORCE, policy(DEV))
    assert (ran.exit_code, down(organization, account), left) == (1, 0, [])
    assert seen[-1].__func__ is Interruption.pull


def test_what_nohup_had_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interruption.interrupted()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.full
@pytest.mark.parametrize("output", ["table", "json"])
def test_a_terminal_that_hangs_up_while_the_report_is_shown_costs_no_exit_code(
    organization: OrganizationBuilder, account: str, policy: Policy, tmp_path: Path, output: str
) -> None:
    shown = tmp_path / "shown"
    source = policy(DEV + "guardrails: {max_stops: 2}\n")
    process, primary = pty.fork()
    if not process:
        os.chdir(tmp_path)
        command = [sys.executable, "-c", HANGS_UP, str(shown), "plan", "--policy", source, "--format", output]
        os.execv(sys.executable, command)
    until(shown.exists, 6 * PATIENCE)
    os.close(primary)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 4
    assert last_report(tmp_path)["status"] == "held"


@pytest.mark.full
def test_a_terminal_that_hangs_up_ends_the_sweep_with_its_report(
    organization: OrganizationBuilder, account: str, policy: Policy, tmp_path: Path
) -> None:
    primaries: list[int] = []
    organization.front.faults.add(
        Fault(operation="ec2:DescribeInstances", times=1, effect=lambda _: os.close(primaries[0]))
    )
    process, primary = pty.fork()
    if not process:
        os.chdir(tmp_path)
        command = [sys.executable, "-m", "orchestrator", *ENFORCE, policy(DEV), "--yes", "--workers", "1"]
        os.execv(sys.executable, command)
    primaries.append(primary)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 3
    report = last_report(tmp_path)
    assert (report["status"], report["totals"]["not_attempted_targets"]) == ("incomplete", 1)
    assert down(organization, account) == 0


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_real_signal_to_the_process_leaves_a_whole_report_on_stdout(
    organization: OrganizationBuilder, account: str, policy: Policy, tmp_path: Path, number: signal.Signals
) -> None:
    said = tmp_path / "stderr"
    running: list[subprocess.Popen[str]] = []

    def send(*_: object) -> None:
        os.kill(running[0].pid, number)
        until(lambda: number.name in said.read_text())

    organization.front.faults.add(Fault(operation="ec2:DescribeInstances", times=1, effect=send))
    arguments = (*ENFORCE, policy(DEV), "--yes", "--workers", "1", "--format", "json")
    with (
        said.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        running.append(process)
        stdout, _ = process.communicate(timeout=PATIENCE)
    ran = Ran(process.returncode, stdout, said.read_text())
    assert ran.exit_code == 3
    assert ran.report["totals"]["not_attempted_targets"] == 1
    assert down(organization, account) == 0
