"""Notices and tags of rules: what is taken, and every mistake with its place and what would be right."""

from __future__ import annotations

import pytest

from orchestrator.core.model import Action
from orchestrator.core.policy.loading import dump_policy
from orchestrator.core.policy.policy_warnings import policy_warnings
from tests.support.policies import HEAD, load, the_problem


def rule(text: str) -> str:
    return f"rules: [{{name: a, where: everything, {text}}}]\n"


def test_a_rule_has_its_notice_and_its_tags_and_a_dumped_policy_too() -> None:
    policy = load(HEAD + rule("notice: {days: 3}") + "guardrails: {max_tags: 5}\n")
    assert (policy.rules[0].notice_days, policy.guardrails.max_tags) == (3, 5)
    assert load(dump_policy(policy)) == policy
    [tagging] = load(HEAD + rule("action: tag, tags: {Owner-missing: reported}")).rules
    assert (tagging.action, tagging.tags) == (Action.TAG, {"Owner-missing": "reported"})
    [notifying] = load(HEAD + rule("action: notify")).rules
    assert notifying.action is Action.NOTIFY


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("notice: {days: 0}", ".notice.days", "must be at least 1"),
        ("notice: {days: 366}", ".notice.days", "must be at most 365"),
        ("notice: {days: 3, dayz: 4}", ".notice.dayz", "is unknown (did you mean `days`?); known here: days"),
        ("notice: {}", ".notice.days", "is missing; "),
        ("action: tag", "", "`action: tag` needs `tags`"),
        ("tags: {A: b}", ".tags", "is written by `action: tag` alone"),
        ("action: notify, tags: {A: b}", ".tags", "is written by `action: tag` alone"),
        ("action: notify, notice: {days: 1}", ".notice", "is about stops"),
        ("action: tag, tags: {A: b}, schedule: s", ".schedule", "is about stops"),
        ("action: tag, tags: {'aws:x': b}", ".tags", "AWS keeps for itself"),
        ("action: tag, tags: {stop-orchestrator:opt-out: 'true'}", ".tags", "Stop Orchestrator's own"),
        ("action: tag, tags: {Stop_Orchestrator/Protected: b}", ".tags", "Stop Orchestrator's own"),
        ("action: tag, tags: {'': b}", ".tags", "a text of 1 to 128 characters"),
    ],
)
def test_a_wrong_one_is_named_with_what_would_be_right(text: str, path: str, message: str) -> None:
    schedules = "schedules: {s: {timezone: UTC, running: ['daily 07:00-19:00']}}\n"
    found = the_problem(rule(text) + schedules)
    assert found[0] == f"rules[0]{path}"
    assert message in found[2]


@pytest.mark.parametrize("value", ["''", "'a*b'", "5", f"'{'x' * 257}'"])
def test_a_value_that_some_service_does_not_take_is_a_mistake(value: str) -> None:
    assert the_problem(rule(f"action: tag, tags: {{A: {value}}}"))[0] == "rules[0].tags.A"


def test_keys_that_the_member_role_has_to_allow_are_a_warning_with_the_line_of_deploy_env() -> None:
    policy = load(HEAD + rule("action: tag, tags: {B: b, A: a}") + "guardrails: {max_stops: 1}\n")
    [warning] = policy_warnings(policy)
    assert warning.path == "rules[0].tags"
    assert "TagKeys=A,B in deploy.env" in warning.message
