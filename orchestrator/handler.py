"""The Lambda entry point: an event in, a sweep, `{sweep_id, status, totals, report}` out.

Failures of targets are in the report; an error that ends the sweep is raised, so that Lambda shows it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator import app, one_at_a_time
from orchestrator.aws.hub import invoke_again
from orchestrator.core.model import SweepStatus
from orchestrator.errors import BusyError, EventError, ReportLostError, StopOrchestratorError
from orchestrator.lease import Lease
from orchestrator.one_at_a_time import Busy, Result

SERVICE = "stop-orchestrator"
RESERVED_MILLISECONDS = 30_000
"""Kept back for the running calls to end and for the report; no new work is handed out in it."""
NEEDED = ("policy", "report_bucket", "table")
_EVENT = (
    'An event has at most "mode" ("plan", "enforce" or "approve"), "id", "sweep_id" and "policy"; a schedule carries '
    "it as its Input."
)
_LONGEST_LINE = 200_000
"""Of JSON; CloudWatch cuts a longer event (256 KB)."""
_ROWS_A_LINE = 50
_EXPLICIT_DENY = "explicit deny"
"""In AWS's messages: a policy forbids it by name, which no missing permission does."""
_REMEMBERED_SECONDS = 24 * 3600

logger = Logger(service=SERVICE)
# Patching botocore would open a segment per call in threads that have no parent segment.
tracer = Tracer(service=SERVICE, auto_patch=False)
metrics = Metrics(namespace="StopOrchestrator", service=SERVICE)


class SweepEvent(BaseModel):
    """The event of DESIGN section 5; every field is optional.

    `id` names what triggered it, such as `<aws.scheduler.execution-id>`; the same id is one sweep. A `sweep_id` that
    the ledger knows goes on with that sweep.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: app.SweepMode | None = None
    id: str | None = Field(default=None, min_length=1, max_length=256)
    sweep_id: str | None = Field(default=None, pattern=f"^{app.SWEEP_ID.pattern}$")
    policy: str | None = Field(default=None, min_length=1)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One sweep. Raises EventError, SettingsError, PolicyError or what ended the sweep."""
    asked = parse(event)
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
    triggered_at = app.now()
    settings = app.Settings.from_env(os.environ, NEEDED, mode=asked.mode, policy=asked.policy)
    logger.append_keys(mode=settings.mode.value)
    hub = app.make_hub(settings, app.make_clients(settings))
    around = app.Surroundings(
        out_of_time=lambda: context.get_remaining_time_in_millis() < RESERVED_MILLISECONDS,
        hand_over=lambda lease: _handed_over(hub, lease, context),
        progress=LogProgress(),
        triggered_at=triggered_at,
    )
    begun = hub.ledger.sweep(asked.sweep_id) if asked.sweep_id else None
    if begun is not None and asked.mode in (None, begun.mode):
        return answer_of(one_at_a_time.resume(hub, begun.sweep_id, around))

    def sweep(trigger: dict[str, Any]) -> dict[str, Any]:
        del trigger
        policy = app.read_policy(settings.policy or "", lambda: hub.clients)
        return answer_of(one_at_a_time.sweep(hub, policy, sweep_id, settings.mode, around))

    event_id = asked.sweep_id or asked.id or _request_id(context)
    if not event_id:
        return sweep({})
    return once(hub, sweep, {"id": event_id, "mode": settings.mode.value, "policy": settings.policy}, context)


def _request_id(context: LambdaContext) -> str:
    """Lambda's own, which an event that is tried again keeps; empty where something else than Lambda made it up."""
    try:
        request_id = UUID(context.aws_request_id)
    except ValueError:
        return ""
    return str(request_id) if request_id.int else ""


def once(
    hub: app.Hub, sweep: Callable[[dict[str, Any]], dict[str, Any]], trigger: dict[str, Any], context: LambdaContext
) -> dict[str, Any]:
    """Lambda and its triggers deliver at least once: what an event came to is remembered for a day, and given again."""
    table = DynamoDBPersistenceLayer(
        table_name=hub.settings.table or "",
        key_attr="PK",
        sort_key_attr="SK",
        static_pk_value="IDEMPOTENCY",
        expiry_attr="expires_at",
        boto3_client=hub.clients.dynamodb(),
    )
    config = IdempotencyConfig(expires_after_seconds=_REMEMBERED_SECONDS, lambda_context=context)
    only_once = idempotent_function(
        sweep, data_keyword_argument="trigger", persistence_store=table, config=config, key_prefix=SERVICE
    )
    try:
        answer: dict[str, Any] = only_once(trigger=trigger)
    except IdempotencyAlreadyInProgressError:
        # It runs, or died: the lease tells which, and a dead one is gone on with.
        answer = sweep(trigger)
        if answer["status"] != SweepStatus.RUNNING:
            table.save_success(data=trigger, result=answer)  # who died does not
    return answer


def _handed_over(hub: app.Hub, lease: Lease, context: LambdaContext) -> bool:
    """The time is up: a fresh invocation of this function goes on with the sweep, where it may and Lambda lets it."""
    begun = hub.ledger.sweep(lease.sweep_id)
    if begun is None or begun.continuations >= hub.settings.continuations:
        return False
    hub.ledger.amend(lease.sweep_id, continuations=begun.continuations + 1)
    if not lease.hand_over():
        return False
    try:
        invoke_again(hub.clients, context.invoked_function_arn, {"sweep_id": lease.sweep_id})
    except StopOrchestratorError:
        logger.exception("The sweep is not gone on with in a fresh invocation")
        lease.take_back()
        return False
    return True


def answer_of(result: Result) -> dict[str, Any]:
    if isinstance(result, Busy):
        if not result.same:
            raise BusyError(f"{result.sweep_id} is running by the same policy; Lambda tries this event again later")
        logger.info("The sweep is running already", running=result.sweep_id)
        return _answered(result.sweep_id, SweepStatus.RUNNING, {}, None)
    document = result.document
    counted: dict[str, int] = document["totals"]
    if not result.repeated and document["status"] != SweepStatus.RUNNING:
        _measure(document)
    logger.info("Sweep ended", status=document["status"], totals=counted, report=result.location)
    return _answered(result.sweep_id, document["status"], counted, result.location or None)


def _answered(sweep_id: str, status: str, counted: dict[str, int], location: str | None) -> dict[str, Any]:
    return {
        "sweep_id": sweep_id,
        "status": str(status),
        "totals": counted,
        "report": {"json": location, "html": None},
    }


def parse(event: dict[str, Any]) -> SweepEvent:
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
    _measure(document)
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


def _measure(document: Mapping[str, Any]) -> None:
    """One EMF line. Not by Powertools' decorator, which warns after an invocation that had nothing to measure."""
    counted: dict[str, int] = document["totals"]
    for name, value in (
        ("SweepsEnded", 1),
        ("SweepsHeld", int(document["status"] == SweepStatus.HELD)),
        ("TargetsScanned", counted["scanned"]),
        ("TargetsUnreadable", _unreadable(counted)),
        ("ResourcesStopped", counted["stopped"]),
        ("StopsFailed", counted["failed"]),
        ("StopsDeniedByGuard", sum(_EXPLICIT_DENY in row["message"].lower() for row in document["outcomes"])),
        ("ResourcesExempt", counted["exempt"]),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.add_metric(name="CoveragePercent", unit=MetricUnit.Percent, value=_coverage_percent(document))
    metrics.add_metric(name="SweepDuration", unit=MetricUnit.Seconds, value=document["duration_seconds"])
    metrics.add_metadata("sweep_id", document["sweep_id"])
    metrics.flush_metrics()


def _coverage_percent(document: Mapping[str, Any]) -> float:
    """The guardrail's where the policy has one; it knows how many regions an account has that could not be read."""
    for row in document["guardrails"]:
        if row["name"] == "min_coverage_percent":
            return float(row["actual"])
    counted: dict[str, int] = document["totals"]
    in_scope = counted["scanned"] + _unreadable(counted)
    return counted["scanned"] * 100 / in_scope if in_scope else 100.0


def _unreadable(counted: Mapping[str, int]) -> int:
    return counted["denied"] + counted["failed_targets"] + counted["not_attempted_targets"]


class LogProgress:
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
