"""A person at a terminal: three instances to stop, what is typed, and what is seen."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Ran

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


def launched(organization: OrganizationBuilder) -> str:
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
