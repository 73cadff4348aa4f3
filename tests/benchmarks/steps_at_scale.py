"""What each step of the state machine costs at 10,000 accounts x 17 regions with 272,000 resources, all to be stopped.

Each invocation is a process of its own, as a Lambda is: its CPU, and the most memory that it ever had. Of the parts one
is measured, the others are prepared. `python -m tests.benchmarks.steps_at_scale --accounts 10000`; with `--step plan
--folder new` it measures a plan in one process instead, which takes its time to list as none.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orchestrator.app  # noqa: F401 - as in a Lambda: boto3 is loaded
from orchestrator.core.model import AccountId, Mode, Outcome, OutcomeStatus, Target
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import World
from orchestrator.sweep import parts
from orchestrator.sweep.parts import BATCHES, Part, acts_file
from orchestrator.sweep.run import begin, run_sweep
from orchestrator.sweep.state import Sweep
from tests.benchmarks.synthetic_hub import SWEEP_ID, Hub

ROOT = Path(__file__).parents[2]
ACCOUNTS_A_PART = 20
MOST_SECONDS, MOST_MEGABYTES = 450, 1769
"""Half of a Lambda's time, and what it has with one processor."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one invocation."""

    step: str
    cpu_seconds: float
    megabytes: int
    organization_seconds: float
    """How long calls to AWS Organizations took at their pace."""
    answer: Any = None


# --- in a process of its own ------------------------------------------------------------------------------------------


def _run(hub: Hub, step: str) -> Any:
    world = hub.world()
    if step == "act on the rest":
        return _act_on_the_rest(hub)
    if step == "plan":
        return run_sweep(world, hub.policy, SWEEP_ID, Mode.PLAN)[0]["totals"]
    if step == "begin":
        hub.activate()
        sweep = Sweep(SWEEP_ID, Mode.ENFORCE, hub.policy, world.now())
        begin(world, sweep, execution="execution")
        return parts.list_parts(world, sweep, ACCOUNTS_A_PART)
    summary = hub.ledger.sweep(SWEEP_ID)
    assert summary is not None
    return _STEPS[step](world, Sweep.resumed(hub.policy, summary), summary)


def _list(world: World, sweep: Sweep, _: SweepSummary) -> Any:
    return parts.list_parts(world, sweep, ACCOUNTS_A_PART)


def _parts_of(world: World, name: str) -> Iterator[Part]:
    for item in json.loads(world.store.read(SWEEP_ID, name)):
        yield Part(item["sweep_id"], item["number"], tuple(item["accounts"]), item["wave"])


def _read(world: World, sweep: Sweep, summary: SweepSummary) -> None:
    parts.read_part(world, sweep, summary, next(_parts_of(world, BATCHES)))


def _read_the_rest(world: World, sweep: Sweep, summary: SweepSummary) -> None:
    for part in _parts_of(world, BATCHES):
        parts.read_part(world, sweep, summary, part)


def _decide(world: World, sweep: Sweep, summary: SweepSummary) -> bool:
    return parts.decide(world, sweep, summary, ACCOUNTS_A_PART)


def _act(world: World, sweep: Sweep, summary: SweepSummary) -> None:
    parts.act_on_part(world, sweep, summary, next(_parts_of(world, acts_file(1))))


def _next_wave(world: World, sweep: Sweep, summary: SweepSummary) -> bool:
    return parts.next_wave(world, sweep, summary, 1)


def _end(world: World, sweep: Sweep, summary: SweepSummary) -> None:
    parts.end(world, sweep, summary, "")


_STEPS: dict[str, Callable[[World, Sweep, SweepSummary], Any]] = {
    "list": _list,
    "read": _read,
    "read the rest": _read_the_rest,
    "decide": _decide,
    "act": _act,
    "next_wave": _next_wave,
    "end": _end,
    "end again": _end,
}


def _act_on_the_rest(hub: Hub) -> Any:
    """Straight into the ledger, with the first part's done already."""
    world, at = hub.world(), hub.now()
    waves = [1, 2]
    mine = next(_parts_of(world, acts_file(1))).accounts
    for wave in waves:
        for part in _parts_of(world, acts_file(wave)):
            for account_id in part.accounts:
                if account_id not in mine:
                    _stop_all(hub, account_id, at)


def _stop_all(hub: Hub, account_id: AccountId, at: datetime) -> None:
    found = [one for region in hub.region_names for one in hub.instances(Target(account_id, region))]
    hub.ledger.record_outcomes(SWEEP_ID, [Outcome(one, OutcomeStatus.STOPPED, "", "", at, at) for one in found])


# --- the benchmark ----------------------------------------------------------------------------------------------------


def measure(folder: Path, accounts: int, regions: int, tell: Callable[[Figures], None]) -> list[Figures]:
    """Every step, in order."""
    figures: list[Figures] = []

    def step(name: str) -> Any:
        since = sum(one.organization_seconds for one in figures)
        figures.append(_in_a_process(folder, accounts, regions, name, since))
        tell(figures[-1])
        return figures[-1].answer

    listed = step("begin")
    while listed is False:
        listed = step("list")
    for name in ("read", "read the rest", "decide", "act", "act on the rest", "next_wave", "end"):
        step(name)
    for manifest in folder.glob("sweeps/*/*/manifest.json"):
        manifest.unlink()  # as if it had died before
    step("end again")
    return figures


def _in_a_process(folder: Path, accounts: int, regions: int, step: str, since: float) -> Figures:
    command = [sys.executable, "-m", "tests.benchmarks.steps_at_scale", "--folder", str(folder), "--step", step]
    sizes = ["--accounts", str(accounts), "--regions", str(regions), "--since", str(since)]
    done = subprocess.run([*command, *sizes], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Prints a line for each invocation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--regions", type=int, default=17)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step")
    parser.add_argument("--since", type=float, default=0.0)
    asked = parser.parse_args()
    if asked.step:
        hub = Hub(asked.folder, asked.accounts, asked.regions, asked.since)
        hub.paced = asked.step != "plan"
        answer = _run(hub, asked.step)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        found = Figures(asked.step, round(time.process_time(), 2), peak, round(hub.seconds, 1), answer)
        sys.stdout.write(json.dumps(asdict(found)))
        return
    with TemporaryDirectory() as made:
        measure(asked.folder or Path(made), asked.accounts, asked.regions, tell)


def tell(figures: Figures) -> None:
    """One line."""
    sys.stdout.write(
        f"{figures.step:16} {figures.cpu_seconds:8.1f} s CPU {figures.megabytes:6} MB "
        f"{figures.organization_seconds:7.0f} s of calls to Organizations\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
