"""A policy document without mistakes: what it says is what the sweep goes by."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given

from orchestrator.core.model import Action
from orchestrator.core.policy.conditions.account import AccountMatches
from orchestrator.core.policy.conditions.account_tag import AccountTagMatches
from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.any_of import AnyOf
from orchestrator.core.policy.conditions.everything import Everything
from orchestrator.core.policy.conditions.fact import FactMatches
from orchestrator.core.policy.conditions.matching import Globs
from orchestrator.core.policy.conditions.not_of import NotOf
from orchestrator.core.policy.conditions.organizational_unit import OrganizationalUnitMatches
from orchestrator.core.policy.conditions.region import RegionMatches
from orchestrator.core.policy.conditions.tag import TagMatches
from orchestrator.core.policy.loading import dump_policy
from orchestrator.core.policy.required_tags import RequiredTag
from orchestrator.core.policy.schedules.calendars import Calendar
from orchestrator.core.policy.schedules.lines import Line
from orchestrator.core.policy.schema.limits import AccountLimits, Guardrails
from orchestrator.core.policy.schema.scope import OrganizationScope, RegionScope
from tests.support.builders import a_policy
from tests.support.policies import DESIGN_POLICY, load
from tests.support.strategies import documents_of_every_form, policy_documents, quick

MINUTES_OF_A_DAY = 24 * 60
INSTANCE_TYPE = dict.fromkeys(("ec2", "sagemaker_notebook"), "instance_type")


def test_the_designs_document_loads_exactly() -> None:
    policy = load(DESIGN_POLICY)
    assert (policy.name, policy.timezone, policy.required_tags) == (
        "nonprod",
        ZoneInfo("UTC"),
        (RequiredTag("Owner"), RequiredTag("CostCenter")),
    )
    assert policy.organization == OrganizationScope(
        include=("/Workloads/Dev", "/Labs"),
        exclude=("/Labs/Always-On",),
        exclude_accounts=("111122223333",),
        include_management_account=False,
    )
    assert policy.regions == RegionScope(include=("*",), exclude=("us-west-*",))
    assert policy.guardrails == Guardrails(
        max_stops=500,
        max_stops_percent=60,
        per_account=AccountLimits(max_stops=100, max_stops_percent=100),
        min_coverage_percent=80,
    )


def test_ages_are_five_minutes_and_an_hour_unless_the_policy_says_otherwise() -> None:
    policy = load(DESIGN_POLICY)
    assert (policy.max_tag_age, policy.max_fact_age) == (timedelta(minutes=5), timedelta(hours=1))
    policy = load(f"{DESIGN_POLICY}max_tag_age: 90s\nmax_fact_age: 24h\n")
    assert (policy.max_tag_age, policy.max_fact_age) == (timedelta(seconds=90), timedelta(days=1))


def test_the_designs_rule_and_schedule_load_exactly() -> None:
    policy = load(DESIGN_POLICY)
    (rule,) = policy.rules
    assert (rule.name, rule.kinds, rule.action) == ("dev-outside-office-hours", frozenset({"ec2"}), Action.STOP)
    assert rule.where == AllOf(
        (
            TagMatches((("Environment", Globs(("dev", "test"))),)),
            NotOf(TagMatches((("Tier", Globs(("crit*",))),))),
            AccountTagMatches((("CostCenter", Globs(("cc-*",))),)),
        )
    )
    assert rule.schedule is policy.schedules["office-hours"]
    assert (rule.schedule.name, rule.schedule.timezone) == ("office-hours", ZoneInfo("Europe/Berlin"))
    assert rule.schedule.lines == (Line(7 * 60, 12 * 60, Calendar(weekdays=frozenset(range(5)))),)


def test_the_smallest_document_stops_nothing_and_limits_nothing() -> None:
    policy = load("version: 1\nname: small\n")
    assert (policy.rules, policy.schedules, policy.required_tags) == ((), {}, ())
    assert policy.timezone == ZoneInfo("UTC")
    assert policy.organization == OrganizationScope()
    assert not policy.organization.include_management_account
    assert policy.regions == RegionScope(include=("*",), exclude=())
    assert policy.guardrails == Guardrails()
    assert policy.guardrails.max_stops is None


def test_zero_as_a_limit_means_zero_and_not_without_limit() -> None:
    policy = a_policy(
        """
        guardrails:
          max_stops: 0
          max_stops_percent: 0
          per_account: {max_stops: 0, max_stops_percent: 0}
          min_coverage_percent: 0
        """
    )
    assert policy.guardrails == Guardrails(
        max_stops=0,
        max_stops_percent=0,
        per_account=AccountLimits(max_stops=0, max_stops_percent=0),
        min_coverage_percent=0,
    )


def test_a_rule_without_schedule_and_action_stops_at_any_time() -> None:
    (rule,) = a_policy("rules: [{name: always, where: everything}]").rules
    assert (rule.schedule, rule.action, rule.where) == (None, Action.STOP, Everything())


def test_the_action_hibernate_is_kept() -> None:
    (rule,) = a_policy("rules: [{name: sleep, where: everything, action: hibernate}]").rules
    assert rule.action is Action.HIBERNATE


def test_rules_keep_their_order() -> None:
    policy = a_policy("rules: [{name: b, where: everything}, {name: a, where: everything}]")
    assert [rule.name for rule in policy.rules] == ["b", "a"]


@pytest.mark.parametrize(
    ("where", "condition"),
    [
        ("everything", Everything()),
        ("{tag: {Env: dev}}", TagMatches((("Env", Globs(("dev",))),))),
        ("{tag: {Env: [dev, test], Tier: x}}", TagMatches((("Env", Globs(("dev", "test"))), ("Tier", Globs(("x",)))))),
        ('{tag: {on: "on"}}', TagMatches((("on", Globs(("on",))),))),
        ("{account_tag: {Team: a*}}", AccountTagMatches((("Team", Globs(("a*",))),))),
        ("{account: 111122223333}", AccountMatches(("111122223333",))),
        (
            '{account: ["011122223333", 111122223333, "9*"]}',
            AccountMatches(("011122223333", "111122223333", "9*")),
        ),
        ("{organizational_unit: /Dev}", OrganizationalUnitMatches(("/Dev",))),
        ("{region: [eu-*, us-east-1]}", RegionMatches(("eu-*", "us-east-1"))),
        ("{key_name: team-*}", FactMatches("key_name", {"ec2": "key_name"}, Globs(("team-*",)))),
        ("{not: {region: eu-*}}", NotOf(RegionMatches(("eu-*",)))),
        ("{not: everything}", NotOf(Everything())),
        ("{any: [{region: a}, {region: b}]}", AnyOf((RegionMatches(("a",)), RegionMatches(("b",))))),
        ("{all: [{region: a}]}", AllOf((RegionMatches(("a",)),))),
        ("{region: a, account: '1*'}", AllOf((RegionMatches(("a",)), AccountMatches(("1*",))))),
    ],
)
def test_each_word_of_where_becomes_its_condition(where: str, condition: object) -> None:
    (rule,) = a_policy(f"rules: [{{name: one, where: {where}}}]").rules
    assert rule.where == condition


def test_a_schedule_that_no_rule_uses_is_no_mistake() -> None:
    policy = a_policy("schedules: {spare: {timezone: UTC, running: [daily 00:00-24:00]}}")
    assert list(policy.schedules) == ["spare"]


def test_aliases_in_the_document_mean_what_they_stand_for() -> None:
    policy = a_policy(
        """
        rules:
          - {name: one, where: &dev {tag: {Env: dev}}}
          - {name: two, where: *dev}
        """
    )
    assert policy.rules[0].where == policy.rules[1].where == TagMatches((("Env", Globs(("dev",))),))


def test_the_hash_is_that_of_the_documents_bytes() -> None:
    text = "version: 1\nname: small  # für nachts\n"
    assert load(text).sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert load(text).sha256 != load(text.replace("nachts", "immer")).sha256


def test_policies_that_say_the_same_are_equal_and_others_are_not() -> None:
    one = "rules: [{name: one, where: everything}]"
    assert a_policy(one) == a_policy(f"{one}  # a comment")
    assert a_policy(one) != a_policy(one.replace("one", "two"))


def test_a_dumped_policy_reads_as_it_was_written_but_for_its_comments() -> None:
    text = "version: 1\nname: small\nrequired_tags:\n- Größe\n"
    assert dump_policy(load(f"# a comment\n{text}")) == text


@quick
@given(document=policy_documents(calendars=True) | documents_of_every_form())
def test_a_dumped_policy_loads_to_an_equal_one(document: dict[str, Any]) -> None:
    policy = load(yaml.safe_dump(document))
    assert [rule.name for rule in policy.rules] == [rule["name"] for rule in document["rules"]]
    assert load(dump_policy(policy)) == policy
