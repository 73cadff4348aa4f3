"""Opt-outs by link in both tables: each link gives one, whatever is pressed how often, and nothing is ever changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from orchestrator.core.model.remembered import LinkedOptOut
from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Absent, Condition, Item, Items
from orchestrator.ledger.opt_outs import (
    OPT_OUTS,
    GivenOptOut,
    give_opt_out,
    linked_of_all,
    linked_of_each,
    longest_given,
)
from tests.support.builders import SWEEP_ID
from tests.support.item_tables import MemoryItems

ARN = "arn:aws:ec2:eu-central-1:111111111111:instance/i-1"
OTHER = "arn:aws:ec2:eu-central-1:111111111111:instance/i-2"
LATER_SWEEP = "20261124T190000Z-000001"
TONIGHT, LATER = date(2026, 11, 24), date(2026, 12, 3)


def asked(**fields: Any) -> GivenOptOut:
    values = {
        "arn": ARN,
        "until": TONIGHT,
        "reason": "release night",
        "sweep_id": SWEEP_ID,
        "given_to": "ann",
        "given_at": "2026-11-23T18:00:00Z",
        "source_ip": "192.0.2.7",
        "user_agent": "a browser",
    }
    return GivenOptOut(**{**values, **fields})


def test_what_was_given_is_an_item_by_arn_and_last_day_that_says_who_when_why_and_by_which_link(table: Items) -> None:
    assert give_opt_out(table, asked()) == (asked(), True)
    [item] = table.query(f"OPTOUT#{ARN}")
    assert item == {
        "PK": f"OPTOUT#{ARN}",
        "SK": "2026-11-24",
        "GSI1PK": OPT_OUTS,
        "GSI1SK": ARN,
        "arn": ARN,
        "until": "2026-11-24",
        "reason": "release night",
        "sweep_id": SWEEP_ID,
        "given_to": "ann",
        "given_at": "2026-11-23T18:00:00Z",
        "source_ip": "192.0.2.7",
        "user_agent": "a browser",
        "format": 2,
        "expires_at": 1798070400,  # 30 days after it
    }


def test_a_plan_reads_all_of_them_and_a_batch_its_own(table: Items) -> None:
    give_opt_out(table, asked())
    give_opt_out(table, asked(arn=OTHER, reason="  "))
    one, other = LinkedOptOut("2026-11-24", TONIGHT, "release night"), LinkedOptOut("2026-11-24", TONIGHT, None)
    assert linked_of_all(table) == {ARN: (one,), OTHER: (other,)}
    assert linked_of_each(table, [ARN]) == {ARN: (one,)}
    assert linked_of_each(table, []) == {}


def everything(table: Items) -> list[Item]:
    return [*table.query(f"OPTOUT#{ARN}"), *table.query(f"OPTOUT#LINK#{SWEEP_ID}"), *table.query_index(OPT_OUTS)]


@pytest.mark.parametrize(
    "again", [asked(), asked(until=LATER, reason="no, longer", given_at="2026-11-23T18:01:00Z", source_ip="192.0.2.8")]
)
def test_a_link_that_was_used_changes_nothing_and_says_what_is_recorded(table: Items, again: GivenOptOut) -> None:
    give_opt_out(table, asked())
    before = everything(table)
    assert give_opt_out(table, again) == (asked(), False)
    assert everything(table) == before


def test_a_later_sweeps_link_may_make_it_longer_and_never_shorter(table: Items) -> None:
    give_opt_out(table, asked())
    longer = asked(until=LATER, sweep_id=LATER_SWEEP)
    assert give_opt_out(table, longer) == (longer, True)
    assert give_opt_out(table, asked(sweep_id="20261125T190000Z-000001")) == (longer, False)
    assert [one.until for one in linked_of_all(table)[ARN]] == [TONIGHT, LATER]
    assert longest_given(table, ARN) == longer


def test_of_many_at_once_one_is_recorded_whatever_each_of_them_chose(table: Items) -> None:
    each = [asked(until=replace_day(number), reason=f"reason {number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = [*pool.map(lambda one: give_opt_out(table, one), each)]
    [recorded] = [one for one, is_first in found if is_first]
    assert {one for one, _ in found} == {recorded}
    assert len(table.query(f"OPTOUT#{ARN}")) == 1


def replace_day(number: int) -> date:
    return TONIGHT.replace(day=24 + number)


def test_two_that_looked_before_either_wrote_still_record_one() -> None:
    class LateItems(MemoryItems):
        """Another request is served between this one's look and its write."""

        def put(self, item: Item, condition: Condition | None = None) -> bool:
            if not self.items:
                self.items["served", "meanwhile"] = {}
                give_opt_out(self, asked(until=LATER, reason="first"))
            return super().put(item, condition)

    table = LateItems()
    assert give_opt_out(table, asked()) == (asked(until=LATER, reason="first"), False)
    assert [sk for pk, sk in table.items if pk == f"OPTOUT#{ARN}"] == ["2026-12-03"]


def test_a_process_that_dies_between_its_two_writes_is_made_good_by_the_next_press() -> None:
    table = MemoryItems()

    def die(what: str) -> None:
        if what == f"put OPTOUT#{ARN}":
            raise LedgerError("gone")

    table.before = die
    with pytest.raises(LedgerError):
        give_opt_out(table, asked())
    assert linked_of_all(table) == {}
    table.before = lambda _: None
    assert give_opt_out(table, asked(until=LATER)) == (asked(), False)
    assert linked_of_all(table) == {ARN: (LinkedOptOut("2026-11-24", TONIGHT, "release night"),)}


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"SK": "soon"}, "soon"),
        ({"until": "2026-13-01"}, "2026-13-01"),
        ({"until": 5}, "5"),
        ({"until": "1999-01-01"}, "1999-01-01"),
        ({"format": 3}, "an item of another release"),
    ],
)
def test_an_item_that_is_not_right_counts_for_good_and_stops_no_press(
    table: Items, fields: dict[str, Any], value: str
) -> None:
    item = {"PK": f"OPTOUT#{ARN}", "SK": "2026-11-24", "GSI1PK": OPT_OUTS, "GSI1SK": ARN, **fields}
    table.put(item, Absent())
    assert linked_of_all(table) == {ARN: (LinkedOptOut(value, None, None),)}
    assert longest_given(table, ARN) is None
    assert give_opt_out(table, asked(until=LATER))[1]


def test_an_item_in_the_index_that_names_no_resource_is_no_answer(table: Items) -> None:
    table.put({"PK": "OPTOUT#i-1", "SK": "2026-11-24", "GSI1PK": OPT_OUTS, "GSI1SK": "i-1"})
    with pytest.raises(LedgerError, match="OPTOUT#i-1 2026-11-24 of the table is no opt-out"):
        linked_of_all(table)


def test_an_altered_link_of_a_sweep_is_no_answer(table: Items) -> None:
    table.put({"PK": f"OPTOUT#LINK#{SWEEP_ID}", "SK": ARN, "until": "soon"})
    with pytest.raises(LedgerError, match="was altered"):
        give_opt_out(table, asked())


def test_the_longest_of_equal_arns_is_told_with_all_that_is_known_of_it(table: Items) -> None:
    assert longest_given(table, ARN) is None
    give_opt_out(table, replace(asked(), given_to="", user_agent=""))
    assert longest_given(table, ARN) == asked(given_to="", user_agent="")
