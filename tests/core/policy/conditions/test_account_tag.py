"""`account_tag`: the account's own tags, not the resource's."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.conditions.account_tag import ACCOUNT_TAG, AccountTagMatches
from orchestrator.core.policy.conditions.tag import TAG
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition, evaluate, mistakes


@pytest.mark.parametrize(
    ("tags", "held"), [({"CostCenter": "cc-*"}, True), ({"CostCenter": "x"}, False), ({"Environment": "dev"}, False)]
)
def test_an_account_tag_is_true_or_false_and_never_unknown(tags: dict[str, str], held: bool) -> None:
    assert evaluate({"account_tag": tags}) is held
    assert condition({"account_tag": tags}).unknown_facts(RESOURCE, ACCOUNT, NOW) == ()


def test_the_facts_are_the_accounts_tags_under_a_name_of_their_own() -> None:
    asked = condition({"account_tag": {"CostCenter": "x", "Environment": "x"}})
    assert isinstance(asked, AccountTagMatches)
    assert asked.facts_used(RESOURCE, ACCOUNT, NOW) == {
        "account_tag:CostCenter": "cc-42",
        "account_tag:Environment": None,
    }


def test_a_wrong_value_of_an_account_tag_is_a_mistake_at_its_place() -> None:
    [(path, _)] = mistakes({"account_tag": {"A": 5}})
    assert path == ("account_tag", "A")


def test_the_schema_of_account_tag_is_that_of_tag_with_its_own_description() -> None:
    own = {"description": "", "examples": []}
    assert {**ACCOUNT_TAG.schema, **own} == {**TAG.schema, **own}
    assert ACCOUNT_TAG.schema["description"] == "The same on the account's tags."
