"""The `where` language: each word, each combination, and what is not there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.any_of import AnyOf
from orchestrator.core.policy.conditions.everything import Everything
from orchestrator.core.policy.conditions.not_of import NotOf
from tests.support.builders import a_resource, an_account
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition
from tests.support.strategies import ACCOUNT_IDS, OU_PATHS, quick, tags, wheres


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("everything", True),
        ({"tag": {"Environment": "dev"}}, True),
        ({"tag": {"Environment": "DEV"}}, False),
        ({"tag": {"environment": "dev"}}, False),
        ({"tag": {"Environment": "de"}}, False),
        ({"tag": {"Environment": ["prod", "dev"]}}, True),
        ({"tag": {"Environment": ["prod", "test"]}}, False),
        ({"tag": {"Environment": "d*"}}, True),
        ({"tag": {"Environment": "d?v"}}, True),
        ({"tag": {"Environment": "d?"}}, False),
        ({"tag": {"Environment": "[de]*"}}, True),
        ({"tag": {"Environment": "[!d]*"}}, False),
        ({"tag": {"Tier": "*"}}, True),
        ({"tag": {"Tier": "?*"}}, False),
        ({"tag": {"Note": "a*b"}}, True),
        ({"tag": {"Environment": "dev", "Tier": "*"}}, True),
        ({"tag": {"Environment": "dev", "Tier": "gold"}}, False),
        ({"tag": {"Missing": "*"}}, False),
        ({"tag": {"Environment": "dev", "Missing": "*"}}, False),
        ({"not": {"tag": {"Missing": "*"}}}, True),
        ({"not": {"tag": {"Environment": "dev"}}}, False),
        ({"account_tag": {"CostCenter": "cc-*"}}, True),
        ({"account_tag": {"CostCenter": "CC-*"}}, False),
        ({"account_tag": {"Environment": "dev"}}, False),
        ({"tag": {"CostCenter": "*"}}, False),
        ({"not": {"account_tag": {"Missing": "*"}}}, True),
        ({"account": "111122223333"}, True),
        ({"account": "111122223334"}, False),
        ({"account": "1111*"}, True),
        ({"account": ["999999999999", 111122223333]}, True),
        ({"organizational_unit": "/"}, True),
        ({"organizational_unit": "/Workloads"}, True),
        ({"organizational_unit": "/Workloads/Dev"}, True),
        ({"organizational_unit": "/Workloads/Dev/"}, True),
        ({"organizational_unit": "/Workloads/Dev/Team"}, True),
        ({"organizational_unit": "/Workloads/Dev/Team/Sub"}, False),
        ({"organizational_unit": "/Work"}, False),
        ({"organizational_unit": "/workloads"}, False),
        ({"organizational_unit": "/Dev"}, False),
        ({"organizational_unit": "/*/Dev"}, True),
        ({"organizational_unit": "/*"}, True),
        ({"organizational_unit": ["/Labs", "/Workloads"]}, True),
        ({"region": "eu-central-1"}, True),
        ({"region": "eu-*"}, True),
        ({"region": ["us-*", "ap-*"]}, False),
        ({"region": "EU-central-1"}, False),
        ({"instance_type": "t3.*"}, True),
        ({"instance_type": "m5.*"}, False),
        ({"all": [{"region": "eu-*"}, {"tag": {"Environment": "dev"}}]}, True),
        ({"all": [{"region": "eu-*"}, {"tag": {"Environment": "prod"}}]}, False),
        ({"any": [{"region": "us-*"}, {"tag": {"Environment": "dev"}}]}, True),
        ({"any": [{"region": "us-*"}, {"tag": {"Environment": "prod"}}]}, False),
        ({"not": {"any": [{"region": "us-*"}, {"tag": {"Environment": "prod"}}]}}, True),
        ({"not": "everything"}, False),
        ({"region": "eu-*", "tag": {"Environment": "dev"}}, True),
        ({"region": "us-*", "tag": {"Environment": "dev"}}, False),
        ({"region": "eu-*", "not": {"tag": {"Environment": "dev"}}}, False),
    ],
)
def test_a_condition_holds_or_not(where: Any, expected: bool) -> None:
    assert condition(where).evaluate(RESOURCE, ACCOUNT, NOW) is expected


def test_an_unknown_instance_type_matches_no_glob() -> None:
    unknown = a_resource(facts={"instance_type": None})
    assert not condition({"instance_type": "*"}).evaluate(unknown, ACCOUNT, NOW)


@pytest.mark.parametrize(
    ("where", "facts"),
    [
        ("everything", {}),
        ({"tag": {"Environment": "x", "Missing": "x"}}, {"tag:Environment": "dev", "tag:Missing": None}),
        ({"account_tag": {"CostCenter": "x"}}, {"account_tag:CostCenter": "cc-42"}),
        ({"account": "*"}, {"account": "111122223333"}),
        ({"organizational_unit": "/"}, {"organizational_unit": "/Workloads/Dev/Team"}),
        ({"region": "*"}, {"region": "eu-central-1"}),
        ({"instance_type": "*"}, {"instance_type": "t3.micro"}),
        (
            {"any": [{"region": "us-*"}, {"not": {"tag": {"Tier": "gold"}}}]},
            {"region": "eu-central-1", "tag:Tier": ""},
        ),
        (
            {"all": [{"account": "*"}, {"any": [{"region": "us-*"}]}]},
            {"account": "111122223333", "region": "eu-central-1"},
        ),
    ],
)
def test_the_facts_name_what_a_condition_looked_at(where: Any, facts: dict[str, Any]) -> None:
    assert condition(where).facts_used(RESOURCE, ACCOUNT, NOW) == facts


@quick
@given(parts=st.lists(wheres, min_size=1, max_size=3), data=st.data())
def test_all_any_and_not_are_the_logic_that_they_are_called(parts: list[Any], data: st.DataObject) -> None:
    resource = a_resource(tags=data.draw(tags), region=data.draw(st.sampled_from(["eu-west-1", "us-east-1"])))
    account = an_account(data.draw(st.sampled_from(ACCOUNT_IDS)), ou=data.draw(st.sampled_from(OU_PATHS)))
    conditions = tuple(condition(part) for part in parts)
    held = [one.evaluate(resource, account, NOW) for one in conditions]
    assert AllOf(conditions).evaluate(resource, account, NOW) is all(held)
    assert AnyOf(conditions).evaluate(resource, account, NOW) is any(held)
    assert NotOf(conditions[0]).evaluate(resource, account, NOW) is not held[0]
    assert Everything().evaluate(resource, account, NOW)
