"""The Lambda handler as a test calls it, and what it left behind: logs, metrics, the report in S3."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.demo.lambda_process import Context
from orchestrator.demo.organization import BUCKET
from orchestrator.lambdas import handler
from tests.support.embedded import OrganizationBuilder

FRANKFURT, IRELAND = "eu-central-1", "eu-west-1"
SWEEP_ID = "20261123T190000Z-7f3a9c"
ENFORCE = {"mode": "enforce"}
"""An event."""
PLENTY, SHORT = 600_000, 29_000
"""Milliseconds: so much that no deadline is near; less than what the handler keeps back."""

Lines = Callable[[], list[dict[str, Any]]]


class Remaining(Context):
    """A Lambda context whose remaining time is what the test says."""

    def __init__(self, milliseconds: Callable[[], int]) -> None:
        super().__init__()
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds()


class Stdout:
    """Whatever is stdout at that time: the logger took it when it was made, and pytest changes it for each phase."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


def invoked(event: Any, remaining: Callable[[], int] = lambda: PLENTY) -> dict[str, Any]:
    answer: dict[str, Any] = handler.lambda_handler(event, Remaining(remaining))
    return answer


def metrics_of(lines: list[dict[str, Any]]) -> dict[str, tuple[float, str]]:
    """Value and unit by name, from the one EMF line."""
    [blob] = [line for line in lines if "_aws" in line]
    [directive] = blob["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "StopOrchestrator"
    values = {metric["Name"]: (blob[metric["Name"]], metric["Unit"]) for metric in directive["Metrics"]}
    return {name: (value, unit) for name, ([value], unit) in values.items()}


def dimension_sets(output: str) -> dict[str, list[dict[str, str]]]:
    """By metric, from EMF lines: each set of dimensions by which CloudWatch knows it."""
    found: dict[str, list[dict[str, str]]] = {}
    for blob in map(json.loads, output.splitlines()):
        for directive in blob["_aws"]["CloudWatchMetrics"]:
            sets = [{name: blob[name] for name in names} for names in directive["Dimensions"]]
            for metric in directive["Metrics"]:
                found.setdefault(metric["Name"], []).extend(sets)
    return found


def written_report(hub: OrganizationBuilder, sweep_id: str = SWEEP_ID) -> dict[str, Any]:
    key = f"sweeps/dt={sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}/sweep={sweep_id}/report.json"
    report: dict[str, Any] = json.load(hub.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"])
    return report


def target_states(report: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Status by account and region, without what was left out on purpose; a target with two states is an error."""
    places = Counter((row["account_id"], row["region"]) for row in report["coverage"])
    assert set(places.values()) <= {1}
    rows = [row for row in report["coverage"] if row["status"] != "excluded"]
    return {(row["account_id"], row["region"]): row["status"] for row in rows}


def stop_states(report: Mapping[str, Any]) -> dict[str, str]:
    """Status by instance; a planned stop without exactly one is an error."""
    planned = [row["resource_id"] for row in report["decisions"] if row["verdict"] == "stop"]
    assert sorted(planned) == sorted(row["resource_id"] for row in report["outcomes"])
    return {row["resource_id"]: row["status"] for row in report["outcomes"]}


def dev_accounts(hub: OrganizationBuilder, number: int) -> dict[tuple[str, str], str]:
    """Accounts with one instance to stop in each of two regions: its id by account and region."""
    accounts = [hub.account(f"dev-{one}") for one in range(number)]
    return {
        (account, region): hub.instances(account, region, 1, {"Environment": "dev"})[0]
        for account in accounts
        for region in (FRANKFURT, IRELAND)
    }
