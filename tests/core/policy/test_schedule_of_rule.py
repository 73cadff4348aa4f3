"""What a rule says about its schedule: a name, or the tag that it is taken from, and what was started by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from jsonschema import Draft202012Validator

from orchestrator.core.policy.json_schema import policy_json_schema
from orchestrator.core.policy.loading import dump_policy
from orchestrator.core.policy.org_policy import StartedByHand
from orchestrator.core.policy.policy_warnings import policy_warnings
from orchestrator.core.policy.schedules.from_tag import ScheduleFromTag
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.builders import a_policy
from tests.support.policies import QUOTES, load, the_problem

NIGHT = "schedules: {night: {timezone: UTC, running: ['daily 07:00-19:00']}}\n"
VALIDATOR = Draft202012Validator(policy_json_schema(DESCRIPTIONS))


def rule(words: str) -> str:
    return f"{NIGHT}rules:\n  - {{name: a, where: everything, {words}}}\n"


def test_a_schedule_from_tags_loads_with_its_defaults_and_dumps_to_an_equal_policy() -> None:
    policy = a_policy(rule("schedule: {from_tag: [Schedule]}"))
    assert policy.rules[0].schedule == ScheduleFromTag(("Schedule",), frozenset({"resource"}), None)
    words = "from_tag: [S, T], inherit: [account, organizational_unit], default: night"
    policy = a_policy(rule(f"schedule: {{{words}}}, started_by_hand: {{keep_for: 90m}}"))
    carriers = frozenset({"account", "organizational_unit"})
    assert policy.rules[0].schedule == ScheduleFromTag(("S", "T"), carriers, policy.schedules["night"])
    assert load(dump_policy(policy)) == policy
    VALIDATOR.validate(policy.document)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("", StartedByHand()),
        ("keep_until_next_window", StartedByHand()),
        ("stop", StartedByHand(kept=False)),
        ("{keep_for: 4h}", StartedByHand(keep_for=timedelta(hours=4))),
    ],
)
def test_what_was_started_by_hand_is_kept_until_the_next_window_unless_the_rule_says_otherwise(
    written: str, means: StartedByHand
) -> None:
    policy = a_policy(rule("schedule: night" + (f", started_by_hand: {written}" if written else "")))
    assert policy.rules[0].started_by_hand == means
    VALIDATOR.validate(policy.document)


def test_a_rule_knows_of_which_of_its_kinds_aws_says_when_they_were_started() -> None:
    text = "version: 1\nname: n\nrules: [{name: a, where: everything, kinds: [ec2, rds]}]\n"
    assert load(text, kinds=DESCRIPTIONS).rules[0].start_told == {"ec2"}


@pytest.mark.parametrize(
    ("words", "path", "message"),
    [
        (
            "schedule: {from_tag: [S], default: nigth}",
            ".schedule.default",
            "there is no schedule 'nigth' (did you mean 'night'?); the schedules are night",
        ),
        (
            "schedule: {from_tag: [S], values: {x: nigth}}",
            ".schedule.values.x",
            "there is no schedule 'nigth' (did you mean 'night'?); the schedules are night",
        ),
        ("schedule: {from_tag: [S], values: {x: 1}}", ".schedule.values.x", f"must be text, not 1{QUOTES}"),
        ("schedule: {from_tag: []}", ".schedule.from_tag", "must have at least one entry"),
        ("schedule: {from_tag: S}", ".schedule.from_tag", "must be a list, not 'S'"),
        ("schedule: {from_tag: [1]}", ".schedule.from_tag[0]", f"must be text, not 1{QUOTES}"),
        ("schedule: {from_tag: [S, S]}", ".schedule.from_tag[1]", "'S' is named twice"),
        ("schedule: {from_tag: [S], default: }", ".schedule.default", "has no value; give it one or leave the key out"),
        (
            "schedule: {default: night}",
            ".schedule.from_tag",
            "is missing; name the tag's key, such as `from_tag: [Schedule]`",
        ),
        (
            "schedule: {from_tag: [S], inherits: [account]}",
            ".schedule.inherits",
            "the key `inherits` is unknown (did you mean `inherit`?); known here: from_tag, values, inherit, default",
        ),
        (
            "schedule: {from_tag: [S], inherit: [acount]}",
            ".schedule.inherit[0]",
            "must be 'resource', 'account' or 'organizational_unit', not 'acount'; did you mean 'account'?",
        ),
        ("schedule: {from_tag: [S], inherit: [account, account]}", ".schedule.inherit[1]", "'account' is named twice"),
        (
            "schedule: night, started_by_hand: kep",
            ".started_by_hand",
            "must be 'keep_until_next_window' or 'stop', not 'kep'",
        ),
        (
            "schedule: night, started_by_hand: {keep_for: 4h, keepfor: 4h}",
            ".started_by_hand.keepfor",
            "the key `keepfor` is unknown (did you mean `keep_for`?); known here: keep_for",
        ),
        (
            "schedule: night, started_by_hand: {keep_for: 0h}",
            ".started_by_hand.keep_for",
            "must be from 1m to 168h, not 0h",
        ),
        (
            "schedule: night, started_by_hand: {keep_for: 4}",
            ".started_by_hand.keep_for",
            "must be a number with s, m or h, such as 90s, 5m or 1h, not 4",
        ),
        (
            "started_by_hand: stop",
            ".started_by_hand",
            "has no meaning without a `schedule`: there are no hours after which something is started; leave it out",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_would_be_right(words: str, path: str, message: str) -> None:
    found = the_problem(rule(words))
    assert (found[0], found[2]) == (f"rules[0]{path}", message)
    assert found[1] == 3


@pytest.mark.parametrize(
    "words",
    [
        "schedule: {from_tag: []}",
        "schedule: {from_tag: S}",
        "schedule: {}",
        "schedule: {from_tag: [S], inherit: []}",
        "schedule: {from_tag: [S], inherit: [ou]}",
        "schedule: night, started_by_hand: keep",
        "schedule: night, started_by_hand: {}",
        "schedule: night, started_by_hand: {keep_for: 4 hours}",
    ],
)
def test_the_json_schema_rejects_what_does_not_load(words: str) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load(f"version: 1\nname: n\n{rule(words)}"))


def test_no_schedule_is_unused_where_a_tag_may_name_it() -> None:
    limit = "guardrails: {max_stops: 5}\n"
    by_tag = a_policy(limit + rule("schedule: {from_tag: [Schedule]}"))
    assert policy_warnings(by_tag) == ()
    assert len(policy_warnings(a_policy(limit + rule("action: stop")))) == 1
