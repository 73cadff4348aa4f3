"""The ledger in DynamoDB: the keys of DESIGN section 5, an id that is taken, and items that come back unprocessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.clients import Clients
from orchestrator.aws.ledger import TTL, DynamoLedger
from orchestrator.core.model import OutcomeStatus, SweepReport, SweepStatus, TargetStatus
from orchestrator.core.report import totals
from orchestrator.demo.organization import create_table
from orchestrator.errors import ReportStoreError
from tests.support.builders import AT, SWEEP_ID, a_coverage, a_decision, a_report, a_resource, an_outcome

TABLE = "sweeps"
LOCATION = "s3://reports/report.json"
EXPIRES_AT = int((AT + TTL).timestamp())
ACCOUNT, REGION = "111111111111", "eu-central-1"
INSTANCE = "i-00000000000000001"


class Client:
    """moto's DynamoDB with some of its answers replaced; counts the writes."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.exceptions = real.exceptions
        self.put_item = real.put_item
        self.batches: list[int] = []
        self.take: Callable[[int], int] = lambda asked: asked
        """How many of the items of one write it takes; the others come back."""

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        (items,) = RequestItems.values()
        self.batches.append(len(items))
        taken = self.take(len(items))
        if taken:
            self._real.batch_write_item(RequestItems={TABLE: items[:taken]})
        left = items[taken:]
        return {"UnprocessedItems": {TABLE: left} if left else {}}


@pytest.fixture
def client(hub: Clients) -> Client:
    create_table(hub.dynamodb(), TABLE)
    return Client(hub.dynamodb())


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def ledger(client: Client, slept: list[float]) -> DynamoLedger:
    return DynamoLedger(client, TABLE, lambda: AT, slept.append)  # type: ignore[arg-type]  # half a client


def items(hub: Clients) -> dict[tuple[str, str], dict[str, Any]]:
    """Everything in the table, by its keys, without DynamoDB's types."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for page in hub.dynamodb().get_paginator("scan").paginate(TableName=TABLE):
        for item in page["Items"]:
            plain = {name: next(iter(value.values())) for name, value in item.items()}
            found[plain["PK"], plain["SK"]] = {key: value for key, value in plain.items() if key not in {"PK", "SK"}}
    return found


def a_whole_report(targets: int = 1) -> SweepReport:
    return a_report(
        status=SweepStatus.INCOMPLETE,
        coverage=(
            a_coverage(TargetStatus.DENIED, region="*", account_id="222222222222", detail="AccessDenied: no"),
            *(a_coverage(region=f"{REGION}{number or ''}") for number in range(targets)),
        ),
        decisions=(a_decision(a_resource()),),
        outcomes=(
            an_outcome(
                OutcomeStatus.FAILED,
                code="OperationNotPermitted",
                message="protected",
                requested_at=AT,
                verified_at=AT + timedelta(seconds=5),
                warnings=("not tagged",),
            ),
        ),
        duration_seconds=12.345,
    )


def test_a_sweep_that_begins_is_running(hub: Clients, ledger: DynamoLedger) -> None:
    ledger.begin(SWEEP_ID)
    assert items(hub) == {
        ("SWEEPS", SWEEP_ID): {
            "status": "running",
            "started_at": "2026-11-23T19:00:00Z",
            "expires_at": str(EXPIRES_AT),
        }
    }


def test_a_sweep_id_that_is_taken_is_refused_and_what_is_there_stays(hub: Clients, ledger: DynamoLedger) -> None:
    ledger.begin(SWEEP_ID)
    ledger.record(a_report(), LOCATION)
    before = items(hub)
    with pytest.raises(ReportStoreError, match=f"{SWEEP_ID} is in the table {TABLE} already"):
        ledger.begin(SWEEP_ID)
    assert items(hub) == before


def test_a_finished_sweep_has_the_keys_that_everybody_relies_on(hub: Clients, ledger: DynamoLedger) -> None:
    ledger.begin(SWEEP_ID)
    ledger.record(a_whole_report(), LOCATION)
    found = items(hub)
    assert set(found) == {
        ("SWEEPS", SWEEP_ID),
        (f"SWEEP#{SWEEP_ID}", "TARGET#222222222222#*"),
        (f"SWEEP#{SWEEP_ID}", f"TARGET#{ACCOUNT}#{REGION}"),
        (f"SWEEP#{SWEEP_ID}", f"ACTION#{ACCOUNT}#{REGION}#ec2#{INSTANCE}"),
    }
    assert {item["expires_at"] for item in found.values()} == {str(EXPIRES_AT)}
    assert [key for key, item in found.items() if "GSI1PK" in item] == [
        (f"SWEEP#{SWEEP_ID}", f"ACTION#{ACCOUNT}#{REGION}#ec2#{INSTANCE}")
    ]


def test_what_happened_to_an_instance_can_be_asked_for_by_its_arn(hub: Clients, ledger: DynamoLedger) -> None:
    ledger.record(a_whole_report(), LOCATION)
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{INSTANCE}"
    (action,) = hub.dynamodb().query(
        TableName=TABLE,
        IndexName="GSI1",
        KeyConditionExpression="GSI1PK = :arn AND GSI1SK = :sweep",
        ExpressionAttributeValues={":arn": {"S": f"RESOURCE#{arn}"}, ":sweep": {"S": SWEEP_ID}},
    )["Items"]
    assert {key: action[key] for key in ("status", "code", "message", "requested_at", "verified_at", "warnings")} == {
        "status": {"S": "failed"},
        "code": {"S": "OperationNotPermitted"},
        "message": {"S": "protected"},
        "requested_at": {"S": "2026-11-23T19:00:00Z"},
        "verified_at": {"S": "2026-11-23T19:00:05Z"},
        "warnings": {"L": [{"S": "not tagged"}]},
    }


def test_a_targets_item_says_how_far_it_got(hub: Clients, ledger: DynamoLedger) -> None:
    ledger.record(a_whole_report(), LOCATION)
    item = items(hub)[f"SWEEP#{SWEEP_ID}", "TARGET#222222222222#*"]
    assert (item["account_id"], item["region"]) == ("222222222222", "*")
    assert (item["status"], item["detail"]) == ("denied", "AccessDenied: no")


def test_the_summary_says_how_the_sweep_ended_and_where_its_report_is(hub: Clients, ledger: DynamoLedger) -> None:
    ledger.begin(SWEEP_ID)
    report = a_whole_report()
    ledger.record(report, LOCATION)
    item = items(hub)["SWEEPS", SWEEP_ID]
    assert (item["status"], item["report"], item["duration_seconds"]) == ("incomplete", LOCATION, "12.345")
    assert item["totals"] == {name: {"N": str(count)} for name, count in totals(report).items()}


def test_items_are_written_twenty_five_at_a_time(hub: Clients, client: Client, ledger: DynamoLedger) -> None:
    ledger.record(a_whole_report(targets=60), LOCATION)
    assert client.batches == [25, 25, 13]
    assert len(items(hub)) == 63


def test_a_finished_summary_means_finished_items(hub: Clients, client: Client, ledger: DynamoLedger) -> None:
    ledger.begin(SWEEP_ID)
    client.take = lambda asked: asked if asked == 25 else 0  # the last write fails
    with pytest.raises(ReportStoreError):
        ledger.record(a_whole_report(targets=60), LOCATION)
    found = items(hub)
    assert len(found) == 51
    assert found["SWEEPS", SWEEP_ID]["status"] == "running"


def test_items_that_come_back_unprocessed_are_written_again_until_none_is_left(
    hub: Clients, client: Client, ledger: DynamoLedger, slept: list[float]
) -> None:
    client.take = lambda asked: max(1, asked // 2)
    ledger.record(a_whole_report(targets=20), LOCATION)
    assert len(items(hub)) == 23
    assert client.batches == [23, 12, 6, 3, 2, 1]
    assert slept == [0.05, 0.1, 0.2, 0.4, 0.8]


def test_a_table_that_takes_nothing_is_given_up_and_says_so(
    client: Client, ledger: DynamoLedger, slept: list[float]
) -> None:
    client.take = lambda _: 0
    with pytest.raises(ReportStoreError, match="throttled"):
        ledger.record(a_whole_report(), LOCATION)
    assert len(client.batches) == 8
    assert max(slept) <= 2


def test_a_missing_table_says_what_to_check_and_that_nothing_happened(hub: Clients) -> None:
    ledger = DynamoLedger(hub.dynamodb(), "no-such-table", lambda: AT)
    with pytest.raises(ReportStoreError) as refused:
        ledger.begin(SWEEP_ID)
    text = str(refused.value)
    assert "no-such-table" in text
    assert "ResourceNotFoundException" in text
    assert "nothing was read or stopped" in text
    assert "dynamodb:PutItem" in text


def test_a_table_that_went_away_is_an_error_with_awss_words(hub: Clients, ledger: DynamoLedger) -> None:
    hub.dynamodb().delete_table(TableName=TABLE)
    with pytest.raises(ReportStoreError, match="ResourceNotFoundException") as refused:
        ledger.record(a_whole_report(), LOCATION)
    assert isinstance(refused.value.__cause__, ClientError)


def test_items_expire_whatever_time_zone_the_clock_has(hub: Clients, client: Client) -> None:
    local = datetime(2026, 11, 23, 20, 0, tzinfo=UTC).astimezone()
    DynamoLedger(client, TABLE, lambda: local).begin(SWEEP_ID)  # type: ignore[arg-type]  # half a client
    item = items(hub)["SWEEPS", SWEEP_ID]
    assert item["started_at"] == "2026-11-23T20:00:00Z"
    assert int(item["expires_at"]) == EXPIRES_AT + 3600
