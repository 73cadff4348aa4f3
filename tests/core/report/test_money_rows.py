"""Money in the report: rows that add up to the sums, cells under FOCUS's names, and nothing at all without prices."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator.core.decide.savings import saving_of
from orchestrator.core.model import Decision, Mode, Outcome, OutcomeStatus, Verdict
from orchestrator.core.model.money import HourlyPrice, MeasuredSaving, Money, Saving
from orchestrator.core.report.csv import read_rows
from orchestrator.core.report.document import Row, report_document
from orchestrator.core.report.files import report_files
from orchestrator.core.report.money_rows import MONEY_COLUMNS
from orchestrator.core.report.schema import report_json_schema
from tests.support.builders import AT, SWEEP_ID, a_decision, a_report, a_resource
from tests.support.strategies import quick

HOUR = timedelta(hours=1)
PRICE = HourlyPrice(Decimal("0.0832"), Decimal("0.01"), "=cmd|'/c calc'!A1")


def decisions(*verdicts: Verdict) -> tuple[Decision, ...]:
    return tuple(a_decision(a_resource(f"i-{number}"), verdict) for number, verdict in enumerate(verdicts))


def document(found: tuple[Decision, ...], savings: list[Saving], **more: object) -> Row:
    money = Money(dict(zip([one.resource.key for one in found], savings, strict=True)), prices="prices.csv", **more)  # type: ignore[arg-type]  # whichever fields a test gives
    return report_document(a_report(decisions=found, money=money, mode=Mode.PLAN))


def test_a_report_of_a_sweep_without_prices_says_nothing_of_money() -> None:
    found = report_document(a_report(decisions=decisions(Verdict.STOP)))
    assert not {"money", "measured"} & found.keys()
    assert "money" not in found["decisions"][0]


def test_the_table_has_focus_names_for_what_focus_has_words_for_and_no_cell_runs() -> None:
    found = decisions(Verdict.STOP, Verdict.KEEP)
    text = report_files(document(found, [saving_of(PRICE, AT, AT + 12 * HOUR), Saving()]))["decisions.csv"]
    stopped, kept = read_rows(text)
    assert {name: stopped[name] for name in MONEY_COLUMNS} == {
        "BillingCurrency": "USD",
        "ContractedUnitPrice": "0.0832",
        "PricingUnit": "Hours",
        "PricingQuantity": "12",
        "ContractedCost": "0.9984",
        "ChargePeriodEnd": "2026-11-24T07:00:00Z",
        "gross": "1.1184",
        "still_billed": "0.12",
        "net": "0.9984",
        "price_source": "=cmd|'/c calc'!A1",
        "money_unknown": "",
    }
    assert {kept[name] for name in MONEY_COLUMNS} == {""}
    assert b",'=cmd" in text


def test_what_is_not_known_has_empty_cells_and_no_0() -> None:
    found = decisions(Verdict.STOP)
    [row] = read_rows(report_files(document(found, [Saving(unknown="no price")]))["decisions.csv"])
    assert {row[name] for name in MONEY_COLUMNS if name not in ("BillingCurrency", "money_unknown")} == {""}
    assert row["money_unknown"] == "no price"


def test_a_stop_is_no_start_and_what_was_kept_after_all_saves_nothing() -> None:
    found = decisions(Verdict.STOP, Verdict.START, Verdict.KEEP)
    told = document(found, [saving_of(PRICE, AT, AT + HOUR)] * 3)["money"]
    assert (told["forecast"]["resources"], told["starts"]["resources"]) == (1, 1)
    assert told["forecast"]["net"] == 0.0832


def test_what_was_measured_is_told_with_what_was_forecast() -> None:
    saving = saving_of(PRICE, AT - 3 * HOUR, AT)
    key = a_resource().key
    one = MeasuredSaving(key, SWEEP_ID, AT - 3 * HOUR, AT, running_again=True, early=True, saving=saving)
    told = document((), [], measured=(one,), failure="the index is gone")
    assert told["measured"][0]["net"] == 0.2496
    assert (told["money"]["measured"]["net"], told["money"]["restarted_early"]) == (0.2496, 1)
    assert told["money"]["unknown_reasons"] == {"the index is gone": 0}


@pytest.mark.parametrize("words", [{"prices": ""}, {"made_up": True}])
def test_the_report_with_money_is_as_its_schema_says(words: dict[str, object]) -> None:
    found = decisions(Verdict.STOP, Verdict.START)
    told = document(found, [saving_of(PRICE, AT, AT + HOUR), Saving(unknown="x")])
    told["money"] |= words
    Draft202012Validator(report_json_schema()).validate(told)


amounts = st.none() | st.decimals(0, 1000, places=9)
hours = st.none() | st.integers(1, 900)


@quick
@given(st.lists(st.tuples(st.builds(HourlyPrice, amounts, amounts, st.just("x")), hours), max_size=12))
def test_the_sums_equal_the_sums_of_the_rows(found: list[tuple[HourlyPrice, int | None]]) -> None:
    savings = [saving_of(price, AT, AT + some * HOUR if some else None) for price, some in found]
    told = document(decisions(*[Verdict.STOP] * len(savings)), savings)
    rows = [row["money"] for row in told["decisions"]]
    for name in ("gross", "still_billed", "net", "hourly"):
        known = sum((Decimal(str(row[name])) for row in rows if row[name] is not None), Decimal(0))
        assert told["money"]["forecast"][name] == pytest.approx(float(known), abs=1e-6)
    assert told["money"]["forecast"]["resources"] == sum(row["net"] is not None for row in rows)


def test_what_failed_or_was_not_attempted_saves_nothing_and_of_what_may_have_been_stopped_nothing_is_known() -> None:
    found = decisions(*[Verdict.STOP] * 4)
    statuses = (OutcomeStatus.STOPPED, OutcomeStatus.FAILED, OutcomeStatus.NOT_ATTEMPTED, OutcomeStatus.UNKNOWN)
    outcomes = tuple(Outcome(one.resource, status) for one, status in zip(found, statuses, strict=True))
    money = Money({one.resource.key: saving_of(PRICE, AT, AT + 12 * HOUR) for one in found}, prices="prices.csv")
    said = report_document(a_report(decisions=found, outcomes=outcomes, money=money))
    forecast = said["money"]["forecast"]
    assert (forecast["resources"], forecast["unknown_resources"], forecast["net"]) == (1, 1, 0.9984)
    assert said["money"]["unknown_reasons"] == {"what came of it is not known": 1}
    assert [row.get("money", {}).get("net") for row in said["decisions"]] == [0.9984, None, None, None]
    assert ["money" in row for row in said["decisions"]] == [True, False, False, True]
