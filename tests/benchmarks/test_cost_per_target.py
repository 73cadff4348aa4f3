"""What one target costs: a whole sweep of ours against a bare botocore loop over the same targets, in the same run.

CPU is that of the whole process without its start-up (imports, settings, policy), measured in the same process. Making
sessions and clients is work on both sides. On top of the loop's calls in each target, ours lists the organization,
reads tags, assumes roles, lists regions, decides, keeps the ledger, and writes the report. A stop costs three
describes: the reading, the look right before the batch and the one after it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

import pytest

ACCOUNTS, REGIONS, RUNS = 40, 16, 3
TARGETS = ACCOUNTS * REGIONS


@dataclass(frozen=True, slots=True)
class Load:
    """What both sides do, and what ours may cost of it."""

    mode: str
    instances: int
    """In each target: one batch."""
    most_times_the_bare_loop: float
    calls: Mapping[str, int]
    """Of both sides, in each target."""
    most_calls_a_target: float


PLAN = Load("plan", 0, 1.5, {"DescribeInstances": 1}, 1.21)
ENFORCE = Load("enforce", 5, 1.9, {"DescribeInstances": 3, "CreateTags": 1, "StopInstances": 1}, 5.21)
"""The ledger is in it too: an intent and two outcomes for each instance."""
ROOT = Path(__file__).parents[2]


@contextmanager
def endpoint(instances: int) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.fast_endpoint", *map(str, (ACCOUNTS, REGIONS, instances))]
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
@pytest.mark.parametrize("load", [PLAN, ENFORCE], ids=["plan", "enforce"])
def test_a_target_costs_little_more_than_the_same_calls_in_a_bare_loop(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with endpoint(load.instances) as bare_url, endpoint(load.instances) as own_url:
        running, bare = [], []
        for run in range(RUNS):
            # Ours first waits for Organizations' pace; a bare loop meanwhile also keeps our busy ends apart.
            running.append(started(own_url, "own_sweep", load.mode, str(tmp_path / str(run))))
            bare.append(figures(started(bare_url, "bare_loop", load.mode, str(ACCOUNTS), str(REGIONS))))
        own = [figures(process) for process in running]
        own_calls, bare_calls = calls(own_url), calls(bare_url)

    for one in own:
        assert one["status"] == "complete"
        assert one["totals"]["scanned"] == TARGETS
        assert one["totals"]["stopped"] == TARGETS * load.instances
    of_all_targets = {name: number * TARGETS * RUNS for name, number in load.calls.items()}
    assert bare_calls == of_all_targets
    assert {name: number for name, number in own_calls.items() if name in load.calls} == of_all_targets
    own_cpu, bare_cpu = (median(one["work"] for one in side) for side in (own, bare))
    calls_a_target = sum(own_calls.values()) / (TARGETS * RUNS)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{load.mode}: {TARGETS} targets of {load.instances} instances, median of {RUNS}: ours {own_cpu:.2f} "
            f"CPU-s ({own_cpu / TARGETS * 1000:.2f} ms each) and the bare loop {bare_cpu:.2f} CPU-s, ratio "
            f"{own_cpu / bare_cpu:.2f}; {calls_a_target:.3f} calls each; start-up of ours "
            f"{median(one['start'] for one in own):.2f} CPU-s\n"
        )
    assert own_cpu / bare_cpu <= load.most_times_the_bare_loop
    assert calls_a_target <= load.most_calls_a_target
