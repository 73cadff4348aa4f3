"""What of a policy came to nothing: rules that own no resource, and tag keys that no resource has."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.unused import idle_rules, unseen_tag_keys
from orchestrator.core.model import Decision, UnseenTagKey
from tests.support.builders import AT, a_policy, a_resource, an_account
from tests.support.strategies import quick, tags

POLICY = a_policy(
    """
    rules:
      - {name: prod, where: {tag: {Environment: prod}}}
      - {name: dev, where: {all: [{tag: {Enviroment: dev}}, {not: {tag: {Tier: gold}}}]}}
      - {name: labs, where: {any: [{tag: {Enviroment: lab, Owner: "*"}}, {account_tag: {Team: x}}]}}
      - {name: databases, kinds: [rds], where: {tag: {Engine: old}}}
    """
)


def decided(*each: dict[str, str]) -> list[Decision]:
    resources = (a_resource(f"i-{number}", tags=one) for number, one in enumerate(each))
    return [decide(POLICY, one, an_account(), AT) for one in resources]


def test_a_rule_that_owns_nothing_is_idle() -> None:
    assert idle_rules(POLICY, decided({"Environment": "prod"}, {"Environment": "test"})) == ("dev", "labs", "databases")


def test_a_key_that_no_resource_of_its_kinds_has_is_told_once_with_its_rules_and_the_nearest() -> None:
    found = unseen_tag_keys(POLICY, decided({"Environment": "dev", "Owner": "ann"}, {"Tier": "gold"}))
    assert found == (UnseenTagKey("Enviroment", ("dev", "labs"), "Environment"),)


def test_keys_are_held_against_resources_of_the_rules_kinds_alone_and_the_nearest_may_be_none() -> None:
    decisions = decided({"Environment": "dev", "Owner": "a", "Tier": "b", "Enviroment": "c"})
    database = replace(a_resource("d-1", tags={"Name": "x"}), kind="rds")
    assert unseen_tag_keys(POLICY, decisions) == ()
    decisions.append(decide(POLICY, database, an_account(), AT))
    assert unseen_tag_keys(POLICY, decisions) == (UnseenTagKey("Engine", ("databases",), ""),)


def test_where_nothing_was_read_nothing_is_told() -> None:
    assert (idle_rules(POLICY, []), unseen_tag_keys(POLICY, [])) == ((), ())


@quick
@given(st.lists(tags, min_size=1, max_size=4))
def test_a_key_is_told_if_and_only_if_no_resource_has_it(each: list[dict[str, str]]) -> None:
    asked = {"Environment", "Enviroment", "Tier", "Owner"}
    assert {one.key for one in unseen_tag_keys(POLICY, decided(*each))} == asked - {key for one in each for key in one}
