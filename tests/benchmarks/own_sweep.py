"""Our side of the comparison: a whole sweep, from listing the organization to the written report.

`python -m tests.benchmarks.own_sweep MODE DIRECTORY` prints JSON: the CPU seconds of start-up (imports, settings and
policy) and of the sweep, sessions and clients included as in bare_loop, and what the sweep saw.
"""

from __future__ import annotations

import json
import os
import resource
import sys

from orchestrator import app
from orchestrator.core.model import ConsentHow, Mode
from orchestrator.ports import Runtime
from orchestrator.settings import Settings
from orchestrator.sweep import coordination

POLICY = "{version: 1, name: benchmark, rules: [{name: all, where: everything}]}"


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(mode: str, directory: str) -> None:
    settings = Settings.from_env(os.environ, store=directory)
    policy = app.load_policy_text(POLICY, "the benchmark")
    sweep_id = app.new_sweep_id(app.now())
    started = cpu()
    hub = app.make_stores(settings, app.make_clients(settings))
    ended = coordination.sweep(hub, policy, sweep_id, Mode(mode), Runtime(confirm=lambda _: ConsentHow.YES))
    assert isinstance(ended, coordination.Ended)
    work = cpu() - started
    document = ended.document
    figures = {"start": started, "work": work, "status": document["status"], "totals": document["totals"]}
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
