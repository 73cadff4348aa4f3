"""What a command waits for before it does anything: `--help` and `validate` import what they use, and no AWS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
VALIDATE = ("validate", "config/policy.yaml")
MOST_TIMES_BOTO3 = 1.125
"""0.45 s where boto3 takes 0.4."""
RUNS = 15

IMPORTED_BY = """
import sys
from orchestrator.cli.main import main
sys.argv = ["stop-orchestrator", *{arguments!r}]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
sys.stderr.write(" ".join(sorted(sys.modules)))
"""


def imported_by(*arguments: str) -> frozenset[str]:
    """Packages, and the parts of our own, that a process has at its end which ran that command only."""
    command = [sys.executable, "-c", IMPORTED_BY.format(arguments=arguments)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return frozenset(ran.stderr.split())


def test_help_imports_no_command() -> None:
    modules = imported_by("--help")
    assert not modules & {"boto3", "botocore", "concurrent.futures", "pydantic", "rich", "tenacity", "yaml"}
    ours = {name for name in modules if name.startswith("orchestrator.")}
    assert ours == {
        "orchestrator.cli",
        "orchestrator.cli.later",
        "orchestrator.cli.main",
        "orchestrator.cli.root",
        "orchestrator.cli.streams",
        "orchestrator.core",
        "orchestrator.core.report",
        "orchestrator.core.report.control_characters",
    }


def test_validate_imports_no_aws_no_tables_and_no_kind_that_acts() -> None:
    modules = imported_by(*VALIDATE)
    assert not modules & {"boto3", "botocore", "concurrent.futures", "rich", "tenacity"}
    assert not modules & {"email", "importlib.metadata"}  # which pydantic looks for plugins with
    assert not modules & {"json", "orchestrator.core.policy.schedules.cron"}  # which few policies need
    assert "orchestrator.kinds.ec2.description" in modules
    assert not modules & {
        "orchestrator.app",
        "orchestrator.core.decide",
        "orchestrator.core.model.report",
        "orchestrator.core.model.resource",
        "orchestrator.kinds.ec2.kind",
        "orchestrator.kinds.ec2.rules",
        "orchestrator.ledger",
        "orchestrator.ports",
        "orchestrator.settings",
        "orchestrator.sweep",
    }


def cpu_seconds(*arguments: str) -> float:
    """Of a process of its own, Python's start included."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime


@pytest.mark.full
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs the CPU of one process")
@pytest.mark.parametrize("arguments", [("--help",), VALIDATE], ids=["help", "validate"])
def test_a_command_without_aws_costs_little_more_than_importing_boto3(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the same run, turn by turn: whatever else the machine does, it does to both. Compiled before, as installed."""
    cpu_seconds("-m", "orchestrator", *arguments)
    pairs = [(cpu_seconds("-c", "import boto3"), cpu_seconds("-m", "orchestrator", *arguments)) for _ in range(RUNS)]
    ratio = median(ours / boto3 for boto3, ours in pairs)
    with capsys.disabled():
        sys.stdout.write(f"\n{arguments[0]}: {ratio:.2f} times the CPU of importing boto3\n")
    assert ratio <= MOST_TIMES_BOTO3
