"""What is held down and the intent that it goes with are two writes: what others do in between, and who dies there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.model import Intent, Mode, OutcomeStatus, Resource
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.core.report.document import report_document
from orchestrator.errors import LeaseLostError, LedgerError, SweepHaltedError
from orchestrator.ledger.items import Write
from orchestrator.ledger.ledger import Ledger
from tests.support.builders import ACCOUNT, AT, REGION, SWEEP_ID, a_report, a_resource, an_outcome
from tests.support.item_tables import MemoryItems

POLICY, OTHER = "nonprod", "another"
EARLIER_ID, LATER_ID = "20261023T190000Z-000001", "20261124T190000Z-000002"
THIRD_ID = "20261125T190000Z-000003"
RESOURCE = a_resource("i-1", restore={"desired": 3})


class Table(MemoryItems):
    """`meanwhile` happens, one by one, each right before a write of what is held down."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []
        self.log: list[str] = []

    def write_each(self, writes: Sequence[Write]) -> frozenset[int]:
        keys = [write.item["PK"] if hasattr(write, "item") else write.key[0] for write in writes]
        word = next((key.partition("#")[0] for key in keys), "")
        if word == "HELD" and self.meanwhile:
            self.meanwhile.pop(0)()
        self.log += [word] if word else []
        return super().write_each(writes)


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def ledger(table: Table) -> Ledger:
    return Ledger(table, lambda: AT)


def held(table: Table, resource: Resource = RESOURCE) -> Any:
    return table.get((f"HELD#{ACCOUNT}#{REGION}", f"ec2#{resource.resource_id}"))


def stops(ledger: Ledger, sweep_id: str = SWEEP_ID, **more: Any) -> Any:
    return ledger.intend(sweep_id, [RESOURCE], "1", **{"held_by": POLICY, **more})


def test_the_intent_is_there_before_what_it_holds_down(ledger: Ledger, table: Table) -> None:
    stops(ledger)
    assert table.log == ["SWEEP", "HELD"]


def test_what_dies_before_it_holds_anything_down_leaves_nothing_held_and_the_next_one_stops_it(
    ledger: Ledger, table: Table
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    table.meanwhile = [die]
    with pytest.raises(KeyboardInterrupt):
        stops(ledger)
    [row] = ledger.actions(SWEEP_ID)
    assert (row.status, held(table)) == ("intent", None)
    found = {row.key: Intent(row.intent_id)}
    assert stops(ledger.fenced(1), found=found)
    assert held(table)["sweep_id"] == SWEEP_ID


def test_an_intent_that_is_refused_holds_nothing_down(ledger: Ledger, table: Table) -> None:
    stops(ledger)
    before = held(table)
    assert not stops(ledger)
    assert held(table) == before


def test_of_two_sweeps_that_hold_one_down_at_once_neither_is_lost(ledger: Ledger, table: Table) -> None:
    table.meanwhile = [lambda: stops(ledger, LATER_ID, held_by=OTHER)]
    assert stops(ledger)
    assert (held(table)["sweep_id"], held(table)["earlier"]["sweep_id"]) == (SWEEP_ID, LATER_ID)
    outcome = an_outcome(OutcomeStatus.ALREADY_STOPPED, RESOURCE)
    ledger.finish(report_document(a_report(sweep_id=SWEEP_ID, outcomes=(outcome,))), "somewhere")
    assert held(table)["sweep_id"] == LATER_ID


def test_what_an_earlier_sweep_changed_and_a_person_did_not_give_back_is_what_a_start_goes_back_to(
    ledger: Ledger, table: Table
) -> None:
    first = replace(RESOURCE, restore={"desired": 3, "is_scaled": True, STOPPED_BY_TAG: "a-sweep", "tag:Owner": "me"})
    ledger.intend(SWEEP_ID, [first], "1", held_by=POLICY)
    second = replace(RESOURCE, restore={"desired": 4})
    mine = ledger.intend(LATER_ID, [second], "1", held_by=POLICY)
    assert held(table)["restore"] == {"desired": 4, "is_scaled": True}
    assert ledger.intend(LATER_ID, [second], "1", mine, POLICY)
    assert held(table)["restore"] == {"desired": 4, "is_scaled": True}, "as often as it is asked for"
    ledger.intend(THIRD_ID, [replace(second, restore={"desired": 5, "is_scaled": False})], "1", held_by=POLICY)
    assert held(table)["restore"] == {"desired": 5, "is_scaled": False}


def test_a_start_that_finds_nothing_held_down_any_more_holds_nothing_down(ledger: Ledger, table: Table) -> None:
    stops(ledger)
    up = an_outcome(OutcomeStatus.STARTED, RESOURCE, verified_at=AT)
    report = report_document(a_report(sweep_id="20261123T200000Z-000009", outcomes=(up,), mode=Mode.UNDO))
    table.meanwhile = [lambda: ledger.finish(report, "somewhere")]
    assert ledger.intend(LATER_ID, [RESOURCE], "1")
    assert held(table) is None


def test_where_others_are_always_faster_nothing_may_be_asked_for(ledger: Ledger, table: Table) -> None:
    stops(ledger, EARLIER_ID)
    theirs = held(table)

    def write() -> None:
        table.put({**theirs, "asked_at": f"{theirs['asked_at']} {len(table.log)}"})
        table.meanwhile.append(write)

    table.meanwhile = [write]
    with pytest.raises(LedgerError, match="was written by others 5 times meanwhile"):
        stops(ledger)
    assert held(table)["sweep_id"] == EARLIER_ID


class HaltedError(Exception):
    """Of a guard."""


def refuse() -> None:
    raise HaltedError


@pytest.mark.parametrize("earlier", [False, True], ids=["alone", "over an earlier one"])
def test_what_may_not_be_asked_for_any_more_is_not_held_down(ledger: Ledger, table: Table, *, earlier: bool) -> None:
    if earlier:
        stops(ledger, EARLIER_ID)
    before = held(table)
    with pytest.raises(HaltedError):
        stops(ledger, confirm=refuse)
    assert held(table) == before
    assert [one.status for one in ledger.actions(SWEEP_ID)] == ["intent"]


@pytest.mark.parametrize("error", [LeaseLostError, SweepHaltedError])
def test_a_lease_that_is_lost_while_a_batch_is_announced_holds_nothing_down(
    table: Table, error: type[Exception]
) -> None:
    asked: list[int] = []

    def is_held() -> bool:
        asked.append(1)
        if len(asked) > 1 and error is SweepHaltedError:
            raise SweepHaltedError("kill_switch", "stop")
        return len(asked) < 2

    with pytest.raises(error):
        stops(Ledger(table, lambda: AT, 1, is_held))
    assert held(table) is None


def test_what_is_taken_back_is_not_what_another_delivery_of_the_same_work_holds_down(
    ledger: Ledger, table: Table
) -> None:
    def second() -> None:
        """It takes the intent over, and stops."""
        [row] = ledger.actions(SWEEP_ID)
        found = {row.key: Intent(row.intent_id)}
        assert stops(ledger, found=found)
        raise HaltedError

    with pytest.raises(HaltedError):
        stops(ledger, confirm=second)
    assert held(table)["sweep_id"] == SWEEP_ID


def test_what_is_taken_back_by_a_second_delivery_leaves_what_the_first_holds_down(ledger: Ledger, table: Table) -> None:
    stops(ledger)
    first = held(table)
    [row] = ledger.actions(SWEEP_ID)
    found = {row.key: Intent(row.intent_id)}
    with pytest.raises(HaltedError):
        stops(ledger, found=found, confirm=refuse)
    assert held(table) == first


@pytest.mark.parametrize("writes", [1, 2], ids=["intent", "held"])
def test_a_write_whose_answer_is_lost_and_that_is_sent_again_is_not_refused_by_itself(
    ledger: Ledger, table: Table, writes: int
) -> None:
    """As botocore does."""
    write_each, left = table.write_each, [writes]

    def twice(some: Sequence[Write]) -> frozenset[int]:
        left[0] -= bool(some)
        if left[0] == 0 and some:
            write_each(some)
        return write_each(some)

    table.write_each = twice  # type: ignore[method-assign]  # as over a bad line
    assert stops(ledger)
    assert held(table)["sweep_id"] == SWEEP_ID
    assert table.log == [*["SWEEP"] * (3 - writes), *["HELD"] * writes]
