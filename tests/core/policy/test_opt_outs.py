"""The opt-out tags: what spares, until when, what wins, and what a person should look at."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import Exemption
from orchestrator.core.policy.opt_outs import (
    ACCOUNT,
    RESOURCE,
    UNIT,
    account_opt_outs,
    exemption_sentence,
    most_protective,
    opt_out_findings,
    read_opt_outs,
)
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, PROTECTED_TAG, REASON_TAG
from tests.support.builders import a_unit, an_account
from tests.support.strategies import OPT_OUT_VALUES, quick

TODAY = date(2026, 11, 23)
MALFORMED = ("True", "TRUE", "yes", "1", "false", "2026-13-01", "2026-02-30", "", " true", "true ", "2026-1-1")
LIKE_A_DATE = ("keep-me-on", "prod-is-on", "9999-99-99", "20ab-01-0x", "20--01-0-", "2026-01-32", "2026-02-3x")
"""The first three IAM denies too; it lets the others be stopped, and they are the code's to keep."""
NO_DATE_FOR_IAM = ("1999-12-31", "0001-01-01")
MORE_MALFORMED = ("20261231", "2026-12-31T00:00", "31.12.2026", "２０２６-12-31", "2026-W53-4")  # noqa: RUF001 - full-width digits


def exemption_of(value: str, **more: str) -> Exemption | None:
    return most_protective(read_opt_outs({OPT_OUT_TAG: value, **more}, RESOURCE, "i-1", TODAY))


def violations_of(tags: dict[str, str]) -> list[tuple[str, str]]:
    return [finding for opt_out in read_opt_outs(tags, RESOURCE, "i-1", TODAY) for finding in opt_out_findings(opt_out)]


def test_the_tags_and_their_carriers_are_called_as_iam_and_the_report_schema_call_them() -> None:
    assert (OPT_OUT_TAG, REASON_TAG, PROTECTED_TAG) == (
        "stop-orchestrator:opt-out",
        "stop-orchestrator:opt-out-reason",
        "stop-orchestrator:protected",
    )
    assert (RESOURCE, ACCOUNT, UNIT) == ("resource", "account", "organizational_unit")


def test_without_a_tag_nothing_is_exempt() -> None:
    assert read_opt_outs({"Owner": "me", "opt-out": "true"}, RESOURCE, "i-1", TODAY) == ()
    assert most_protective(()) is None


def test_true_exempts_for_good() -> None:
    assert exemption_of("true") == Exemption(RESOURCE, "i-1", OPT_OUT_TAG, "true", None, None)


@pytest.mark.parametrize(("value", "exempt"), [("2026-11-22", False), ("2026-11-23", True), ("2026-11-24", True)])
def test_a_date_exempts_through_the_end_of_that_day(value: str, exempt: bool) -> None:
    expected = Exemption(RESOURCE, "i-1", OPT_OUT_TAG, value, date.fromisoformat(value), None)
    assert exemption_of(value) == (expected if exempt else None)


@pytest.mark.parametrize("value", [*MALFORMED, *MORE_MALFORMED, *LIKE_A_DATE, *NO_DATE_FOR_IAM])
def test_a_malformed_value_is_honoured_for_good_and_marked(value: str) -> None:
    assert exemption_of(value) == Exemption(RESOURCE, "i-1", OPT_OUT_TAG, value, None, None, malformed=True)


def test_a_leap_day_is_a_date_and_no_malformed_value() -> None:
    found = exemption_of("2028-02-29")
    assert found is not None
    assert (found.until, found.malformed) == (date(2028, 2, 29), False)


@pytest.mark.parametrize("value", ["", "true", "false", "2020-01-01"])
def test_protected_exempts_for_good_whatever_its_value(value: str) -> None:
    (opt_out,) = read_opt_outs({PROTECTED_TAG: value}, RESOURCE, "i-1", TODAY)
    assert most_protective([opt_out]) == Exemption(RESOURCE, "i-1", PROTECTED_TAG, value, None, None)


def test_the_reason_is_kept_without_the_space_around_it_and_an_empty_one_is_none() -> None:
    with_reason, blank = exemption_of("true", **{REASON_TAG: " demo "}), exemption_of("true", **{REASON_TAG: "  "})
    assert with_reason is not None
    assert blank is not None
    assert (with_reason.reason, blank.reason) == ("demo", None)


@pytest.mark.parametrize(
    ("values", "winner"),
    [
        ({UNIT: "2026-11-24", ACCOUNT: "true"}, ACCOUNT),
        ({UNIT: "2026-11-24", ACCOUNT: "2026-11-25"}, ACCOUNT),
        ({UNIT: "2026-11-25", ACCOUNT: "2026-11-24"}, UNIT),
        ({UNIT: "2026-11-22", ACCOUNT: "2026-11-23"}, ACCOUNT),
        ({UNIT: "2026-12-31", RESOURCE: "yes"}, RESOURCE),
        ({UNIT: "yes", ACCOUNT: "true"}, ACCOUNT),
        ({UNIT: "true", ACCOUNT: "true", RESOURCE: "true"}, UNIT),
        ({ACCOUNT: "2026-12-31", RESOURCE: "2026-12-31"}, ACCOUNT),
    ],
)
def test_the_most_protective_wins_and_among_equals_the_outermost(values: dict[str, str], winner: str) -> None:
    opt_outs = [
        opt_out
        for source, value in values.items()
        for opt_out in read_opt_outs({OPT_OUT_TAG: value}, source, source, TODAY)
    ]
    for order in (opt_outs, opt_outs[::-1]):
        found = most_protective(order)
        assert found is not None
        assert found.source == winner


def test_protected_wins_over_an_opt_out_that_is_for_good_and_over_one_that_is_over() -> None:
    for value in ("true", "2026-11-22", "yes"):
        found = exemption_of(value, **{PROTECTED_TAG: ""})
        assert found is not None
        assert found.tag == PROTECTED_TAG


@quick
@given(values=st.lists(st.sampled_from(OPT_OUT_VALUES), min_size=1), data=st.data())
def test_the_winner_spares_at_least_as_long_as_any_other(values: list[str], data: st.DataObject) -> None:
    opt_outs = [one for value in values for one in read_opt_outs({OPT_OUT_TAG: value}, RESOURCE, "i-1", TODAY)]
    winner = most_protective(data.draw(st.permutations(opt_outs)))
    active = [opt_out.exemption for opt_out in opt_outs if not opt_out.expired]
    assert (winner is None) == (not active)
    if winner is not None:
        assert all((winner.until or date.max) >= (other.until or date.max) for other in active)


def test_an_accounts_opt_outs_are_those_of_its_ous_outermost_first_and_its_own() -> None:
    account = an_account(
        "111111111111",
        tags={OPT_OUT_TAG: "true"},
        organizational_units=(
            a_unit("/A", {OPT_OUT_TAG: "2026-11-22"}),
            a_unit("/A/B"),
            a_unit("/A/B/C", {PROTECTED_TAG: "x", OPT_OUT_TAG: "2026-11-24"}),
        ),
    )
    found = account_opt_outs(account, TODAY)
    assert [(one.exemption.source, one.exemption.source_id, one.exemption.tag, one.expired) for one in found] == [
        (UNIT, "/A", OPT_OUT_TAG, True),
        (UNIT, "/A/B/C", PROTECTED_TAG, False),
        (UNIT, "/A/B/C", OPT_OUT_TAG, False),
        (ACCOUNT, "111111111111", OPT_OUT_TAG, False),
    ]


@pytest.mark.parametrize(
    ("exemption", "sentence"),
    [
        (
            Exemption(RESOURCE, "i-1", OPT_OUT_TAG, "true", None, "demo"),
            "The tag stop-orchestrator:opt-out=true on the resource i-1 opts it out for good (reason: demo).",
        ),
        (
            Exemption(ACCOUNT, "111111111111", OPT_OUT_TAG, "2026-12-31", date(2026, 12, 31), None),
            (
                "The tag stop-orchestrator:opt-out=2026-12-31 on the account 111111111111 opts it out until the end of "
                "2026-12-31 (no reason given)."
            ),
        ),
        (
            Exemption(UNIT, "/Labs", OPT_OUT_TAG, "yes", None, None, malformed=True),
            (
                "The tag stop-orchestrator:opt-out=yes on the OU /Labs opts it out for good, because its value is "
                "neither `true` nor a date (no reason given)."
            ),
        ),
        (
            Exemption(RESOURCE, "i-1", PROTECTED_TAG, "x", None, "legal hold"),
            "The tag stop-orchestrator:protected on the resource i-1 protects it for good (reason: legal hold).",
        ),
    ],
)
def test_an_exemption_is_one_sentence_with_tag_carrier_end_and_reason(exemption: Exemption, sentence: str) -> None:
    assert exemption_sentence(exemption) == sentence


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ({}, []),
        ({OPT_OUT_TAG: "true"}, ["never_ending_opt_out", "opt_out_without_reason"]),
        ({OPT_OUT_TAG: "true", REASON_TAG: "demo"}, ["never_ending_opt_out"]),
        ({OPT_OUT_TAG: "2026-12-31"}, ["opt_out_without_reason"]),
        ({OPT_OUT_TAG: "2026-12-31", REASON_TAG: "demo"}, []),
        ({OPT_OUT_TAG: "2026-11-23", REASON_TAG: "last day"}, []),
        ({OPT_OUT_TAG: "2026-11-22"}, ["expired_opt_out"]),
        ({OPT_OUT_TAG: "2026-11-22", REASON_TAG: "demo"}, ["expired_opt_out"]),
        ({OPT_OUT_TAG: "yes"}, ["malformed_opt_out", "opt_out_without_reason"]),
        ({OPT_OUT_TAG: "yes", REASON_TAG: "demo"}, ["malformed_opt_out"]),
        ({PROTECTED_TAG: "x"}, []),
        ({PROTECTED_TAG: "x", OPT_OUT_TAG: "yes", REASON_TAG: "demo"}, ["malformed_opt_out"]),
    ],
)
def test_compliance_hears_of_opt_outs_that_someone_should_look_at(tags: dict[str, str], names: list[str]) -> None:
    assert [name for name, _ in violations_of(tags)] == names


@pytest.mark.parametrize("value", [*MALFORMED, *MORE_MALFORMED, "true", "2020-01-01"])
def test_the_detail_of_a_violation_repeats_the_tag_as_it_was_found(value: str) -> None:
    assert all(f"{OPT_OUT_TAG}={value} " in detail for _, detail in violations_of({OPT_OUT_TAG: value}))


@quick
@given(days=st.integers(-400, 400))
def test_a_dated_opt_out_is_over_exactly_from_the_day_after(days: int) -> None:
    until = TODAY + timedelta(days=days)
    (opt_out,) = read_opt_outs({OPT_OUT_TAG: until.isoformat()}, RESOURCE, "i-1", TODAY)
    assert opt_out.expired is (days < 0)
    assert opt_out.exemption.until == until
