"""What moto does over and over for each request, done once: it would be most of a demo's time, and of a test's.

Also what it keeps: each transaction would leave a copy of the whole table behind, for as long as the process lives.
"""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from functools import cache
from typing import Any

from moto import backends
from moto.core import responses
from moto.core.serialize import AttributePickerContext, JSONSerializer, XFormedAttributePicker
from moto.core.utils import get_value
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.ec2 import utils
from moto.ec2.models import EC2Backend
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.moto_random import MotoRandom

_MISSING = object()
_PLAIN = (["S"], ["N"], ["BOOL"])
_INDEX_NAME = 6
"""Its place among the arguments of `Table.query`, after the hash key."""


@cache
def make_moto_quick() -> None:
    """For this process, from now on. Its answers are the same, for half of the time."""
    _look_once()
    _pick_attributes_by_class()
    _pass_attribute_values_on()
    _split_conditions_once()
    _compare_texts_as_they_are()
    _query_one_partition()
    _back_up_without_copies()
    _make_ids_of_one_number()
    _set(EC2Backend, "reset", lambda _: None)  # a default VPC and all else anew, and then it is dropped


def _get(owner: Any, name: str) -> Any:
    return getattr(owner, name)


def _set(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


def _look_once() -> None:
    """It lists its own folder twice for each request, and the methods of a class."""
    modules = tuple(backends.list_of_moto_modules())
    _set(backends, "list_of_moto_modules", lambda: modules)
    _set(responses, "method_names_from_class", cache(_get(responses, "method_names_from_class")))


def _pick_attributes_by_class() -> None:
    """It works out for each field of each answer under which names an object may have it; class and field say that."""
    names: dict[tuple[type, str, object], tuple[str, ...]] = {}

    def pick(self: XFormedAttributePicker, context: AttributePickerContext) -> Any:
        field = (type(context.obj), context.key, context.shape)  # moto keeps its service models, and their shapes
        if field not in names:
            names[field] = tuple(dict.fromkeys(self.get_possible_keys(context)))
        value = None
        for name in names[field]:
            if (found := get_value(context.obj, name, _MISSING)) is not _MISSING:
                value = found
                break
        if not self.response_transformers:
            return value
        path = f"{context.key_path}.{context.key}"
        for ending, transform in self.response_transformers.items():
            if path.endswith(ending):
                return transform(value)
        return value

    _set(XFormedAttributePicker, "__call__", pick)


def _pass_attribute_values_on() -> None:
    """An item's attribute is `{"S": "text"}` where it is kept and where it is answered; moto asks all ten fields."""
    structure = _get(JSONSerializer, "_serialize_type_structure")

    def pass_on(self: JSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and type(value) is dict and [*value] in _PLAIN:
            serialized[key] = value
        else:
            structure(self, serialized, value, shape, key)

    _set(JSONSerializer, "_serialize_type_structure", pass_on)


def _split_conditions_once() -> None:
    split = _get(ConditionExpressionParser, "_lex_condition_expression")

    @cache
    def words(expression: str) -> tuple[Any, ...]:
        return tuple(split(ConditionExpressionParser(expression, None, None)))

    _set(ConditionExpressionParser, "_lex_condition_expression", lambda self: deque(words(self.condition_expression)))


def _compare_texts_as_they_are() -> None:
    """Each comparison of two values first asks what they are not; most are texts, and so are all keys."""
    cast = _get(_get(DynamoType, "cast_value"), "fget")
    _set(DynamoType, "cast_value", property(lambda self: self.value if self.type == "S" else cast(self)))


def _query_one_partition() -> None:
    """For each query it sorts every item of the table, and then drops all but those of one partition."""
    query = Table.query

    def query_part(self: Table, hash_key: Any, *rest: Any, **more: Any) -> Any:
        part = copy.copy(self)
        part.items = _partition(self, hash_key, *rest, **more)
        return query(part, hash_key, *rest, **more)

    _set(Table, "query", query_part)


def _partition(table: Table, hash_key: Any, *rest: Any, **more: Any) -> Any:
    """What has the hash key of the query, in the table or in the index, by the keys of the table."""
    index_name = rest[_INDEX_NAME] if len(rest) > _INDEX_NAME else more.get("index_name")
    conditions = more.get("hash_key_conditions")
    if not index_name:
        return {hash_key: table.items[hash_key]} if hash_key in table.items else {}
    if not conditions or table.range_key_attr is None:
        return table.items
    name, wanted = conditions[0]
    return {
        partition: {at: item for at, item in rows.items() if _is(item.attrs.get(name), wanted)}
        for partition, rows in table.items.items()
    }


def _is(value: DynamoType | None, wanted: DynamoType) -> bool:
    return value is not None and value.value == wanted.value


def _back_up_without_copies() -> None:
    """Before each transaction it copies the whole table, with every item, to have something to go back to. Items are
    replaced by puts; where an update would change one in place, it changes a copy.
    """
    update = DynamoDBBackend.update_item

    def backed_up(self: Table, _: dict[int, Any]) -> Table:
        backup = copy.copy(self)
        backup.items = defaultdict(dict)
        backup.items.update({one: dict(rows) for one, rows in self.items.items()})
        return backup

    def update_a_copy(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **more: Any) -> Any:
        table = self.get_table(table_name)
        partition = DynamoType(key[table.hash_key_attr])
        if partition in table.items:
            items: dict[Any, Any] = table.items
            at = partition
            if table.range_key_attr is not None:
                items, at = table.items[partition], DynamoType(key[table.range_key_attr])
            if at in items:
                items[at] = copy.deepcopy(items[at])
        return update(self, table_name, key, *rest, **more)

    _set(Table, "__deepcopy__", backed_up)
    _set(DynamoDBBackend, "update_item", update_a_copy)


def _make_ids_of_one_number() -> None:
    """It draws each digit of an id for itself, some forty ids for each region of each account."""

    def hexadecimal(size: int = 8) -> str:
        return f"{mock_random.getrandbits(4 * size):0{size}x}"

    _set(utils, "random_resource_id", hexadecimal)
    _set(MotoRandom, "get_random_hex", lambda _, length=8: hexadecimal(length))
