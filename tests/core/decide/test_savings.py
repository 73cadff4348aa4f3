"""What stops save, by hand: prices, hours and sums to a millionth of a dollar."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.measured_savings import measure_stop
from orchestrator.core.decide.savings import next_change, price_of, saving_of, sum_savings
from orchestrator.core.model import Action, Resource, ResourceKey, Verdict
from orchestrator.core.model.money import Forecast, HourlyPrice, Saving
from orchestrator.core.model.price import Billed, BilledPart, PriceKey, UnitPrice
from orchestrator.core.model.price_items import COMPUTE, VOLUME
from tests.support.builders import AT, a_decision, a_policy, a_resource, an_account, in_state
from tests.support.strategies import quick

COMPUTE_KEY = PriceKey("ec2", COMPUTE, "eu-central-1", "m7g.large", "Linux/UNIX", "default", "on-demand")
VOLUME_KEY = PriceKey("ec2", VOLUME, "eu-central-1", "gp3")
BILLED = Billed((BilledPart(COMPUTE_KEY),), (BilledPart(VOLUME_KEY, Decimal(100)),))
PRICES = {
    COMPUTE_KEY: UnitPrice(Decimal("0.0832"), "prices.csv"),
    VOLUME_KEY: UnitPrice(Decimal("0.0952") / 730, "AWS Price List"),
}
HOUR = timedelta(hours=1)


def test_an_hour_costs_what_runs_and_what_is_billed_anyway() -> None:
    price = price_of(BILLED, PRICES)
    assert price.running == Decimal("0.0832")
    assert round(price.still_billed or 0, 10) == Decimal("0.0130410959")  # 100 GB x $0.0952 / 730
    assert (price.source, price.unknown, price.made_up) == ("prices.csv, AWS Price List", "", False)


def test_twelve_hours_save_what_runs_in_them_and_no_volume() -> None:
    saving = saving_of(price_of(BILLED, PRICES), AT, AT + 12 * HOUR)
    assert (saving.hours, saving.until) == (12, AT + 12 * HOUR)
    assert saving.net == Decimal("0.998400")  # 12 x $0.0832
    assert saving.still_billed == Decimal("0.156493")  # 12 x $0.0130410959
    assert saving.gross == Decimal("1.154893")
    assert saving.hourly == Decimal("0.083200")


def test_a_volume_without_a_price_leaves_the_net_known_and_says_why_the_rest_is_not() -> None:
    prices = {**PRICES, VOLUME_KEY: "prices.csv has none"}
    saving = saving_of(price_of(BILLED, prices), AT, AT + 12 * HOUR)
    assert (saving.net, saving.still_billed, saving.gross) == (Decimal("0.998400"), None, None)
    assert saving.unknown == "no price of ec2 volume gp3 in eu-central-1: prices.csv has none"


def test_what_has_no_price_is_unknown_and_never_0() -> None:
    saving = saving_of(price_of(BILLED, {**PRICES, COMPUTE_KEY: "prices.csv has none"}), AT, AT + 12 * HOUR)
    assert (saving.net, saving.gross, saving.hourly) == (None, None, None)
    assert saving.still_billed == Decimal("0.156493")
    assert saving.unknown == "no price of ec2 m7g.large in eu-central-1 (Linux/UNIX): prices.csv has none"
    sums = sum_savings([saving])
    assert (sums.resources, sums.unknown_resources, sums.net) == (0, 1, 0)


def test_without_a_next_start_only_an_hour_is_known() -> None:
    saving = saving_of(price_of(BILLED, PRICES), AT, None)
    assert (saving.hours, saving.net, saving.gross, saving.still_billed) == (None, None, None, None)
    assert (saving.hourly, saving.unknown) == (Decimal("0.0832"), "nothing says when it starts again")


SCHEDULED = """
schedules:
  office: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}
rules:
  - {name: office, where: {tag: {T: office}}, schedule: office}
  - {name: any, where: everything}
"""


@pytest.mark.parametrize(
    ("rule", "action", "expected"),
    [
        ("office", Action.STOP, "2026-11-24T06:00:00+00:00"),
        ("any", Action.STOP, None),
        (None, Action.START, None),
    ],
)
def test_the_forecast_ends_at_the_next_start_by_the_schedule_of_its_rule(
    rule: str | None, action: Action, expected: str | None
) -> None:
    decision = a_decision(a_resource(), Verdict.STOP, rule=rule, action=action)
    policy = a_policy(SCHEDULED)
    found = next_change(policy, decision, an_account(), AT)  # a Monday, 19:00 UTC, which is 20:00 in Berlin
    assert (found.isoformat() if found else None) == expected


def test_a_start_costs_until_the_next_stop_by_the_schedule() -> None:
    policy = a_policy(SCHEDULED)
    decision = a_decision(a_resource(), Verdict.START, rule="office", action=Action.START)
    at_seven = datetime.fromisoformat("2026-11-24T06:01:00+00:00")
    found = next_change(policy, decision, an_account(), at_seven)
    assert found == datetime.fromisoformat("2026-11-24T18:00:00+00:00")


amounts = st.decimals(0, 1000, places=9)
prices = st.builds(
    HourlyPrice,
    st.none() | amounts,
    st.none() | amounts,
    st.just("x"),
)
ends = st.none() | st.integers(1, 10**6).map(lambda seconds: AT + timedelta(seconds=seconds))


@quick
@given(st.lists(st.tuples(prices, ends), max_size=20))
def test_sums_equal_the_sums_of_the_rows_and_each_row_adds_up(found: list[tuple[HourlyPrice, datetime | None]]) -> None:
    rows = [saving_of(price, AT, end) for price, end in found]
    sums = sum_savings(rows)
    assert sums.resources + sums.unknown_resources == len(rows)
    for name in ("gross", "still_billed", "net", "hourly"):
        known = [getattr(row, name) for row in rows if getattr(row, name) is not None]
        assert getattr(sums, name) == sum(known, Decimal(0))
    for row in rows:
        if row.gross is not None:
            assert row.net is not None
            assert row.still_billed is not None
            assert row.gross == row.net + row.still_billed


# --- measured

KEY = ResourceKey(*a_resource().key)
STOPPED_AT = AT - 12 * HOUR
FORECAST = Forecast(HourlyPrice(Decimal("0.10"), Decimal("0.01"), "prices.csv"), AT, Decimal("1.20"))


def measured(seen: Resource | None, forecast: Forecast | None = FORECAST, **more: bool) -> tuple[object, ...] | None:
    found = measure_stop(KEY, "20261123T070000Z-7f3a9c", STOPPED_AT, forecast, seen, AT, **more)
    if found is None:
        return None
    return found.saving.hours, found.saving.net, found.running_again, found.early, found.is_final


def down(**fields: object) -> Resource:
    return in_state(a_resource(), "stopped", **fields)


def up(started_at: datetime | None) -> Resource:
    return in_state(a_resource(), "running", started_at=started_at)


def test_what_stayed_down_saved_what_was_forecast() -> None:
    assert measured(down(started_at=STOPPED_AT - 5 * HOUR)) == (12, Decimal("1.200000"), False, False, False)


def test_what_was_started_early_counts_with_its_real_hours() -> None:
    assert measured(up(AT - 9 * HOUR)) == (3, Decimal("0.300000"), True, True, True)


def test_what_was_started_and_stopped_again_was_down_until_that_start() -> None:
    assert measured(down(started_at=AT - 9 * HOUR)) == (3, Decimal("0.300000"), True, True, True)


def test_what_this_sweep_starts_before_its_time_is_early_too() -> None:
    late = Forecast(FORECAST.price, AT + HOUR, Decimal("1.30"))
    assert measured(down(), late, is_started=True) == (12, Decimal("1.200000"), False, True, False)


def test_what_runs_since_nobody_knows_when_has_no_amount() -> None:
    assert measured(up(None)) == (12, None, True, False, True)


def test_what_is_gone_has_no_amount() -> None:
    assert measured(None) == (12, None, False, False, True)
    terminated = in_state(a_resource(), "terminated", started_at=STOPPED_AT - HOUR)  # EC2 lists it for an hour
    assert measured(terminated) == measured(None)


def test_what_was_never_down_since_is_not_measured() -> None:
    assert measured(up(STOPPED_AT - HOUR)) is None
    assert measured(in_state(a_resource(), "unknown")) is None


def test_a_stop_of_which_no_price_was_asked_is_unknown() -> None:
    found = measure_stop(KEY, "x", STOPPED_AT, None, down(), AT)
    assert found is not None
    assert found.saving == Saving(Decimal(12), AT, unknown="no prices were asked for when it was stopped")


def test_a_forecast_comes_back_as_it_was_and_what_is_none_is_refused() -> None:
    assert Forecast.from_item(FORECAST.as_item()) == FORECAST
    for wrong in ("NaN", "Infinity", "1,0", "=1+1"):
        with pytest.raises(ValueError, match="is no amount"):
            Forecast.from_item({"running": wrong})
