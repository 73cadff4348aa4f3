"""ledger.Items in DynamoDB: one table, whose keys ledger/records.py gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

import tenacity
from botocore.exceptions import ClientError

from orchestrator import Later
from orchestrator.aws.clients import LEDGER_AT_ONCE
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pages import EVALUATED_KEY, each_page
from orchestrator.aws.retries import after_pauses
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import (
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
)

if TYPE_CHECKING:
    from boto3.dynamodb import types
    from mypy_boto3_dynamodb import DynamoDBClient
else:
    types = Later("boto3.dynamodb.types")  # with it comes all of boto3, which nothing else here needs

A = TypeVar("A")
R = TypeVar("R")
_ITEMS_A_BATCH = 25
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0)
_TAKEN = "ConditionalCheckFailedException"
_INDEX = "GSI1"
_CLASH = "TransactionConflictException"
"""A transaction has the item, as the release before and other programs write: botocore does not try again."""


class DynamoItems:
    """The client's own retries wait out throttling of whole calls; clashes, and items that come back unprocessed, are
    resent here.
    """

    def __init__(self, client: DynamoDBClient, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep
        self._pool = ThreadPoolExecutor(LEDGER_AT_ONCE, "ledger")

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

    def write_each(self, writes: Sequence[Write]) -> frozenset[int]:
        """No transaction: that costs twice as much, and waits for whichever of its items is slowest."""
        calls = [self._call_of(write) for write in writes]  # before the first is sent: what cannot be stored
        done = self._side_by_side(lambda call: call(), calls)
        return frozenset(number for number, is_written in enumerate(done) if not is_written)

    def put_many(self, items: Sequence[Item]) -> None:
        each = last_of_each_key(items)  # DynamoDB refuses a batch that names one key twice
        batches = [each[start : start + _ITEMS_A_BATCH] for start in range(0, len(each), _ITEMS_A_BATCH)]
        self._side_by_side(self._put_batch, batches)

    def get(self, key: tuple[str, str]) -> Item | None:
        try:
            answer = self._client.get_item(
                TableName=self._table, Key=_typed({"PK": key[0], "SK": key[1]}), ConsistentRead=True
            )
        except AWS_FAILURES as failure:
            raise self._failed("read", failure) from failure
        return plain_item(answer["Item"]) if "Item" in answer else None

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
                found += [plain_item(item) for item in page["Items"]]
                if limit and len(found) >= limit:
                    break
        except AWS_FAILURES as failure:
            raise self._failed("read", failure) from failure
        return found[:limit]

    def query_each(self, pks: Sequence[str]) -> dict[str, list[Item]]:
        return dict(zip(pks, self._side_by_side(self.query, pks), strict=True))

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
            found = [plain_item(item) for page in pages for item in page["Items"]]
        except AWS_FAILURES as failure:
            raise self._failed("read", failure) from failure
        return [one for one in found if not before or one["GSI1SK"] < before]

    def _pages(self, **arguments: Any) -> Iterator[Any]:
        return each_page("dynamodb:Query", partial(self._client.query, **arguments), EVALUATED_KEY)

    def _side_by_side(self, call: Callable[[A], R], each: Sequence[A]) -> list[R]:
        """The results in order, once the last is there. The first one is the caller's own: most have no other."""
        others = [self._pool.submit(call, one) for one in each[1:]]
        try:
            return [*map(call, each[:1]), *(one.result() for one in others)]
        finally:
            wait(others)

    def _call_of(self, write: Write) -> Callable[[], bool]:
        if isinstance(write, Delete):
            key = _typed({"PK": write.key[0], "SK": write.key[1]})
            return partial(self._write, self._client.delete_item, write.condition, Key=key)
        return partial(self._write, self._client.put_item, write.condition, Item=_typed(write.item))

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
        try:
            call()  # without tenacity: nearly every write succeeds at once
        except AWS_FAILURES as failure:
            if not _passes(failure):
                raise
            self._sleep(_PAUSES[0])
            after_pauses(_PAUSES[1:], tenacity.retry_if_exception(_passes), self._sleep)(call)

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


def plain_item(item: Mapping[str, Any]) -> Item:
    """An item as DynamoDB answers it, in plain values."""
    return {name: _loaded(_deserializer().deserialize(value)) for name, value in item.items()}


def _passes(failure: BaseException) -> bool:
    """Whether it may go well the next time, though botocore does not try."""
    return isinstance(failure, ClientError) and error_of(failure).code == _CLASH


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
