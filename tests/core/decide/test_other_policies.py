"""What two policies of one hub own: both keep it, whatever their schedules, and so with what one of them may own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.drift import kept_since
from orchestrator.core.decide.guardrails import OTHERS_KNOWN, hold_against, hold_by_others
from orchestrator.core.decide.known_names import Known
from orchestrator.core.decide.other_policies import CoOwner, as_co_owner, doubtful_names, every_name
from orchestrator.core.model import (
    NO_NAMES,
    Account,
    AccountId,
    ApprovedPlan,
    AwsError,
    Decision,
    HeldPlan,
    Listed,
    Organization,
    OrganizationalUnit,
    OtherPolicy,
    ReasonCode,
    Region,
    Resource,
    Verdict,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schema.limits import Guardrails
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG
from tests.support.builders import ACCOUNT, AT, a_plan, a_resource, a_unit, an_account
from tests.support.policies import load
from tests.support.strategies import ACCOUNT_IDS, OU_PATHS, policy_documents, quick, tags

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DEV = {"Environment": "dev"}
REGIONS = frozenset(map(Region, ("eu-central-1", "us-east-1")))
OFFICE = 'schedules: {office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}}\n'
ALL = "rules: [{name: all, where: everything}]"
DEVS = "rules: [{name: devs, where: {tag: {Environment: dev}}}]"


def policy(name: str, body: str) -> OrgPolicy:
    return load(f"version: 1\nname: {name}\n{body}\n")


def other(body: str = ALL, *, known: Known | None = None) -> CoOwner:
    loaded = policy("team-b", body)
    return as_co_owner(loaded, doubtful_names(loaded, known) if known else NO_NAMES)


def listed(*accounts: Account, before: Iterable[str] = ()) -> Known:
    units = tuple(a_unit(path) for path in ("/Dev", "/Prod"))
    organization = Organization("o-example", AccountId("999999999999"), accounts or (an_account(ou="/Dev"),), units)
    return Known(organization, REGIONS, Listed(frozenset(map(AccountId, before))))


def the_decision(
    *others: CoOwner,
    own: str = DEVS,
    resource: Resource | None = None,
    account: Account | None = None,
    now: datetime = AT,
) -> Decision:
    return decide(
        policy("team-a", own), resource or a_resource(tags=DEV), account or an_account(ou="/Dev"), now, others
    )


def is_kept(decision: Decision) -> bool:
    found = decision.verdict is Verdict.KEEP, decision.reason_code is ReasonCode.OWNED_BY_TWO_POLICIES
    assert len(set(found)) == 1, decision
    return found[0]


def test_what_another_policys_first_matching_rule_owns_too_is_kept_and_the_reason_names_both_and_what_to_do() -> None:
    decision = the_decision(other())
    assert is_kept(decision)
    assert (decision.rule, decision.reason) == (
        "devs",
        (
            "Rule devs of policy team-a owns it, and rule all of policy team-b owns it too; both keep it until one of "
            "them excludes it: its OU, account or region in the policy's scope, or a `not:` in the rule's `where`."
        ),
    )


def test_every_other_policy_that_owns_it_is_named() -> None:
    third = as_co_owner(policy("team-c", DEVS), NO_NAMES)
    assert "rule all of policy team-b and rule devs of policy team-c own it too;" in the_decision(other(), third).reason


def test_without_another_owner_it_is_stopped() -> None:
    assert the_decision().verdict is Verdict.STOP
    assert not is_kept(the_decision(other("rules: []")))
    assert not is_kept(the_decision(other("rules: [{name: prod, where: {tag: {Environment: prod}}}]")))
    assert not is_kept(the_decision(other("rules: [{name: dbs, kinds: [rds], where: everything}]")))


@pytest.mark.parametrize(
    "scope",
    [
        "organization: {include: [/Prod]}",
        "organization: {exclude: [/Dev]}",
        f"organization: {{exclude_accounts: ['{ACCOUNT}']}}",
        "regions: {include: [us-*]}",
        "regions: {exclude: [eu-central-1]}",
    ],
)
def test_what_is_out_of_the_other_policys_scope_is_not_its_own(scope: str) -> None:
    assert not is_kept(the_decision(other(f"{scope}\n{ALL}")))


def test_a_management_account_is_the_other_policys_only_where_that_says_so() -> None:
    management = an_account(is_management=True)
    own = f"organization: {{include_management_account: true}}\n{ALL}"
    assert not is_kept(the_decision(other(), own=own, account=management))
    assert is_kept(the_decision(other(own), own=own, account=management))


@pytest.mark.parametrize("now", [AT, NOON])
def test_owned_is_owned_whatever_the_schedules_of_both_say(now: datetime) -> None:
    by_day = f"{OFFICE}rules: [{{name: by-day, where: everything, schedule: office}}]"
    for own, theirs in ((DEVS, by_day), (by_day, DEVS), (by_day, by_day)):
        assert is_kept(the_decision(other(theirs), own=own, now=now))


def test_a_rule_of_the_other_that_needs_an_account_tag_or_a_fact_is_held_against_what_was_read() -> None:
    tagged = an_account(ou="/Dev", tags={"Team": "b"})
    wants = "rules: [{name: b, where: {account_tag: {Team: b}, instance_type: t3.*}}]"
    assert is_kept(the_decision(other(wants), account=tagged))
    assert not is_kept(the_decision(other(wants)))


def test_what_the_other_policy_may_own_is_kept_and_the_reason_says_what_is_unknown() -> None:
    resource = a_resource(tags=DEV, facts={"instance_type": None}, obstacle=None)
    decision = the_decision(other("rules: [{name: small, where: {instance_type: t3.*}}]"), resource=resource)
    assert is_kept(decision)
    assert (
        "rule small of policy team-b may own it too, which depends on what is unknown: its instance_type;"
        in decision.reason
    )


def test_what_is_kept_for_another_reason_keeps_that_reason() -> None:
    found = {
        the_decision(other(), resource=a_resource(tags={**DEV, OPT_OUT_TAG: "true"})).reason_code,
        the_decision(other(), resource=a_resource(state="pending", tags=DEV)).reason_code,
        the_decision(other(), resource=a_resource(tags=DEV, facts={"lifecycle": "spot"})).reason_code,
        the_decision(other(), resource=a_resource()).reason_code,
    }
    assert found == {ReasonCode.EXEMPT, ReasonCode.NOT_RUNNING, ReasonCode.CANNOT_STOP, ReasonCode.NO_RULE}


# --- names that it is not sure of -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (f"organization: {{include: [/Dve]}}\n{ALL}", "organizational_unit ('/Dve' is unresolved)"),
        (f"organization: {{include: [/Prod, /Dve]}}\n{ALL}", "organizational_unit ('/Dve' is unresolved)"),
        (f"regions: {{include: [eu-centrl-1, us-east-1]}}\n{ALL}", "region ('eu-centrl-1' is unresolved)"),
        ("rules: [{name: b, where: {organizational_unit: /Dve}}]", "organizational_unit ('/Dve' is unresolved)"),
        ("rules: [{name: b, where: {not: {organizational_unit: /Dve}}}]", "organizational_unit ('/Dve' is unresolved)"),
        ("rules: [{name: b, where: {account: '111111111112'}}]", "account ('111111111112' is unresolved)"),
    ],
)
def test_what_a_misspelt_name_of_the_other_policy_may_have_meant_is_kept(body: str, named: str) -> None:
    decision = the_decision(other(body, known=listed(an_account(ou="/Dev"), an_account("222222222222", ou="/Prod"))))
    assert is_kept(decision)
    assert f"may own it too, which depends on what is unknown: its {named};" in decision.reason


def test_a_misspelt_exclusion_of_the_other_policy_leaves_nothing_out() -> None:
    body = f"organization: {{exclude: [/Dve]}}\n{ALL}"
    assert "owns it too" in the_decision(other(body, known=listed())).reason


def test_an_exclusion_of_which_another_ou_has_the_name_now_is_in_doubt() -> None:
    units = (a_unit("/Dev"), OrganizationalUnit("ou-old", "/Development"))
    known = Known(
        Organization("o-example", AccountId("999999999999"), (an_account(ou="/Dev"),), units),
        REGIONS,
        Listed(units={"/Dev": frozenset({"ou-old"})}),
    )
    decision = the_decision(other(f"organization: {{exclude: [/Dev]}}\n{ALL}", known=known))
    assert is_kept(decision)
    assert "may own it too, which depends on what is unknown: its organizational_unit ('/Dev' is" in decision.reason


def test_an_ou_that_is_there_without_an_account_is_no_doubt() -> None:
    assert not is_kept(the_decision(other(f"organization: {{include: [/Prod]}}\n{ALL}", known=listed())))
    renamed = replace(listed(), before=Listed(units={"/Prod": frozenset({"ou-old"})}))
    assert is_kept(the_decision(other(f"organization: {{include: [/Prod]}}\n{ALL}", known=renamed)))


def test_an_account_that_left_the_organization_is_no_doubt() -> None:
    body = "rules: [{name: b, where: {account: '222222222222'}}]"
    assert is_kept(the_decision(other(body, known=listed())))
    assert not is_kept(the_decision(other(body, known=listed(before=["222222222222"]))))


def test_names_that_come_and_go_are_no_doubt() -> None:
    body = f"unresolved_names: allow\norganization: {{include: [/Prod, /Dve]}}\n{ALL}"
    assert not is_kept(the_decision(other(body, known=listed(an_account("222222222222", ou="/Prod")))))


def test_an_account_of_which_the_place_is_unknown_may_be_the_other_policys() -> None:
    lost = an_account(units_error=AwsError("AccessDenied", "no"))
    decision = the_decision(other(f"organization: {{include: [/Prod]}}\n{ALL}"), account=lost)
    assert f"may own it too, which depends on what is unknown: its place in the organization ({ACCOUNT});" in (
        decision.reason
    )


def test_without_a_listing_every_name_of_the_other_policy_is_in_doubt() -> None:
    body = f"organization: {{include: [/Prod]}}\n{ALL}"
    loaded = policy("team-b", body)
    assert not is_kept(the_decision(as_co_owner(loaded, NO_NAMES)))
    assert is_kept(the_decision(as_co_owner(loaded, every_name(loaded))))
    assert every_name(policy("team-b", f"organization: {{include: [/]}}\n{ALL}")).unresolved == ()


# --- the look right before the stop, and the barrier ------------------------------------------------------------------


def test_right_before_the_stop_what_another_policy_owns_by_now_is_kept_with_that_code() -> None:
    planned = the_decision()
    own, account = policy("team-a", DEVS), an_account(ou="/Dev")
    assert kept_since(planned, planned.resource, own, account, AT) is None
    reason = kept_since(planned, planned.resource, own, account, AT, [other()])
    assert reason is not None
    assert reason.code is ReasonCode.OWNED_BY_TWO_POLICIES
    assert reason.sentence.startswith("Changed since the plan: rule devs of policy team-a owns it, and rule all of")


UNREAD = OtherPolicy("team-b", "b" * 64, "s3://hub/policies/team-b.yaml", unread="AccessDenied; let it be read")


def test_a_policy_that_is_not_known_holds_the_whole_plan_and_is_named() -> None:
    verdict = hold_against(a_plan(the_decision()), Guardrails(), lambda: 1, others=[UNREAD])
    assert isinstance(verdict, HeldPlan)
    (row,) = verdict.guardrails
    assert (row.name, row.passed, row.actual) == (OTHERS_KNOWN, False, 1)
    assert row.detail == "policy team-b is active, and what it owns is not known: AccessDenied; let it be read"


def test_one_that_cannot_be_read_any_more_holds_a_plan_that_was_approved_and_a_later_one_releases_nothing() -> None:
    approved = hold_against(a_plan(the_decision()), Guardrails(max_stops=5), lambda: 1)
    assert isinstance(approved, ApprovedPlan)
    held = hold_by_others(approved, [UNREAD])
    assert isinstance(held, HeldPlan)
    assert {row.name: row.passed for row in held.guardrails} == {OTHERS_KNOWN: False, "max_stops": True}
    again = hold_against(a_plan(the_decision()), Guardrails(max_stops=5), lambda: 1, frozen=held.guardrails)
    assert isinstance(again, HeldPlan)


# --- for every two policies -------------------------------------------------------------------------------------------

SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "include": st.lists(st.sampled_from(OU_PATHS), min_size=1, max_size=2),
        "exclude": st.lists(st.sampled_from(OU_PATHS[1:]), max_size=2),
        "exclude_accounts": st.lists(st.sampled_from(ACCOUNT_IDS), max_size=1),
    },
)
documents = st.builds(lambda one, scope: {**one, "organization": scope}, policy_documents(), SCOPES)
resources = st.builds(
    a_resource,
    account_id=st.sampled_from(ACCOUNT_IDS),
    region=st.sampled_from(["eu-west-1", "us-east-1"]),
    tags=tags,
    facts=st.dictionaries(st.just("instance_type"), st.sampled_from(["t3.micro", "m5.large", None])),
    obstacle=st.none(),
)
times = st.datetimes(datetime(2026, 11, 23), datetime(2026, 11, 29), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def loaded(document: Mapping[str, Any], name: str) -> OrgPolicy:
    return load(yaml.safe_dump({**document, "name": name}))


@quick
@given(one=documents, two=documents, resource=resources, now=times, ou=st.sampled_from(OU_PATHS))
def test_neither_stops_what_both_own_and_both_say_so(
    one: dict[str, Any], two: dict[str, Any], resource: Resource, now: datetime, ou: str
) -> None:
    account = an_account(resource.target.account_id, ou=ou)
    a, b = loaded(one, "a"), loaded(two, "b")
    claims = [as_co_owner(each, NO_NAMES).claim(resource, account, AT) for each in (a, b)]
    decisions = [
        decide(mine, resource, account, now, [as_co_owner(theirs, NO_NAMES)]) for mine, theirs in ((a, b), (b, a))
    ]
    alone = [decide(mine, resource, account, now) for mine in (a, b)]
    for decision, before, theirs in zip(decisions, alone, reversed(claims), strict=True):
        assert (decision.verdict is Verdict.STOP) is (before.verdict is Verdict.STOP and theirs is None)
    if all(claim is not None and claim.unknown is None for claim in claims):
        assert {each.reason_code for each in decisions} == {ReasonCode.OWNED_BY_TWO_POLICIES}


@quick
@given(document=documents, resource=resources, ou=st.sampled_from(OU_PATHS), meant=st.sampled_from(OU_PATHS))
def test_whatever_a_name_in_doubt_may_have_meant_is_claimed(
    document: dict[str, Any], resource: Resource, ou: str, meant: str
) -> None:
    """`/Prod` is not there: the policy may have meant any other OU by it."""
    account = an_account(resource.target.account_id, ou=ou)
    known = listed(*(an_account(one, ou=path) for one, path in zip(ACCOUNT_IDS, OU_PATHS, strict=False)))
    there = Organization("o-example", known.organization.management_account_id, known.organization.accounts)
    written = loaded(document, "b")
    as_meant = json.loads(json.dumps(document).replace('"/Prod"', json.dumps(meant)))
    names = doubtful_names(written, Known(there, frozenset({*REGIONS, Region("eu-west-1"), Region("eu-west-2")})))
    if as_co_owner(loaded(as_meant, "b"), NO_NAMES).claim(resource, account, AT) is not None:
        assert as_co_owner(written, names).claim(resource, account, AT) is not None
