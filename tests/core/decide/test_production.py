"""Which accounts a person sees set off before they agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.decide.production import find_production
from orchestrator.core.model import Account, AccountId
from orchestrator.core.model.production import ProductionAccount
from orchestrator.core.policy.org_policy import OrgPolicy
from tests.support.builders import ACCOUNT, a_coverage, a_policy, an_account

OTHER = AccountId("222222222222")


def why(account: Account, policy: OrgPolicy | None = None) -> str:
    found = find_production((policy or a_policy()).production, {account.id}, (), (account,))
    return found[0].why if found else ""


@pytest.mark.parametrize(
    "name", ["prod", "shop-prod", "Production", "shop_PRD_eu", "shopProd", "eu.prod.2", "PRODshop 1"]
)
def test_an_account_looks_like_production_by_a_whole_word_of_its_name(name: str) -> None:
    assert bool(why(an_account(name=name))) is (name != "PRODshop 1")


@pytest.mark.parametrize("name", ["product-demo", "nonproduct", "reproduction", "dev", ""])
def test_a_word_that_only_contains_it_is_none(name: str) -> None:
    assert why(an_account(name=name)) == ""


def test_its_ou_and_its_tag_environment_tell_too() -> None:
    assert why(an_account(ou="/Workloads/Prod")) == "its OU /Workloads/Prod has the word Prod"
    assert why(an_account(tags={"environment": "production-eu"})) == "its tag environment has the word production"
    assert why(an_account(tags={"Team": "production"})) == ""


@pytest.mark.parametrize("name", ["nonprod", "non-prod", "NonProd", "pre-prod", "preprod", "not production"])
def test_what_is_named_as_no_production_is_not_taken_for_it(name: str) -> None:
    assert why(an_account(name=name)) == ""


def test_where_the_policy_names_production_nothing_else_is() -> None:
    policy = a_policy("""
        production:
          accounts: ["222222222222"]
          organizational_units: [/Live]
          account_tags: {Stage: ["live*"]}
    """)
    assert why(an_account(name="prod"), policy) == ""
    assert why(an_account(OTHER), policy) == "the policy names it under production"
    assert why(an_account(ou="/Live/Shop"), policy) == "the policy names its OU /Live"
    assert why(an_account(tags={"Stage": "live-2"}), policy) == "the policy names its tag Stage=live-2"


def test_by_the_coverage_alone_a_name_still_tells_and_what_the_plan_knew_is_not_taken_back() -> None:
    rows = (replace(a_coverage(account_id=ACCOUNT), account_name="prod"), a_coverage(account_id=OTHER))
    known = (ProductionAccount(OTHER, "its tag Environment has the word prod", declared=False),)
    found = find_production(None, {ACCOUNT, OTHER}, rows, (), known)
    assert [one.account_id for one in found] == [ACCOUNT, OTHER]
    assert find_production(None, {ACCOUNT}, rows, (), known) == found[:1]
