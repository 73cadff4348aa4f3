"""What a compliance report says: missing tags on what runs, and opt-outs that someone should look at."""

from __future__ import annotations

from datetime import date

import pytest

from orchestrator.core.decide.compliance import Asked, violations
from orchestrator.core.model import ALL_REGIONS, Account, Resource, Violation
from orchestrator.core.model.marks import ORDER_TAG
from orchestrator.core.policy.required_tags import RequiredTag
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, REASON_TAG
from tests.support.builders import ACCOUNT, REGION, a_resource, a_unit, an_account

TODAY = date(2026, 11, 23)
OWNER_NEEDED = Asked((RequiredTag("Owner"),))
WITHOUT_REASON = f"{OPT_OUT_TAG}=2026-12-31 has no {REASON_TAG}"


def found(
    *resources: Resource, accounts: tuple[Account, ...] = (), required: tuple[str, ...] = ()
) -> list[tuple[str, str, str, str]]:
    rows = violations(resources, accounts, Asked(tuple(map(RequiredTag, required))), TODAY)
    return [(row.region, row.resource_id, row.violation, row.detail) for row in rows]


@pytest.mark.parametrize(
    ("tags", "missing"),
    [
        ({"Owner": "me", "CostCenter": "cc-1"}, []),
        ({"Owner": "me"}, ["the tag CostCenter is missing"]),
        ({}, ["the tag CostCenter is missing", "the tag Owner is missing"]),
        ({"Owner": "", "CostCenter": "  "}, ["the tag CostCenter is empty", "the tag Owner is empty"]),
        ({"owner": "me", "CostCenter": "cc-1"}, ["the tag Owner is missing"]),
    ],
)
def test_each_required_tag_that_is_missing_or_empty_is_a_violation(tags: dict[str, str], missing: list[str]) -> None:
    rows = found(a_resource("i-1", tags=tags), required=("Owner", "CostCenter"))
    assert rows == [(REGION, "i-1", "missing_required_tag", detail) for detail in missing]


def test_without_required_tags_an_untagged_resource_is_compliant() -> None:
    assert found(a_resource()) == []


def test_an_opt_out_on_a_resource_is_reported_at_that_resource() -> None:
    assert found(a_resource("i-1", tags={OPT_OUT_TAG: "2026-12-31"})) == [
        (REGION, "i-1", "opt_out_without_reason", WITHOUT_REASON)
    ]


def test_an_opt_out_on_what_is_down_is_reported_too_but_no_tag_that_it_lacks() -> None:
    down = a_resource("i-1", tags={"stop-orchestrator:optout": "true"})
    [row] = violations((), (), OWNER_NEEDED, TODAY, down=[down])
    assert (row.resource_id, row.violation) == ("i-1", "misspelt_opt_out_key")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("stop-orchestrator:stop-after", "no rule with a `notice` owns it, so it announces nothing: write `"),
        ("stop-orchestrator:stop_after", "the nearest one is `stop-orchestrator:stop-after`"),
        ("stop-orchestrator:optout", "the nearest one is `stop-orchestrator:opt-out`"),
    ],
)
def test_what_is_said_of_a_key_that_spares_for_good_is_what_it_was_meant_for(key: str, said: str) -> None:
    [(_, _, violation, detail), *_] = found(a_resource(tags={key: "2020-01-01"}))
    assert violation == "misspelt_opt_out_key"
    assert said in detail


def test_an_opt_out_on_an_account_or_ou_is_reported_for_the_account_and_names_its_carrier() -> None:
    tags = {OPT_OUT_TAG: "2026-12-31"}
    account = an_account(tags=tags, organizational_units=(a_unit("/A", tags), a_unit("/A/B")))
    assert found(accounts=(account,)) == [
        ("*", "/A", "opt_out_without_reason", WITHOUT_REASON),
        ("*", ACCOUNT, "opt_out_without_reason", WITHOUT_REASON),
    ]


def test_an_ous_opt_out_counts_for_each_account_below_it() -> None:
    unit = a_unit("/A", {OPT_OUT_TAG: "true", REASON_TAG: "labs"})
    accounts = tuple(an_account(one, organizational_units=(unit,)) for one in ("222222222222", "111111111111"))
    name = "never_ending_opt_out"
    assert violations((), accounts, Asked(), TODAY) == tuple(
        Violation(
            account.id,
            ALL_REGIONS,
            "/A",
            name,
            f"{OPT_OUT_TAG}=true has no end",
            "*",
            "organizational_unit",
            account.name,
        )
        for account in reversed(accounts)
    )


def test_a_row_says_whose_tags_it_is_about() -> None:
    unit, malformed = a_unit("/A", {OPT_OUT_TAG: "2020-01-01"}), {OPT_OUT_TAG: "yes"}
    account = an_account(organizational_units=(unit,), tags=malformed)
    rows = violations((a_resource("i-1", tags=malformed),), (account,), OWNER_NEEDED, TODAY)
    carriers = {row.resource_id: row.carrier for row in rows}
    assert carriers == {"/A": "organizational_unit", account.id: "account", "i-1": "resource"}


def test_rows_are_sorted_by_account_region_resource_and_violation_whatever_the_order_of_reading() -> None:
    resources = [
        a_resource(one, account, region, tags={OPT_OUT_TAG: "yes"})
        for account in ("222222222222", "111111111111")
        for region in ("us-east-1", "eu-west-1")
        for one in ("i-2", "i-1")
    ]
    rows = violations(resources, (), OWNER_NEEDED, TODAY)
    assert rows == violations(resources[::-1], (), OWNER_NEEDED, TODAY)
    keys = [(row.account_id, row.region, row.resource_id, row.violation) for row in rows]
    assert keys == sorted(keys)
    assert len(keys) == 8 * 3


def test_a_malformed_number_in_the_order_is_reported_also_of_what_is_down() -> None:
    said = f"{ORDER_TAG}=first is no whole number from 0 to 1000, such as {ORDER_TAG}=20; it is kept until mended"
    wrong, right = a_resource("i-1", tags={ORDER_TAG: "first"}), a_resource("i-2", tags={ORDER_TAG: "7"})
    assert found(wrong, right) == [(REGION, "i-1", "malformed_order_tag", said)]
    assert [row.detail for row in violations((), (), OWNER_NEEDED, TODAY, down=[wrong])] == [said]
