"""What Lambda waits for before the first event: the handler's import, without bytecode, as the zip has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

MOST_TIMES_BOTO3 = 2.2
"""boto3's takes 0.55 s of CPU where the handler's is to take 1.2 s at most, and took 1.8 s."""
RUNS = 7
HANDLERS = ("handler", "steps")


def imported(unpacked: Path, module: str, then: str = "") -> tuple[float, str]:
    """CPU seconds of a process that imports it from the zip's contents, as Lambda does, and what it printed."""
    code = f"import sys; sys.path.append({str(unpacked)!r}); import {module}\n{then}"
    around = {**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
    command = [sys.executable, "-I", "-S", "-B", "-c", code]
    with subprocess.Popen(command, env=around, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime, printed


@pytest.mark.parametrize("handler", HANDLERS)
def test_it_imports_nothing_that_a_sweep_may_not_need(unpacked: Path, handler: str) -> None:
    _, printed = imported(unpacked, f"orchestrator.lambdas.{handler}", "import gc; print(gc.isenabled(), *sys.modules)")
    collects, *modules = printed.split()
    assert collects == "True"
    assert not set(modules) & {
        "aws_lambda_powertools.utilities.idempotency",
        "aws_xray_sdk",
        "boto3",
        "holidays",
        "orchestrator.doctor",
        "orchestrator.kinds.ec2.kind",
        "s3transfer",
    }


@pytest.mark.parametrize("handler", HANDLERS)
def test_its_import_costs_little_more_than_twice_that_of_boto3(
    unpacked: Path, handler: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the same run, turn by turn: whatever else the machine does, it does to both."""
    ratio = median(
        imported(unpacked, f"orchestrator.lambdas.{handler}")[0] / imported(unpacked, "boto3")[0] for _ in range(RUNS)
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{handler}: {ratio:.2f} times the CPU of importing boto3, without bytecode\n")
    assert ratio <= MOST_TIMES_BOTO3
