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
from orchestrator.core.model import Mode, SweepReport
from orchestrator.core.report import totals
from orchestrator.errors import EventError, ReportLostError, SettingsError
from orchestrator.sweep import run_sweep

SERVICE = "stop-orchestrator"
RESERVED_MILLISECONDS = 30_000
"""Kept back for the running calls to end and for the report; no new work is handed out in it."""

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
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One sweep. Raises EventError, SettingsError, PolicyError or what ended the sweep."""
    asked = _parse(event)
    settings = _settings(asked)
    started = app.now()
    sweep_id = asked.sweep_id or app.new_sweep_id(started)
    logger.append_keys(sweep_id=sweep_id, mode=settings.mode.value)
    clients = app.make_clients(settings)
    policy = app.read_policy(settings.policy or "", clients)
    around = app.Surroundings(
        out_of_time=lambda: context.get_remaining_time_in_millis() < RESERVED_MILLISECONDS, progress=_LogProgress()
    )
    world = app.build_world(settings, clients, sweep_id, settings.mode, around)
    try:
        report, location = run_sweep(world, policy, sweep_id, settings.mode)
    except ReportLostError as lost:
        logger.exception("The report could not be written; here it is", report=lost.document)
        raise
    _measure(report)
    logger.info("Sweep ended", status=report.status.value, totals=totals(report), report=location)
    return {
        "sweep_id": sweep_id,
        "status": report.status.value,
        "totals": totals(report),
        "report": {"json": location, "html": None},
    }


def _parse(event: dict[str, Any]) -> SweepEvent:
    try:
        return SweepEvent.model_validate(event)
    except ValidationError as invalid:
        problems = "; ".join(f"{_field(error)}: {error['msg']}" for error in invalid.errors())
        raise EventError(f"the event {json.dumps(event, default=str)[:500]} is not understood: {problems}") from invalid


def _field(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"]) or "event"


def _settings(asked: SweepEvent) -> app.Settings:
    settings = app.Settings.from_env(os.environ, mode=asked.mode, policy=asked.policy)
    needed = {"POLICY": settings.policy, "REPORT_BUCKET": settings.report_bucket, "TABLE": settings.table}
    missing = [f"{app.PREFIX}{name}" for name, value in needed.items() if not value]
    if missing:
        raise SettingsError(f"the Lambda needs {', '.join(missing)} in its environment")
    return settings


def _measure(report: SweepReport) -> None:
    counted = totals(report)
    unreadable = counted["denied"] + counted["failed_targets"] + counted["not_attempted_targets"]
    for name, value in (
        ("TargetsScanned", counted["scanned"]),
        ("TargetsUnreadable", unreadable),
        ("ResourcesStopped", counted["stopped"]),
        ("StopsFailed", counted["failed"]),
        ("ResourcesExempt", counted["exempt"]),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.add_metric(name="SweepDuration", unit=MetricUnit.Seconds, value=report.duration_seconds)


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
