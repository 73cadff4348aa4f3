"""The measured process: one whole sweep, from the imports to the written report, phase by phase.

`python -m tests.benchmarks.own_sweep '{"mode": "plan", ...}'` (see `Asked`) prints JSON. It sweeps nothing but the
benchmark's own endpoint (`safety`). Where a phase ends is heard from the sweep's own progress; the endpoint tells what
was asked until then.
"""

from __future__ import annotations

import time

_WALL = time.perf_counter()

import json  # noqa: E402 - the clock comes before whatever takes time
import os  # noqa: E402 - the clock comes before whatever takes time
import re  # noqa: E402 - the clock comes before whatever takes time
import sys  # noqa: E402 - the clock comes before whatever takes time
from dataclasses import dataclass, field  # noqa: E402 - the clock comes before whatever takes time
from typing import Any  # noqa: E402 - the clock comes before whatever takes time

from tests.benchmarks.safety import Meter, allow_many_files, busy_seconds, open_files, peak_memory, require_own_endpoint  # noqa: E402 - the clock comes before whatever takes time


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be swept, and how it is measured."""

    mode: str
    meter: int
    """The port of the endpoint's meter."""
    policy: str
    cpu: int | None = None


@dataclass(slots=True)
class Phases:
    """ports.Progress. What the sweep does not name begins where another phase ends: all targets read, consent given,
    all actions done.
    """

    meter: Meter
    measured: list[dict[str, Any]] = field(default_factory=list)
    files: int = 0
    """The most that were open where a phase ended; connections are kept."""
    _name: str = "start-up"
    _ended: dict[str, Any] | None = None
    """What was measured when the last of a phase's work was done."""
    _before: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        """After the imports."""
        nothing = {"wall": 0.0, "cpu": 0.0, "calls": {}, "write_units": 0, "read_units": 0.0, "s3": {}}
        self._before = {**nothing, "memory": 0}
        self._name = "start-up: imports, settings, policy"

    def phase(self, text: str) -> None:
        self._end(_without_numbers(text))

    def targets(self, done: int, total: int) -> None:
        # While others are still listed, all that were named by then may be read: that is not the end.
        is_last = done == total and self._name.startswith("Reading accounts")
        self._ended = self._now() if is_last else None

    def actions(self, done: Any, total: Any) -> None:
        self._ended = self._now() if done.total == total.total else None

    def end(self, then: str = "") -> None:
        """The work that was measured last is over."""
        self._end(then)

    def _end(self, then: str) -> None:
        if self._ended is not None:
            ended, self._ended = self._ended, None
            self._add(ended)
            acted = self._name.startswith("Acting")
            self._name = "Report" if acted else "Deciding, guardrails, plan"
        self._add(self._now())
        self._name = then

    def _add(self, now: dict[str, Any]) -> None:
        before, self._before = self._before, now
        self.measured.append(
            {
                "name": self._name,
                "memory": now["memory"],
                **{name: now[name] - before[name] for name in ("wall", "cpu", "write_units", "read_units")},
                **{
                    name: {one: new for one, count in now[name].items() if (new := count - before[name].get(one, 0))}
                    for name in ("calls", "s3")
                },
            }
        )

    def _now(self) -> dict[str, Any]:
        told = self.meter.read()
        self.files = max(self.files, open_files())
        told |= {"wall": time.perf_counter() - _WALL, "cpu": time.process_time(), "memory": peak_memory()}
        return told


def main(asked: Asked) -> None:
    if asked.cpu is not None:
        os.sched_setaffinity(0, {asked.cpu})
    allow_many_files()
    meter, busy = require_own_endpoint(os.environ, asked.meter), busy_seconds(asked.cpu) - time.process_time()
    from orchestrator import app  # noqa: PLC0415 - start-up is measured
    from orchestrator.core.model import ConsentHow, Mode  # noqa: PLC0415 - start-up is measured
    from orchestrator.ports import Runtime  # noqa: PLC0415 - start-up is measured
    from orchestrator.settings import Settings  # noqa: PLC0415 - start-up is measured
    from orchestrator.sweep import coordination  # noqa: PLC0415 - start-up is measured

    phases = Phases(meter)
    phases.begin()
    settings = Settings.from_env(os.environ)
    policy = app.load_policy_text(asked.policy, "the benchmark")
    phases.end("Clients, lease, first record")

    def confirm(_approved: Any) -> ConsentHow:
        phases.end("Consent")
        return ConsentHow.YES

    stores = app.make_stores(settings, app.make_clients(settings))
    runtime = Runtime(confirm=confirm, progress=phases, asked_by="the benchmark")
    ended = coordination.sweep(stores, policy, app.new_sweep_id(app.now()), Mode(asked.mode), runtime)
    phases.end()
    assert isinstance(ended, coordination.Ended)
    document = ended.document
    told = meter.read()
    figures = {
        "phases": phases.measured,
        "status": document["status"],
        "totals": document["totals"],
        "wall": time.perf_counter() - _WALL,
        "cpu": time.process_time(),
        "memory": peak_memory(),
        "files": phases.files,
        "others": max(0.0, busy_seconds(asked.cpu) - time.process_time() - busy),
        "endpoint": told,
    }
    sys.stdout.write(json.dumps(figures))


def _without_numbers(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\b\d[\d,]*\b", "", text)).strip()


if __name__ == "__main__":
    main(Asked(**json.loads(sys.argv[1])))
