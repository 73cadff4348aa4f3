"""Sweeps, targets and actions in DynamoDB: one table, the keys of DESIGN section 5, TTL on everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeSerializer

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.core.model import Coverage, Outcome, SweepReport
from orchestrator.core.report import time_text, totals
from orchestrator.errors import ReportStoreError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

TTL = timedelta(days=400)
SWEEPS = "SWEEPS"
RUNNING = "running"
_ITEMS_A_WRITE = 25
_TRIES = 8


class DynamoLedger:
    """The record of every sweep that DynamoDB can be asked for. Raises ReportStoreError with AWS's words."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._now = now
        self._sleep = sleep
        self._serializer = TypeSerializer()

    def begin(self, sweep_id: str) -> None:
        """Records that the sweep is running; refuses an id that is taken. Proves that the table can be written."""
        item = {
            "PK": SWEEPS,
            "SK": sweep_id,
            "status": RUNNING,
            "started_at": time_text(self._now()),
            "expires_at": self._expires_at(),
        }
        try:
            self._client.put_item(
                TableName=self._table, Item=self._typed(item), ConditionExpression="attribute_not_exists(PK)"
            )
        except self._client.exceptions.ConditionalCheckFailedException as taken:
            raise ReportStoreError(f"the sweep id {sweep_id} is in the table {self._table} already") from taken
        except AWS_FAILURES as failure:
            raise ReportStoreError(
                f"the table {self._table} cannot be written ({error_of(failure)}); nothing was read or stopped: "
                "check its name and that dynamodb:PutItem and BatchWriteItem are allowed on it"
            ) from failure

    def record(self, report: SweepReport, location: str) -> None:
        """Everything about a finished sweep; its summary last, so that a finished summary means finished items."""
        items = (*target_items(report), *action_items(report), summary_item(report, location))
        try:
            for start in range(0, len(items), _ITEMS_A_WRITE):
                self._write(items[start : start + _ITEMS_A_WRITE])
        except AWS_FAILURES as failure:
            raise ReportStoreError(f"the table {self._table} cannot be written: {error_of(failure)}") from failure

    def _write(self, items: Sequence[Item]) -> None:
        """BatchWriteItem until nothing comes back unprocessed. botocore retries what AWS refuses as a whole."""
        expires_at = self._expires_at()
        left: Any = {
            self._table: [{"PutRequest": {"Item": self._typed({**item, "expires_at": expires_at})}} for item in items]
        }
        for attempt in range(_TRIES):
            left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems")
            if not left:
                return
            self._sleep(min(0.05 * 2**attempt, 2))
        raise ReportStoreError(f"the table {self._table} left items unwritten after {_TRIES} tries; it is throttled")

    def _typed(self, item: Item) -> Any:
        return {name: self._serializer.serialize(_storable(value)) for name, value in item.items()}

    def _expires_at(self) -> int:
        return int((self._now() + TTL).astimezone(UTC).timestamp())


def summary_item(report: SweepReport, location: str) -> Item:
    return {
        "PK": SWEEPS,
        "SK": report.sweep_id,
        "status": report.status.value,
        "mode": report.mode.value,
        "policy_name": report.policy_name,
        "policy_sha256": report.policy_sha256,
        "organization_id": report.organization_id,
        "started_at": time_text(report.started_at),
        "finished_at": time_text(report.finished_at),
        "duration_seconds": report.duration_seconds,
        "totals": totals(report),
        "report": location,
        "error": report.error,
    }


def target_items(report: SweepReport) -> Iterator[Item]:
    for row in report.coverage:
        yield _target_item(report.sweep_id, row)


def action_items(report: SweepReport) -> Iterator[Item]:
    for outcome in report.outcomes:
        yield _action_item(report.sweep_id, outcome)


def _target_item(sweep_id: str, row: Coverage) -> Item:
    return {
        "PK": f"SWEEP#{sweep_id}",
        "SK": f"TARGET#{row.account_id}#{row.region}",
        "account_id": row.account_id,
        "region": row.region,
        "status": row.status.value,
        "detail": row.detail,
    }


def _action_item(sweep_id: str, outcome: Outcome) -> Item:
    resource = outcome.resource
    place = f"{resource.target.account_id}#{resource.target.region}#{resource.kind}#{resource.resource_id}"
    return {
        "PK": f"SWEEP#{sweep_id}",
        "SK": f"ACTION#{place}",
        "GSI1PK": f"RESOURCE#{resource.arn}",
        "GSI1SK": sweep_id,
        "account_id": resource.target.account_id,
        "region": resource.target.region,
        "kind": resource.kind,
        "resource_id": resource.resource_id,
        "status": outcome.status.value,
        "code": outcome.code,
        "message": outcome.message,
        "requested_at": time_text(outcome.requested_at),
        "verified_at": time_text(outcome.verified_at),
        "warnings": list(outcome.warnings),
    }


def _storable(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value
