"""From the result of a sweep to the answer of a Lambda, its metrics and its last log line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.model import SweepStatus
from orchestrator.core.report.endings import ended_by
from orchestrator.errors import BusyError, HaltedError
from orchestrator.lambdas.log import logger
from orchestrator.lambdas.metrics import measure
from orchestrator.sweep.coordination import Busy, Result


def answer_of(result: Result) -> dict[str, Any]:
    """The Lambda's answer. Raises BusyError where another sweep of the same policy is running, and not this one.

    Raises HaltedError for a sweep that was left to be resumed: Lambda tries this event again later, which resumes it.
    """
    if isinstance(result, Busy):
        if not result.same:
            raise BusyError(f"{result.sweep_id} is running by the same policy; Lambda tries this event again later")
        logger.info("The sweep is running already", running=result.sweep_id)
        return _answered(result.sweep_id, SweepStatus.RUNNING, {}, None)
    document = result.document
    if document["status"] == SweepStatus.RUNNING and document["error"]:
        raise HaltedError(f"{result.sweep_id} was left to be resumed. {ended_by(document['error'])}")
    counted: dict[str, int] = document["totals"]
    if not result.repeated and document["status"] != SweepStatus.RUNNING:
        measure(document)
    held_by = [": ".join(filter(None, (row["name"], row.get("detail")))) for row in _broken(document)]
    logger.info("Sweep ended", status=document["status"], totals=counted, report=result.location, held_by=held_by)
    answer = _answered(result.sweep_id, document["status"], counted, result.location or None)
    missing = document.get("consent_missing")
    return {**answer, "consent_missing": missing} if missing else answer


def _broken(document: Mapping[str, Any]) -> list[Any]:
    """The guardrails that hold it."""
    return [row for row in document["guardrails"] if not row["passed"]]


def _answered(sweep_id: str, status: str, counted: dict[str, int], location: str | None) -> dict[str, Any]:
    page = f"{location.removesuffix('.json')}.html" if location else None
    report = {"json": location, "html": page}
    return {"sweep_id": sweep_id, "status": str(status), "totals": counted, "report": report}
