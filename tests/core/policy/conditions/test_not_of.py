"""`not`: turns an answer around, and makes nothing known."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.conditions.not_of import NOT, NotOf
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, Answer, condition, mistakes


@pytest.mark.parametrize(("value", "held"), [(True, False), (False, True), (None, None)])
def test_the_opposite_of_what_is_unknown_is_unknown(value: bool | None, held: bool | None) -> None:
    assert NotOf(Answer(value)).evaluate(RESOURCE, ACCOUNT, NOW) is held
    assert NotOf(NotOf(Answer(value))).evaluate(RESOURCE, ACCOUNT, NOW) is value


@pytest.mark.parametrize("value", [True, False, None])
def test_the_facts_of_not_are_those_of_its_condition(value: bool | None) -> None:
    inner = Answer(value)
    assert NotOf(inner).facts_used(RESOURCE, ACCOUNT, NOW) == inner.facts_used(RESOURCE, ACCOUNT, NOW)
    assert NotOf(inner).unknown_facts(RESOURCE, ACCOUNT, NOW) == inner.unknown_facts(RESOURCE, ACCOUNT, NOW)


def test_not_takes_one_condition() -> None:
    assert condition({"not": {"region": "a"}}) == NotOf(condition({"region": "a"}))
    [(path, _)] = mistakes({"not": [{"region": "a"}]})
    assert path == ("not",)


def test_the_schema_of_not_is_a_condition() -> None:
    example = {"tag": {"Tier": "crit*"}}
    assert NOT.schema == {"$ref": "#/$defs/where", "description": "This does not hold.", "examples": [example]}
