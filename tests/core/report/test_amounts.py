"""Amounts that are shown side by side add up as they are shown."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.report.amounts import adding_up, dollars

AMOUNTS = st.decimals(min_value=0, max_value=100_000, places=6)


def row(net: Decimal, still: Decimal) -> dict[str, float]:
    return {"gross": float(net + still), "still_billed": float(still), "net": float(net)}


def shown(amount: float | None) -> Decimal:
    return Decimal(dollars(amount).removeprefix("$").replace(",", ""))


@given(AMOUNTS, AMOUNTS)
def test_what_is_shown_as_gross_is_what_is_shown_of_the_two_others(net: Decimal, still: Decimal) -> None:
    amounts = {name: shown(amount) for name, amount in adding_up(row(net, still)).items()}
    total = amounts["net"] + amounts["still_billed"]
    assert abs(amounts["gross"] - total) <= Decimal("0.005"), "where one of them is shown to more digits"
    if min(net, still) >= 1:
        assert amounts["gross"] == total
    assert abs(amounts["gross"] - (net + still)) <= Decimal("0.015")


def test_a_cent_is_not_lost_between_them() -> None:
    amounts = adding_up(row(Decimal("61.704"), Decimal("4.944")))
    assert [dollars(one) for one in amounts.values()] == ["$66.64", "$4.94", "$61.70"]


def test_what_is_not_known_or_left_out_of_a_sum_is_as_it_is() -> None:
    unknown = {"gross": None, "still_billed": None, "net": 1.234}
    assert adding_up(unknown) == unknown
    partly = {"gross": 2.0, "still_billed": 1.0, "net": 5.004}
    assert adding_up(partly) == partly


def test_small_amounts_have_the_digits_that_say_something() -> None:
    assert [dollars(one) for one in (None, 0, 0.0004, 0.994, 0.996, 1234.5, -0.5, -2)] == [
        "unknown",
        "$0.00",
        "$0.0004",
        "$0.9940",
        "$1.00",
        "$1,234.50",
        "-$0.5000",
        "-$2.00",
    ]
