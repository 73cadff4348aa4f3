"""What a rule says that its kinds make nothing of: warned of, with its place and what to write instead."""

from __future__ import annotations

import pytest

from orchestrator.core.policy.policy_warnings import policy_warnings
from tests.support.policies import HEAD, load

LIMIT = "guardrails: {max_stops: 10}\n"
NOTIFY = ", {name: seen, where: everything, kinds: [ec2, rds], action: notify}"
SCHEDULE = "schedules: {s: {timezone: UTC, running: ['mon-fri 07:00-19:00']}}\n"


def warned(rule: str, more: str = "") -> list[tuple[str, str]]:
    """Of a policy with that rule, and one that reads the kinds of members."""
    text = f"{HEAD}{LIMIT}rules: [{{name: a, where: everything, {rule}}}{NOTIFY}]\n{more}"
    return [(one.path, one.message) for one in policy_warnings(load(text)) if "can own nothing" not in one.message]


@pytest.mark.parametrize(
    ("kind", "word", "lost"),
    [
        ("eks_nodegroup", "pods", "a stop of one loses its pods' place to run"),
        (
            "sagemaker_notebook",
            "files_outside_volume",
            "a stop of one loses its files outside /home/ec2-user/SageMaker",
        ),
    ],
)
def test_a_rule_that_would_keep_each_of_a_kind_says_what_to_accept(kind: str, word: str, lost: str) -> None:
    [(path, message)] = warned(f"kinds: [ec2, {kind}]")
    assert path == "rules[0]"
    assert message.startswith(f"each {kind} is kept: {lost}")
    assert f"write `accept: [{word}]`" in message
    assert warned(f"kinds: [{kind}], accept: [{word}]") == []
    assert warned(f"kinds: [{kind}], action: notify") == []


def test_a_rule_that_accepts_for_some_of_a_kind_is_enough() -> None:
    some = "{name: a, kinds: [eks_nodegroup], where: {tag: {A: '1'}}, accept: [pods]}"
    rest = "{name: b, kinds: [eks_nodegroup], where: everything}"
    text = f"{HEAD}{LIMIT}rules: [{some}, {rest}{NOTIFY}]\n"
    assert policy_warnings(load(text)) == ()


def test_what_only_some_of_a_kind_would_lose_needs_no_word() -> None:
    assert warned("kinds: [ec2]") == []


@pytest.mark.parametrize(("kinds", "is_told"), [("asg", True), ("rds, asg", True), ("ec2", False), ("ec2, rds", False)])
def test_hibernation_of_what_aws_cannot_hibernate_is_told(kinds: str, *, is_told: bool) -> None:
    found = warned(f"kinds: [{kinds}], action: hibernate")
    names = ", ".join(sorted(kinds.split(", ")))
    text = f"AWS hibernates no {names}: they would be stopped; write `action: stop`"
    assert found == ([("rules[0].action", text)] if is_told else [])


@pytest.mark.parametrize(("kinds", "is_told"), [("asg", True), ("ec2, asg", False)])
def test_started_by_hand_of_what_has_no_start_is_told(kinds: str, *, is_told: bool) -> None:
    found = warned(f"kinds: [{kinds}], schedule: s, started_by_hand: {{keep_for: 4h}}", SCHEDULE)
    text = "`started_by_hand` has no meaning for asg: AWS does not say when one was started; leave it out"
    assert found == ([("rules[0].started_by_hand", text)] if is_told else [])


def test_the_order_of_a_kind_that_no_rule_names_is_told() -> None:
    text = "no rule names redshift_cluster, so its order has no use; name it in one, or leave it out"
    assert warned("kinds: [rds]", "order: {rds: 5, redshift_cluster: 1}\n") == [("order.redshift_cluster", text)]


def test_a_kind_that_is_named_twice_is_told() -> None:
    assert warned("kinds: [asg, ec2, asg]") == [("rules[0].kinds[2]", "the rule names asg twice; leave one out")]


@pytest.mark.parametrize(("owner", "member"), [("asg", "ec2"), ("rds_cluster", "rds"), ("eks_nodegroup", "ec2")])
def test_members_that_are_not_read_are_told_once_of_each_owner(owner: str, member: str) -> None:
    accept = ", accept: [pods]" if owner == "eks_nodegroup" else ""
    rule = f"kinds: [{owner}]{accept}, where: {{tag: {{A: %s}}}}"
    text = f"{HEAD}{LIMIT}rules: [{{name: a, {rule % 1}}}, {{name: b, {rule % 2}}}]\n"
    [found] = policy_warnings(load(text.replace(" 1}", " '1'}").replace(" 2}", " '2'}")))
    assert found.path == "rules[0].kinds"
    assert found.message.startswith(f"no rule names {member}, so an opt-out on a member of a {owner} is not seen")
    assert warned(f"kinds: [{owner}]{accept}") == []
