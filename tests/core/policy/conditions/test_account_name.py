"""`account_name`: globs over the account's name; what AWS did not tell is unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.policy.conditions.account_name import AccountNameMatches
from orchestrator.core.policy.conditions.implied import Implications
from tests.support.conditions import ACCOUNT, NOW, RESOURCE, condition, evaluate, mistakes

NAMED = replace(ACCOUNT, name="sandbox-7")


@pytest.mark.parametrize(("names", "held"), [("sandbox-*", True), (["a", "sandbox-7"], True), ("Sandbox-7", False)])
def test_an_account_is_matched_by_its_name(names: object, held: bool) -> None:
    assert evaluate({"account_name": names}, RESOURCE, NAMED) is held


def test_a_name_that_aws_did_not_tell_is_unknown() -> None:
    nameless = replace(ACCOUNT, name="")
    assert evaluate({"account_name": "*"}, RESOURCE, nameless) is None
    assert evaluate({"not": {"account_name": "*"}}, RESOURCE, nameless) is None
    assert condition({"account_name": "*"}).unknown_facts(RESOURCE, nameless, NOW) == ("account_name",)
    assert condition({"account_name": "*"}).facts_used(RESOURCE, nameless, NOW) == {"account_name": None}


def test_a_name_that_may_be_wrong_makes_what_it_does_not_match_unknown() -> None:
    asked = condition({"account_name": ["a", "sandbox-7"]}).with_unresolved(frozenset({"account_name[0]"}))
    assert isinstance(asked, AccountNameMatches)
    assert asked.unresolved == ("a",)
    assert asked.evaluate(RESOURCE, NAMED, NOW) is True
    assert asked.evaluate(RESOURCE, ACCOUNT, NOW) is None


def test_what_one_says_about_another() -> None:
    one, wider = condition({"account_name": "a"}), condition({"account_name": ["a", "b"]})
    assert Implications().holds(one, wider)
    assert not Implications().holds(wider, one)
    assert mistakes({"account_name": 5})[0][0] == ("account_name",)
