"""The forms of `tag` and `account_tag` beside globs: presence, regular expressions, numbers and dates compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.core.model import AwsError
from orchestrator.core.policy.conditions.implied import Implications
from orchestrator.core.policy.conditions.regexes import MOST_EXPRESSIONS
from orchestrator.core.policy.conditions.tag import TAG
from orchestrator.core.policy.loading import dump_policy
from tests.support.builders import a_policy, a_resource
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition, evaluate, mistakes
from tests.support.policies import load

TAGGED = a_resource(
    tags={
        "Owner": "",
        "Literal": "present",
        "Name": "web-12",
        "Cores": "8",
        "Share": "0.1",
        "Odd": "eight",
        "Day": "2026-11-22",
        "Moment": "2026-11-23T23:30:00Z",
        "Local": "31.12.2026",
    }
)


@pytest.mark.parametrize(
    ("tags", "held"),
    [
        ({"Owner": {"present": True}}, True),
        ({"Owner": {"present": False}}, False),
        ({"Missing": {"present": True}}, False),
        ({"Missing": {"present": False}}, True),
        ({"Owner": {"absent": True}}, False),
        ({"Missing": {"absent": True}}, True),
        ({"Owner": {"absent": False}}, True),
        ({"Literal": "present"}, True),
        ({"Missing": "absent"}, False),
        ({"Name": {"glob": "web-*"}}, True),
        ({"Name": {"glob": ["db-*", "web-1?"]}}, True),
        ({"Name": {"matches": "web-[0-9]+"}}, True),
        ({"Name": {"matches": "web"}}, False),
        ({"Name": {"matches": "db|web-12|x"}}, True),
        ({"Missing": {"matches": ".*"}}, False),
        ({"Owner": {"matches": ".*"}}, True),
        ({"Cores": {"at_least": 8}}, True),
        ({"Cores": {"above": 8}}, False),
        ({"Cores": {"at_most": 8}}, True),
        ({"Cores": {"below": 8}}, False),
        ({"Cores": {"above": 7.5, "below": 9}}, True),
        ({"Share": {"below": 0.1}}, False),
        ({"Share": {"at_least": 0.1}}, True),
        ({"Odd": {"at_least": 0}}, None),
        ({"Owner": {"at_least": 0}}, None),
        ({"Missing": {"below": 9}}, None),
        ({"Day": {"before": "today"}}, True),
        ({"Day": {"after": "today"}}, False),
        ({"Day": {"before": "2026-11-22"}}, False),
        ({"Day": {"after": "2026-11-21"}}, True),
        ({"Day": {"after": "today-2d"}}, True),
        ({"Day": {"before": "today - 1d"}}, False),
        ({"Day": {"before": "today+9999d"}}, True),
        ({"Moment": {"before": "2026-11-24"}}, True),
        ({"Local": {"before": "today"}}, None),
        ({"Odd": {"before": "today"}}, None),
        ({"Missing": {"before": "today"}}, None),
        ({"Missing": {"any_of": ["x", {"absent": True}]}}, True),
        ({"Name": {"any_of": ["db-*", {"matches": "web-1."}]}}, True),
        ({"Day": {"any_of": [{"absent": True}, {"before": "today"}]}}, True),
        ({"Missing": {"any_of": ["x", {"before": "today"}]}}, None),
        ({"Name": "web-*", "Cores": {"below": 8}}, False),
        ({"Name": "web-*", "Day": {"before": "today"}, "Cores": {"at_least": 1}}, True),
    ],
)
def test_a_form_holds_or_not_or_is_unknown_and_so_is_its_opposite(tags: dict[str, Any], held: bool | None) -> None:
    opposite = None if held is None else not held
    assert evaluate({"tag": tags}, TAGGED) is held
    assert evaluate({"not": {"tag": tags}}, TAGGED) is opposite
    of_account = replace(ACCOUNT, tags=TAGGED.tags)
    assert evaluate({"account_tag": tags}, RESOURCE, of_account) is held
    assert Draft202012Validator(TAG.schema).is_valid(tags)


@pytest.mark.parametrize("form", [{"present": True}, {"absent": True}, {"matches": "x"}, {"below": 1}])
def test_the_tags_of_an_account_that_could_not_be_read_are_unknown(form: dict[str, Any]) -> None:
    unread = replace(ACCOUNT, tags_error=AwsError("AccessDenied", "no"))
    where = {"account_tag": {"A": form}}
    assert evaluate(where, RESOURCE, unread) is None
    assert condition(where).unknown_facts(RESOURCE, unread, NOW) == ("account_tag",)
    assert condition(where).asks_account_tags()
    assert set(condition(where).tag_keys()) == set()


def test_what_is_unknown_is_named_with_its_value() -> None:
    asked = condition({"tag": {"Odd": {"below": 4}, "Local": {"before": "today"}, "Missing": {"after": "today"}}})
    assert asked.unknown_facts(TAGGED, ACCOUNT, NOW) == (
        "tag:Odd ('eight' is no number)",
        "tag:Local ('31.12.2026' is no date)",
        "tag:Missing (it is missing)",
    )
    assert asked.facts_used(TAGGED, ACCOUNT, NOW) == {
        "tag:Odd": "eight",
        "tag:Local": "31.12.2026",
        "tag:Missing": None,
    }
    assert set(asked.tag_keys()) == {"Odd", "Local", "Missing"}


@pytest.mark.parametrize(("zone", "held"), [("UTC", False), ("Pacific/Auckland", True), ("America/New_York", False)])
def test_today_is_that_of_the_policys_time_zone(zone: str, held: bool) -> None:
    rules = "rules: [{name: a, where: {tag: {Day: {before: today}}}}]"
    [rule] = a_policy(rules, zone).rules
    resource, now = a_resource(tags={"Day": "2026-11-22"}), datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert rule.where.evaluate(resource, ACCOUNT, now) is held


def test_a_date_may_be_written_without_quotes() -> None:
    policy = a_policy("rules: [{name: a, where: {tag: {Day: {before: 2026-11-23}}}}]")
    assert policy.rules[0].where.evaluate(TAGGED, ACCOUNT, NOW) is True
    assert load(dump_policy(policy)) == policy


@pytest.mark.parametrize(
    ("form", "place", "said"),
    [
        ({}, (), "is empty; say how the tag is compared"),
        ({"presnt": True}, ("presnt",), "did you mean `present`?"),
        ({"present": "yes"}, ("present",), "must be true or false, not 'yes'"),
        ({"absent": None}, ("absent",), "must be true or false"),
        ({"glob": 5}, ("glob",), "must be text, not 5"),
        ({"matches": ""}, ("matches",), "is empty text"),
        ({"matches": 5}, ("matches",), "must be text, not 5"),
        ({"matches": "a("}, ("matches",), "'a(' is no regular expression of a linear-time engine: unclosed group"),
        ({"matches": "(?=a)b"}, ("matches",), "look-around"),
        ({"matches": r"(a)\1"}, ("matches",), "backreferences are not supported"),
        ({"matches": "a)|(?:b"}, ("matches",), "unopened group"),
        ({"matches": "a" * 257}, ("matches",), "is a regular expression of 257 characters"),
        ({"matches": r"\w{100}"}, ("matches",), "repetitions write out to too much"),
        ({"matches": "((a{30}){30})"}, ("matches",), "repetitions write out to too much"),
        ({"matches": "(((((((((a{9}){9}){9}){9}){9}){9}){9}){9}){9})"}, ("matches",), "write out to too much"),
        ({"at_least": "4"}, ("at_least",), "must be a number, not '4'"),
        ({"at_least": True}, ("at_least",), "must be a number, not true"),
        ({"below": float("nan")}, ("below",), "must be a number"),
        ({"at_least": 4, "below": 4}, (), "holds for no number"),
        ({"before": "tomorrow"}, ("before",), "must be a date such as 2026-12-31, `today`, or `today+7d`"),
        ({"before": "2026-02-30"}, ("before",), "must be a date"),
        ({"after": 7}, ("after",), "must be a date"),
        ({"after": datetime(2026, 1, 1, tzinfo=UTC)}, ("after",), "must be a date"),
        ({"any_of": []}, ("any_of",), "must be a list of at least one glob or mapping, not an empty one"),
        ({"any_of": "x"}, ("any_of",), "must be a list"),
        ({"any_of": [["x"]]}, ("any_of", 0, 0), "must be text, not a list"),
        ({"any_of": [{"any_of": ["x"]}]}, ("any_of", 0, "any_of"), "is no way to compare a tag"),
        ({"any_of": [{}]}, ("any_of", 0), "is empty"),
    ],
)
def test_a_wrong_form_is_a_mistake_at_its_place(form: dict[str, Any], place: tuple[Any, ...], said: str) -> None:
    [(path, message)] = mistakes({"tag": {"A": form}})
    assert path == ("tag", "A", *place)
    assert said in message


def test_a_regular_expression_takes_time_in_proportion_to_the_value() -> None:
    asked, value = condition({"tag": {"A": {"matches": "(a|a)*(a+)+"}}}), "a" * 255 + "!"
    began = process_time()
    assert asked.evaluate(a_resource(tags={"A": value}), ACCOUNT, NOW) is False
    assert process_time() - began < 0.1


def test_a_policy_has_no_more_regular_expressions_than_fit_in_memory() -> None:
    some = [{"matches": f"x{number}"} for number in range(MOST_EXPRESSIONS)]
    assert mistakes({"tag": {"A": {"any_of": [*some, *some]}}}) == []
    [(path, message)] = mistakes({"tag": {"A": {"any_of": [*some, {"matches": "y"}]}}})
    assert path == ("tag", "A", "any_of", MOST_EXPRESSIONS, "matches")
    assert f"more than the {MOST_EXPRESSIONS}" in message


@pytest.mark.parametrize(
    ("one", "other", "held"),
    [
        ("dev", {"present": True}, True),
        ({"matches": "x"}, {"present": True}, True),
        ({"matches": "x"}, {"matches": "x"}, True),
        ({"matches": "x"}, "x", False),
        ({"at_least": 4}, {"at_least": 3}, True),
        ({"above": 4}, {"at_least": 4}, True),
        ({"at_least": 4}, {"above": 4}, False),
        ({"below": 4}, {"at_most": 4}, True),
        ({"at_least": 4}, {"below": 9}, False),
        ({"at_least": 4, "below": 6}, {"below": 9}, True),
        ({"before": "today"}, {"before": "today+1d"}, True),
        ({"before": "today"}, {"before": "2026-12-01"}, False),
        ({"after": "2026-12-02"}, {"after": "2026-12-01"}, True),
        ({"after": "today"}, {"present": True}, True),
        ({"absent": True}, {"present": False}, True),
        ({"present": True}, {"absent": True}, False),
    ],
)
def test_what_one_form_says_about_another(one: Any, other: Any, held: bool) -> None:
    for word in ("tag", "account_tag"):
        first, second = condition({word: {"A": one}}), condition({word: {"A": other}})
        assert Implications().holds(first, second) is held
        assert not Implications().holds(first, condition({word: {"B": other}})) or other == {"absent": True}
