"""Sweeps that never began: another one by the same policy was running for as long as they were tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.model import Mode, SweepStatus, time_text
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import BusyError
from orchestrator.lambdas.log import logger
from orchestrator.lambdas.metrics import measure_undelivered
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import Caller, Telling
from orchestrator.sweep.telling import tell_of_missed

TRIED_AGAIN_FOR = timedelta(hours=1)
_LATEST = 50
"""Among so many of the newest sweeps of the ledger the one of an execution is looked for."""


def a_missed_sweep(
    policy: OrgPolicy, sweep_id: str, mode: Mode, since: datetime, why: str, **known: Any
) -> SweepSummary:
    """Its record. Without `finished_at`, with which sweeps that have a report end. `since`: when it was to begin."""
    return SweepSummary(
        sweep_id=sweep_id,
        status=SweepStatus.MISSED.value,
        mode=mode.value,
        policy_name=policy.name,
        started_at=time_text(since) or "",
        standing=True,
        error=f"it did not begin: {why}",
        **known,
    )


def reason_of(busy: BusyError | str) -> str:
    """Which sweep it found, without what a caller may do about it."""
    return str(busy).partition(";")[0]


def record_missed(ledger: Ledger, telling: Telling, trigger: str, missed: SweepSummary) -> dict[str, Any]:
    """Once for each trigger, whose retries come here too. Where a sweep of it began, that one's record stays.

    Whoever is to hear of it is told, again where the invocation before this one died meanwhile.
    """
    missed = replace(missed, sweep_id=ledger.sweep_of_trigger(trigger, missed.sweep_id))
    sweep_id = missed.sweep_id
    found = ledger.sweep(sweep_id)
    if found is None:
        ledger.begin(missed)
        logger.error("The sweep was missed", sweep_id=sweep_id, mode=missed.mode, reason=missed.error)
    if found is None or found.status == SweepStatus.MISSED:
        caller = Caller(warn=logger.warning, count_undelivered=measure_undelivered)
        tell_of_missed(caller, ledger, telling, found or missed)
    return {"sweep_id": sweep_id, "status": SweepStatus.MISSED.value, "error": missed.error}


def sweep_of_execution(ledger: Ledger, execution: str) -> SweepSummary | None:
    """The sweep that the state machine's execution began; None where it began none."""
    found = (one for one in ledger.sweeps(_LATEST) if execution and one.execution == execution)
    return next((one for one in found if one.status != SweepStatus.MISSED), None)
