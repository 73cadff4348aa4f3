"""ledger.Items in DynamoDB: one table, whose keys ledger/records.py gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import tenacity
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.retries import after_pauses
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import ITEMS_AT_ONCE, Absent, Condition, Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ITEMS_A_BATCH = 25
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0)
_TAKEN = "ConditionalCheckFailedException"
# botocore retries neither of them: a clash of two writes on one item, and a transaction that was cancelled by
# nothing but clashes and throttling of its parts.
_CLASH = "TransactionConflictException"
_CANCELLED = "TransactionCanceledException"
_PASSING = frozenset(
    {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"}
)


class DynamoItems:
    """The client's own retries wait out throttling of whole calls; clashes, and items that come back unprocessed, are
    resent here.
    """

    def __init__(self, client: DynamoDBClient, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        return self._write(self._client.put_item, condition, Item=_typed(item))

    def update(self, key: tuple[str, str], values: Mapping[str, Any], condition: Condition | None = None) -> bool:
        if not values:
            return self.get(key) is not None
        names = {f"#v{number}": name for number, name in enumerate(values)}
        typed = {f":v{number}": _SERIALIZE(_storable(value)) for number, value in enumerate(values.values())}
        return self._write(
            self._client.update_item,
            condition,
            exists=True,
            names=names,
            values=typed,
            Key=_typed({"PK": key[0], "SK": key[1]}),
            UpdateExpression=f"SET {', '.join(f'#v{number} = :v{number}' for number in range(len(values)))}",
        )

    def put_all(self, items: Sequence[Item]) -> None:
        if not items:
            return
        assert len(items) <= ITEMS_AT_ONCE, "more than one transaction takes"
        writes: Any = [{"Put": {"TableName": self._table, "Item": _typed(item)}} for item in items]
        try:
            self._patiently(lambda: self._client.transact_write_items(TransactItems=writes))
        except AWS_FAILURES as failure:
            raise self._failed("written", failure) from failure

    def put_many(self, items: Sequence[Item]) -> None:
        for start in range(0, len(items), _ITEMS_A_BATCH):
            self._put_batch(items[start : start + _ITEMS_A_BATCH])

    def get(self, key: tuple[str, str]) -> Item | None:
        try:
            answer = self._client.get_item(
                TableName=self._table, Key=_typed({"PK": key[0], "SK": key[1]}), ConsistentRead=True
            )
        except AWS_FAILURES as failure:
            raise self._failed("read", failure) from failure
        return _plain(answer["Item"]) if "Item" in answer else None

    def query(self, pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None) -> list[Item]:
        values = {":pk": pk, **({":prefix": prefix} if prefix else {})}
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "PK = :pk" + (" AND begins_with(SK, :prefix)" if prefix else ""),
            "ExpressionAttributeValues": _typed(values),
            "ScanIndexForward": not newest_first,
            "ConsistentRead": True,
            **({"Limit": limit} if limit else {}),
        }
        found: list[Item] = []
        try:
            for page in self._client.get_paginator("query").paginate(**arguments):
                found += [_plain(item) for item in page["Items"]]
                if limit and len(found) >= limit:
                    break
        except AWS_FAILURES as failure:
            raise self._failed("read", failure) from failure
        return found[:limit]

    def _write(
        self,
        call: Callable[..., Any],
        condition: Condition | None,
        *,
        exists: bool = False,
        names: dict[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> bool:
        """One conditional call; False when DynamoDB says that the condition does not hold."""
        names, values = dict(names or {}), dict(values or {})
        parts = ["attribute_exists(PK)"] if exists else []
        if isinstance(condition, Absent):
            parts.append("attribute_not_exists(PK)")
        elif condition is not None:
            parts.append("#c = :c")
            names["#c"], values[":c"] = condition.attribute, _SERIALIZE(condition.value)
        if parts:
            arguments["ConditionExpression"] = " AND ".join(parts)
        if names:
            arguments["ExpressionAttributeNames"] = names
        if values:
            arguments["ExpressionAttributeValues"] = values
        try:
            self._patiently(lambda: call(TableName=self._table, **arguments))
        except AWS_FAILURES as failure:
            if error_of(failure).code == _TAKEN:
                return False
            raise self._failed("written", failure) from failure
        return True

    def _patiently(self, call: Callable[[], Any]) -> None:
        """Raises botocore's exceptions, once what passes by itself did not pass for some seconds."""
        after_pauses(_PAUSES, tenacity.retry_if_exception(_passes), self._sleep)(call)

    def _put_batch(self, items: Sequence[Item]) -> None:
        left: Any = {self._table: [{"PutRequest": {"Item": _typed(item)}} for item in items]}

        def put_rest() -> Any:
            nonlocal left
            left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems")
            return left

        try:
            after_pauses(_PAUSES, tenacity.retry_if_result(bool), self._sleep)(put_rest)
        except tenacity.RetryError as given_up:
            tries = given_up.last_attempt.attempt_number
            raise LedgerError(
                f"the table {self._table} left items unwritten after {tries} tries; it is throttled"
            ) from None
        except AWS_FAILURES as failure:
            raise self._failed("written", failure) from failure

    def _failed(self, what: str, failure: Exception) -> LedgerError:
        return LedgerError(
            f"the table {self._table} cannot be {what} ({error_of(failure)}): check its name and that "
            "dynamodb:PutItem, UpdateItem, BatchWriteItem, GetItem and Query are allowed on it"
        )


_SERIALIZE = TypeSerializer().serialize
_DESERIALIZE = TypeDeserializer().deserialize


def _typed(item: Mapping[str, Any]) -> Any:
    return {name: _SERIALIZE(_storable(value)) for name, value in item.items() if value is not None}


def _plain(item: Mapping[str, Any]) -> Item:
    return {name: _loaded(_DESERIALIZE(value)) for name, value in item.items()}


def _passes(failure: BaseException) -> bool:
    """Whether it may go well the next time, though botocore does not try."""
    if not isinstance(failure, ClientError):
        return False
    code = error_of(failure).code
    if code != _CANCELLED:
        return code == _CLASH
    reasons = {reason.get("Code", "None") for reason in failure.response.get("CancellationReasons", ())}
    return reasons <= _PASSING and reasons != {"None"} and bool(reasons)


def _storable(value: Any) -> Any:
    """DynamoDB's numbers are decimal, at any depth."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {name: _storable(one) for name, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list | tuple) else value


def _loaded(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _loaded(one) for name, one in value.items()}
    return [_loaded(one) for one in value] if isinstance(value, list) else value
