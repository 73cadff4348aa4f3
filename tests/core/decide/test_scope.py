"""Which accounts and regions are looked at; and a row with its reason for each that is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.scope import (
    accounts_in_scope,
    accounts_not_opted_out,
    coverage_row,
    region_in_scope,
    unlisted_regions,
)
from orchestrator.core.model import (
    ALL_REGIONS,
    Account,
    AwsError,
    Coverage,
    Organization,
    OrganizationalUnit,
    Region,
    TargetStatus,
)
from orchestrator.core.policy.schema.scope import OrganizationScope, RegionScope
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, PROTECTED_TAG, REASON_TAG
from tests.support.builders import ACCOUNT, a_unit, an_account
from tests.support.strategies import OPT_OUT_VALUES, OU_PATHS, quick

TODAY = date(2026, 11, 23)
DENIED = AwsError("AccessDeniedException", "no")


def left_out(account: Account, **scope: Any) -> Coverage | None:
    """Why the account is not in scope; None when it is."""
    organization = Organization("o-example", ACCOUNT, (account,))
    selection = accounts_in_scope(OrganizationScope(**scope), organization)
    assert len(selection.accounts) + len(selection.left_out) == 1
    return selection.left_out[0] if selection.left_out else None


def spared(account: Account) -> Coverage | None:
    selection = accounts_not_opted_out((account,), TODAY)
    assert len(selection.accounts) + len(selection.left_out) == 1
    return selection.left_out[0] if selection.left_out else None


@pytest.mark.parametrize("ou", ["/", "/Dev", "/Dev/Team"])
def test_without_a_scope_every_active_member_account_is_looked_at(ou: str) -> None:
    assert left_out(an_account(ou=ou)) is None


def test_an_ou_is_included_and_excluded_by_its_id_too() -> None:
    account = replace(an_account(), organizational_units=(OrganizationalUnit("ou-a1b2-c3d4e5f6", "/Renamed"),))
    assert left_out(account, include=["ou-a1b2-c3d4e5f6"]) is None
    assert left_out(account, include=["ou-a1b2-00000000"]) is not None
    assert left_out(account, exclude=["ou-a1b2-c3d4e5f6"]) is not None
    assert left_out(account, exclude=["ou-a1b2-00000000"]) is None


@pytest.mark.parametrize(
    ("ou", "included"),
    [
        ("/Dev", True),
        ("/Dev/Team/Sub", True),
        ("/Labs/A", True),
        ("/Developers", False),
        ("/", False),
        ("/A/Dev", False),
    ],
)
def test_included_ous_hold_what_is_below_them_and_nothing_else(ou: str, included: bool) -> None:
    row = left_out(an_account(ou=ou), include=("/Dev", "/Labs"))
    assert (row is None) is included
    if row is not None:
        assert (row.status, row.detail) == (
            TargetStatus.EXCLUDED,
            "it is in none of the OUs that the policy includes",
        )


@pytest.mark.parametrize(
    ("ou", "excluded"),
    [("/Labs", False), ("/Labs/Always-On", True), ("/Labs/Always-On/A", True), ("/Labs/Always", False)],
)
def test_an_excluded_ou_leaves_out_what_is_below_it_even_inside_an_included_one(ou: str, excluded: bool) -> None:
    row = left_out(an_account(ou=ou), include=("/Labs",), exclude=("/Labs/Always-On",))
    assert (row is not None) is excluded
    if row is not None:
        assert (row.status, row.detail) == (TargetStatus.EXCLUDED, "the policy excludes the OU /Labs/Always-On")


def test_an_excluded_ou_with_brackets_in_its_name_is_left_out() -> None:
    row = left_out(an_account(ou="/Keep [always]/A"), exclude=("/Keep [always]",))
    assert row is not None
    assert row.status is TargetStatus.EXCLUDED


def test_an_account_of_which_nobody_can_say_where_it_is_failed_and_is_not_called_excluded() -> None:
    lost = an_account(units_error=AwsError("AccountMoved", "somewhere"))
    for scope in ({}, {"include": ("/Dev",)}, {"exclude": ("/",)}):
        row = left_out(lost, **scope)
        assert row is not None
        assert (row.status, row.ou_path) == (TargetStatus.FAILED, "(unknown)")
        assert row.detail == ("where it is in the organization is not known, so it is kept: AccountMoved: somewhere")
    closed = left_out(replace(lost, state="SUSPENDED"))
    named = left_out(lost, exclude_accounts=(ACCOUNT,))
    assert [row.status for row in (closed, named) if row] == [TargetStatus.SUSPENDED, TargetStatus.EXCLUDED]


def test_an_excluded_account_is_left_out_wherever_it_is() -> None:
    row = left_out(an_account(ou="/Dev"), include=("/Dev",), exclude_accounts=(ACCOUNT,))
    assert row == coverage_row(
        an_account(ou="/Dev"), ALL_REGIONS, TargetStatus.EXCLUDED, "the policy names it under exclude_accounts"
    )
    assert left_out(an_account(), exclude_accounts=("999999999999",)) is None


def test_the_management_account_is_left_out_unless_the_policy_asks_for_it() -> None:
    management = an_account(is_management=True)
    row = left_out(management)
    assert row is not None
    assert row.status is TargetStatus.EXCLUDED
    assert row.detail.endswith("unless the policy says include_management_account: true")
    assert left_out(management, include_management_account=True) is None
    assert left_out(management, include_management_account=True, exclude_accounts=(ACCOUNT,)) is not None


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "PENDING_ACTIVATION", "CLOSED", "active"])
def test_an_account_that_is_not_active_is_not_read_and_its_state_is_named(state: str) -> None:
    row = left_out(an_account(state=state))
    assert row is not None
    assert (row.status, row.region, row.detail) == (
        TargetStatus.SUSPENDED,
        ALL_REGIONS,
        f"the account's state is {state}",
    )


def test_an_account_whose_state_aws_did_not_say_is_a_hole_in_the_coverage() -> None:
    row = left_out(an_account(state=None))
    assert row is not None
    assert (row.status, row.detail) == (
        TargetStatus.FAILED,
        "AWS Organizations did not say the account's state",
    )


def test_a_suspended_account_that_is_excluded_anyway_is_excluded() -> None:
    row = left_out(an_account(state="SUSPENDED"), exclude_accounts=(ACCOUNT,))
    assert row is not None
    assert row.status is TargetStatus.EXCLUDED


def test_a_row_without_a_detail_has_an_empty_one() -> None:
    assert coverage_row(an_account(), Region("a"), TargetStatus.SCANNED).detail == ""


def test_a_row_names_the_account_its_name_and_its_ou() -> None:
    row = left_out(an_account(ou="/Dev/Team", name="shop"), include=("/Prod",))
    assert row is not None
    assert (row.account_id, row.account_name, row.ou_path, row.region) == (ACCOUNT, "shop", "/Dev/Team", ALL_REGIONS)


@pytest.mark.parametrize("value", ["true", "2026-11-23", "2026-12-31", "yes", ""])
def test_an_account_that_opted_out_is_never_read(value: str) -> None:
    row = spared(an_account(tags={OPT_OUT_TAG: value, REASON_TAG: "demo"}))
    assert row is not None
    assert row.exemption is not None
    assert (row.status, row.region, row.exemption.value) == (TargetStatus.OPTED_OUT, ALL_REGIONS, value)
    assert row.detail.startswith(f"The tag {OPT_OUT_TAG}={value} on the account {ACCOUNT}")
    assert row.detail.endswith("(reason: demo).")


@pytest.mark.parametrize("tags", [{OPT_OUT_TAG: "true"}, {PROTECTED_TAG: ""}])
def test_an_opt_out_on_any_ou_above_spares_the_account(tags: dict[str, str]) -> None:
    for units in ((a_unit("/A", tags), a_unit("/A/B")), (a_unit("/A"), a_unit("/A/B", tags))):
        row = spared(an_account(organizational_units=units))
        assert row is not None
        assert row.status is TargetStatus.OPTED_OUT
        assert row.exemption is not None
        assert row.exemption.source == "organizational_unit"


@pytest.mark.parametrize("tags", [{}, {"Owner": "me"}, {OPT_OUT_TAG: "2026-11-22", REASON_TAG: "demo"}])
def test_an_account_without_an_opt_out_or_with_one_that_is_over_is_read(tags: dict[str, str]) -> None:
    assert spared(an_account(tags=tags, organizational_units=(a_unit("/A", tags),))) is None


@pytest.mark.parametrize(
    "account",
    [
        an_account(tags_error=DENIED),
        an_account(organizational_units=(a_unit("/A", tags_error=DENIED), a_unit("/A/B"))),
        an_account(organizational_units=(a_unit("/A"), a_unit("/A/B", tags_error=DENIED))),
    ],
    ids=["its own", "the outer OU's", "the inner OU's"],
)
def test_an_account_whose_opt_out_tags_could_not_be_read_is_kept_and_is_a_hole(account: Account) -> None:
    row = spared(account)
    assert row is not None
    assert (row.status, row.region, row.exemption) == (TargetStatus.FAILED, ALL_REGIONS, None)
    assert row.detail == "its opt-out tags could not be read, so it is kept: AccessDeniedException: no"


@pytest.mark.parametrize(
    ("include", "exclude", "region", "in_scope"),
    [
        (("*",), (), "eu-west-1", True),
        (("*",), ("us-west-*",), "us-west-2", False),
        (("*",), ("us-west-*",), "us-east-1", True),
        (("eu-*", "us-east-1"), (), "us-east-1", True),
        (("eu-*", "us-east-1"), (), "us-east-2", False),
        (("eu-central-1",), ("eu-*",), "eu-central-1", False),
        (("eu-central-?",), (), "eu-central-2", True),
        (("EU-*",), (), "eu-central-2", False),
        (("eu-central",), (), "eu-central-1", False),
    ],
)
def test_a_region_is_in_scope_when_it_is_included_and_not_excluded(
    include: tuple[str, ...], exclude: tuple[str, ...], region: str, in_scope: bool
) -> None:
    assert region_in_scope(RegionScope(include=include, exclude=exclude), Region(region)) is in_scope


@pytest.mark.parametrize(
    ("include", "exclude", "listed", "known", "unlisted"),
    [
        (("*",), (), ["a", "b"], ["a", "b"], []),
        (("*",), (), ["a"], ["c", "b", "a"], ["b", "c"]),
        (("*",), ("b",), ["a"], ["a", "b"], []),
        (("a*", "me-south-1"), (), ["a1"], ["a1", "b1"], ["me-south-1"]),
        (("me-south-1",), ("me-*",), [], [], []),
        (("me-south-1",), (), ["me-south-1"], ["me-south-1"], []),
        (("me-?",), (), [], [], []),
    ],
)
def test_regions_that_exist_for_others_or_that_the_policy_names_but_are_not_listed_are_found(
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    listed: list[Region],
    known: list[Region],
    unlisted: list[Region],
) -> None:
    assert unlisted_regions(RegionScope(include=include, exclude=exclude), listed, known) == tuple(unlisted)


accounts = st.builds(
    an_account,
    account_id=st.integers(0, 10**12 - 1).map("{:012}".format),
    ou=st.sampled_from(OU_PATHS),
    state=st.sampled_from(["ACTIVE", "SUSPENDED", None]),
    is_management=st.booleans(),
    tags=st.dictionaries(st.just(OPT_OUT_TAG), st.sampled_from(OPT_OUT_VALUES)),
    tags_error=st.none() | st.just(DENIED),
)


@quick
@given(
    everyone=st.lists(accounts, unique_by=lambda account: account.id),
    include=st.lists(st.sampled_from(OU_PATHS), max_size=2).map(tuple),
    exclude=st.lists(st.sampled_from(OU_PATHS[1:]), max_size=2).map(tuple),
)
def test_every_account_ends_either_in_the_selection_or_in_a_row_and_only_sound_ones_are_read(
    everyone: list[Account], include: tuple[str, ...], exclude: tuple[str, ...]
) -> None:
    scope = OrganizationScope.model_construct(include=include, exclude=exclude)
    in_scope = accounts_in_scope(scope, Organization("o", ACCOUNT, tuple(everyone)))
    to_read = accounts_not_opted_out(in_scope.accounts, TODAY)
    seen = [*(account.id for account in to_read.accounts), *(row.account_id for row in to_read.left_out)]
    assert sorted([*seen, *(row.account_id for row in in_scope.left_out)]) == sorted(one.id for one in everyone)
    for account in to_read.accounts:
        assert (account.state, account.is_management, account.tags_error) == ("ACTIVE", False, None)
        assert account.tags.get(OPT_OUT_TAG, "2026-11-22") == "2026-11-22"
