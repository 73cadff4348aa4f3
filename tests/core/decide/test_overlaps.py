"""What two policies own both by their documents alone: named where that is sure, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given

from orchestrator.core.decide.overlaps import Overlap, overlaps
from tests.core.decide.test_other_policies import documents
from tests.support.policies import load
from tests.support.strategies import quick

ALL = "rules: [{name: all, where: everything}]"


def found(one: str, other: str) -> tuple[Overlap, ...]:
    policies = [load(f"version: 1\nname: {name}\n{body}\n") for name, body in (("a", one), ("b", other))]
    reverse = overlaps(policies[::-1])
    assert {(each.other.rule, each.one.rule) for each in reverse} == {
        (each.one.rule, each.other.rule) for each in overlaps(policies)
    }
    return overlaps(policies)


def rules(*wheres: str) -> str:
    return "rules:\n" + "\n".join(f"  - {{name: r{number}, where: {where}}}" for number, where in enumerate(wheres))


def scoped(scope: str, body: str = ALL) -> str:
    return f"organization: {scope}\n{body}"


DEV, TEAM_DEV = "{tag: {Environment: dev}}", "{tag: {Environment: dev, Team: b}}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ALL, ALL),
        (ALL, rules(DEV)),
        (rules(DEV), rules(TEAM_DEV)),
        (rules("{tag: {Environment: [dev, test]}}"), rules("{all: [{tag: {Environment: dev}}, {region: eu-*}]}")),
        (rules(DEV), rules("{any: [{tag: {Environment: dev}}, {account: '111111111111'}]}")),
        (rules("{instance_type: t3.*}"), rules("{instance_type: [t3.*, m5.*]}")),
        (rules("{account_tag: {Team: b}}"), ALL),
        (rules("{tag: {Owner: {present: true}}}"), ALL),
        (rules("{tag: {Owner: {absent: true}}}"), rules("{not: {tag: {Owner: {present: true}}}}")),
        (rules("{account_tag: {Size: {at_least: 4}}}"), rules("{account_tag: {Size: {above: 2}}}")),
        (f"conditions: {{a: {DEV}}}\n{rules('{condition: a}')}", rules(DEV)),
        (scoped("{include: [/Dev]}"), scoped("{include: [/Dev/Team]}")),
        (scoped("{include: [/Dev]}"), rules("{organizational_unit: /Dev/Team}")),
        (scoped("{include: [/Dev], exclude: [/Dev/Team]}"), scoped("{include: [/Dev, /Prod]}")),
        (scoped("{include: [ou-a1b2-00000001]}"), scoped("{include: [ou-a1b2-00000001, /Prod]}")),
        (f"regions: {{include: [eu-*]}}\n{ALL}", f"regions: {{exclude: [us-*]}}\n{ALL}"),
    ],
)
def test_what_both_own_by_their_texts_is_found_in_either_order(one: str, other: str) -> None:
    (overlap,) = found(one, other)
    assert (overlap.one.policy, overlap.other.policy) == (0, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ALL, "rules: []"),
        (ALL, "rules: [{name: dbs, kinds: [rds], where: everything}]"),
        (rules(DEV), rules("{tag: {Team: b}}")),  # something may have both tags
        (rules(DEV), rules("{tag: {Environment: prod}}")),
        (rules("{tag: {Owner: {matches: x}}}"), ALL),  # no value is made up that an expression matches
        (rules("{age: {at_least: 7d}}"), ALL),
        (rules("{all: [{tag: {Environment: dev}}, {not: {tag: {Team: b}}}]}"), rules(TEAM_DEV)),
        (scoped("{include: [/Dev]}"), scoped("{include: [/Prod]}")),
        (scoped("{include: [/Dev]}"), scoped("{include: [/Developers]}")),
        (scoped("{exclude: [/Dev]}"), scoped("{include: [/Dev]}")),
        (scoped("{include: [/Dev], exclude: [/Dev/Team]}"), scoped("{include: [/Dev/Team]}")),
        (scoped("{exclude: [/Dev/Team]}"), rules("{organizational_unit: /Dev/Team}")),
        (scoped("{exclude_accounts: ['111111111111']}"), rules("{account: '111111111111'}")),
        (scoped("{include: [ou-a1b2-00000001]}"), scoped("{include: [/Prod]}")),  # whether that is /Prod, AWS tells
        (f"regions: {{include: [eu-*]}}\n{ALL}", f"regions: {{include: [us-*]}}\n{ALL}"),
        (f"regions: {{include: [eu-central-1]}}\n{ALL}", f"regions: {{exclude: [eu-*]}}\n{ALL}"),
        (
            scoped("{include: [/Dev]}", rules("{not: {organizational_unit: /Dev/Team}}")),
            scoped("{include: [/Dev/Team]}"),
        ),
        (scoped("{exclude: [ou-a1b2-00000003]}"), scoped("{include: [/Workloads/Dev/TeamB]}")),
    ],
)
def test_what_may_be_disjoint_is_not_named(one: str, other: str) -> None:
    assert found(one, other) == ()


def test_the_rules_are_those_that_own_it_with_their_lines_and_an_example() -> None:
    one = rules("{tag: {Environment: dev, Tier: web}}", DEV)
    (overlap,) = [each for each in found(one, rules("{tag: {Team: x}}", DEV, "everything")) if each.one.rule == 1]
    assert (overlap.one.line, overlap.other.rule, overlap.other.line) == (5, 1, 5)
    assert overlap.example == "ec2 in /, with the tag Environment=dev, in region us-east-1"


def test_a_rule_that_can_own_nothing_overlaps_with_none() -> None:
    assert [each.one.rule for each in found(rules("everything", DEV), rules(DEV))] == [0]


def test_each_two_of_three_policies_are_compared() -> None:
    policies = [load(f"version: 1\nname: {name}\n{ALL}\n") for name in "abc"]
    assert [(each.one.policy, each.other.policy) for each in overlaps(policies)] == [(0, 1), (0, 2), (1, 2)]


@quick
@given(one=documents, other=documents)
def test_of_any_two_policies_the_same_rules_are_named_in_either_order(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    policies = [load(yaml.safe_dump({**each, "name": name})) for each, name in ((one, "a"), (other, "b"))]
    forth = {(each.one.rule, each.other.rule) for each in overlaps(policies)}
    back = {(each.other.rule, each.one.rule) for each in overlaps(policies[::-1])}
    assert forth == back
    for mine, theirs in forth:
        assert policies[0].rules[mine].kinds & policies[1].rules[theirs].kinds
