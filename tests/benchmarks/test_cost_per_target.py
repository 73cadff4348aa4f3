"""What one target costs: a whole plan of ours against a bare botocore loop over the same targets, in the same run.

CPU is that of the whole process without its start-up (imports, settings, policy), measured in the same process. Making
sessions and clients is work on both sides. On top of the loop's one DescribeInstances for each target, ours lists the
organization, reads tags, assumes roles, lists regions, decides, and writes the report.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

import pytest

ACCOUNTS, REGIONS, RUNS = 40, 16, 3
TARGETS = ACCOUNTS * REGIONS
MOST_TIMES_THE_BARE_LOOP = 1.5
MOST_CALLS_A_TARGET = 1.2
ROOT = Path(__file__).parents[2]


@contextmanager
def endpoint() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.fast_endpoint", str(ACCOUNTS), str(REGIONS)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def started(url: str, module: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    environment = {**os.environ, "AWS_ENDPOINT_URL": url}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def figures(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    parsed: dict[str, Any] = json.loads(output)
    return parsed


def calls(url: str) -> dict[str, int]:
    with urlopen(url, data=b"") as answer:
        counted: dict[str, int] = json.load(answer)
    return counted


@pytest.mark.full
def test_a_target_costs_little_more_than_one_bare_describe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with endpoint() as bare_url, endpoint() as own_url:
        running, bare = [], []
        for run in range(RUNS):
            # Ours first waits for Organizations' pace; a bare loop meanwhile also keeps our busy ends apart.
            running.append(started(own_url, "own_plan", str(tmp_path / str(run))))
            bare.append(figures(started(bare_url, "bare_loop", str(ACCOUNTS), str(REGIONS))))
        own = [figures(process) for process in running]
        own_calls, bare_calls = calls(own_url), calls(bare_url)

    for one in own:
        assert one["status"] == "complete"
        assert one["totals"]["scanned"] == TARGETS
    assert bare_calls == {"DescribeInstances": TARGETS * RUNS}
    own_cpu, bare_cpu = (median(one["work"] for one in side) for side in (own, bare))
    calls_a_target = sum(own_calls.values()) / (TARGETS * RUNS)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{TARGETS} targets, median of {RUNS}: ours {own_cpu:.2f} CPU-s ({own_cpu / TARGETS * 1000:.2f} ms each) "
            f"and the bare loop {bare_cpu:.2f} CPU-s, ratio {own_cpu / bare_cpu:.2f}; {calls_a_target:.3f} calls each; "
            f"start-up of ours {median(one['start'] for one in own):.2f} CPU-s\n"
        )
    assert own_cpu / bare_cpu <= MOST_TIMES_THE_BARE_LOOP
    assert calls_a_target <= MOST_CALLS_A_TARGET
