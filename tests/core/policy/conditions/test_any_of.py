"""`any`: one that holds decides, then one that is unknown."""

from __future__ import annotations

import pytest
from hypothesis import given

from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.any_of import ANY, AnyOf
from orchestrator.core.policy.conditions.not_of import NotOf
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, answers, condition, mistakes, several_answers
from tests.support.strategies import quick


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ([True, True], True),
        ([True, False], True),
        ([True, None], True),
        ([False, True], True),
        ([False, False], False),
        ([False, None], None),
        ([None, True], True),
        ([None, False], None),
        ([None, None], None),
    ],
)
def test_any_is_true_when_one_is_then_unknown_when_one_is_then_false(
    values: list[bool | None], held: bool | None
) -> None:
    assert AnyOf(answers(values)).evaluate(RESOURCE, ACCOUNT, NOW) is held


@quick
@given(values=several_answers)
def test_any_is_not_all_of_the_opposites(values: list[bool | None]) -> None:
    opposites = tuple(NotOf(one) for one in answers(values))
    expected = NotOf(AllOf(opposites)).evaluate(RESOURCE, ACCOUNT, NOW)
    assert AnyOf(answers(values)).evaluate(RESOURCE, ACCOUNT, NOW) is expected


@quick
@given(values=several_answers)
def test_the_facts_of_any_are_those_of_each_and_the_unknown_ones_are_named_when_it_is_unknown(
    values: list[bool | None],
) -> None:
    either = AnyOf(answers(values))
    unknown = tuple(f"fact-{number}" for number, value in enumerate(values) if value is None)
    assert list(either.facts_used(RESOURCE, ACCOUNT, NOW)) == [f"fact-{number}" for number in range(len(values))]
    assert either.unknown_facts(RESOURCE, ACCOUNT, NOW) == (() if True in values else unknown)


def test_an_unknown_fact_that_is_asked_for_twice_is_named_once() -> None:
    twice = AnyOf((*answers([None]), *answers([None])))
    assert twice.unknown_facts(RESOURCE, ACCOUNT, NOW) == ("fact-0",)


def test_any_is_one_of_a_list() -> None:
    assert isinstance(condition({"any": [{"region": "a"}, {"account": "1*"}]}), AnyOf)
    assert mistakes({"any": []}) == [(("any",), "must be a list of at least one condition, not an empty one")]


def test_the_schema_of_any_is_a_list_of_conditions() -> None:
    assert (ANY.schema["items"], ANY.schema["minItems"]) == ({"$ref": "#/$defs/where"}, 1)
    assert ANY.schema["description"] == "At least one of these holds."
