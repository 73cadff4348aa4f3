"""ledger.Items in DynamoDB: one table, whose keys ledger/records.py gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import tenacity
from botocore.exceptions import ClientError

from orchestrator import Later
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pages import EVALUATED_KEY, each_page
from orchestrator.aws.retries import after_pauses
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import (
    ITEMS_AT_ONCE,
    Absent,
    AllOf,
    AnyOf,
    AtMost,
    Condition,
    Delete,
    Item,
    Missing,
    Write,
    last_of_each_key,
    size_of,
)

if TYPE_CHECKING:
    from boto3.dynamodb import types
    from mypy_boto3_dynamodb import DynamoDBClient
else:
    types = Later("boto3.dynamodb.types")  # with it comes all of boto3, which nothing else here needs

_ITEMS_A_BATCH = 25
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0)
_TAKEN = "ConditionalCheckFailedException"
_CONDITION = "ConditionalCheckFailed"
_INDEX = "GSI1"
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
        typed = {
            f":v{number}": _serializer().serialize(_storable(value)) for number, value in enumerate(values.values())
        }
        return self._write(
            self._client.update_item,
            condition,
            exists=True,
            names=names,
            values=typed,
            Key=_typed({"PK": key[0], "SK": key[1]}),
            UpdateExpression=f"SET {', '.join(f'#v{number} = :v{number}' for number in range(len(values)))}",
        )

    def write_all(self, writes: Sequence[Write]) -> frozenset[int]:
        """DynamoDB cancels a transaction for one condition that does not hold: the rest of it is sent again."""
        assert sum(map(size_of, writes)) <= ITEMS_AT_ONCE, "more than one transaction takes"
        left = dict(enumerate(writes))
        while left:
            refused = self._transact(left)
            if not refused:
                break
            left = {number: write for number, write in left.items() if number not in refused}
        return frozenset(range(len(writes))) - left.keys()

    def put_many(self, items: Sequence[Item]) -> None:
        each = last_of_each_key(items)  # DynamoDB refuses a batch that names one key twice
        for start in range(0, len(each), _ITEMS_A_BATCH):
            self._put_batch(each[start : start + _ITEMS_A_BATCH])

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
            for page in self._pages(**arguments):
                found += [_plain(item) for item in page["Items"]]
                if limit and len(found) >= limit:
                    break
        except AWS_FAILURES as failure:
            raise self._failed("read", failure) from failure
        return found[:limit]

    def query_index(self, pk: str, prefix: str = "", before: str = "") -> list[Item]:
        condition = "GSI1PK = :pk"
        values = {":pk": pk}
        if prefix:
            condition, values = f"{condition} AND begins_with(GSI1SK, :prefix)", {**values, ":prefix": prefix}
        elif before:
            condition, values = f"{condition} AND GSI1SK < :before", {**values, ":before": before}
        arguments: Any = {"KeyConditionExpression": condition, "ExpressionAttributeValues": _typed(values)}
        try:
            pages = self._pages(TableName=self._table, IndexName=_INDEX, **arguments)
            found = [_plain(item) for page in pages for item in page["Items"]]
        except AWS_FAILURES as failure:
            raise self._failed("read", failure) from failure
        return [one for one in found if not before or one["GSI1SK"] < before]

    def _pages(self, **arguments: Any) -> Iterator[Any]:
        return each_page("dynamodb:Query", partial(self._client.query, **arguments), EVALUATED_KEY)

    def _transact(self, writes: Mapping[int, Write]) -> frozenset[int]:
        """One transaction; the numbers of those whose conditions did not hold: then nothing was written."""
        items: list[Any] = []
        numbers: list[int] = []
        for number, write in writes.items():
            made = [*self._transact_items(write)]
            items += made
            numbers += [number] * len(made)
        try:
            self._patiently(lambda: self._client.transact_write_items(TransactItems=items))
        except AWS_FAILURES as failure:
            codes = _cancellation_codes(failure)
            refused = frozenset(number for number, code in zip(numbers, codes, strict=False) if code == _CONDITION)
            if not refused or not set(codes) <= _PASSING | {_CONDITION}:
                raise self._failed("written", failure) from failure
            return refused
        return frozenset()

    def _transact_items(self, write: Write) -> Iterator[dict[str, Any]]:
        """A write as DynamoDB takes it: one item for each key."""
        expression = _Expression()
        condition = {"ConditionExpression": expression.of(write.condition)} if write.condition is not None else {}
        conditional = {"TableName": self._table, **condition, **expression.arguments}
        if isinstance(write, Delete):
            yield {"Delete": {"Key": _typed({"PK": write.key[0], "SK": write.key[1]}), **conditional}}
            return
        yield {"Put": {"Item": _typed(write.item), **conditional}}
        for item in write.beside:
            yield {"Put": {"TableName": self._table, "Item": _typed(item)}}

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
        expression = _Expression(dict(names or {}), dict(values or {}))
        parts = ["attribute_exists(PK)"] if exists else []
        if condition is not None:
            parts.append(expression.of(condition))
        if parts:
            arguments["ConditionExpression"] = " AND ".join(parts)
        arguments |= expression.arguments
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


@dataclass(slots=True)
class _Expression:
    """A condition in DynamoDB's words; collects the names and values that they stand for."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def of(self, condition: Condition) -> str:
        if isinstance(condition, Absent):
            return "attribute_not_exists(PK)"
        if isinstance(condition, AllOf | AnyOf):
            word = " AND " if isinstance(condition, AllOf) else " OR "
            return f"({word.join(self.of(one) for one in condition.conditions)})"
        name = self._named(condition.attribute)
        there = "attribute_exists(PK)"
        if isinstance(condition, Missing):
            return f"({there} AND attribute_not_exists({name}))"
        value = f":c{len(self.values)}"
        self.values[value] = _serializer().serialize(condition.value)
        if isinstance(condition, AtMost):
            return f"({there} AND (attribute_not_exists({name}) OR {name} <= {value}))"
        return f"{name} = {value}"

    def _named(self, attribute: str) -> str:
        """By another name, since words such as `status` are reserved."""
        known = next((name for name, one in self.names.items() if one == attribute), f"#c{len(self.names)}")
        self.names[known] = attribute
        return known

    @property
    def arguments(self) -> dict[str, Any]:
        """The call's arguments with names and values, where there are any."""
        named = {"ExpressionAttributeNames": self.names} if self.names else {}
        return {**named, "ExpressionAttributeValues": self.values} if self.values else named


@cache
def _serializer() -> types.TypeSerializer:
    return types.TypeSerializer()


@cache
def _deserializer() -> types.TypeDeserializer:
    return types.TypeDeserializer()


def _typed(item: Mapping[str, Any]) -> Any:
    return {name: _serializer().serialize(_storable(value)) for name, value in item.items() if value is not None}


def _plain(item: Mapping[str, Any]) -> Item:
    return {name: _loaded(_deserializer().deserialize(value)) for name, value in item.items()}


def _passes(failure: BaseException) -> bool:
    """Whether it may go well the next time, though botocore does not try."""
    if not isinstance(failure, ClientError):
        return False
    code = error_of(failure).code
    if code != _CANCELLED:
        return code == _CLASH
    reasons = {*_cancellation_codes(failure)}
    return reasons <= _PASSING and reasons != {"None"} and bool(reasons)


def _cancellation_codes(failure: BaseException) -> list[str]:
    """Why DynamoDB cancelled a transaction, item by item; empty for any other failure."""
    if not isinstance(failure, ClientError) or error_of(failure).code != _CANCELLED:
        return []
    return [reason.get("Code", "None") for reason in failure.response.get("CancellationReasons", ())]


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
