"""`age` and `running_for`: how long ago; what AWS does not tell, or does not run, is unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.core.policy.conditions.implied import Implications
from orchestrator.core.policy.conditions.words import words_of
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.registry import DESCRIPTIONS
from tests.support.builders import a_resource, in_state
from tests.support.conditions import ACCOUNT, NOW, condition, evaluate, mistakes

WEEK = timedelta(days=7)


@pytest.mark.parametrize("word", ["age", "running_for"])
@pytest.mark.parametrize(
    ("bounds", "ago", "held"),
    [
        ({"at_least": "7d"}, WEEK, True),
        ({"at_least": "1w"}, WEEK - timedelta(seconds=1), False),
        ({"below": "7d"}, WEEK, False),
        ({"below": "168h"}, WEEK - timedelta(seconds=1), True),
        ({"at_least": "30m", "below": "24h"}, timedelta(hours=1), True),
        ({"at_least": "30m", "below": "24h"}, timedelta(minutes=1), False),
        ({"below": "7d"}, timedelta(seconds=-1), None),
        ({"below": "7d"}, None, None),
    ],
)
def test_a_span_is_as_long_as_it_is_said_to_be_or_unknown(
    word: str, bounds: dict[str, Any], ago: timedelta | None, held: bool | None
) -> None:
    time = NOW - ago if ago is not None else None
    resource = a_resource(**{"created_at" if word == "age" else "started_at": time})
    assert evaluate({word: bounds}, resource) is held
    assert evaluate({"not": {word: bounds}}, resource) is (None if held is None else not held)
    asked = condition({word: bounds})
    assert asked.unknown_facts(resource, ACCOUNT, NOW) == (() if held is not None else (word,))
    assert Draft202012Validator(words_of((EC2,))[word].schema).is_valid(bounds)


def test_age_counts_from_when_it_was_made_and_running_for_from_its_last_start() -> None:
    resource = a_resource(created_at=NOW - 2 * WEEK, started_at=NOW - timedelta(hours=1))
    assert evaluate({"age": {"at_least": "14d"}}, resource) is True
    assert evaluate({"running_for": {"at_least": "2h"}}, resource) is False
    asked = condition({"age": {"at_least": "1d"}, "running_for": {"below": "1d"}})
    assert asked.facts_used(resource, ACCOUNT, NOW) == {
        "created_at": "2026-11-09T19:00:00Z",
        "started_at": "2026-11-23T18:00:00Z",
    }


@pytest.mark.parametrize("state", ["stopped", "stopping", "pending"])
def test_what_does_not_run_runs_neither_long_nor_short(state: str) -> None:
    resource = in_state(a_resource(started_at=NOW - WEEK), state)
    assert evaluate({"running_for": {"at_least": "1d"}}, resource) is None
    assert evaluate({"not": {"running_for": {"at_least": "1d"}}}, resource) is None


@pytest.mark.parametrize(
    ("value", "place", "said"),
    [
        ("7d", (), "must be a mapping such as {at_least: 7d}, not '7d'"),
        ({}, (), "not an empty one"),
        ({"at_lest": "7d"}, ("at_lest",), "did you mean `at_least`?"),
        ({"at_least": 7}, ("at_least",), "must be a number with m, h, d or w"),
        ({"at_least": "7 days"}, ("at_least",), "must be a number with m, h, d or w"),
        ({"at_least": "7d", "below": "1w"}, (), "holds for nothing"),
    ],
)
def test_a_wrong_span_is_a_mistake_at_its_place(value: Any, place: tuple[str, ...], said: str) -> None:
    [(path, message)] = mistakes({"age": value})
    assert path == ("age", *place)
    assert said in message


def test_a_time_that_a_kind_does_not_tell_is_no_condition_for_it() -> None:
    words = words_of(DESCRIPTIONS)
    assert words["age"].kinds >= {"ec2", "rds"}
    assert words["running_for"].kinds == {"ec2"}
    assert "age" not in words_of((replace(EC2, times=frozenset()),))


def test_what_one_span_says_about_another() -> None:
    week, day = condition({"age": {"at_least": "7d"}}), condition({"age": {"at_least": "1d"}})
    assert Implications().holds(week, day)
    assert not Implications().holds(day, week)
    assert not Implications().holds(week, condition({"running_for": {"at_least": "1d"}}))
