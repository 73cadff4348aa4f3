"""What a policy may say of kinds: their names, actions and conditions come from their descriptions."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from jsonschema import Draft202012Validator

from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.core.policy.schema.fields import DEFAULT_KINDS
from orchestrator.kinds.ec2.description import EC2
from tests.support.policies import DATABASES, HEAD, load, the_problem

BOTH = (EC2, DATABASES)
VALIDATOR = Draft202012Validator(policy_json_schema(BOTH))


def kinds_of(body: str) -> frozenset[str]:
    return load(HEAD + body, kinds=BOTH).kinds


def test_a_rule_names_the_kinds_that_it_is_about() -> None:
    (rule,) = load(f"{HEAD}rules: [{{name: a, where: everything, kinds: [rds, ec2]}}]", kinds=BOTH).rules
    assert rule.kinds == {"ec2", "rds"}


@pytest.mark.parametrize("kinds", [(EC2,), BOTH, (DATABASES, EC2)])
def test_a_rule_without_kinds_is_about_ec2_for_ever(kinds: object) -> None:
    (rule,) = load(f"{HEAD}rules: [{{name: a, where: everything}}]", kinds=kinds).rules
    assert rule.kinds == set(DEFAULT_KINDS) == {"ec2"}


def test_the_kinds_of_a_policy_are_those_that_its_rules_name() -> None:
    one, two = "{name: a, where: everything, kinds: [rds]}", "{name: b, where: everything}"
    assert kinds_of(f"rules: [{one}]") == {"rds"}
    assert kinds_of(f"rules: [{one}, {two}]") == {"rds", "ec2"}


@pytest.mark.parametrize("body", ["", "rules: []"])
def test_a_policy_without_rules_still_looks_at_ec2(body: str) -> None:
    assert kinds_of(body) == {"ec2"}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("rdss", "must be 'ec2' or 'rds', not 'rdss'; did you mean 'rds'?"),
        ("lambda", "must be 'ec2' or 'rds', not 'lambda'"),
        ("5", "must be 'ec2' or 'rds', not 5"),
        ("[]", "must be 'ec2' or 'rds', not a list"),
    ],
)
def test_an_unknown_kind_is_named_with_those_that_there_are_and_the_nearest(kind: str, message: str) -> None:
    body = f"rules:\n  - name: a\n    where: everything\n    kinds:\n      - ec2\n      - {kind}\n"
    assert the_problem(body, BOTH) == ("rules[0].kinds[1]", 6, message)


def test_three_kinds_are_listed_as_a_sentence_would() -> None:
    kinds = (*BOTH, replace(DATABASES, name="asg", words=()))
    _, _, message = the_problem("rules: [{name: a, where: everything, kinds: [x]}]", kinds)
    assert message == "must be 'ec2', 'rds' or 'asg', not 'x'"


def test_an_action_is_one_that_a_kind_declares() -> None:
    body = "rules: [{name: a, where: everything, kinds: [rds], action: hibernate}]"
    assert load(HEAD + body, kinds=BOTH).rules
    assert the_problem(body, (DATABASES,))[::2] == (
        "rules[0].action",
        "must be 'stop', 'tag' or 'notify', not 'hibernate'",
    )


def test_a_condition_of_one_kind_is_refused_in_a_rule_for_another_with_its_line() -> None:
    body = "rules:\n  - name: a\n    kinds: [ec2, rds]\n    where:\n      any:\n        - instance_type: t3.*\n"
    assert the_problem(body, BOTH) == (
        "rules[0].where.any[0].instance_type",
        6,
        "`instance_type` is a condition for ec2, not for rds; give these a rule of their own",
    )


def test_a_condition_of_another_kind_is_refused_in_a_rule_without_kinds() -> None:
    _, _, message = the_problem("rules: [{name: a, where: {engine: postgres}}]", BOTH)
    assert message == "`engine` is a condition for rds, not for ec2; give these a rule of their own"


@pytest.mark.parametrize("kinds", ["5", "[]", "[zzz]", "ec2"])
def test_kinds_that_are_wrong_are_the_only_mistake_of_their_rule(kinds: str) -> None:
    path, _, _ = the_problem(f"rules: [{{name: a, where: {{engine: x, instance_type: y}}, kinds: {kinds}}}]", BOTH)
    assert path.startswith("rules[0].kinds")


def test_an_unknown_condition_names_those_of_every_kind() -> None:
    _, _, message = the_problem("rules: [{name: a, where: {engin: x}}]", BOTH)
    assert message == (
        "`engin` is no condition (did you mean `engine`?); conditions are all, any, not, condition, tag, account_tag, "
        "account, account_name, organizational_unit, region, age, running_for, idle, "
        f"{', '.join(one.word for one in EC2.words)}, engine, multi_az"
    )


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ("{name: a, where: {engine: postgres}, kinds: [rds]}", True),
        ("{name: a, where: {engine: [postgres, mysql]}, kinds: [rds]}", True),
        ("{name: a, where: everything, kinds: [ec2, rds], action: hibernate}", True),
        ("{name: a, where: everything, kinds: [ecs_service]}", False),
        ("{name: a, where: everything, action: nuke}", False),
        ("{name: a, where: {engine: []}, kinds: [rds]}", False),
    ],
)
def test_the_schema_is_about_the_kinds_that_it_is_given(rule: str, fits: bool) -> None:
    assert VALIDATOR.is_valid(yaml.safe_load(f"{HEAD}rules: [{rule}]")) is fits
    assert Draft202012Validator(policy_json_schema((EC2,))).is_valid(yaml.safe_load(f"{HEAD}rules: [{rule}]")) is False


def test_the_schema_of_one_kind_changes_nothing_in_that_of_another() -> None:
    before = policy_json_schema((EC2,))
    policy_json_schema(BOTH)["$defs"]["where"]["anyOf"][1]["properties"]["tag"]["additionalProperties"].clear()
    assert policy_json_schema((EC2,)) == before
