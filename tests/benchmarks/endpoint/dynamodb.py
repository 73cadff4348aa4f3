"""DynamoDB in memory: one table with keys `PK`, `SK` and the index `GSI1`; conditions by moto's evaluation of them.

One thread answers everything, so a write is whole before the next one begins, and transactions never clash. What a
request has that is not known here is refused, so that nothing is measured that did not happen.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.dynamo_type import Item as MotoItem

from tests.benchmarks.endpoint.units import READ_UNIT, WRITE_UNIT, size_of, units

Item = dict[str, Any]
Key = tuple[str, str]
Answer = tuple[int, dict[str, Any]]
_PAGE_BYTES = 1 << 20
_MOST_IN_A_BATCH, _MOST_IN_A_TRANSACTION = 25, 100
_INDEX_KEYS = ("GSI1PK", "GSI1SK")
_EXPRESSION = frozenset({"ExpressionAttributeNames", "ExpressionAttributeValues"})
_CONDITIONAL = frozenset({"TableName", "ConditionExpression", "ReturnValuesOnConditionCheckFailure", *_EXPRESSION})
_PLAIN = frozenset({"ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ReturnValues"})
_KNOWN: Mapping[str, frozenset[str]] = {
    "PutItem": frozenset({"Item", *_CONDITIONAL, *_PLAIN}),
    "UpdateItem": frozenset({"Key", "UpdateExpression", *_CONDITIONAL, *_PLAIN}),
    "DeleteItem": frozenset({"Key", *_CONDITIONAL, *_PLAIN}),
    "GetItem": frozenset({"TableName", "Key", "ConsistentRead", *_PLAIN}),
    "Query": frozenset(
        {
            *("TableName", "IndexName", "KeyConditionExpression", "ScanIndexForward", "ConsistentRead", "Limit"),
            *("ExclusiveStartKey", "FilterExpression", "ProjectionExpression", "Select", *_EXPRESSION, *_PLAIN),
        }
    ),
    "BatchWriteItem": frozenset({"RequestItems", *_PLAIN}),
    "BatchGetItem": frozenset({"RequestItems", *_PLAIN}),
    "TransactWriteItems": frozenset({"TransactItems", "ClientRequestToken", *_PLAIN}),
}
_OF_A_TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "DeleteItem"}
_CLAUSE = re.compile(r"\b(SET|REMOVE)\b", re.IGNORECASE)
_SET = re.compile(r"\s*(?P<name>[#\w]+)\s*=\s*(?:if_not_exists\(\s*(?P<first>[#\w]+)\s*,\s*)?(?P<value>:\w+)\)?\s*")
_PARTITION = re.compile(r"(?P<name>[#\w]+)\s*=\s*(?P<value>:\w+)")


class RefusedError(Exception):
    """With DynamoDB's code, and the item that is there."""

    def __init__(self, code: str, message: str, item: Item | None = None, **more: Any) -> None:
        super().__init__(message)
        self.answer = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message, **more}
        if item is not None:
            self.answer["Item"] = item


class DynamoAnswers:
    """One table, whatever its name. `units` counts them by `write` and `read`."""

    def __init__(self) -> None:
        self._partitions: defaultdict[str, dict[str, Item]] = defaultdict(dict)
        self._index: defaultdict[str, set[Key]] = defaultdict(set)
        self.units: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        """Write units by what the items are: the first word of `SK`, or of `PK`."""

    def answer(self, operation: str, asked: dict[str, Any]) -> Answer:
        known = _KNOWN.get(operation)
        method: Callable[[Mapping[str, Any]], dict[str, Any]] | None = getattr(self, f"_{_snake(operation)}", None)
        try:
            if known is None or method is None or not asked.keys() <= known:
                raise _invalid(f"the benchmark has no {operation} with {sorted(asked.keys() - (known or set()))}")
            return 200, method(asked)
        except RefusedError as refused:
            return 400, refused.answer

    # --- the operations

    def _put_item(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._write("PutItem", asked)
        return {}

    def _update_item(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        after = self._write("UpdateItem", asked)
        return {"Attributes": after} if asked.get("ReturnValues") == "ALL_NEW" else {}

    def _delete_item(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._write("DeleteItem", asked)
        return {}

    def _get_item(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        found = self._at(_key(asked["Key"]))
        self._count_read(size_of(found) if found else 0, consistent=asked.get("ConsistentRead", False))
        return {"Item": found} if found else {}

    def _batch_get_item(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        responses: dict[str, list[Item]] = {}
        for table, wanted in asked["RequestItems"].items():
            each = [self._get_item({"Key": key, **wanted}) for key in wanted["Keys"]]
            responses[table] = [one["Item"] for one in each if one]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def _batch_write_item(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        requests = [one for some in asked["RequestItems"].values() for one in some]
        if len(requests) > _MOST_IN_A_BATCH:
            raise _invalid(f"{len(requests)} items in a batch")
        for one in requests:
            operation, inside = ("PutItem", "PutRequest") if "PutRequest" in one else ("DeleteItem", "DeleteRequest")
            self._write(operation, one[inside])
        return {"UnprocessedItems": {}}

    def _transact_write_items(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Every condition first; then all, or nothing."""
        writes = [(word, inside) for one in asked["TransactItems"] for word, inside in one.items()]
        if len(writes) > _MOST_IN_A_TRANSACTION:
            raise _invalid(f"{len(writes)} items in a transaction")
        for word, inside in writes:
            if not inside.keys() <= _KNOWN[_OF_A_TRANSACTION[word]]:
                raise _invalid(f"the benchmark has no {word} with {sorted(inside)}")
        reasons = [
            {"Code": "None"}
            if self._holds(inside, self._at(_written_key(inside)))
            else {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
            for _, inside in writes
        ]
        if any(one["Code"] != "None" for one in reasons):
            for _, inside in writes:
                self._count_write(_written_key(inside), self._at(_written_key(inside)), None, 2)
            codes = ", ".join(one["Code"] for one in reasons)
            text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            raise RefusedError("TransactionCanceledException", text, None, CancellationReasons=reasons)
        for word, inside in writes:
            if word == "ConditionCheck":
                self._count_write(_written_key(inside), self._at(_written_key(inside)), None, 2)
            else:
                self._write(_OF_A_TRANSACTION[word], inside, times=2)
        return {}

    def _query(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
        index = asked.get("IndexName")
        if index not in (None, "GSI1"):
            raise _invalid(f"the benchmark has no index {index}")
        expression = asked["KeyConditionExpression"]
        partition = next(
            (
                values[one["value"]]["S"]
                for one in _PARTITION.finditer(expression)
                if names.get(one["name"], one["name"]) == ("GSI1PK" if index else "PK")
            ),
            None,
        )
        if partition is None:
            raise _invalid(f"no partition in {expression}")
        matches = _matching(expression, names, values)
        keeps = _matching(asked["FilterExpression"], names, values) if asked.get("FilterExpression") else None
        found = sorted(filter(matches, self._of_partition(partition, index)), key=_sort_key(index))
        if not asked.get("ScanIndexForward", True):
            found.reverse()
        page, last = _page(found, asked)
        self._count_read(sum(map(size_of, page)), consistent=asked.get("ConsistentRead", False))
        shown = [one for one in page if keeps is None or keeps(one)]
        if projection := asked.get("ProjectionExpression"):
            wanted = {names.get(one.strip(), one.strip()) for one in projection.split(",")}
            shown = [{name: value for name, value in one.items() if name in wanted} for one in shown]
        answer: dict[str, Any] = {"Count": len(shown), "ScannedCount": len(page)}
        if asked.get("Select") != "COUNT":
            answer["Items"] = shown
        return {**answer, **({"LastEvaluatedKey": last} if last else {})}

    # --- one write

    def _write(self, operation: str, asked: Mapping[str, Any], times: int = 1) -> Item | None:
        """The item after it. Raises RefusedError where the condition does not hold."""
        key = _written_key(asked)
        before = self._at(key)
        if times == 1 and not self._holds(asked, before):
            self._count_write(key, before, None, times)
            shown = before if asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else None
            raise RefusedError("ConditionalCheckFailedException", "The conditional request failed", shown)
        after = None if operation == "DeleteItem" else asked.get("Item") or _updated(before, asked)
        self._count_write(key, before, after, times)
        self._count_index(key, before, after)
        self._put(key, before, after)
        return after

    def _holds(self, asked: Mapping[str, Any], found: Item | None) -> bool:
        expression = asked.get("ConditionExpression")
        if not expression:
            return True
        names, values = asked.get("ExpressionAttributeNames"), asked.get("ExpressionAttributeValues")
        return _matching(expression, names or {}, values or {})(found or {})

    def _put(self, key: Key, before: Item | None, after: Item | None) -> None:
        if before is not None and "GSI1PK" in before:
            self._index[before["GSI1PK"]["S"]].discard(key)
        if after is None:
            self._partitions[key[0]].pop(key[1], None)
            return
        self._partitions[key[0]][key[1]] = after
        if all(name in after for name in _INDEX_KEYS):
            self._index[after["GSI1PK"]["S"]].add(key)

    def _at(self, key: Key) -> Item | None:
        return self._partitions[key[0]].get(key[1])

    def _of_partition(self, partition: str, index: str | None) -> Iterator[Item]:
        if index is None:
            yield from self._partitions[partition].values()
            return
        for pk, sk in self._index[partition]:
            yield self._partitions[pk][sk]

    # --- units

    def _count_write(self, key: Key, before: Item | None, after: Item | None, times: int) -> None:
        size = max(size_of(before) if before else 0, size_of(after) if after else 0)
        self._add(key, times * units(size, WRITE_UNIT))

    def _count_index(self, key: Key, before: Item | None, after: Item | None) -> None:
        """All attributes are projected, so that any change is one of the index too."""
        was, will_be = _index_key(before), _index_key(after)
        if before != after and was == will_be is not None:
            self._add(key, units(max(size_of(before or {}), size_of(after or {})), WRITE_UNIT), "index ")
        elif was != will_be:
            for item in (before if was else None, after if will_be else None):
                if item is not None:
                    self._add(key, units(size_of(item), WRITE_UNIT), "index ")

    def _add(self, key: Key, units: int, of: str = "") -> None:
        self.units["write"] += units
        self.written[f"{of}{_word(key)}"] += units

    def _count_read(self, size: int, *, consistent: bool) -> None:
        self.units["read half"] += units(size, READ_UNIT) * (2 if consistent else 1)


def _word(key: Key) -> str:
    """What an item is, for the table of units."""
    return key[1].partition("#")[0] if key[0].startswith("SWEEP#") else key[0].partition("#")[0]


def _snake(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


def _invalid(message: str) -> RefusedError:
    return RefusedError("ValidationException", message)


def _key(typed: Mapping[str, Any]) -> Key:
    return typed["PK"]["S"], typed["SK"]["S"]


def _written_key(asked: Mapping[str, Any]) -> Key:
    return _key(asked.get("Key") or asked["Item"])


def _index_key(item: Item | None) -> tuple[str, str] | None:
    if item is None or any(name not in item for name in _INDEX_KEYS):
        return None
    return item["GSI1PK"]["S"], item["GSI1SK"]["S"]


def _sort_key(index: str | None) -> Callable[[Item], tuple[str, ...]]:
    if index is None:
        return lambda item: (item["SK"]["S"],)
    return lambda item: (item["GSI1SK"]["S"], item["PK"]["S"], item["SK"]["S"])


def _page(found: list[Item], asked: Mapping[str, Any]) -> tuple[list[Item], Item | None]:
    """Of at most a MB and `Limit` items, and the key of its last one where there are more."""
    start = 0
    if after := asked.get("ExclusiveStartKey"):
        start = next(place for place, one in enumerate(found) if _key(one) == _key(after)) + 1
    page: list[Item] = []
    size = 0
    for one in found[start:]:
        size += size_of(one)
        if page and (size > _PAGE_BYTES or len(page) == asked.get("Limit", len(found) + 1)):
            last = page[-1]
            return page, {name: last[name] for name in ("PK", "SK", *_INDEX_KEYS) if name in last}
        page.append(one)
    return page, None


def _updated(before: Item | None, asked: Mapping[str, Any]) -> Item:
    """By `SET name = :value, name = if_not_exists(name, :value)` and `REMOVE name`."""
    names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
    after = {**asked["Key"], **(before or {})}
    parts = _CLAUSE.split(asked["UpdateExpression"])
    if parts[0].strip():
        raise _invalid(f"the benchmark does not know {asked['UpdateExpression']}")
    for clause, text in zip(parts[1::2], parts[2::2], strict=True):
        if clause.upper() == "REMOVE":
            for name in text.split(","):
                after.pop(names.get(name.strip(), name.strip()), None)
            continue
        end = 0
        while end < len(text):
            match = _SET.match(text, end)
            if match is None:
                raise _invalid(f"the benchmark does not know {text[end:]}")
            first = names.get(match["first"], match["first"]) if match["first"] else None
            after[names.get(match["name"], match["name"])] = after[first] if first in after else values[match["value"]]
            end = match.end() + 1  # the comma
    return after


def _matching(expression: str, names: Mapping[str, str], values: Mapping[str, Any]) -> Callable[[Item], bool]:
    parsed = _parsed(expression, json.dumps(names), json.dumps(values))

    def matches(item: Item) -> bool:
        try:
            return bool(parsed.expr(_moto_item(item)))
        except (TypeError, AttributeError):  # a comparison with what is not there
            return False

    return matches


@lru_cache(4096)
def _parsed(expression: str, names: str, values: str) -> Any:
    return get_filter_expression(expression, json.loads(names), json.loads(values))


def _moto_item(item: Item) -> MotoItem:
    nothing = {"S": ""}
    return MotoItem(DynamoType(item.get("PK", nothing)), DynamoType(item.get("SK", nothing)), item)
