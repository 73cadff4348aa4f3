"""Signals as the system sends them: to a real process, at its very end, and when its terminal is gone."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import running
from orchestrator.cli.interruption import Interruption, interruptible
from orchestrator.demo.faults import Fault
from tests.support.at_a_terminal import (
    DEV,
    ENFORCE,
    PATIENCE,
    down,
    last_report,
    launched,
    until,
)
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.suites import only_in_full

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
    return launched(organization)


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
    monkeypatch.setattr(running, "ended_by", lambda error: seen.append(signal.getsignal(signal.SIGINT)) or error)
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
