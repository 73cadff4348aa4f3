"""Our side of the comparison: a whole plan, from listing the organization to the written report.

`python -m tests.benchmarks.own_plan DIRECTORY` prints JSON: the CPU seconds of start-up (imports, settings and policy)
and of the sweep, sessions and clients included as in bare_loop, and what the sweep saw.
"""

from __future__ import annotations

import json
import os
import resource
import sys

from orchestrator import app
from orchestrator.core.model import Mode
from orchestrator.core.policy import load_policy
from orchestrator.core.report import totals
from orchestrator.sweep import run_sweep

POLICY = "{version: 1, name: benchmark, rules: [{name: all, where: everything}]}"


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(directory: str) -> None:
    settings = app.Settings.from_env(os.environ, store=directory)
    policy = load_policy(POLICY)
    sweep_id = app.new_sweep_id(app.now())
    started = cpu()
    world = app.build_world(settings, app.make_clients(settings), sweep_id, Mode.PLAN, app.Surroundings())
    report, _ = run_sweep(world, policy, sweep_id, Mode.PLAN)
    work = cpu() - started
    figures = {"start": started, "work": work, "status": report.status.value, "totals": totals(report)}
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
