"""What one target costs: whole sweeps against a bare botocore loop over the same organization, in the same run.

CPU is that of the process without its start-up (imports, settings, policy). Making sessions and clients is work on both
sides. On top of the loop's calls in each target, a sweep lists the organization, reads tags, assumes roles, lists
regions, decides, keeps the ledger, and writes the report. A stop costs three describes: the reading, the look right
before the batch and the one after it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from tests.benchmarks.endpoint.server import Asked
from tests.benchmarks.endpoint.shape import Shape
from tests.benchmarks.processes import ROOT, sweep
from tests.benchmarks.suite import ALL_KINDS, C7N, Measurement, measure
from tests.benchmarks.targets import beyond_start, calls_by_operation, member_calls

ACCOUNTS = 20
SHAPE = Shape(ACCOUNTS)
FILLED = len([*SHAPE.filled()])


@dataclass(frozen=True, slots=True)
class Load:
    """What both sides do, and what a sweep may cost of it."""

    mode: str
    tls: bool
    most_times_the_bare_loop: float
    most_calls_a_target: float


LOADS = (Load("plan", False, 2.0, 1.21), Load("plan", True, 4.0, 1.21), Load("enforce", False, 2.5, 1.7))


@pytest.mark.full
@pytest.mark.parametrize("load", LOADS, ids=lambda one: f"{one.mode}-{'tls' if one.tls else 'http'}")
def test_a_target_costs_little_more_than_the_same_calls_in_a_bare_loop(load: Load) -> None:
    own = sweep(Asked(ACCOUNTS, latency=0.0), load.mode, tls=load.tls, settings={"pacing": "off"})
    bare = sweep(Asked(ACCOUNTS, latency=0.0), load.mode, tls=load.tls, settings={}, bare=True)

    assert own["status"] == "complete"
    assert own["totals"]["scanned"] == SHAPE.targets
    assert own["totals"]["planned_stops"] == SHAPE.stops
    assert own["totals"]["stopped"] == (SHAPE.stops if load.mode == "enforce" else 0)
    looks = 2 * FILLED if load.mode == "enforce" else 0
    assert described(own) == described(bare) == SHAPE.targets + looks
    assert member_calls(own) / SHAPE.targets <= load.most_calls_a_target
    assert (beyond_start(own) or 0.0) / bare["work"] <= load.most_times_the_bare_loop


@pytest.mark.full
def test_an_empty_target_costs_one_call_for_each_kind_that_a_rule_names_and_none_for_others() -> None:
    accounts, kinds = 4, ALL_KINDS.split(",")
    endpoint = Asked(accounts, instances=False, latency=0.0)
    every, one = (
        {**sweep(endpoint, "plan", tls=False, settings={}, kinds=named), "kinds": named, "instances": False}
        for named in (ALL_KINDS, "ec2")
    )
    for result in (every, one):
        assert result["status"] == "complete"
        result |= {"accounts": accounts, "regions": endpoint.regions}
    asked = calls_by_operation([every])
    lists = {name: count for name, count in asked.items() if not name.startswith("sts:")}
    assert lists == dict.fromkeys(lists, 1.0)
    assert len(lists) == len(kinds)
    sessions = {name: count for name, count in one["endpoint"]["calls"].items() if name.startswith("sts:")}
    assert member_calls(one) == accounts * endpoint.regions + sum(sessions.values())
    assert sessions == {name: count for name, count in every["endpoint"]["calls"].items() if name.startswith("sts:")}


def test_nothing_but_the_benchmarks_own_endpoint_is_asked() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.own_sweep",
        json.dumps({"mode": "plan", "meter": 9, "policy": ""}),
    ]
    elsewhere = {**os.environ, "AWS_ENDPOINT_URL": "https://ec2.us-east-1.amazonaws.com"}
    done = subprocess.run(command, cwd=ROOT, env=elsewhere, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "asks nothing but its own endpoint" in done.stderr
    assert not done.stdout


@pytest.mark.full
def test_c7n_org_that_does_not_work_here_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("C7N_ORG", shutil.which("false") or "")
    assert [*measure([Measurement(C7N, "plan", 1, latency_ms=0.0)])] == []
    assert "c7n-org, plan, 1 x 17, HTTP is left out: c7n-org failed" in capsys.readouterr().err


def described(result: dict[str, Any]) -> int:
    calls: dict[str, int] = result["endpoint"]["calls"]
    return calls["ec2:DescribeInstances"]
