"""One line of CloudWatch metrics for each sweep that ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from orchestrator.core.model import SweepStatus
from orchestrator.core.model.aws_error_codes import denied_explicitly
from orchestrator.lambdas.log import SERVICE

metrics = Metrics(namespace="StopOrchestrator", service=SERVICE)


def measure(document: Mapping[str, Any]) -> None:
    """One EMF line. Not by Powertools' decorator, which warns after an invocation that had nothing to measure."""
    counted: dict[str, int] = document["totals"]
    for name, value in (
        ("SweepsEnded", 1),
        ("SweepsHeld", int(document["status"] == SweepStatus.HELD)),
        ("ConsentMissing", int(bool(document["consent_missing"]))),
        ("TargetsScanned", counted["scanned"]),
        ("TargetsUnreadable", _unreadable(counted)),
        ("ResourcesStopped", counted["stopped"]),
        ("StopsFailed", counted["failed"]),
        ("StopsDeniedByGuard", sum(denied_explicitly(row["code"], row["message"]) for row in document["outcomes"])),
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
