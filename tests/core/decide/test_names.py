"""Names in a policy that are names of nothing: which there are, what comes of each, and what is nearest."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide_all
from orchestrator.core.decide.guardrails import hold_against
from orchestrator.core.decide.known_names import Known
from orchestrator.core.decide.names import no_longer_resolved, regions_resolved, resolve_names, units_named
from orchestrator.core.model import (
    Account,
    AccountId,
    ApprovedPlan,
    Listed,
    NameEffect,
    Names,
    Organization,
    OrganizationalUnit,
    Region,
    UnresolvedName,
    unit_path,
)
from tests.support.builders import AT, a_plan, a_policy, a_resource, an_account
from tests.support.fake_world import MANAGEMENT, ONE, THREE, TWO
from tests.support.policies import load
from tests.support.strategies import policy_documents, quick

REGIONS = frozenset(map(Region, ("eu-central-1", "eu-west-1", "us-gov-west-1", "us-west-2")))
PROD_ID, DEV_ID = "ou-a1b2-00000001", "ou-a1b2-00000002"
WORKLOADS = OrganizationalUnit("ou-a1b2-00000000", "/Workloads")
PROD = OrganizationalUnit(PROD_ID, "/Workloads/Prod")
DEV = OrganizationalUnit(DEV_ID, "/Workloads/Dev")
EMPTY = OrganizationalUnit("ou-a1b2-00000009", "/Labs")
ORGANIZATION = Organization(
    "o-example",
    MANAGEMENT,
    (
        an_account(ONE, organizational_units=(WORKLOADS, DEV)),
        an_account(TWO, organizational_units=(WORKLOADS, PROD)),
    ),
    (WORKLOADS, PROD, DEV, EMPTY),
)


def resolved(
    body: str, organization: Organization = ORGANIZATION, listed_before: tuple[str, ...] = ()
) -> list[UnresolvedName]:
    known = Known(organization, REGIONS, Listed(frozenset(map(AccountId, listed_before))))
    return list(resolve_names(a_policy(body), known).unresolved)


def the_name(body: str, **more: object) -> UnresolvedName:
    (one,) = resolved(body, **more)  # type: ignore[arg-type]  # as resolved takes them
    return one


def rule(where: str) -> str:
    return f"rules: [{{name: one, where: {where}}}]"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "organization: {exclude: [/Workloads/Prod]}",
        "organization: {exclude: [/Labs]}",  # without an account in it
        "organization: {exclude: ['/*/Prod']}",
        "organization: {exclude: [/]}",
        f"organization: {{include: [/Workloads], exclude: [{PROD_ID}]}}",
        f"organization: {{exclude_accounts: ['{TWO}']}}",
        "regions: {exclude: [us-gov-*, us-west-2]}",
        rule(f"{{not: {{organizational_unit: [/Workloads/Prod, {PROD_ID}]}}}}"),
        rule(f"{{not: {{account: ['{TWO}', '2*']}}, region: 'eu-*'}}"),
    ],
)
def test_names_of_what_is_there_are_resolved(body: str) -> None:
    assert resolved(body) == []


@pytest.mark.parametrize(
    ("scope", "path", "nearest"),
    [
        ("{exclude: [/Workloads/Production]}", "organization.exclude[0]", f"/Workloads/Prod ({PROD_ID})"),
        ("{exclude: [/workloads/PROD]}", "organization.exclude[0]", f"/Workloads/Prod ({PROD_ID})"),
        ("{exclude: [/Platform/Prod]}", "organization.exclude[0]", f"/Workloads/Prod ({PROD_ID})"),
        ("{exclude: ['/Workloads/Prod*/A']}", "organization.exclude[0]", f"/Workloads/Prod ({PROD_ID})"),
        ("{exclude: [/Labs, ou-a1b2-0000000f]}", "organization.exclude[1]", None),
        (f"{{exclude_accounts: ['{THREE}']}}", "organization.exclude_accounts[0]", ""),
        ("{include: [/Workload]}", "organization.include[0]", "/Workloads (ou-a1b2-00000000)"),
        ("{include: [/Labs]}", "organization.include[0]", None),
    ],
)
def test_what_leaves_out_nothing_or_lets_in_nothing_holds_and_says_where_and_what_is_near(
    scope: str, path: str, nearest: str | None
) -> None:
    one = the_name(f"organization:\n  {scope}")
    assert (one.effect, one.path, one.line) == (NameEffect.HOLDS, path, 5)
    assert one.nearest == nearest or (nearest is None and one.nearest)


@pytest.mark.parametrize("name", ["/Labs", EMPTY.id])
def test_of_what_includes_nothing_the_nearest_is_another_one_that_has_accounts(name: str) -> None:
    one = the_name(f"organization: {{include: [{name}]}}")
    assert (
        "has no account in it, so the sweep is held: name an OU that has accounts in its place; the nearest is"
        in one.text
    )
    assert EMPTY.id not in one.nearest


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("organization: {exclude: [/Workloads/Lasb]}", "/Labs (ou-a1b2-00000009)"),
        ("organization: {exclude: [/Workloads/Dve]}", f"{DEV.path} ({DEV_ID})"),
        ("regions: {exclude: [eu-wset-1]}", "eu-west-1"),
    ],
)
def test_the_nearest_is_the_one_that_is_alike_in_its_last_name_or_by_letters_that_changed_places(
    written: str, nearest: str
) -> None:
    assert the_name(written).nearest == nearest


def test_regions_are_held_against_every_partition_and_hold_by_their_exclusions() -> None:
    one = the_name("regions: {exclude: [eu-*, us-wset-2, us-gov-*]}")
    assert (one.effect, one.path, one.nearest) == (NameEffect.HOLDS, "regions.exclude[1]", "us-west-2")
    one = the_name("regions: {include: [eu-central-1, eu-centrl-1]}")
    assert (one.effect, one.path, one.nearest) == (NameEffect.WARNS, "regions.include[1]", "eu-central-1")
    assert the_name("regions: {include: [EU-central-1]}").effect is NameEffect.HOLDS
    assert regions_resolved(a_policy("regions: {exclude: [eu-*]}"), REGIONS)
    assert not regions_resolved(a_policy(rule("{not: {region: mars-1}}")), REGIONS)


def test_an_include_that_is_dead_among_live_ones_only_warns() -> None:
    one = the_name("organization: {include: [/Workloads, /Gone]}")
    assert (one.effect, one.path) == (NameEffect.WARNS, "organization.include[1]")
    assert [one.effect for one in resolved("organization: {include: [/A, /B]}")] == [NameEffect.HOLDS] * 2


def test_an_account_that_left_is_no_reason_to_hold_and_one_that_never_was_is() -> None:
    scope = f"organization: {{exclude_accounts: ['{THREE}']}}"
    assert the_name(scope, listed_before=(THREE,)).effect is NameEffect.WARNS
    assert the_name(scope, listed_before=(ONE,)).effect is NameEffect.HOLDS
    condition = rule(f"{{not: {{account: '{THREE}'}}}}")
    assert the_name(condition, listed_before=(THREE,)).effect is NameEffect.WARNS
    assert the_name(condition).effect is NameEffect.UNKNOWN


def test_an_account_id_is_near_to_no_other_one() -> None:
    """Of random digits: the nearest is another team's, or the management account."""
    for body in (f"organization: {{exclude_accounts: ['{THREE}']}}", rule(f"{{not: {{account: '{ONE[:-1]}2'}}}}")):
        for before in ((), (THREE, f"{ONE[:-1]}2")):
            one = the_name(body, listed_before=before)
            assert one.nearest == ""
            assert "nearest" not in one.text


def test_what_the_policy_allows_is_reported_and_does_no_more() -> None:
    body = "unresolved_names: allow\norganization: {exclude: [/Gone]}\n" + rule("{not: {organizational_unit: /Gone}}")
    found = resolved(body)
    assert [one.effect for one in found] == [NameEffect.WARNS] * 2
    assert all("unresolved_names: allow" in one.text for one in found)


@pytest.mark.parametrize(
    ("where", "effect"),
    [
        ("{not: {organizational_unit: /Gone}}", NameEffect.UNKNOWN),
        ("{not: {any: [{tag: {A: b}}, {organizational_unit: [/Workloads, /Gone]}]}}", NameEffect.UNKNOWN),
        ("{not: {not: {organizational_unit: /Gone}}}", NameEffect.WARNS),
        ("{organizational_unit: /Gone}", NameEffect.WARNS),
        (f"{{not: {{account: '{THREE}'}}}}", NameEffect.UNKNOWN),
        ("{not: {region: mars-*}}", NameEffect.UNKNOWN),
        ("{region: mars-*}", NameEffect.WARNS),
    ],
)
def test_in_a_rule_a_dead_name_under_not_makes_its_condition_unknown(where: str, effect: NameEffect) -> None:
    one = the_name(rule(where))
    assert one.effect is effect
    assert one.path.startswith("rules[0].where.")


def verdicts(body: str) -> dict[str, tuple[str, str | None, str]]:
    """Of an instance each, tagged a or b, in the accounts ONE (/Workloads/Dev) and TWO (/Workloads/Prod)."""
    policy = a_policy(body)
    resources = [
        a_resource(f"i-{account_id[0]}{tag}", account_id, tags={"Team": tag})
        for account_id in (ONE, TWO)
        for tag in "ab"
    ]
    accounts: dict[AccountId, Account] = {one.id: one for one in ORGANIZATION.accounts}
    names = resolve_names(policy, Known(ORGANIZATION, REGIONS))
    decisions = decide_all(policy.with_unresolved(names), resources, accounts, AT)
    return {one.resource.resource_id: (one.verdict.value, one.rule, one.reason) for one in decisions}


def test_a_named_condition_is_judged_by_where_it_is_used_and_reported_once() -> None:
    body = "conditions: {gone: {organizational_unit: /Gone}}\nrules:\n"
    use, spare = "  - {name: a, where: {condition: gone}}\n", "  - {name: b, where: {not: {condition: gone}}}\n"
    assert [one.effect for one in resolved(body + use)] == [NameEffect.WARNS]
    for rules in (use + spare, spare + use):
        one = the_name(body + rules)
        assert (one.effect, one.path) == (NameEffect.UNKNOWN, "conditions.gone.organizational_unit")
    policy = a_policy(body + spare)
    [decision] = decide_all(
        policy.with_unresolved(resolve_names(policy, Known(ORGANIZATION, REGIONS))),
        [a_resource(account_id=ONE)],
        {ORGANIZATION.accounts[0].id: ORGANIZATION.accounts[0]},
        AT,
    )
    assert decision.reason == (
        "Rule b may own it, but that depends on what is unknown: its organizational_unit ('/Gone' is unresolved)."
    )


def test_the_name_of_an_account_is_resolved_as_others_are() -> None:
    assert resolved(rule(f"{{not: {{account_name: [account-{ONE}, '*']}}}}")) == []
    one = the_name(rule(f"{{not: {{account_name: acount-{TWO}}}}}"))
    assert (one.effect, one.word, one.nearest) == (NameEffect.UNKNOWN, "account_name", f"account-{TWO}")
    assert one.detail.startswith("is the name of no account, so its condition is unknown")


def test_what_a_rule_could_own_is_kept_and_reported_and_other_rules_are_followed() -> None:
    found = verdicts(
        """
        rules:
          - {name: first, where: {tag: {Team: a}, not: {organizational_unit: [/Workloads/Dev, /Workloads/Production]}}}
          - {name: second, where: {tag: {Team: b}}}
        """
    )
    assert [found[one][:2] for one in ("i-1a", "i-1b", "i-2b")] == [
        ("keep", None),  # the name that is there is known to hold
        ("stop", "second"),
        ("stop", "second"),
    ]
    verdict, owner, reason = found["i-2a"]
    assert (verdict, owner) == ("keep", "first")
    assert "organizational_unit ('/Workloads/Production' is unresolved)" in reason


def test_a_dead_name_in_a_rule_that_shields_by_its_schedule_opens_nothing_to_the_rules_below() -> None:
    found = verdicts(
        """
        schedules: {always: {timezone: UTC, running: ["daily 00:00-24:00"]}}
        rules:
          - {name: production, where: {organizational_unit: /Workloads/Production}, schedule: always}
          - {name: rest, where: everything}
        """
    )
    assert {verdict for verdict, _, _ in found.values()} == {"keep"}


def test_an_include_that_is_gone_is_never_to_be_taken_out_as_that_would_include_everything() -> None:
    for name in (GONE_ID, "/Prod"):
        (one,) = made_again(f"organization: {{include: ['{name}']}}", {name: {GONE_ID}})
        assert "is no OU of the organization" in one.text
        assert "name an OU that has accounts in its place" in one.text
        assert "take it out" not in one.text


def test_the_guardrail_names_each_with_its_place_line_and_nearest_and_holds_for_good() -> None:
    policy = a_policy("organization: {exclude: [/Workloads/Production]}")
    names = resolve_names(policy, Known(ORGANIZATION, REGIONS))
    held = hold_against(a_plan(), policy.guardrails, lambda: None, names=names)
    assert not isinstance(held, ApprovedPlan)
    (row,) = held.guardrails
    assert (row.name, row.limit, row.actual, row.passed) == ("names_resolved", 0, 1, False)
    for part in ("organization.exclude[0]", "line 4", "'/Workloads/Production'", f"/Workloads/Prod ({PROD_ID})"):
        assert part in row.detail
    assert not isinstance(hold_against(a_plan(), policy.guardrails, lambda: None, held.guardrails), ApprovedPlan)


def test_warnings_hold_nothing_and_are_in_the_row() -> None:
    names = Names((the_name("organization: {include: [/Workloads, /Gone]}"),))
    approved = hold_against(a_plan(), a_policy().guardrails, lambda: None, names=names)
    assert isinstance(approved, ApprovedPlan)
    assert [(row.name, row.passed) for row in approved.guardrails] == [("names_resolved", True)]


def test_an_ou_with_a_slash_in_its_name_is_not_taken_for_a_nested_one() -> None:
    slashed = OrganizationalUnit("ou-a1b2-0000000c", unit_path("", "Workloads/Stage"))
    organization = replace(ORGANIZATION, units=(*ORGANIZATION.units, slashed))
    one = the_name("organization: {exclude: [/Workloads/Stage]}", organization=organization)
    assert (one.effect, one.nearest) == (NameEffect.HOLDS, r"/Workloads\/Stage (ou-a1b2-0000000c)")
    assert resolved(r"organization: {exclude: ['/Workloads\/Stage', ou-a1b2-0000000c]}", organization) == []


def test_an_ou_that_was_renamed_since_the_plan_is_told() -> None:
    policy = a_policy("organization: {exclude: [/Workloads/Prod, /Gone]}\n" + rule("{organizational_unit: /Labs}"))
    frozen = resolve_names(policy, Known(ORGANIZATION, REGIONS))
    renamed = replace(PROD, path="/Workloads/Production")
    now = replace(ORGANIZATION, accounts=ORGANIZATION.accounts[:1], units=(WORKLOADS, renamed, DEV))
    assert [one.name for one in no_longer_resolved(policy, Known(now), frozen).unresolved] == ["/Workloads/Prod"]
    assert no_longer_resolved(policy, Known(ORGANIZATION), frozen) == Names()


def made_again(
    body: str, before: dict[str, set[str]], units: tuple[OrganizationalUnit, ...] = (WORKLOADS, PROD, DEV, EMPTY)
) -> list[UnresolvedName]:
    """With what earlier listings had by each name."""
    accounts = tuple(
        replace(one, organizational_units=tuple(unit for unit in one.organizational_units if unit in units))
        for one in ORGANIZATION.accounts
    )
    named_before = {name: frozenset(ids) for name, ids in before.items()}
    known = Known(replace(ORGANIZATION, accounts=accounts, units=units), REGIONS, Listed(units=named_before))
    return list(resolve_names(a_policy(body), known).unresolved)


GONE_ID = "ou-a1b2-0000000d"


@pytest.mark.parametrize(
    ("body", "name", "effect"),
    [
        ("organization: {exclude: [/Workloads/Prod]}", "/Workloads/Prod", NameEffect.HOLDS),
        ("organization: {exclude: ['/Workloads/Prod*']}", "/Workloads/Prod*", NameEffect.HOLDS),
        (f"organization: {{exclude: [/Workloads/Prod, {PROD_ID}]}}", "/Workloads/Prod", NameEffect.HOLDS),
        ("organization: {include: [/Workloads/Dev, /Workloads/Prod]}", "/Workloads/Prod", NameEffect.HOLDS),
        (rule("{not: {organizational_unit: '/Workloads/P*'}}"), "/Workloads/P*", NameEffect.UNKNOWN),
        (rule("{organizational_unit: /Workloads/Prod}"), "/Workloads/Prod", NameEffect.UNKNOWN),
    ],
)
def test_a_path_of_an_ou_that_is_gone_is_not_taken_for_the_one_that_was_made_again(
    body: str, name: str, effect: NameEffect
) -> None:
    (one,) = made_again(body, {name: {GONE_ID, PROD_ID}})
    assert (one.name, one.effect) == (name, effect)
    assert f"was the name of {GONE_ID}, which is gone" in one.text
    assert f"put the id of what you mean in its place ({PROD_ID})" in one.text
    assert one.nearest == f"/Workloads/Prod ({PROD_ID})"
    assert "exclude_accounts" in one.text or "include" in one.path or "not" not in body
    allowed = made_again(f"{body}\nunresolved_names: allow", {name: {GONE_ID, PROD_ID}})
    assert [one.effect for one in allowed] == [NameEffect.WARNS]


@pytest.mark.parametrize(
    "body",
    [
        f"organization: {{exclude: [{PROD_ID}], exclude_accounts: ['{ONE}']}}",  # a person looked
        "organization: {include: ['/Workloads/*']}",  # a pattern lets in what comes
        rule("{organizational_unit: '/Workloads/*'}"),
        rule(f"{{not: {{organizational_unit: {PROD_ID}}}}}"),
    ],
)
def test_an_id_in_place_of_the_path_ends_the_hold_and_a_pattern_lets_in_what_comes(body: str) -> None:
    assert made_again(body, {"/Workloads/Prod": {GONE_ID}, "/Workloads/*": {GONE_ID}, PROD_ID: {PROD_ID}}) == []


def test_one_of_those_that_a_pattern_spared_and_that_is_gone_holds_too() -> None:
    """What was in it was moved out before, as AWS deletes only what is empty."""
    (one,) = made_again("organization: {exclude: ['/Workloads/*']}", {"/Workloads/*": {GONE_ID, PROD_ID, DEV_ID}})
    assert one.effect is NameEffect.HOLDS
    assert f"{PROD_ID}, {DEV_ID}" in one.text


@pytest.mark.parametrize(
    ("name", "before", "words"),
    [
        ("/Prod", {PROD_ID}, f"is no OU of the organization, and was the name of {PROD_ID}, which is {PROD.path} now"),
        ("/Prod", {PROD_ID}, f"put the id of what you mean in its place ({PROD_ID})"),
        ("/Prod", {PROD_ID}, f"the nearest is {PROD.path} ({PROD_ID})"),
        ("/Prod", {GONE_ID}, f"and was the name of {GONE_ID}, which is gone, so the sweep is held: take it out"),
        (GONE_ID, {GONE_ID}, "is no OU of the organization any more, so the sweep is held: take it out"),
        (GONE_ID, {GONE_ID}, "exclude what of it is to be spared"),
    ],
)
def test_a_name_that_matches_nothing_any_more_says_what_it_was_the_name_of(
    name: str, before: set[str], words: str
) -> None:
    (one,) = made_again(f"organization: {{exclude: ['{name}']}}", {name: before})
    assert words in one.text


def test_a_rule_whose_own_ou_is_gone_only_warns() -> None:
    assert [one.effect for one in made_again(rule("{organizational_unit: /Gone}"), {"/Gone": {GONE_ID}})] == [
        NameEffect.WARNS
    ]


def test_two_ous_that_swapped_their_names_hold_unless_what_had_the_name_is_spared_anyway() -> None:
    swapped = (WORKLOADS, replace(PROD, path=DEV.path), replace(DEV, path=PROD.path))
    before = {PROD.path: {PROD_ID}, DEV.path: {DEV_ID}}
    (one,) = made_again(f"organization: {{exclude: [{PROD.path}]}}", before, swapped)
    assert f"was the name of {PROD_ID}, which is {DEV.path} now" in one.text
    for spared in (
        f"[{PROD.path}, {PROD_ID}]",
        f"[{PROD_ID}]",
        f"[{PROD.path}, {DEV.path}]",
        f"[{PROD.path}, {WORKLOADS.id}]",
    ):
        assert made_again(f"organization: {{exclude: {spared}}}", before, swapped) == []


SPELLINGS = ("/Workloads/Prod", "/Workloads/Prod/", "//Workloads//Prod", "/Workloads//Prod//", "/[W]orkloads/[P]ro[d]")


@pytest.mark.parametrize("written", SPELLINGS)
@pytest.mark.parametrize("remembered", SPELLINGS)
def test_what_a_path_stood_for_is_known_by_every_spelling_of_it(written: str, remembered: str) -> None:
    swapped = (WORKLOADS, replace(PROD, path=DEV.path), replace(DEV, path=PROD.path))
    named = units_named(a_policy(f"organization: {{exclude: ['{remembered}']}}"), ORGANIZATION)
    before = {name: set(ids) for name, ids in named.items()}
    (one,) = made_again(f"organization: {{exclude: ['{written}']}}", before, swapped)
    assert (one.effect, one.name) == (NameEffect.HOLDS, written)
    assert f"was the name of {PROD_ID}, which is {DEV.path} now" in one.text


@pytest.mark.parametrize("remembered", SPELLINGS[1:4])
def test_what_an_earlier_release_remembered_by_the_text_in_a_policy_is_known_too(remembered: str) -> None:
    (one,) = made_again(f"organization: {{exclude: [{PROD.path}]}}", {remembered: {GONE_ID}, PROD.path: {PROD_ID}})
    assert f"was the name of {GONE_ID}, which is gone" in one.text


def test_another_path_that_a_pattern_matches_is_no_spelling_of_it() -> None:
    old, older = OrganizationalUnit(DEV_ID, "/Old [2]"), OrganizationalUnit(PROD_ID, "/Old 2")
    organization = replace(ORGANIZATION, accounts=(), units=(old, older))
    named = units_named(a_policy("organization: {exclude: ['/Old [2]']}"), organization)
    assert named == {"/Old [2]": {DEV_ID, PROD_ID}, "/Old 2": {PROD_ID}}
    before = {name: set(ids) for name, ids in named.items()}
    assert made_again("organization: {exclude: ['/Old 2']}", before, (old, older)) == []


@quick
@given(document=policy_documents(), ids=st.booleans())
def test_no_policy_and_no_organization_ends_in_an_error_and_each_name_has_a_line(document: object, ids: bool) -> None:
    policy = load(yaml.safe_dump(document))
    for one in resolve_names(policy, Known(ORGANIZATION if ids else Organization("o", MANAGEMENT, ()))).unresolved:
        assert one.line in range(1, policy.text.count("\n") + 1)
        assert repr(one.name) in one.text
        assert policy.text.splitlines()[one.line - 1]
