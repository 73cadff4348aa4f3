"""Which sweeps were due and did not run: what policies say of their schedules, held against the ledger's sweeps.

A sweep that never began leaves no trace, so it is told by its absence: `last_due` says when one was due, `with_runs`
looks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.core.model import Mode, SweepStatus
from orchestrator.core.policy.scheduled_sweeps import ScheduledSweep
from orchestrator.core.policy.schedules import cron

TRIED_FOR = timedelta(hours=2)
"""An hour in which EventBridge Scheduler tries to deliver, and one in which an enforce waits for another sweep."""
LONGEST = timedelta(hours=6)
"""As the state machine's TimeoutSeconds; what has been running for longer died."""
_CLOCKS_DIFFER = timedelta(minutes=1)
_MEETS = timedelta(minutes=15)
"""So long after its window a plan may still find an enforce of its policy, and leave the looking to it."""
_RAN = frozenset(
    {
        SweepStatus.RUNNING,
        SweepStatus.AWAITING_APPROVAL,
        SweepStatus.COMPLETE,
        SweepStatus.INCOMPLETE,
        SweepStatus.HELD,
        SweepStatus.ABORTED,
    }
)
"""Of any other status it did not do what was due, or not yet."""


@dataclass(frozen=True, slots=True)
class ActiveSchedules:
    """When the sweeps of one active policy are due."""

    policy_name: str
    sweeps: tuple[ScheduledSweep, ...]
    since: datetime
    """When it became active: nothing was due before."""


@dataclass(frozen=True, slots=True)
class SweepRun:
    """One sweep that the ledger has."""

    sweep_id: str
    policy_name: str
    mode: str
    status: str
    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueSweep:
    """A scheduled sweep, when it was last due, and what ran of it since."""

    policy_name: str
    sweep: ScheduledSweep
    due_at: datetime | None
    """None: it was not due yet, or its time to begin is not over."""
    run: SweepRun | None = None

    @property
    def is_missed(self) -> bool:
        """Whether it was due and nothing did it."""
        return self.due_at is not None and self.run is None

    @property
    def text(self) -> str:
        """In a sentence."""
        what = f"{self.sweep.mode.value} of {self.policy_name} ({self.sweep.name})"
        if self.due_at is None:
            return f"{what}: not due yet"
        ran = f"ran at {_at(self.run.began_at)} ({self.run.sweep_id})" if self.run else "did not run since"
        return f"{what}: was due at {_at(self.due_at)}, and {ran}"


def last_due(policies: Iterable[ActiveSchedules], now: datetime) -> tuple[DueSweep, ...]:
    """Each sweep with when it was last due, of which the time to begin is over."""
    return tuple(
        DueSweep(
            policy.policy_name,
            sweep,
            cron.last_due(sweep.expression, sweep.timezone, now - sweep.window - TRIED_FOR, policy.since),
        )
        for policy in policies
        for sweep in policy.sweeps
    )


def began_since(due: Iterable[DueSweep]) -> datetime | None:
    """No sweep that began before can be a run of any of them; None where none was due."""
    return min((one.due_at - LONGEST for one in due if one.due_at is not None), default=None)


def with_runs(due: Iterable[DueSweep], runs: Sequence[SweepRun], now: datetime, limit: Mode) -> tuple[DueSweep, ...]:
    """Each with the earliest sweep that did what was due. `limit`: the most that the hub may do.

    Where the limit is less than the schedule's mode, what it leaves of that is what is due. A sweep that was under way
    when the next of the same kind came due serves both, as a trigger that finds it running begins no other.
    """
    in_order = sorted(runs, key=lambda one: one.began_at)
    return tuple(replace(one, run=next(_runs_of(one, in_order, now, limit), None)) for one in due)


def _runs_of(due: DueSweep, runs: Iterable[SweepRun], now: datetime, limit: Mode) -> Iterator[SweepRun]:
    if due.due_at is None:
        return
    mode = due.sweep.mode if due.sweep.mode.is_within(limit) else limit
    for run in runs:
        is_after = run.began_at >= due.due_at - _CLOCKS_DIFFER
        was_under_way = run.ended_at is not None and run.ended_at >= due.due_at
        # An enforce reads, decides and reports what a plan does, and a plan that meets one gives way.
        is_met = mode is Mode.PLAN and run.began_at <= due.due_at + due.sweep.window + _MEETS
        serves = run.mode == mode or (run.mode == Mode.ENFORCE and is_met)
        if run.policy_name == due.policy_name and serves and (is_after or was_under_way) and _counts(run, now):
            yield run


def _counts(run: SweepRun, now: datetime) -> bool:
    is_dead = run.status == SweepStatus.RUNNING and run.began_at < now - LONGEST
    return run.status in _RAN and not is_dead


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
