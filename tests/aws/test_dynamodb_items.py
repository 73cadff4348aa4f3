"""What is DynamoDB's own about the ledger: its keys, clashes, and items that come back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.clients import Clients
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.core.model import AccountId, OutcomeStatus
from orchestrator.core.report.document import report_document
from orchestrator.demo.organization import create_table
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Absent, Put
from orchestrator.ledger.ledger import TTL, Ledger
from orchestrator.ledger.records import SweepSummary
from tests.support.builders import AT, SWEEP_ID, a_coverage, a_report, a_resource, an_outcome

TABLE = "sweeps"
ACCOUNT, REGION, INSTANCE = "111111111111", "eu-central-1", "i-00000000000000001"
ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{INSTANCE}"
RECORD = SweepSummary(SWEEP_ID, "running", "enforce", "nonprod", "2026-11-23T19:00:00Z")
PAUSES = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0]


class Client:
    """moto's DynamoDB with some of its answers replaced; counts the writes."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.calls: list[str] = []
        self.batches: list[int] = []
        self.take: Callable[[int], int] = lambda asked: asked
        """How many of the items of one write it takes; the others come back."""
        self.get_item = real.get_item
        self.before_write: Callable[[], object] = lambda: None
        self.refusals: list[ClientError] = []
        """Answers to the next writes."""

    def __getattr__(self, operation: str) -> Any:
        if operation not in ("put_item", "update_item", "delete_item"):
            return getattr(self._real, operation)

        def call(**arguments: Any) -> Any:
            self.calls.append(operation)
            self.before_write()
            if self.refusals:
                raise self.refusals.pop(0)
            return getattr(self._real, operation)(**arguments)

        return call

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        (items,) = RequestItems.values()
        self.batches.append(len(items))
        taken = self.take(len(items))
        if taken:
            self._real.batch_write_item(RequestItems={TABLE: items[:taken]})
        left = items[taken:]
        return {"UnprocessedItems": {TABLE: left} if left else {}}


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutItem")


@pytest.fixture
def client(hub: Clients) -> Client:
    create_table(hub.dynamodb(), TABLE)
    return Client(hub.dynamodb())


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def table(client: Client, slept: list[float]) -> DynamoItems:
    return DynamoItems(client, TABLE, slept.append)  # type: ignore[arg-type]  # half a client


@pytest.fixture
def ledger(table: DynamoItems) -> Ledger:
    return Ledger(table, lambda: AT)


def items(hub: Clients) -> dict[tuple[str, str], dict[str, Any]]:
    """Everything in the table, by its keys, without DynamoDB's types."""
    found: dict[tuple[Any, Any], dict[str, Any]] = {}
    for page in hub.dynamodb().get_paginator("scan").paginate(TableName=TABLE):
        for item in page["Items"]:
            plain = {name: next(iter(value.values())) for name, value in item.items()}
            found[plain["PK"], plain["SK"]] = {key: value for key, value in plain.items() if key not in {"PK", "SK"}}
    return found


def a_document(accounts_seen: int = 1) -> dict[str, Any]:
    accounts = [AccountId(f"{int(ACCOUNT) + number:012d}") for number in range(accounts_seen)]
    outcome = an_outcome(OutcomeStatus.FAILED, code="Code", message="no", requested_at=AT, warnings=("not tagged",))
    return report_document(
        a_report(coverage=tuple(a_coverage(account_id=one) for one in accounts), outcomes=(outcome,))
    )


def test_a_finished_sweep_has_the_keys_that_everybody_relies_on(hub: Clients, ledger: Ledger) -> None:
    ledger.begin(RECORD)
    ledger.finish(a_document(), "s3://reports/report.json")
    found = items(hub)
    action = (f"SWEEP#{SWEEP_ID}", f"ACTION#{ACCOUNT}#{REGION}#ec2#{INSTANCE}")
    assert set(found) == {
        ("SWEEPS", SWEEP_ID),
        (f"SWEEP#{SWEEP_ID}", f"TARGET#{ACCOUNT}"),
        action,
    }
    assert {item["expires_at"] for item in found.values()} == {str(int((AT + TTL).timestamp()))}
    assert [key for key, item in found.items() if "GSI1PK" in item] == [action]


def test_what_happened_to_an_instance_can_be_asked_for_by_its_arn_once_it_is_known(
    hub: Clients, ledger: Ledger
) -> None:
    intents = ledger.intend(SWEEP_ID, [a_resource()], "batch-1")

    def by_arn() -> list[Any]:
        found = hub.dynamodb().query(
            TableName=TABLE,
            IndexName="GSI1",
            KeyConditionExpression="GSI1PK = :arn AND GSI1SK = :sweep",
            ExpressionAttributeValues={":arn": {"S": f"RESOURCE#{ARN}"}, ":sweep": {"S": SWEEP_ID}},
        )
        return [one["status"]["S"] for one in found["Items"]]

    assert by_arn() == []
    ledger.record_outcomes(SWEEP_ID, [an_outcome(OutcomeStatus.FAILED)], intents)
    assert by_arn() == ["failed"]


def test_an_intent_names_its_batch(hub: Clients, ledger: Ledger) -> None:
    ledger.intend(SWEEP_ID, [a_resource()], "batch-1")
    (item,) = items(hub).values()
    assert (item["batch"], item["status"], item["arn"]) == ("batch-1", "intent", ARN)


def test_a_start_is_one_write_before_and_one_after_for_each_resource_and_no_transaction(
    client: Client, ledger: Ledger
) -> None:
    resources = [a_resource(f"i-{number}") for number in range(50)]
    ledger.intend(SWEEP_ID, resources, "batch-1")
    ledger.record_outcomes(SWEEP_ID, [an_outcome(resource=one) for one in resources])
    assert client.calls == ["put_item"] * 100


def test_the_writes_of_a_batch_are_under_way_at_the_same_time(client: Client, table: DynamoItems) -> None:
    together = threading.Barrier(10, timeout=30)
    client.before_write = together.wait
    assert table.write_each([Put({"PK": "P", "SK": str(number)}, Absent()) for number in range(10)]) == frozenset()
    assert not together.broken


def test_one_that_fails_is_an_error_once_the_others_have_ended(client: Client, table: DynamoItems) -> None:
    client.refusals = [refused("AccessDeniedException")]
    with pytest.raises(LedgerError, match="AccessDeniedException"):
        table.write_each([Put({"PK": "P", "SK": str(number)}) for number in range(40)])
    assert len(client.calls) == 40
    assert len(table.query("P")) == 39


def test_what_is_read_is_what_was_written_last(client: Client, table: DynamoItems) -> None:
    asked: list[bool] = []

    def get_item(*, ConsistentRead: bool, **_: object) -> dict[str, Any]:  # noqa: N803 - AWS's name
        asked.append(ConsistentRead)
        return {}

    client.get_item = get_item
    assert table.get(("P", "S")) is None
    assert asked == [True]


# --- clashes and throttling


def test_a_write_that_was_refused_for_good_is_an_error_at_once(
    client: Client, ledger: Ledger, slept: list[float]
) -> None:
    client.refusals = [refused("AccessDeniedException")]
    with pytest.raises(LedgerError, match="AccessDeniedException"):
        ledger.intend(SWEEP_ID, [a_resource()], "1")
    assert slept == []
    assert ledger.actions(SWEEP_ID) == ()


def test_a_clash_that_does_not_end_is_an_error(client: Client, ledger: Ledger, slept: list[float]) -> None:
    client.refusals = [refused("TransactionConflictException") for _ in range(20)]
    with pytest.raises(LedgerError, match="TransactionConflictException"):
        ledger.intend(SWEEP_ID, [a_resource()], "1")
    assert slept == PAUSES
    assert len(client.refusals) == 12


def test_a_single_write_that_clashes_with_a_transaction_is_tried_again(
    client: Client, table: DynamoItems, slept: list[float]
) -> None:
    client.refusals = [refused("TransactionConflictException")]
    assert table.put({"PK": "P", "SK": "S"}, Absent())
    assert slept == PAUSES[:1]


def test_items_are_written_twenty_five_at_a_time(hub: Clients, client: Client, ledger: Ledger) -> None:
    ledger.begin(RECORD)
    ledger.finish(a_document(accounts_seen=60), "somewhere")
    assert sorted(client.batches) == [10, 25, 25]
    assert len(items(hub)) == 62


def test_a_finished_summary_means_finished_items(hub: Clients, client: Client, ledger: Ledger) -> None:
    ledger.begin(RECORD)
    client.take = lambda asked: asked if asked == 25 else 0  # the last write fails
    with pytest.raises(LedgerError):
        ledger.finish(a_document(accounts_seen=60), "somewhere")
    assert len(items(hub)) == 51
    assert ledger.sweep(SWEEP_ID) == RECORD


def test_items_that_come_back_unprocessed_are_written_again_until_none_is_left(
    hub: Clients, client: Client, ledger: Ledger, slept: list[float]
) -> None:
    client.take = lambda asked: max(1, asked // 2)
    ledger.finish(a_document(accounts_seen=22), "somewhere")
    assert len(items(hub)) == 23
    assert client.batches == [22, 11, 6, 3, 2, 1]
    assert slept == PAUSES[:5]


def test_a_table_that_takes_nothing_is_given_up_and_says_so(client: Client, ledger: Ledger, slept: list[float]) -> None:
    client.take = lambda _: 0
    with pytest.raises(LedgerError, match="after 8 tries; it is throttled"):
        ledger.finish(a_document(), "somewhere")
    assert len(client.batches) == 8
    assert slept == PAUSES


# --- tables that are not there


def test_a_missing_table_says_what_to_check(hub: Clients) -> None:
    ledger = Ledger(DynamoItems(hub.dynamodb(), "no-such-table"), lambda: AT)
    for ask in (lambda: ledger.begin(RECORD), lambda: ledger.sweep(SWEEP_ID), ledger.sweeps):
        with pytest.raises(LedgerError) as refusal:
            ask()
        text = str(refusal.value)
        assert "no-such-table" in text
        assert "ResourceNotFoundException" in text
        assert "dynamodb:PutItem" in text


def test_a_table_that_went_away_is_an_error_with_awss_words(hub: Clients, ledger: Ledger) -> None:
    hub.dynamodb().delete_table(TableName=TABLE)
    with pytest.raises(LedgerError, match="ResourceNotFoundException") as refusal:
        ledger.finish(a_document(), "somewhere")
    assert isinstance(refusal.value.__cause__, ClientError)


def test_items_expire_whatever_time_zone_the_clock_has(hub: Clients, table: DynamoItems) -> None:
    local = datetime(2026, 11, 23, 20, 0, tzinfo=UTC).astimezone()
    Ledger(table, lambda: local).intend(SWEEP_ID, [a_resource()], "1")
    (item,) = items(hub).values()
    assert item["requested_at"] == "2026-11-23T20:00:00Z"
    assert int(item["expires_at"]) == int((AT + TTL).timestamp()) + 3600


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_query_whose_pages_go_in_a_circle_is_an_error_with_the_operations_name(
    client: Client, table: DynamoItems, pages: int
) -> None:
    def query(**_: Any) -> dict[str, Any]:
        return {"Items": [], "LastEvaluatedKey": {"PK": {"S": "x"}, "SK": {"S": next(tokens)}}}

    client.query = query  # type: ignore[attr-defined]  # half a client
    for ask in (lambda: table.query("x"), lambda: table.query("x", limit=5), lambda: table.query_index("x")):
        tokens = iter([str(number % pages) for number in range(pages + 1)])
        with pytest.raises(LedgerError, match="dynamodb:Query names a next page that was read already"):
            ask()
