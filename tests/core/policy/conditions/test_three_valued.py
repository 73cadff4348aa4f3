"""What is not known changes no answer into its opposite: it only makes answers unknown, and unknown is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import Account, AwsError, Fact, Resource, Verdict
from orchestrator.core.policy.conditions.implied import Implications
from orchestrator.core.policy.conditions.interface import Condition
from tests.support.builders import a_resource, an_account
from tests.support.conditions import NOW, condition
from tests.support.policies import HEAD, load
from tests.support.strategies import ACCOUNT_IDS, OU_PATHS, combined, leaves_of_every_form, quick, tags_to_compare

DETAILS: dict[str, st.SearchStrategy[Fact]] = {
    "image": st.sampled_from(["ami-1", "ami-2"]),
    "vpc": st.sampled_from(["vpc-1", "vpc-2"]),
    "platform": st.sampled_from(["Windows", "Linux/UNIX"]),
    "managed_by": st.sampled_from(["", "cloudformation", "asg, eks"]),
}
_TIMES = st.sampled_from([NOW - timedelta(days=days) for days in (0, 1, 7, 30)])
_SPANS = st.sampled_from([{"at_least": "1d"}, {"below": "7d"}, {"at_least": "1d", "below": "8d"}])
_ABOUT_DETAILS = st.one_of(
    st.fixed_dictionaries({"image": st.sampled_from(["ami-1", "ami-?"])}),
    st.fixed_dictionaries({"vpc": st.just("vpc-1")}),
    st.fixed_dictionaries({"platform": st.sampled_from(["Windows", "Linux*"])}),
    st.fixed_dictionaries({"managed_by": st.sampled_from(["asg", ["eks", "cloudformation"], "*"])}),
    st.fixed_dictionaries({"age": _SPANS}),
    st.fixed_dictionaries({"running_for": _SPANS}),
    st.fixed_dictionaries({"account_name": st.sampled_from(["account-1*", "x"])}),
)
WHERES = st.recursive(leaves_of_every_form | _ABOUT_DETAILS, combined, max_leaves=6)
UNREAD = AwsError("AccessDenied", "no")


@st.composite
def known(draw: st.DrawFn) -> tuple[Resource, Account]:
    """A resource of which everything is known, but for tags that are no numbers or dates."""
    resource = a_resource(
        tags=draw(tags_to_compare),
        facts={"instance_type": draw(st.sampled_from(["t3.micro", "m5.large"]))},
        region=draw(st.sampled_from(["eu-west-1", "us-east-1"])),
        details={name: draw(values) for name, values in DETAILS.items()},
        created_at=draw(_TIMES),
        started_at=draw(_TIMES),
        account_id=draw(st.sampled_from(ACCOUNT_IDS)),
        obstacle=None,
    )
    ou = draw(st.sampled_from(OU_PATHS))
    return resource, an_account(resource.target.account_id, ou=ou, tags=draw(tags_to_compare))


@st.composite
def with_less(draw: st.DrawFn, resource: Resource, account: Account) -> tuple[Resource, Account]:
    """The same, of which less is known."""
    gone = draw(st.sets(st.sampled_from([*DETAILS, "instance_type", "created_at", "started_at", "tags", "name"])))
    return (
        replace(
            resource,
            facts={name: value for name, value in resource.facts.items() if name not in gone},
            details={name: value for name, value in resource.details.items() if name not in gone},
            created_at=None if "created_at" in gone else resource.created_at,
            started_at=None if "started_at" in gone else resource.started_at,
        ),
        replace(
            account,
            name="" if "name" in gone else account.name,
            tags={} if "tags" in gone else account.tags,
            tags_error=UNREAD if "tags" in gone else None,
        ),
    )


@quick
@given(where=WHERES, full=known(), data=st.data())
def test_what_is_not_known_makes_an_answer_unknown_and_never_another_one(
    where: Any, full: tuple[Resource, Account], data: st.DataObject
) -> None:
    asked: Condition = condition(where)
    less = data.draw(with_less(*full))
    answer = asked.evaluate(*less, NOW)
    assert answer is None or answer is asked.evaluate(*full, NOW)
    assert (answer is None) is bool(asked.unknown_facts(*less, NOW))


@settings(quick, max_examples=40)
@given(wheres=st.lists(WHERES, min_size=1, max_size=3), full=known(), data=st.data())
def test_what_is_not_known_never_stops_what_would_be_kept(
    wheres: list[Any], full: tuple[Resource, Account], data: st.DataObject
) -> None:
    rules = [{"name": f"rule-{number}", "where": where} for number, where in enumerate(wheres)]
    policy = load(HEAD + yaml.safe_dump({"rules": rules}))
    less = data.draw(with_less(*full))
    decision = decide(policy, *less, NOW)
    if decision.verdict is Verdict.STOP:
        assert decide(policy, *full, NOW).rule == decision.rule
        assert decide(policy, *full, NOW).verdict is Verdict.STOP


@pytest.mark.full
@quick
@given(one=WHERES, other=WHERES, full=known(), data=st.data())
def test_what_is_said_to_hold_wherever_another_does_is_never_false_there(
    one: Any, other: Any, full: tuple[Resource, Account], data: st.DataObject
) -> None:
    inner, outer = condition(one), condition({"any": [one, other]} if data.draw(st.booleans()) else other)
    asked = data.draw(st.sampled_from([full, data.draw(with_less(*full))]))
    if Implications().holds(inner, outer) and inner.evaluate(*asked, NOW):
        assert outer.evaluate(*asked, NOW) is not False
