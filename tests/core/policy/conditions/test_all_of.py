"""`all`: one that does not hold decides, then one that is unknown."""

from __future__ import annotations

import pytest
from hypothesis import given

from orchestrator.core.policy.conditions.all_of import ALL, AllOf
from orchestrator.core.policy.conditions.schema_parts import EXAMPLE
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, answers, condition, mistakes, several_answers
from tests.support.strategies import quick


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ([True, True], True),
        ([True, False], False),
        ([True, None], None),
        ([False, True], False),
        ([False, False], False),
        ([False, None], False),
        ([None, True], None),
        ([None, False], False),
        ([None, None], None),
    ],
)
def test_all_is_false_when_one_is_then_unknown_when_one_is_then_true(
    values: list[bool | None], held: bool | None
) -> None:
    assert AllOf(answers(values)).evaluate(RESOURCE, ACCOUNT, NOW) is held


@quick
@given(values=several_answers)
def test_all_of_several_is_the_least_certain_to_hold(values: list[bool | None]) -> None:
    expected = False if False in values else None if None in values else True
    assert AllOf(answers(values)).evaluate(RESOURCE, ACCOUNT, NOW) is expected


@quick
@given(values=several_answers)
def test_all_knows_more_only_when_an_unknown_answer_comes_in(values: list[bool | None]) -> None:
    before = AllOf(answers(values)).evaluate(RESOURCE, ACCOUNT, NOW)
    possible = {
        AllOf(answers([value if value is not None else guess for value in values])).evaluate(RESOURCE, ACCOUNT, NOW)
        for guess in (True, False)
    }
    assert before is None or possible == {before}


@quick
@given(values=several_answers)
def test_the_facts_of_all_are_those_of_each_and_the_unknown_ones_are_named_when_it_is_unknown(
    values: list[bool | None],
) -> None:
    both = AllOf(answers(values))
    unknown = tuple(f"fact-{number}" for number, value in enumerate(values) if value is None)
    assert list(both.facts_used(RESOURCE, ACCOUNT, NOW)) == [f"fact-{number}" for number in range(len(values))]
    assert both.unknown_facts(RESOURCE, ACCOUNT, NOW) == (() if False in values else unknown)


def test_a_list_of_conditions_and_a_mapping_of_several_words_are_all_of_them() -> None:
    listed = condition({"all": [{"region": "a"}, {"account": "1*"}]})
    assert isinstance(listed, AllOf)
    assert listed == condition({"region": "a", "account": "1*"})


def test_every_wrong_condition_of_the_list_is_a_mistake_at_its_place() -> None:
    found = mistakes({"all": [{"region": 5}, {"region": "a"}, {}]})
    assert [path for path, _ in found] == [("all", 0, "region"), ("all", 2)]
    assert mistakes({"all": {}}) == [(("all",), "must be a list of at least one condition, not a mapping")]


def test_the_schema_of_all_is_a_list_of_conditions() -> None:
    assert ALL.schema == {
        "type": "array",
        "minItems": 1,
        "items": {"$ref": "#/$defs/where"},
        "description": "Every one of these holds.",
        "examples": [EXAMPLE],
    }
