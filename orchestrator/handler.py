"""The Lambda entry point: an event in, a sweep, `{sweep_id, status, totals, report}` out.

Failures of targets are in the report; an error that ends the sweep is raised, so that Lambda shows it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator import app
from orchestrator.core.model import Mode
from orchestrator.core.report import totals
from orchestrator.errors import EventError, ReportLostError
from orchestrator.sweep import run_sweep

SERVICE = "stop-orchestrator"
RESERVED_MILLISECONDS = 30_000
"""Kept back for the running calls to end and for the report; no new work is handed out in it."""
_NEEDED = ("policy", "report_bucket", "table")
_EVENT = (
    'An event has at most "mode" ("plan" or "enforce"), "sweep_id" and "policy"; a schedule carries it as its Input.'
)
_LONGEST_LINE = 200_000
"""Of JSON; CloudWatch cuts a longer event (256 KB)."""
_ROWS_A_LINE = 50

logger = Logger(service=SERVICE)
# Patching botocore would open a segment per call in threads that have no parent segment.
tracer = Tracer(service=SERVICE, auto_patch=False)
metrics = Metrics(namespace="StopOrchestrator", service=SERVICE)


class SweepEvent(BaseModel):
    """The event of DESIGN section 5; every field is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode | None = None
    sweep_id: str | None = Field(default=None, pattern=f"^{app.SWEEP_ID.pattern}$")
    policy: str | None = Field(default=None, min_length=1)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One sweep. Raises EventError, SettingsError, PolicyError or what ended the sweep."""
    asked = _parse(event)
    sweep_id = asked.sweep_id or app.new_sweep_id(app.now())
    logger.append_keys(sweep_id=sweep_id)
    try:
        return _sweep(asked, sweep_id, context)
    except ReportLostError as lost:
        _log_lost(lost)
        raise
    except Exception:
        logger.exception("The sweep was ended by an error")
        raise


def _sweep(asked: SweepEvent, sweep_id: str, context: LambdaContext) -> dict[str, Any]:
    settings = app.Settings.from_env(os.environ, _NEEDED, mode=asked.mode, policy=asked.policy)
    logger.append_keys(mode=settings.mode.value)
    clients = app.make_clients(settings)
    policy = app.read_policy(settings.policy or "", lambda: clients)
    around = app.Surroundings(
        out_of_time=lambda: context.get_remaining_time_in_millis() < RESERVED_MILLISECONDS, progress=_LogProgress()
    )
    world = app.build_world(settings, clients, sweep_id, settings.mode, around)
    report, location = run_sweep(world, policy, sweep_id, settings.mode)
    counted = totals(report)
    _measure(sweep_id, counted, report.duration_seconds)
    logger.info("Sweep ended", status=report.status.value, totals=counted, report=location)
    return {
        "sweep_id": sweep_id,
        "status": report.status.value,
        "totals": counted,
        "report": {"json": location, "html": None},
    }


def _parse(event: dict[str, Any]) -> SweepEvent:
    try:
        return SweepEvent.model_validate(event)
    except ValidationError as invalid:
        problems = "; ".join(f"{_field(error)}: {error['msg']}" for error in invalid.errors())
        shown = json.dumps(event, default=str)[:500]
        raise EventError(f"the event {shown} is not understood: {problems}. {_EVENT}") from invalid


def _field(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"]) or "event"


def _log_lost(lost: ReportLostError) -> None:
    """The whole report, in one line where the log can take it, else its rows in slices."""
    document: dict[str, Any] = dict(lost.document)
    _measure(document["sweep_id"], document["totals"], document["duration_seconds"])
    text = "The report could not be written; here it is"
    if len(json.dumps(document)) <= _LONGEST_LINE:
        logger.error(text, reason=str(lost), report=document)
        return
    parts = {name: document.pop(name) for name in ("coverage", "decisions", "outcomes", "compliance")}
    logger.error(text, reason=str(lost), report=document)
    for name, rows in parts.items():
        for start in range(0, len(rows), _ROWS_A_LINE):
            logger.error(
                "Rows of the report that could not be written", part=name, rows=rows[start : start + _ROWS_A_LINE]
            )


def _measure(sweep_id: str, counted: dict[str, int], duration_seconds: float) -> None:
    """One EMF line. Not by Powertools' decorator, which warns after an invocation that had nothing to measure."""
    unreadable = counted["denied"] + counted["failed_targets"] + counted["not_attempted_targets"]
    for name, value in (
        ("TargetsScanned", counted["scanned"]),
        ("TargetsUnreadable", unreadable),
        ("ResourcesStopped", counted["stopped"]),
        ("StopsFailed", counted["failed"]),
        ("ResourcesExempt", counted["exempt"]),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.add_metric(name="SweepDuration", unit=MetricUnit.Seconds, value=duration_seconds)
    metrics.add_metadata("sweep_id", sweep_id)
    metrics.flush_metrics()


class _LogProgress:
    """Phases as log lines; counts at every tenth part, so that a long sweep shows that it lives."""

    def __init__(self) -> None:
        self._said: tuple[str, int] = ("", 0)

    def phase(self, text: str) -> None:
        logger.info(text)

    def targets(self, done: int, total: int) -> None:
        self._say("Targets read", done, total)

    def stops(self, done: int, total: int) -> None:
        self._say("Stops done", done, total)

    def _say(self, what: str, done: int, total: int) -> None:
        tenth = (what, done * 10 // max(total, 1))
        if tenth != self._said:
            self._said = tenth
            logger.info(what, done=done, total=total)
