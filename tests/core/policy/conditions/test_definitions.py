"""Named conditions: read once, used by name, within one another, and never a circle or a bomb."""

from __future__ import annotations

from time import process_time

import pytest
import yaml

from orchestrator.core.decide.decisions import decide
from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.loading import dump_policy
from orchestrator.core.policy.one_resource import text_for_one
from orchestrator.core.policy.policy_warnings import policy_warnings
from orchestrator.kinds.ec2.description import EC2
from tests.support.builders import a_policy, a_resource, an_account
from tests.support.conditions import ACCOUNT, NOW
from tests.support.policies import DATABASES, HEAD, load, problems, the_problem

NONPROD = "conditions:\n  nonprod: {tag: {Environment: [dev, test]}}\n"
LIMITS = "guardrails: {max_stops: 1}\n"


def test_a_rule_uses_a_condition_by_its_name_wherever_a_condition_may_stand() -> None:
    rules = (
        "rules:\n"
        "  - {name: a, where: {condition: nonprod}}\n"
        "  - {name: b, where: {all: [{condition: nonprod}, {region: eu-*}]}}\n"
        "  - {name: c, where: {not: {condition: nonprod}}}\n"
    )
    policy = a_policy(NONPROD + rules)
    dev, prod = a_resource(tags={"Environment": "dev"}), a_resource(tags={"Environment": "prod"})
    first, second, third = (rule.where for rule in policy.rules)
    assert [one.evaluate(dev, ACCOUNT, NOW) for one in (first, second, third)] == [True, True, False]
    assert [one.evaluate(prod, ACCOUNT, NOW) for one in (first, second, third)] == [False, False, True]
    assert isinstance(second, AllOf)
    assert second.conditions[0] is first
    assert decide(policy, dev, an_account(), NOW).rule == "a"
    assert load(dump_policy(policy)) == policy


def test_a_condition_may_be_within_another_in_whatever_order_they_stand() -> None:
    body = (
        "conditions:\n  team: {all: [{condition: nonprod}, {tag: {Team: a}}]}\n  nonprod: {tag: {Environment: dev}}\n"
        "rules: [{name: a, where: {condition: team}}]\n"
    )
    [rule] = a_policy(body).rules
    assert rule.where.evaluate(a_resource(tags={"Environment": "dev", "Team": "a"}), ACCOUNT, NOW) is True
    assert rule.where.evaluate(a_resource(tags={"Environment": "dev"}), ACCOUNT, NOW) is False


@pytest.mark.parametrize(
    ("body", "path", "line", "said"),
    [
        ("rules: [{name: a, where: {condition: x}}]", "rules[0].where.condition", 1, "the policy has no `conditions`"),
        (
            f"{NONPROD}rules: [{{name: a, where: {{condition: nonprd}}}}]",
            "rules[0].where.condition",
            3,
            "there is no condition 'nonprd' (did you mean 'nonprod'?); there are nonprod",
        ),
        (
            f"{NONPROD}rules: [{{name: a, where: nonprod}}]",
            "rules[0].where",
            3,
            "the condition of that name is {condition: nonprod}",
        ),
        (
            f"{NONPROD}rules: [{{name: a, where: {{nonprod: true}}}}]",
            "rules[0].where.nonprod",
            3,
            "did you mean `condition: nonprod`?",
        ),
        (
            f"{NONPROD}rules: [{{name: a, where: {{condition: [nonprod]}}}}]",
            "rules[0].where.condition",
            3,
            "must be the name of a condition under `conditions`, not a list",
        ),
        ("conditions: {a: {region: 5}}", "conditions.a.region", 1, "must be text"),
        ("conditions: {a: {}}", "conditions.a", 1, "is empty and would match everything"),
        ("conditions: {a: }", "conditions.a", 1, "must be a mapping of conditions"),
        ("conditions: {a: {condition: a}}", "conditions.a", 1, "is made of itself: a -> a"),
        (
            "conditions:\n  a: {not: {condition: b}}\n  b: {any: [{condition: c}]}\n  c: {condition: b}",
            "conditions.b",
            3,
            "is made of itself: b -> c -> b; take one of these names out",
        ),
        ("conditions: 5", "conditions", 1, ""),
        ("conditions: [a]", "conditions", 1, ""),
    ],
)
def test_each_mistake_is_told_once_at_its_place(body: str, path: str, line: int, said: str) -> None:
    found_path, found_line, message = the_problem(body)
    assert (found_path, found_line) == (path, line)
    assert said in message


def test_what_uses_a_wrong_condition_is_not_wrong_itself() -> None:
    body = "conditions: {a: {regio: x}, b: {condition: a}}\nrules: [{name: a, where: {condition: b}}]\n"
    assert [problem.path for problem in problems(HEAD + body)] == ["conditions.a.regio"]


def test_a_condition_of_another_kind_is_refused_where_a_rule_uses_it() -> None:
    body = "conditions: {small: {instance_type: t3.*}, a: {not: {condition: small}}}\nrules:\n"
    assert load(f"{HEAD}{body}  - {{name: a, where: {{condition: a}}, kinds: [ec2]}}\n", kinds=(EC2, DATABASES))
    text = f"{HEAD}{body}  - {{name: a, where: {{condition: a}}, kinds: [ec2, rds]}}\n"
    [problem] = problems(text, (EC2, DATABASES))
    assert problem.path == "rules[0].where.condition"
    assert problem.message == "`instance_type` is a condition for ec2, not for rds; give these a rule of their own"


def test_names_that_double_forty_times_are_refused_at_once() -> None:
    doubled = "".join(f"  n{one + 1}: {{all: [{{condition: n{one}}}, {{condition: n{one}}}]}}\n" for one in range(40))
    began = process_time()
    found = problems(
        f"{HEAD}conditions:\n  n0: {{region: eu-*}}\n{doubled}rules: [{{name: a, where: {{condition: n40}}}}]"
    )
    assert process_time() - began < 2
    assert [problem.path for problem in found] == ["conditions.n10"]
    assert "more than 1000 conditions when the names in it are written out" in found[0].message


def test_names_in_a_long_row_are_refused_and_never_a_traceback() -> None:
    row = "".join(f"  n{one}: {{not: {{condition: n{one + 1}}}}}\n" for one in range(1000))
    found = problems(f"{HEAD}conditions:\n{row}  n1000: {{region: eu-*}}\n")
    assert [problem.path for problem in found] == ["conditions.n959"]
    assert "more than 40 levels" in found[0].message
    circle = problems(f"{HEAD}conditions:\n{row}  n1000: {{condition: n0}}\n")
    assert [problem.path for problem in circle] == ["conditions.n0"]
    assert len(circle[0].message) < 300


def test_a_condition_that_no_rule_uses_is_a_warning() -> None:
    body = (
        "conditions:\n  a: {condition: b}\n  b: {region: eu-*}\n  c: {condition: d}\n  d: {region: us-*}\n"
        "rules: [{name: a, where: {not: {condition: a}}}]\n"
    )
    found = policy_warnings(load(HEAD + LIMITS + body))
    assert [(one.path, one.message) for one in found] == [
        ("conditions.c", "the condition 'c' is used by no rule; name it in one, or delete it"),
        ("conditions.d", "the condition 'd' is used by no rule; name it in one, or delete it"),
    ]


def test_a_rule_is_shadowed_by_one_that_says_the_same_by_name() -> None:
    rules = "rules:\n  - {name: a, where: {condition: nonprod}}\n  - {name: b, where: {tag: {Environment: dev}}}\n"
    assert [one.path for one in policy_warnings(load(HEAD + LIMITS + NONPROD + rules))] == ["rules[1]"]


def test_the_policy_for_one_resource_has_no_conditions_that_its_rule_does_not_use() -> None:
    policy = a_policy(f"{NONPROD}rules: [{{name: a, where: {{condition: nonprod}}}}]")
    text = text_for_one(policy, a_resource().key)
    assert "conditions" not in yaml.safe_load(text)
    assert load(text).rules
