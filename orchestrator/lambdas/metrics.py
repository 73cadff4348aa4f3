"""One line of CloudWatch metrics for each sweep that ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from orchestrator.core.decide.guardrails import MIN_COVERAGE
from orchestrator.core.model import OutcomeStatus, SweepStatus, TargetStatus, Verdict
from orchestrator.core.model.aws_error_codes import denied_explicitly
from orchestrator.core.report.document import YIELDED, Row
from orchestrator.lambdas.log import SERVICE

metrics = Metrics(namespace="StopOrchestrator", service=SERVICE)


def measure(document: Mapping[str, Any]) -> None:
    """One EMF line. Not by Powertools' decorator, which warns after an invocation that had nothing to measure."""
    counted: dict[str, int] = document["totals"]
    failed_stops, failed_starts = _failed_stops_and_starts(document)
    for name, value in (
        ("SweepsEnded", 1),
        ("SweepsHeld", int(document["status"] == SweepStatus.HELD)),
        ("ConsentMissing", int(bool(document["consent_missing"]))),
        ("TargetsScanned", counted["scanned"]),
        ("TargetsUnreadable", _unreadable(counted)),
        ("ResourcesStopped", counted["stopped"]),
        ("StopsFailed", len(failed_stops)),
        ("StopsDeniedByGuard", sum(denied_explicitly(row["code"], row["message"]) for row in failed_stops)),
        ("ResourcesStarted", counted["started"]),
        ("StartsFailed", len(failed_starts)),
        ("ResourcesExempt", counted["exempt"]),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    if not document["error"].startswith(YIELDED):  # what it did not read it did not try to
        metrics.add_metric(name="CoveragePercent", unit=MetricUnit.Percent, value=_coverage_percent(document))
    metrics.add_metric(name="SweepDuration", unit=MetricUnit.Seconds, value=document["duration_seconds"])
    metrics.add_metadata("sweep_id", document["sweep_id"])
    metrics.flush_metrics()


def _failed_stops_and_starts(document: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """An outcome that failed does not say what was asked for; its decision does."""
    starts = {_key(row) for row in document["decisions"] if row["verdict"] == Verdict.START}
    failed = [row for row in document["outcomes"] if row["status"] == OutcomeStatus.FAILED]
    return [row for row in failed if _key(row) not in starts], [row for row in failed if _key(row) in starts]


def _key(row: Row) -> tuple[str, str, str, str]:
    return row["account_id"], row["region"], row["kind"], row["resource_id"]


def _coverage_percent(document: Mapping[str, Any]) -> float:
    """The guardrail's where the policy has one, which may be frozen with a plan; else what the rows add up to."""
    for row in document["guardrails"]:
        if row["name"] == MIN_COVERAGE:
            return float(row["actual"])
    rows = [(row["status"], row["weight"]) for row in document["coverage"]]
    in_scope = sum(weight for _, weight in rows)
    return (
        sum(weight for status, weight in rows if status == TargetStatus.SCANNED) * 100 / in_scope if in_scope else 100.0
    )


def _unreadable(counted: Mapping[str, int]) -> int:
    return counted["denied"] + counted["failed_targets"] + counted["not_attempted_targets"]
