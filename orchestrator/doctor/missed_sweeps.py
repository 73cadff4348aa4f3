"""Holds when the sweeps of the active policies were due against what the ledger has of them: which were missed?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from orchestrator.core.diagnosis.missed import ActiveSchedules, DueSweep, SweepRun, began_since, last_due, with_runs
from orchestrator.core.model import ActivePolicy, Mode, SweepStatus
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.scheduled_sweeps import ScheduledSweep
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary

_INTERRUPTED = "Interrupted"
"""What `error` of a sweep begins with that a person interrupted."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


def look_for_missed(
    ledger: Ledger,
    policies: Iterable[tuple[OrgPolicy, ActivePolicy | None]],
    default: tuple[ScheduledSweep, ...],
    limit: Mode,
    now: datetime,
    deployed_at: datetime | None = None,
) -> tuple[DueSweep, ...]:
    """Each scheduled sweep of every policy, with when it was last due and what ran of it since.

    `default`: the sweeps of a policy that names none; `limit`: the most that the hub may do; both since `deployed_at`,
    where that is known. Raises LedgerError.
    """
    since = deployed_at or _EVER
    due = last_due([_scheduled(policy, active, default, since) for policy, active in policies], now)
    earliest = began_since(due)
    began = ledger.sweeps_since(earliest) if earliest is not None else ()
    # What is about one resource, was narrowed, or was interrupted before it acted, did not do what was due.
    runs = [_run(one) for one in began if one.only is None and one.narrowed is None and not _ended_early(one)]
    return with_runs(due, runs, now, limit)


def _ended_early(summary: SweepSummary) -> bool:
    return summary.status == SweepStatus.HELD and (summary.error or "").startswith(_INTERRUPTED)


def _scheduled(
    policy: OrgPolicy, active: ActivePolicy | None, default: tuple[ScheduledSweep, ...], deployed_at: datetime
) -> ActiveSchedules:
    """A policy that was never activated counts as one that was always there: its sweeps only plan, and are due."""
    activated_at = datetime.fromisoformat(active.activated_at) if active is not None else _EVER
    return ActiveSchedules(policy.name, policy.sweeps or default, max(activated_at, deployed_at))


def _run(summary: SweepSummary) -> SweepRun:
    return SweepRun(
        summary.sweep_id,
        summary.policy_name,
        summary.mode,
        summary.status,
        datetime.fromisoformat(summary.started_at),
        datetime.fromisoformat(summary.ended_at) if summary.ended_at else None,
    )
