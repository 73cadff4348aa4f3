"""The index leaves out only rules that are false of a resource: who owns it is who owns it rule by rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.owner import Owner, owner_of
from orchestrator.core.model import Account, AwsError, NameEffect, Names, OrganizationalUnit, Resource, UnresolvedName
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.yaml_document import path_text
from tests.support.builders import AT, a_policy, a_resource, an_account
from tests.support.policies import load
from tests.support.strategies import ACCOUNT_IDS, OU_PATHS, policy_documents, quick, tags

REGIONS = ("eu-west-1", "us-east-1")
accounts = st.builds(
    lambda account_id, ou, found, error: an_account(account_id, ou=ou, tags=found, tags_error=error),
    st.sampled_from(ACCOUNT_IDS),
    st.sampled_from(OU_PATHS),
    tags,
    st.none() | st.just(AwsError("AccessDenied", "no")),
)
resources = st.builds(
    lambda found, region, instance_type: a_resource(tags=found, region=region, facts={"instance_type": instance_type}),
    tags,
    st.sampled_from(REGIONS),
    st.sampled_from(["t3.micro", "m5.large", None]),
)


def rule_by_rule(policy: OrgPolicy, resource: Resource, account: Account) -> Owner:
    for rule in policy.rules:
        if resource.kind in rule.kinds:
            held = rule.where.evaluate(resource, account, AT)
            if held is None:
                return Owner(rule, rule.where.unknown_facts(resource, account, AT))
            if held:
                return Owner(rule)
    return Owner(None)


@quick
@given(document=policy_documents(), found=st.lists(st.tuples(resources, accounts), min_size=1, max_size=6))
def test_who_owns_a_resource_is_who_owns_it_rule_by_rule(
    document: dict[str, Any], found: list[tuple[Resource, Account]]
) -> None:
    policy = load(yaml.safe_dump(document))
    for resource, account in found:
        assert owner_of(policy, resource, account, AT) == rule_by_rule(policy, resource, account)


@quick
@given(document=policy_documents(), found=st.tuples(resources, accounts), data=st.data())
def test_so_it_is_where_names_are_unresolved(
    document: dict[str, Any], found: tuple[Resource, Account], data: st.DataObject
) -> None:
    policy = load(yaml.safe_dump(document))
    named = [one for rule in policy.rules for one in rule.where.names()]
    some = data.draw(st.lists(st.sampled_from(named))) if named else []
    policy = policy.with_unresolved(Names(tuple(map(unresolved, some))))
    assert owner_of(policy, *found, AT) == rule_by_rule(policy, *found)


def unresolved(name: Any) -> UnresolvedName:
    return UnresolvedName(path_text(name.place), 1, name.word, name.text, NameEffect.UNKNOWN, "")


def asked(policy: OrgPolicy, resource: Resource, account: Account | None = None) -> list[str]:
    return [rule.name for rule in policy.rule_index.candidates(resource, account or an_account())]


RULES = """
    rules:
      - {name: tag, where: {tag: {Team: [a, b]}}}
      - {name: rest, where: {not: {tag: {Team: c}}}}
      - {name: both, where: {all: [{tag: {Environment: dev}}, {tag: {Team: c}}]}}
      - {name: one-of, where: {any: [{tag: {Team: d}}, {account: "222222222222"}]}}
      - {name: open, where: {any: [{tag: {Team: d}}, {tag: {Team: "e*"}}]}}
      - {name: unit, where: {organizational_unit: [/Dev, ou-abcd-12345678]}}
      - {name: region, where: {region: us-east-1}}
      - {name: databases, kinds: [rds], where: everything}
"""


@pytest.mark.parametrize(
    ("resource", "account", "names"),
    [
        (a_resource(), None, ["rest", "open"]),
        (a_resource(tags={"Team": "b"}), None, ["tag", "rest", "open"]),
        (a_resource(tags={"Team": "c"}), None, ["rest", "open"]),  # `Environment` is the rarer one
        (a_resource(tags={"Team": "c", "Environment": "dev"}), None, ["rest", "both", "open"]),
        (a_resource(tags={"Team": "d"}), None, ["rest", "one-of", "open"]),
        (a_resource(), an_account("222222222222"), ["rest", "one-of", "open"]),
        (a_resource(), an_account(ou="/Dev/Team"), ["rest", "open", "unit"]),
        (a_resource(), an_account(ou="/Developers"), ["rest", "open"]),
        (
            a_resource(),
            an_account(organizational_units=(OrganizationalUnit("ou-abcd-12345678", "/Else"),)),
            ["rest", "open", "unit"],
        ),
        (a_resource(region="us-east-1"), None, ["rest", "open", "region"]),
        (replace(a_resource(), kind="rds"), None, ["databases"]),
        (replace(a_resource(), kind="unheard-of"), None, []),
    ],
)
def test_only_rules_that_may_match_are_asked(resource: Resource, account: Account | None, names: list[str]) -> None:
    assert asked(a_policy(RULES), resource, account) == names


def test_ten_thousand_rules_for_others_are_not_asked() -> None:
    rules = "".join(f"  - {{name: r{n}, where: {{tag: {{Environment: dev, Team: t{n}}}}}}}\n" for n in range(10_000))
    policy = load(f"version: 1\nname: nonprod\nrules:\n{rules}")
    assert asked(policy, a_resource(tags={"Environment": "dev", "Team": "t7"})) == ["r7"]
