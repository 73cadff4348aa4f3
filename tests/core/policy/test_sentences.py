"""What is wrong with a policy is a sentence: it has its subject, so that it can be read without its place."""

from __future__ import annotations

import re

import pytest

from orchestrator.core.policy.conditions.tag_forms import FORMS
from orchestrator.core.policy.conditions.words import words_of
from orchestrator.core.policy.schema.document import PolicyDocument
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.policies import HEAD, QUOTES, problems

WRONG = ("5", "x", "", "[]", "{}", "yes", "2026-12-31", ".nan", "010", "!own x", "[5, x, yes, [], {}, '']", "{zzz: 1}")
KEYS = (
    *sorted(PolicyDocument.model_fields),
    "organization: {include",
    "organization: {exclude",
    "organization: {exclude_accounts",
    "organization: {include_management_account",
    "regions: {include",
    "schedules: {a",
    "schedules: {a: {timezone",
    "schedules: {a: {running",
    "rules: [{name",
    "rules: [{kinds",
    "rules: [{action",
    "rules: [{schedule",
    *(f"rules: [{{name: a, where: {{{word}" for word in words_of(DESCRIPTIONS)),
    "rules: [{name: a, where",
    "rules: [{name: a, where: {tag: {A",
    *(f"rules: [{{name: a, where: {{tag: {{A: {{{form}" for form in FORMS),
    "conditions: {a",
    "conditions: {a: {condition",
    "guardrails: {max_stops",
    "guardrails: {max_stops_percent",
    "guardrails: {per_account",
    "waves: [{accounts",
    "waves: [{percent",
    "kill_switch: {unreadable",
    "sweeps: [{name",
    "sweeps: [{mode",
    "sweeps: [{cron",
    "sweeps: [{rate",
    "sweeps: [{timezone",
    "sweeps: [{window_minutes",
    "sweeps: [{notify_before",
    "notify: [{slack",
    "notify: [{on",
    "owner_contacts: {contacts",
    "owner_contacts: {default",
)
_CLOSING = {"{": "}", "[": "]"}
_SUBJECT = re.compile(
    r"(the document|this entry|this value|`[^`]+`|'[^']*'|the key `[^`]+`|the tag '[^']*') "
    r"(must|is|has|cannot|does)\b|there is no (schedule|condition) '|this is no YAML: "
)


def documents() -> list[str]:
    bodies = []
    for key in KEYS:
        closing = "".join(_CLOSING[one] for one in reversed(key) if one in _CLOSING)
        bodies += [f"{key}: {value}{closing}" for value in WRONG]
    return [HEAD + body for body in bodies if not body.startswith(("version", "name:"))]


def test_every_message_has_a_subject_and_its_verb() -> None:
    messages = {problem.message for text in documents() for problem in problems(text + "\nzzz: 1", DESCRIPTIONS)}
    assert len(messages) > 200
    assert [one for one in sorted(messages) if not _SUBJECT.match(one)] == []
    for wrong in ("input should", "not nothing", "True", "False", r"[a-z)`']\? "):
        assert [one for one in sorted(messages) if re.search(wrong, one)] == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "organization: {exclude: [Dev]}",
            "'Dev' must be an OU path such as /Workloads/Dev, or an OU id such as ou-a1b2-c3d4e5f6",
        ),
        (
            "rules: [{name: a, where: {organizational_unit: Dev}}]",
            "'Dev' must be an OU path such as /Workloads/Dev, or an OU id such as ou-a1b2-c3d4e5f6",
        ),
        ("organization: 5", "`organization` must be a mapping, not 5"),
        ("organization:", "`organization` must be a mapping, not an empty value"),
        ("organization: {include: []}", "`include` must have at least one entry"),
        ("organization: {exclude_accounts: ['']}", "this entry must not be empty"),
        ("rules: [5]", "this entry must be a mapping, not 5"),
        ("rules: [{where: everything}]", "`name` is missing; give it a name, such as `name: nonprod`"),
        ("guardrails: {max_stops: -1}", "`max_stops` must be at least 0, not -1"),
        ("guardrails: {max_stops:}", "`max_stops` has no value; give it one or leave the key out"),
        ("abort_if_failures_percent:", "`abort_if_failures_percent` has no value; give it one or leave the key out"),
        ("waves: [{percent: }]", "`percent` has no value; give it one or leave the key out"),
        ("waves: [{}]", "this entry must have either `accounts` or `percent`, such as {accounts: 1} or {percent: 10}"),
        (
            "regions: {includ: ['*']}",
            "the key `includ` is unknown (did you mean `include`?); known here: include, exclude",
        ),
        ("regions: {zzz: ['*']}", "the key `zzz` is unknown; known here: include, exclude"),
        ("required_tags: [[]]", "this entry must be text, not a list"),
        ("required_tags: [no]", f"this entry must be text, not false{QUOTES}"),
        ("required_tags: [2026-12-31]", f"this entry must be text, not 2026-12-31{QUOTES}"),
        (
            "rules: [{name: a, where: {tag: {}}}]",
            "`tag` must name at least one tag, such as {Environment: [dev, test]}",
        ),
        (
            "rules: [{name: a, where: {tag: x}}]",
            "`tag` must be a mapping of tags, such as {Environment: [dev, test]}, not 'x'",
        ),
        ("rules: [{name: a, where: {account: '1'}}]", "'1' is no account id; an account id has twelve digits"),
        (
            "rules: [{name: a, where: everything, schedule: night}]",
            "there is no schedule 'night'; the policy has no schedules",
        ),
        (
            f"required_tags: {'[' * 45}{']' * 45}",
            "this entry is nested too deeply or is too large (do aliases refer to themselves?)",
        ),
    ],
)
def test_a_message_can_be_read_without_its_place(body: str, message: str) -> None:
    assert [problem.message for problem in problems(HEAD + body, DESCRIPTIONS)] == [message]
