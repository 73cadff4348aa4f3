"""Stop or keep, for one resource: the first rule that matches owns it, and everything in doubt keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide, decide_all
from orchestrator.core.decide.scope import accounts_not_opted_out
from orchestrator.core.decide.whose_schedule import schedule_of
from orchestrator.core.model import Account, Action, Decision, ReasonCode, Region, Resource, Target, Verdict
from orchestrator.core.model.marks import ORDER_TAG
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, PROTECTED_TAG
from tests.support.builders import ACCOUNT, a_policy, a_resource, a_unit, an_account
from tests.support.conditions import Answer
from tests.support.policies import load
from tests.support.strategies import ACCOUNT_IDS, OPT_OUT_VALUES, OU_PATHS, policy_documents, quick, tags

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
POLICY = a_policy(
    """
    schedules:
      office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}
    rules:
      - {name: keep-by-day, where: {tag: {Environment: dev}}, schedule: office}
      - {name: always, where: {tag: {Environment: [dev, test]}}, action: hibernate}
    """
)

EVERYTHING = a_policy("rules: [{name: all, where: everything}]")


def the_decision(
    resource: Resource, policy: OrgPolicy = POLICY, now: datetime = MONDAY_NIGHT, account: Account | None = None
) -> Decision:
    return decide(policy, resource, account or an_account(), now)


def test_outside_of_the_running_hours_the_owning_rule_stops() -> None:
    decision = the_decision(a_resource(tags={"Environment": "dev"}))
    assert (decision.verdict, decision.rule, decision.action) == (Verdict.STOP, "keep-by-day", Action.STOP)
    assert decision.reason == (
        "Rule keep-by-day owns it and its schedule office is outside of its running hours, until "
        "Tue 2026-11-24 07:00 UTC."
    )


def test_the_first_matching_rule_owns_even_when_its_schedule_keeps_and_a_later_rule_would_stop() -> None:
    decision = the_decision(a_resource(tags={"Environment": "dev"}), now=MONDAY_NOON)
    assert (decision.verdict, decision.rule) == (Verdict.KEEP, "keep-by-day")
    assert decision.reason == (
        "Rule keep-by-day owns it, but its schedule office says that it should run now, until Mon 2026-11-23 19:00 UTC."
    )


def test_a_rule_without_a_schedule_stops_at_any_time_with_its_own_action() -> None:
    decision = the_decision(a_resource(tags={"Environment": "test"}), now=MONDAY_NOON)
    assert (decision.verdict, decision.rule, decision.action) == (Verdict.STOP, "always", Action.HIBERNATE)
    assert decision.reason == "Rule always owns it and may stop it at any time."


def test_what_no_rule_matches_is_kept() -> None:
    decision = the_decision(a_resource(tags={"Environment": "prod"}))
    assert (decision.verdict, decision.rule) == (Verdict.KEEP, None)
    assert decision.reason == "No rule of the policy matches it."


def test_a_rule_for_another_kind_owns_nothing() -> None:
    other = replace(a_resource(tags={"Environment": "test"}), kind="rds")
    assert the_decision(other).rule is None
    assert the_decision(other).verdict is Verdict.KEEP


def test_a_rule_may_ask_for_the_accounts_tags_and_ou() -> None:
    policy = a_policy("rules: [{name: a, where: {account_tag: {Team: x}, organizational_unit: /Dev}}]")
    assert the_decision(a_resource(), policy, account=an_account(ou="/Dev", tags={"Team": "x"})).rule == "a"
    assert the_decision(a_resource(), policy, account=an_account(ou="/Dev", tags={"Team": "y"})).rule is None
    assert the_decision(a_resource(), policy, account=an_account(ou="/Prod", tags={"Team": "x"})).rule is None


def test_the_facts_are_the_resources_and_what_the_owning_rule_looked_at() -> None:
    resource = a_resource(tags={"Environment": "dev", "Owner": "me"}, facts={"launched_at": "2026-11-01T00:00:00Z"})
    assert the_decision(resource).facts == {**resource.facts, "tag:Environment": "dev"}
    assert the_decision(a_resource(tags={"Environment": "prod"})).facts == a_resource().facts


class Nameless(Answer):
    def unknown_facts(self, _resource: Resource, _account: Account, _now: datetime) -> tuple[str, ...]:
        return ()


UNKNOWN_TYPE = a_resource(facts={"instance_type": None}, obstacle=None)
SPARES_LARGE_ONES = a_policy(
    """
    schedules:
      office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}
    rules:
      - {name: small, where: {not: {instance_type: "*.large"}}, schedule: office}
      - {name: others, where: everything}
    """
)


@pytest.mark.parametrize("now", [MONDAY_NIGHT, MONDAY_NOON])
def test_what_a_rule_may_own_is_kept_and_the_reason_names_what_is_unknown(now: datetime) -> None:
    decision = the_decision(UNKNOWN_TYPE, SPARES_LARGE_ONES, now)
    assert (decision.verdict, decision.rule) == (Verdict.KEEP, "small")
    assert decision.reason_code is ReasonCode.UNKNOWN_CONDITION
    assert decision.reason == "Rule small may own it, but that depends on what is unknown: its instance_type."
    assert decision.facts["instance_type"] is None


def test_a_condition_that_is_unknown_without_a_name_for_it_keeps_too() -> None:
    (rule,) = EVERYTHING.rules
    policy = replace(EVERYTHING, rules=(replace(rule, where=Nameless(None)),))
    decision = the_decision(a_resource(), policy)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_CONDITION)
    assert decision.reason == "Rule all may own it, but that depends on what is unknown: its facts."


def test_a_rule_before_that_holds_whatever_is_unknown_owns_the_resource() -> None:
    policy = a_policy(
        """
        rules:
          - {name: first, where: {any: [{instance_type: t3.*}, {region: eu-*}]}}
          - {name: second, where: {instance_type: t3.*}}
        """
    )
    assert the_decision(UNKNOWN_TYPE, policy).rule == "first"
    assert the_decision(UNKNOWN_TYPE, policy).verdict is Verdict.STOP
    assert the_decision(replace(UNKNOWN_TYPE, target=Target(ACCOUNT, Region("us-east-1"))), policy).rule == "first"


def test_a_rule_that_does_not_hold_whatever_is_unknown_is_passed_over() -> None:
    policy = a_policy(
        """
        rules:
          - {name: first, where: {instance_type: t3.*, region: us-*}}
          - {name: second, where: everything}
        """
    )
    decision = the_decision(UNKNOWN_TYPE, policy)
    assert (decision.verdict, decision.rule, decision.reason_code) == (Verdict.STOP, "second", ReasonCode.ANY_TIME)


def test_an_exemption_or_an_obstacle_is_a_better_reason_than_what_is_unknown() -> None:
    exempt = replace(UNKNOWN_TYPE, tags={OPT_OUT_TAG: "true"})
    assert the_decision(exempt, SPARES_LARGE_ONES).reason_code is ReasonCode.EXEMPT
    as_ec2_gives_it = a_resource(facts={"instance_type": None})
    assert the_decision(as_ec2_gives_it, SPARES_LARGE_ONES).reason_code is ReasonCode.CANNOT_STOP


@pytest.mark.parametrize("value", ["true", "2026-11-23", "2026-12-31", "True", "yes", "", "2026-13-01", " true"])
def test_an_opted_out_instance_is_never_stopped_and_the_exemption_is_the_reason(value: str) -> None:
    decision = the_decision(a_resource(tags={OPT_OUT_TAG: value}), EVERYTHING)
    assert decision.verdict is Verdict.KEEP
    assert decision.exemption is not None
    assert (decision.exemption.source, decision.exemption.value) == ("resource", value)
    assert decision.reason.startswith(f"The tag {OPT_OUT_TAG}={value} on the resource i-")
    assert decision.rule == "all"


def test_an_opt_out_that_is_over_exempts_nothing() -> None:
    decision = the_decision(a_resource(tags={OPT_OUT_TAG: "2026-11-22"}), EVERYTHING)
    assert (decision.verdict, decision.exemption) == (Verdict.STOP, None)


def test_a_protected_instance_is_never_stopped_even_when_its_opt_out_is_over() -> None:
    decision = the_decision(a_resource(tags={PROTECTED_TAG: "", OPT_OUT_TAG: "2020-01-01"}), EVERYTHING)
    assert decision.verdict is Verdict.KEEP
    assert decision.exemption is not None
    assert decision.exemption.tag == PROTECTED_TAG


@pytest.mark.parametrize(
    ("zone", "utc", "verdict"),
    [
        ("UTC", "2026-11-23T23:59:59+00:00", Verdict.KEEP),
        ("UTC", "2026-11-24T00:00:00+00:00", Verdict.STOP),
        ("Europe/Berlin", "2026-11-23T22:59:59+00:00", Verdict.KEEP),
        ("Europe/Berlin", "2026-11-23T23:00:00+00:00", Verdict.STOP),
        ("America/New_York", "2026-11-24T04:59:59+00:00", Verdict.KEEP),
        ("America/New_York", "2026-11-24T05:00:00+00:00", Verdict.STOP),
    ],
)
def test_a_dated_opt_out_ends_with_that_day_in_the_policys_time_zone(zone: str, utc: str, verdict: Verdict) -> None:
    policy = a_policy("rules: [{name: all, where: everything}]", timezone=zone)
    now = datetime.fromisoformat(utc)
    assert the_decision(a_resource(tags={OPT_OUT_TAG: "2026-11-23"}), policy, now).verdict is verdict


@pytest.mark.parametrize(
    "resource",
    [
        a_resource(state="pending"),
        a_resource(facts={"root_device_type": "instance-store"}),
        a_resource(facts={"root_device_type": None}),
        a_resource(facts={"lifecycle": None}),
        a_resource(facts={"lifecycle": "spot"}),
        a_resource(facts={"operator_managed": True}),
        a_resource(tags={"aws:autoscaling:groupName": "web"}),
    ],
)
def test_what_is_protected_is_kept_whatever_the_policy_says(resource: Resource) -> None:
    decision = the_decision(resource, EVERYTHING)
    assert (decision.verdict, decision.rule, decision.exemption) == (Verdict.KEEP, "all", None)
    assert decision.reason.startswith("It")


def test_decisions_are_sorted_by_place_and_each_resource_has_one() -> None:
    places = [("2" * 12, "a", "i-1"), ("1" * 12, "b", "i-1"), ("1" * 12, "a", "i-2"), ("1" * 12, "a", "i-1")]
    resources = [a_resource(one, account, region) for account, region, one in places]
    accounts = {account.id: account for account in (an_account("1" * 12), an_account("2" * 12))}
    decided = decide_all(POLICY, resources, accounts, MONDAY_NIGHT)
    found = [(one.resource.target.account_id, one.resource.target.region, one.resource.resource_id) for one in decided]
    assert found == sorted(places)


resources = st.builds(
    a_resource,
    account_id=st.sampled_from(ACCOUNT_IDS),
    region=st.sampled_from(["eu-west-1", "us-east-1"]),
    state=st.sampled_from(["running", "running", "running", "pending"]),
    tags=tags,
    facts=st.dictionaries(st.just("lifecycle"), st.sampled_from(["on-demand", "spot", None])),
)
exemptions = st.sampled_from([*({OPT_OUT_TAG: value} for value in OPT_OUT_VALUES), {PROTECTED_TAG: ""}])
policies = policy_documents().map(yaml.safe_dump).map(load)
times = st.datetimes(datetime(2026, 11, 23), datetime(2026, 11, 29), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@quick
@given(policy=policies, resource=resources, exemption=exemptions, now=times, ou=st.sampled_from(OU_PATHS))
def test_adding_an_opt_out_to_an_instance_never_adds_a_stop(
    policy: OrgPolicy, resource: Resource, exemption: dict[str, str], now: datetime, ou: str
) -> None:
    account = an_account(resource.target.account_id, ou=ou)
    before = decide(policy, resource, account, now)
    after = decide(policy, replace(resource, tags={**resource.tags, **exemption}), account, now)
    assert not (before.verdict is Verdict.KEEP and after.verdict is Verdict.STOP)
    if after.exemption is not None:
        assert after.verdict is Verdict.KEEP
    else:
        assert exemption.get(OPT_OUT_TAG, "true")[:4] == "2026"
        assert after.verdict is before.verdict


@quick
@given(
    policy=policies,
    found=st.lists(resources, max_size=5),
    exemption=exemptions,
    on_unit=st.booleans(),
    today=st.dates(date(2026, 11, 20), date(2026, 11, 26)),
)
def test_adding_an_opt_out_to_an_account_or_its_ou_takes_away_its_stops_and_no_others(
    policy: OrgPolicy, found: list[Resource], exemption: dict[str, str], on_unit: bool, today: date
) -> None:
    others = [an_account(one) for one in ACCOUNT_IDS[1:]]
    plain = an_account(ACCOUNT_IDS[0], ou="/Dev")
    unit = a_unit("/Dev", exemption)
    opted_out = replace(plain, organizational_units=(unit,)) if on_unit else replace(plain, tags=exemption)
    is_over = _day(exemption.get(OPT_OUT_TAG, "")) < today
    before, after = (_stops(policy, found, [one, *others], today) for one in (plain, opted_out))
    assert after == [one for one in before if is_over or one.target.account_id != ACCOUNT_IDS[0]]


def _day(value: str) -> date:
    """A day for what is no date, too: one that is never over."""
    return date.fromisoformat(value) if value in {"2026-11-22", "2026-11-23", "2026-11-24"} else date.max


def _stops(policy: OrgPolicy, found: list[Resource], accounts: list[Account], today: date) -> list[Resource]:
    read = {account.id: account for account in accounts_not_opted_out(accounts, today).accounts}
    inventory = [resource for resource in found if resource.target.account_id in read]
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    return [one.resource for one in decide_all(policy, inventory, read, now) if one.verdict is Verdict.STOP]


@quick
@given(policy=policies, resource=resources, now=times, ou=st.sampled_from(OU_PATHS))
def test_only_what_the_first_matching_rule_owns_is_stopped_and_only_outside_of_its_schedule(
    policy: OrgPolicy, resource: Resource, now: datetime, ou: str
) -> None:
    account = an_account(resource.target.account_id, ou=ou)
    decision = decide(policy, resource, account, now)
    matching = [rule for rule in policy.rules if rule.where.evaluate(resource, account, now) is not False]
    assert decision.rule == (matching[0].name if matching else None)
    assert decision.reason.endswith(".")
    if decision.verdict is Verdict.STOP:
        assert resource.state == "running"
        assert matching[0].where.evaluate(resource, account, now) is True
        assert decision.action is matching[0].action
        own = schedule_of(policy, matching[0], resource, account)
        assert not own.unknown
        assert own.schedule is None or not own.schedule.is_running(now)


@pytest.mark.parametrize("now", [MONDAY_NOON, MONDAY_NIGHT])
def test_a_malformed_number_in_the_order_keeps_at_any_hour_and_says_what_would_be_right(now: datetime) -> None:
    decision = the_decision(a_resource(tags={"Environment": "dev", ORDER_TAG: "first"}), now=now)
    assert (decision.verdict, decision.rule, decision.reason_code) == (
        Verdict.KEEP,
        "keep-by-day",
        ReasonCode.MALFORMED_ORDER,
    )
    assert decision.reason == (
        "When its turn is, is unknown: the tag stop-orchestrator:order=first is no whole number from 0 to 1000, such "
        "as stop-orchestrator:order=20."
    )


def test_a_number_in_the_order_keeps_nothing_and_what_no_rule_owns_is_kept_for_that() -> None:
    assert the_decision(a_resource(tags={ORDER_TAG: "7"}), EVERYTHING).verdict is Verdict.STOP
    assert the_decision(a_resource(tags={ORDER_TAG: "first"})).reason_code is ReasonCode.NO_RULE


def test_a_rule_that_only_tags_needs_no_number() -> None:
    policy = a_policy("rules: [{name: all, where: everything, action: tag, tags: {Seen: yes}}]".replace("yes", "'yes'"))
    assert the_decision(a_resource(tags={ORDER_TAG: "first"}), policy).verdict is Verdict.TAG
