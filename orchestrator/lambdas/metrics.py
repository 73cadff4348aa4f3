"""CloudWatch metrics: one line of the log, in CloudWatch's embedded metric format, for what it is to count.

CloudWatch adds up no dimensions, and an alarm names each of its metric's. So every metric comes by the hub's function
alone, which the template's alarms watch, and by policy and mode too; two hubs in one account share none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from orchestrator.core.decide.guardrails import MIN_COVERAGE
from orchestrator.core.diagnosis.missed import DueSweep
from orchestrator.core.model import OutcomeStatus, SweepStatus, TargetStatus, Verdict
from orchestrator.core.model.aws_error_codes import denied_explicitly, says_without_role
from orchestrator.core.report.document import YIELDED, Row
from orchestrator.lambdas.log import SERVICE
from orchestrator.settings import PREFIX

NAMESPACE = "StopOrchestrator"


def measure(document: Mapping[str, Any]) -> None:
    """What a sweep did, by its report."""
    metrics = _line(Policy=document["policy_name"], Mode=document["mode"])
    counted: dict[str, int] = document["totals"]
    failed_stops, failed_starts = _failed_stops_and_starts(document)
    for name, value in (
        ("SweepsEnded", 1),
        ("SweepsHeld", int(document["status"] == SweepStatus.HELD)),
        ("ConsentMissing", int(bool(document["consent_missing"]))),
        ("TargetsScanned", counted["scanned"]),
        ("TargetsUnreadable", _unreadable(counted)),
        ("AccountsWithoutRole", _without_role(document)),
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


def measure_undelivered(policy: str, mode: str, count: int) -> None:
    """How many messages of a sweep reached nobody; of a sweep that had some to send."""
    metrics = _line(Policy=policy, Mode=mode)
    metrics.add_metric(name="MessagesUndelivered", unit=MetricUnit.Count, value=count)
    metrics.flush_metrics()


def measure_missed(looked: Sequence[DueSweep]) -> None:
    """One line for each scheduled sweep, and one where there is none: a metric without data says that nobody looked."""
    for one in looked:
        metrics = _line(Policy=one.policy_name, Mode=one.sweep.mode.value)
        metrics.add_metric(name="SweepsMissed", unit=MetricUnit.Count, value=int(one.is_missed))
        metrics.add_metadata("sweep", one.sweep.name)
        metrics.flush_metrics()
    if not looked:
        metrics = _line()
        metrics.add_metric(name="SweepsMissed", unit=MetricUnit.Count, value=0)
        metrics.flush_metrics()


def measure_diagnosis(policy: str = "", *, failed: bool) -> None:
    """What doctor found of sweeps by that policy; without one, that it could not look."""
    metrics = _line(**({"Policy": policy} if policy else {}))
    metrics.add_metric(name="DoctorFailed", unit=MetricUnit.Count, value=int(failed))
    metrics.flush_metrics()


def function_name() -> str:
    """Of the function that sweeps, also in the hub's other functions: by it the metrics of two hubs are told apart."""
    return os.environ.get(f"{PREFIX}FUNCTION") or os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or SERVICE


def _line(**dimensions: str) -> AmazonCloudWatchEMFProvider:
    """A line of its own: Powertools' `Metrics` shares one between all, and its decorator warns where it stays empty."""
    line = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
    line.service = ""  # from POWERTOOLS_SERVICE_NAME it would be a dimension that no alarm names
    line.add_dimension("FunctionName", function_name())
    if dimensions:
        line.add_dimensions(FunctionName=function_name(), **dimensions)
    return line


def _failed_stops_and_starts(document: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """An outcome that failed does not say what was asked for; its decision does. A tag that failed counts with the
    stops: where a stop cannot be announced, none follows.
    """
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


def _without_role(document: Mapping[str, Any]) -> int:
    rows = document["coverage"]
    return len({row["account_id"] for row in rows if says_without_role(row["status"], row["detail"])})


def _unreadable(counted: Mapping[str, int]) -> int:
    return counted["denied"] + counted["failed_targets"] + counted["not_attempted_targets"]
