"""What moto does over and over for each request, done once: most of a test's time would be its own."""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from moto import backends
from moto.core import responses
from moto.core.serialize import AttributePickerContext, JSONSerializer, XFormedAttributePicker
from moto.core.utils import get_value
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import DynamoDBBackend, Table
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.ec2 import utils
from moto.ec2.models import EC2Backend
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.moto_random import MotoRandom

_MISSING = object()
_PLAIN = (["S"], ["N"], ["BOOL"])


@pytest.fixture(scope="session", autouse=True)
def _moto_is_quick() -> Iterator[None]:
    """Its answers are the same, for half of the time."""
    with pytest.MonkeyPatch.context() as patch:
        _look_once(patch)
        _pick_attributes_by_class(patch)
        _pass_attribute_values_on(patch)
        _split_conditions_once(patch)
        _back_up_without_copies(patch)
        _make_ids_of_one_number(patch)
        patch.setattr(EC2Backend, "reset", lambda _: None)  # a default VPC and all else anew, and then it is dropped
        yield


def _look_once(patch: pytest.MonkeyPatch) -> None:
    """It lists its own folder twice for each request, and the methods of a class."""
    modules = tuple(backends.list_of_moto_modules())
    patch.setattr(backends, "list_of_moto_modules", lambda: modules)
    patch.setattr(responses, "method_names_from_class", cache(responses.method_names_from_class))


def _pick_attributes_by_class(patch: pytest.MonkeyPatch) -> None:
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

    patch.setattr(XFormedAttributePicker, "__call__", pick)


def _pass_attribute_values_on(patch: pytest.MonkeyPatch) -> None:
    """An item's attribute is `{"S": "text"}` where it is kept and where it is answered; moto asks all ten fields."""
    structure = JSONSerializer._serialize_type_structure

    def pass_on(self: JSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and type(value) is dict and [*value] in _PLAIN:
            serialized[key] = value
        else:
            structure(self, serialized, value, shape, key)

    patch.setattr(JSONSerializer, "_serialize_type_structure", pass_on)


def _split_conditions_once(patch: pytest.MonkeyPatch) -> None:
    split = ConditionExpressionParser._lex_condition_expression

    @cache
    def words(expression: str) -> tuple[Any, ...]:
        return tuple(split(ConditionExpressionParser(expression, None, None)))

    patch.setattr(
        ConditionExpressionParser, "_lex_condition_expression", lambda self: deque(words(self.condition_expression))
    )


def _back_up_without_copies(patch: pytest.MonkeyPatch) -> None:
    """Before each transaction it copies the whole table, with every item, to have something to go back to. Items are
    replaced by puts; where an update would change one in place, it changes a copy.
    """
    update = DynamoDBBackend.update_item

    def backed_up(self: Table, _: dict[int, Any]) -> Table:
        backup = copy.copy(self)
        backup.items = defaultdict(dict, {one: dict(rows) for one, rows in self.items.items()})
        return backup

    def update_a_copy(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **more: Any) -> Any:
        table = self.get_table(table_name)
        partition = DynamoType(key[table.hash_key_attr])
        if partition in table.items:
            items, at = table.items, partition
            if table.range_key_attr is not None:
                items, at = table.items[partition], DynamoType(key[table.range_key_attr])
            if at in items:
                items[at] = copy.deepcopy(items[at])
        return update(self, table_name, key, *rest, **more)

    patch.setattr(Table, "__deepcopy__", backed_up, raising=False)
    patch.setattr(DynamoDBBackend, "update_item", update_a_copy)


def _make_ids_of_one_number(patch: pytest.MonkeyPatch) -> None:
    """It draws each digit of an id for itself, some forty ids for each region of each account."""

    def hexadecimal(size: int = 8) -> str:
        return f"{mock_random.getrandbits(4 * size):0{size}x}"

    patch.setattr(utils, "random_resource_id", hexadecimal)
    patch.setattr(MotoRandom, "get_random_hex", lambda _, length=8: hexadecimal(length))
