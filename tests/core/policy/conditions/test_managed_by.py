"""`managed_by`, and the other words of the kinds that have known values: misspelt ones would match nothing."""

from __future__ import annotations

import pytest

from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import ReasonCode
from orchestrator.core.policy.policy_warnings import policy_warnings
from tests.support.builders import a_policy, a_resource, an_account
from tests.support.conditions import ACCOUNT, NOW, condition, evaluate, mistakes
from tests.support.policies import HEAD, load


@pytest.mark.parametrize(
    ("managers", "words", "held"),
    [
        ("asg, cloudformation", "asg", True),
        ("asg, cloudformation", ["eks", "cloudformation"], True),
        ("cloudformation", ["asg", "eks"], False),
        ("", "*", False),
        ("asg", "*", True),
        (None, "asg", None),
    ],
)
def test_one_of_several_that_manage_it_is_enough(managers: str | None, words: object, held: bool | None) -> None:
    resource = a_resource(details={"managed_by": managers})
    assert evaluate({"managed_by": words}, resource) is held
    assert evaluate({"not": {"managed_by": words}}, resource) is (None if held is None else not held)
    assert condition({"managed_by": words}).facts_used(resource, ACCOUNT, NOW) == {"managed_by": managers}


def test_a_member_is_kept_whatever_a_rule_says_and_one_of_a_stack_is_not() -> None:
    policy = a_policy("rules: [{name: a, where: {managed_by: [asg, cloudformation]}}]")
    member = a_resource(tags={"aws:autoscaling:groupName": "g"}, details={"managed_by": "asg"})
    of_stack = a_resource(tags={"aws:cloudformation:stack-name": "s"}, details={"managed_by": "cloudformation"})
    assert decide(policy, member, an_account(), NOW).reason_code is ReasonCode.OWNED
    decision = decide(policy, of_stack, an_account(), NOW)
    assert decision.reason_code is ReasonCode.ANY_TIME
    assert decision.facts["managed_by"] == "cloudformation"


@pytest.mark.parametrize(
    ("where", "warned"),
    [
        ("{managed_by: asg}", True),
        ("{managed_by: [asg, eks], tag: {A: b}}", True),
        ("{any: [{managed_by: asg}, {managed_by: emr}]}", True),
        ("{any: [{managed_by: asg}, {tag: {A: b}}]}", False),
        ("{managed_by: [asg, cloudformation]}", False),
        ("{managed_by: '*'}", False),
        ("{not: {managed_by: asg}}", False),
    ],
)
def test_a_rule_that_could_own_only_members_is_a_warning(where: str, warned: bool) -> None:
    found = policy_warnings(load(f"{HEAD}guardrails: {{max_stops: 1}}\nrules: [{{name: a, where: {where}}}]"))
    assert [one.path for one in found] == (["rules[0]"] if warned else [])
    assert all("can own only members" in one.message for one in found)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"managed_by": "asgs"}, "'asgs' is no managed_by (did you mean 'asg'?); there are asg, eks, ecs"),
        ({"platform": "windows"}, "did you mean 'Windows'?"),
        ({"lifecycle": ["spot", "normal"]}, "there are on-demand, spot, scheduled"),
        ({"architecture": "x86"}, "is no architecture"),
        ({"image": "ubuntu"}, "'ubuntu' is no image; it begins with ami-"),
        ({"vpc": "subnet-1"}, "begins with vpc-"),
    ],
)
def test_a_value_that_nothing_can_have_is_a_mistake(where: dict[str, object], said: str) -> None:
    [(_, message)] = mistakes(where)
    assert said in message


def test_a_glob_may_be_of_a_value_that_aws_has_since() -> None:
    resource = a_resource(details={"platform": "BSD", "image": "ami-1", "key_name": None})
    assert evaluate({"platform": "BS[D]"}, resource) is True
    assert evaluate({"image": "*"}, resource) is True
    assert evaluate({"not": {"key_name": "team-*"}}, resource) is None
    assert evaluate({"lifecycle": "on-demand"}, resource) is True
