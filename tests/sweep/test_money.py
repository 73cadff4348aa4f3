"""What a plan saves, in whole sweeps over a world in memory: told before the consent, remembered, measured later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.core.model import Mode
from orchestrator.core.model.price import PriceKey, UnitPrice
from orchestrator.core.report.document import Row
from orchestrator.core.report.plan_file import PLAN_FILE, plan_from
from orchestrator.errors import LedgerError, PricesError
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.prices.operator_csv import OperatorPrices
from orchestrator.sweep.money_file import MONEY_FILE, money_from
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep
from orchestrator.sweep.verify import verify
from tests.support.builders import SWEEP_ID, a_policy, in_state
from tests.support.fake_world import ONE, FakeWorld, a_world, outcomes, unreadable
from tests.support.memory_store import Died
from tests.support.parts import Machine

HOUR = timedelta(hours=1)
SCHEDULED = """
schedules: {office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}}
rules: [{name: office, where: everything, schedule: office}]
"""
PRICES = """kind,item,region,type,operating_system,price
ec2,compute,eu-central-1,t3.micro,Linux/UNIX,0.0120
ec2,volume,*,gp3,,0.0952
ec2,public_ipv4,*,,,0.005
"""
VOLUME = {"VolumeType": "gp3", "Size": 100, "Iops": 3000, "Throughput": 125, "Attachments": [{"InstanceId": "i-0"}]}
LATER = "20261124T190000Z-7f3a9c"


def a_priced_world(text: str = PRICES) -> FakeWorld:
    """i-0 in eu-central-1, of which everything is known; i-1 in eu-west-1, of which the file has no price."""
    fake = a_world(ONE, prices=OperatorPrices(text, "config/prices.csv", DESCRIPTIONS))
    details: Mapping[str, Any] = {"platform": "Linux/UNIX", "tenancy": "default", "elastic_ips": 1}
    for target, some in fake.resources.items():
        assert isinstance(some, tuple)
        fake.resources[target] = tuple(replace(one, details=details) for one in some)
    fake.volumes = {"i-0": [VOLUME], "i-1": [VOLUME]}
    return fake


def sweep(fake: FakeWorld, mode: Mode = Mode.ENFORCE, sweep_id: str = SWEEP_ID, policy: str = SCHEDULED) -> Row:
    run_sweep(fake.world(), a_policy(policy), sweep_id, mode)
    return fake.written(sweep_id)


def money(report: Row, resource_id: str = "i-0") -> Row:
    return next(dict(row["money"]) for row in report["decisions"] if row["resource_id"] == resource_id)


def test_without_a_price_book_the_report_says_nothing_of_money_and_nothing_is_asked() -> None:
    fake = a_priced_world()
    fake.prices = None
    report = sweep(fake)
    assert not {"money", "measured"} & report.keys()
    assert all("money" not in row for row in report["decisions"])
    assert not any(one.startswith("volumes") for one in fake.asked)
    assert not fake.has_file(MONEY_FILE)


def test_a_stop_saves_to_the_cent_what_a_person_computes_by_hand() -> None:
    """Monday 19:00 to Tuesday 07:00 are 12 h: 12 x $0.0120 of compute; 12 x (100 GB x $0.0952 / 730 + one address)."""
    report = sweep(a_priced_world())
    assert money(report) == {
        "source": "prices.csv",
        "hours": 12.0,
        "until": "2026-11-24T07:00:00Z",
        "hourly": 0.012,
        "gross": 0.360493,
        "still_billed": 0.216493,
        "net": 0.144,
        "unknown": "",
    }
    assert report["money"]["forecast"] == {
        "resources": 1,
        "unknown_resources": 1,
        "gross": 0.360493,
        "still_billed": 0.432986,
        "net": 0.144,
        "hourly": 0.012,
    }


def test_what_has_no_price_is_listed_with_the_reason_and_summed_apart() -> None:
    report = sweep(a_priced_world())
    row = money(report, "i-1")
    why = "no price of ec2 t3.micro in eu-west-1 (Linux/UNIX): prices.csv has none"
    assert (row["net"], row["gross"], row["hourly"], row["unknown"]) == (None, None, None, why)
    assert report["money"]["unknown_reasons"] == {why: 1}


def test_volumes_that_cannot_be_read_leave_the_net_known() -> None:
    fake = a_priced_world()
    fake.volumes["i-0"] = "ec2:DescribeVolumes: UnauthorizedOperation: no"
    row = money(sweep(fake))
    assert (row["net"], row["still_billed"], row["gross"]) == (0.144, None, None)
    assert row["unknown"] == "its volumes could not be read (ec2:DescribeVolumes: UnauthorizedOperation: no)"


class BrokenBook:
    name = "prices.csv"

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def prices(self, keys: Collection[PriceKey]) -> Mapping[PriceKey, UnitPrice | str]:
        assert keys
        raise self.failure


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (PricesError("prices.csv: line 2: price is empty"), "prices.csv: line 2: price is empty"),
        (ZeroDivisionError("x"), "ZeroDivisionError: x"),
    ],
)
def test_a_price_book_that_fails_fails_no_sweep(failure: Exception, why: str) -> None:
    fake = a_priced_world()
    fake.prices = BrokenBook(failure)
    report = sweep(fake)
    assert outcomes(report) == {"i-0": "stopped", "i-1": "stopped"}
    assert {row["money"]["unknown"] for row in report["decisions"]} == {why}
    assert report["money"]["forecast"]["unknown_resources"] == 2
    assert fake.warned == [f"What the plan saves is not known: {why}"]


def test_the_plan_and_its_hash_are_the_same_with_prices_and_without() -> None:
    plans = []
    for prices in (True, False):
        fake = a_priced_world()
        fake.prices = fake.prices if prices else None
        sweep(fake, Mode.PLAN)
        plans.append(fake.files.read(SWEEP_ID, PLAN_FILE))
    assert plans[0] == plans[1]


def test_what_it_saves_is_known_before_it_is_confirmed_and_sealed_reports_stay_whole() -> None:
    fake = a_priced_world()
    seen = []

    def confirm(plan: Any) -> Any:
        seen.append(money_from(fake.files.read(SWEEP_ID, MONEY_FILE)).savings)
        assert plan.plan.actions
        return a_world(ONE).confirm(plan)

    fake.confirm = confirm
    sweep(fake)
    assert [str(one.net) for one in seen[0].values()] == ["0.144000", "None"]
    assert verify(fake.files, fake.ledger, None, None).broken == ()


def test_an_applied_plan_saves_by_the_hours_that_are_left_of_it() -> None:
    fake = a_priced_world()
    sweep(fake, Mode.PLAN)
    fake.at += 2 * HOUR
    source = plan_from(fake.files.read(SWEEP_ID, PLAN_FILE), None)
    apply_plan(fake.world(), a_policy(SCHEDULED), LATER, source)
    row = money(fake.written(LATER))
    assert (row["hours"], row["net"]) == (10.0, 0.12)


def test_a_plan_that_was_made_without_prices_is_applied_with_the_reason() -> None:
    fake = a_priced_world()
    book, fake.prices = fake.prices, None
    sweep(fake, Mode.PLAN)
    fake.prices = book
    apply_plan(fake.world(), a_policy(SCHEDULED), LATER, plan_from(fake.files.read(SWEEP_ID, PLAN_FILE), None))
    report = fake.written(LATER)
    assert money(report)["unknown"] == "the plan was made without prices; plan again"
    assert outcomes(report) == {"i-0": "stopped", "i-1": "stopped"}


def deaths() -> list[int]:
    """Everywhere from the moment on that the file is there, up to the report."""
    fake = a_priced_world()
    sweep(fake)
    events = fake.life.events
    return [*range(events.index(f"file {MONEY_FILE}") + 1, events.index("file report.json") + 1)]


@pytest.mark.parametrize("after", deaths())
def test_wherever_a_process_dies_the_next_one_tells_of_the_same_money(after: int) -> None:
    fake = a_priced_world()
    fake.life.dies_after = after
    with pytest.raises(Died):
        sweep(fake)
    fake.life.dies_after = None
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    resume_sweep(fake.world(), a_policy(SCHEDULED), begun)
    assert fake.written()["money"] == sweep(a_priced_world())["money"]
    held = {one.resource_id: one.forecast for one in fake.ledger.held_by(SWEEP_ID)}
    assert held["i-0"] is not None
    assert held["i-0"]["net"] == "0.144000"


def test_a_plan_that_is_resumed_without_the_file_says_that_it_is_not_known() -> None:
    fake = a_priced_world()
    fake.life.dies_after = deaths()[0] - 1
    with pytest.raises(Died):
        sweep(fake)
    fake.life.dies_after = None
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    resume_sweep(fake.world(), a_policy(SCHEDULED), begun)
    report = fake.written()
    assert outcomes(report) == {"i-0": "stopped", "i-1": "stopped"}
    assert money(report)["unknown"] == "the process that made the plan ended before it was stored"


@pytest.fixture
def fake() -> FakeWorld:
    return a_priced_world()


def test_in_steps_the_report_has_the_same_money_and_each_stop_its_forecast(fake: FakeWorld, machine: Machine) -> None:
    machine()({"mode": "enforce"})
    report = fake.written()
    assert outcomes(report) == {"i-0": "stopped", "i-1": "stopped"}
    assert (money(report)["hourly"], report["money"]["forecast"]["unknown_resources"]) == (0.012, 2)
    assert {one.resource_id: bool(one.forecast) for one in fake.ledger.held_by(SWEEP_ID)} == {"i-0": True, "i-1": True}


# --- measured


def test_what_stayed_down_saved_by_the_next_evening_what_it_really_did() -> None:
    fake = a_priced_world()
    sweep(fake)
    fake.at += 12 * HOUR
    report = sweep(fake, Mode.PLAN, LATER)
    [first, second] = report["measured"]
    assert first == {
        "account_id": ONE,
        "region": "eu-central-1",
        "kind": "ec2",
        "resource_id": "i-0",
        "stopped_by": SWEEP_ID,
        "stopped_at": "2026-11-23T19:00:00Z",
        "until": "2026-11-24T07:00:00Z",
        "running_again": False,
        "early": False,
        "hours": 12.0,
        "gross": 0.360493,
        "still_billed": 0.216493,
        "net": 0.144,
        "forecast_net": 0.144,
        "unknown": "",
    }
    assert second["net"] is None
    assert report["money"]["measured"]["net"] == 0.144
    assert report["money"]["restarted_early"] == 0


def test_what_a_person_started_early_saved_less_than_was_forecast_and_is_told_once() -> None:
    fake = a_priced_world()
    sweep(fake)
    fake.change("i-0", lambda one: in_state(one, "running", started_at=fake.at + 3 * HOUR))
    fake.at += 12 * HOUR
    report = sweep(fake, Mode.PLAN, LATER)
    row = next(one for one in report["measured"] if one["resource_id"] == "i-0")
    assert (row["hours"], row["net"], row["forecast_net"]) == (3.0, 0.036, 0.144)
    assert (row["running_again"], row["early"], report["money"]["restarted_early"]) == (True, True, 1)
    again = sweep(fake, Mode.PLAN, "20261125T190000Z-7f3a9c")
    assert [one["resource_id"] for one in again["measured"]] == ["i-1"]


def test_another_policys_stops_are_not_measured() -> None:
    fake = a_priced_world()
    sweep(fake)
    fake.at += 12 * HOUR
    run_sweep(fake.world(), replace(a_policy(SCHEDULED), name="other"), LATER, Mode.PLAN)
    assert fake.written(LATER)["measured"] == []


def test_a_look_that_fails_measures_nothing_and_fails_no_sweep() -> None:
    fake = a_priced_world()
    sweep(fake)
    fake.at += 12 * HOUR

    def refuse(_: Any) -> None:
        raise unreadable("UnauthorizedOperation")

    fake.before_look = refuse
    report = sweep(fake, Mode.PLAN, LATER)
    assert (report["status"], report["measured"]) == ("complete", [])


def test_a_ledger_that_cannot_be_read_fails_no_sweep_and_is_told() -> None:
    fake = a_priced_world()
    sweep(fake)
    fake.at += 12 * HOUR

    def refuse(_: str) -> Any:
        raise LedgerError("the index is gone")

    fake.ledger.held_since_before = refuse  # type: ignore[method-assign]  # its one failure
    report = sweep(fake, Mode.PLAN, LATER)
    assert report["status"] == "complete"
    assert report["money"]["unknown_reasons"] == {"what earlier stops have saved is not known: the index is gone": 0}
