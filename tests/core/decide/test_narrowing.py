"""Narrowing only narrows: whatever is named, nothing more is read, and nothing more is acted on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.narrowing import (
    is_in,
    narrow_decisions,
    narrow_organization,
    organization_problems,
    policy_to_read,
)
from orchestrator.core.decide.scope import region_in_scope
from orchestrator.core.model import AccountId, Decisions, Narrowing, Organization, Region, Verdict
from tests.support.builders import a_decision, a_policy, a_resource, a_unit, an_account
from tests.support.strategies import quick

POLICY = a_policy(
    """
    regions: {include: ["eu-*"], exclude: [eu-west-2]}
    rules:
      - {name: a, kinds: [ec2], where: everything}
      - {name: b, kinds: [rds], where: everything}
    """
)
ONE, TWO = "111111111111", "222222222222"
REGIONS = ("eu-west-1", "eu-west-2", "us-east-1")
ARNS = [a_resource("i-1", account, region).arn for account in (ONE, TWO) for region in REGIONS]


def some(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


narrowings = st.builds(
    Narrowing, some([ONE, TWO]), some(["/Dev", "/Prod", "/*"]), some([*REGIONS]), some(["a", "b"]), some(["i-1", *ARNS])
)
ACCOUNTS = (an_account(ONE, "/Dev"), an_account(TWO, "/Prod"))
ORGANIZATION = Organization("o-1", AccountId(ONE), ACCOUNTS)


@quick
@given(narrowing=narrowings)
def test_no_region_kind_account_or_action_is_there_that_was_not_before(narrowing: Narrowing) -> None:
    to_read = policy_to_read(narrowing, POLICY)
    for region in map(Region, REGIONS):
        assert region_in_scope(POLICY.regions, region) or not region_in_scope(to_read.regions, region)
    assert to_read.kinds <= POLICY.kinds
    assert all(one in ACCOUNTS for one in narrow_organization(narrowing, ORGANIZATION).accounts)
    before = Decisions(
        tuple(
            a_decision(a_resource(f"i-{number}", ONE, "eu-west-1"), verdict, rule=rule)
            for number, (verdict, rule) in enumerate([(one, rule) for one in Verdict for rule in ("a", "b", None)])
        )
    )
    after = narrow_decisions(narrowing, POLICY, before)
    for was, now in zip(before.decisions, after.decisions, strict=True):
        assert now == was or (now.verdict is Verdict.KEEP and was.verdict is not Verdict.KEEP)
        assert (now.resource, now.rule) == (was.resource, was.rule)


@quick
@given(narrowing=narrowings)
def test_what_one_part_leaves_out_no_other_part_brings_back(narrowing: Narrowing) -> None:
    for account in ACCOUNTS:
        alone = [Narrowing(**{name: tuple(texts)}) for name, texts in narrowing.as_item().items()]
        assert is_in(narrowing, account) <= all(is_in(one, account) for one in alone)


def test_parts_that_have_nothing_in_common_leave_nothing_and_not_everything() -> None:
    apart = Narrowing(accounts=(ONE,), regions=("eu-west-1",), resources=(a_resource("i-1", TWO, "eu-west-2").arn,))
    assert narrow_organization(apart, ORGANIZATION).accounts == ()
    assert not any(region_in_scope(policy_to_read(apart, POLICY).regions, Region(one)) for one in REGIONS)


@given(narrowing=narrowings)
@quick
def test_an_item_of_the_ledger_gives_back_the_narrowing(narrowing: Narrowing) -> None:
    assert Narrowing.from_item(narrowing.as_item()) == narrowing
    assert bool(narrowing) is bool(narrowing.text)


def test_without_narrowing_everything_is_as_it_was() -> None:
    none = Narrowing.from_item(None)
    assert not none
    assert policy_to_read(none, POLICY) is POLICY
    assert narrow_organization(none, ORGANIZATION) is ORGANIZATION
    assert organization_problems(none, Organization("o-1", AccountId(ONE), ())) == ()


@pytest.mark.parametrize(
    ("unit", "problem"),
    [
        ("/Empty", "--organizational-unit /Empty: no account of o-1 is in or below such an OU"),
        ("/Devv", "--organizational-unit /Devv: no account of o-1 is in or below such an OU (did you mean /Dev?)"),
        ("/Dev", None),
        ("/De*", None),
        ("/", None),
    ],
)
def test_an_ou_without_accounts_or_that_is_not_there_is_refused_with_the_nearest_that_has_some(
    unit: str, problem: str | None
) -> None:
    organization = Organization("o-1", AccountId(ONE), ACCOUNTS, (a_unit("/Empty"), a_unit("/Dev")))
    found = organization_problems(Narrowing(organizational_units=(unit,)), organization)
    assert found == (() if problem is None else (problem,))
