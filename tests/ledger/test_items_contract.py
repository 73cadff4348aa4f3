"""One contract for both tables, DynamoDB and SQLite."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.items import (
    Absent,
    AllOf,
    AnyOf,
    AtMost,
    Condition,
    Delete,
    Equals,
    Items,
    Missing,
    Put,
)
from tests.support.local_aws import in_threads

KEY = ("P", "S")


def an_item(sk: str = KEY[1], **values: Any) -> dict[str, Any]:
    return {"PK": KEY[0], "SK": sk, **values}


def test_what_was_put_is_there_with_the_types_that_it_had(table: Items) -> None:
    item = an_item(text="ü", empty="", whole=5, part=12.345, yes=True, rows=["a", 0.5], counts={"a": 1, "b": 0.25})
    table.put(item)
    found = table.get(KEY)
    assert found == item
    assert found is not None
    assert (type(found["whole"]), type(found["part"]), found["yes"]) == (int, float, True)


def test_what_is_none_is_not_stored(table: Items) -> None:
    table.put(an_item(value=None))
    assert table.get(KEY) == an_item()


def test_what_was_never_put_is_not_there(table: Items) -> None:
    assert table.get(KEY) is None
    assert table.query(KEY[0]) == []


def test_absent_holds_once(table: Items) -> None:
    assert table.put(an_item(value="first"), Absent())
    assert not table.put(an_item(value="second"), Absent())
    assert table.get(KEY) == an_item(value="first")


def test_equals_holds_for_that_value_only_and_for_no_item_that_is_missing(table: Items) -> None:
    assert not table.put(an_item(value="b"), Equals("value", "a"))
    table.put(an_item(value="a"))
    assert not table.put(an_item(value="c"), Equals("value", "b"))
    assert not table.put(an_item(value="c"), Equals("missing", "a"))
    assert table.get(KEY) == an_item(value="a")
    assert table.put(an_item(value="b"), Equals("value", "a"))
    assert table.get(KEY) == an_item(value="b")


def test_an_update_changes_what_it_names_and_makes_no_item(table: Items) -> None:
    assert not table.update(KEY, {"value": "a"})
    assert table.get(KEY) is None
    table.put(an_item(value="a", other="x", status="s"))
    assert table.update(KEY, {"value": "b", "totals": {"a": 1}})
    assert table.get(KEY) == an_item(value="b", other="x", status="s", totals={"a": 1})


def test_a_conditional_update_writes_nothing_when_the_condition_does_not_hold(table: Items) -> None:
    table.put(an_item(value="a"))
    assert not table.update(KEY, {"value": "c"}, Equals("value", "b"))
    assert table.get(KEY) == an_item(value="a")
    assert table.update(KEY, {"value": "c"}, Equals("value", "a"))
    assert not table.update((KEY[0], "other"), {"value": "c"}, Equals("value", ""))


def test_an_update_of_nothing_says_whether_there_is_an_item(table: Items) -> None:
    assert not table.update(KEY, {})
    table.put(an_item())
    assert table.update(KEY, {})


def test_any_number_of_writes_go_out_and_none(table: Items) -> None:
    items = [an_item(f"{number:03}", number=number) for number in range(130)]
    assert table.write_each([Put(item) for item in items]) == frozenset()
    assert table.query(KEY[0]) == items
    assert table.write_each([]) == frozenset()


def test_nothing_is_written_when_one_of_them_cannot_be_stored(table: Items) -> None:
    with pytest.raises((TypeError, LedgerError)):
        table.write_each([Put(an_item("good")), Put(an_item("bad", value=object()))])
    assert table.query(KEY[0]) == []


def test_what_its_condition_refuses_is_named_and_the_rest_is_written(table: Items) -> None:
    table.put(an_item("2", value="old"))
    table.put(an_item("4", value="old"))
    writes = [
        Put(an_item("1", value="new"), Absent()),
        Put(an_item("2", value="new"), Absent()),
        Put(an_item("3", value="new"), Absent()),
        Delete((KEY[0], "4"), Equals("value", "other")),
        Put(an_item("5", value="new")),
    ]
    assert table.write_each(writes) == {1, 3}
    found = {one["SK"]: one["value"] for one in table.query(KEY[0])}
    assert found == {"1": "new", "2": "old", "3": "new", "4": "old", "5": "new"}


def test_what_is_deleted_is_gone_and_may_be_gone_before(table: Items) -> None:
    table.put(an_item(value="a"))
    assert table.write_each([Delete(KEY, Equals("value", "a")), Delete((KEY[0], "other"))]) == frozenset()
    assert table.query(KEY[0]) == []


_NUMBER = AtMost("number", 3)


@pytest.mark.parametrize(
    ("condition", "item", "expected"),
    [
        (_NUMBER, None, False),
        (_NUMBER, {"number": 3}, True),
        (_NUMBER, {"number": 4}, False),
        (_NUMBER, {"other": 9}, True),
        (Missing("number"), None, False),
        (Missing("number"), {"number": 0}, False),
        (Missing("number"), {}, True),
        (AllOf((_NUMBER, Equals("status", "a"))), {"number": 1, "status": "a"}, True),
        (AllOf((_NUMBER, Equals("status", "a"))), {"number": 1, "status": "b"}, False),
        (AllOf((AtMost("number", 9), AtMost("number", 3))), {"number": 4}, False),
        (AnyOf((Absent(), _NUMBER)), None, True),
        (AnyOf((Absent(), _NUMBER)), {"number": 4}, False),
        (
            AnyOf((Absent(), AllOf((_NUMBER, AnyOf((Missing("id"), Equals("id", "x"))))))),
            {"number": 2, "id": "x"},
            True,
        ),
        (
            AnyOf((Absent(), AllOf((_NUMBER, AnyOf((Missing("id"), Equals("id", "x"))))))),
            {"number": 2, "id": "y"},
            False,
        ),
    ],
)
def test_conditions_of_numbers_and_conditions_together(
    table: Items, condition: Condition, item: dict[str, Any] | None, *, expected: bool
) -> None:
    if item is not None:
        table.put(an_item(**item))
    assert (table.write_each([Put(an_item(value="new"), condition)]) == frozenset()) is expected
    found = table.get(KEY)
    assert (found == an_item(value="new")) is expected


def test_of_two_items_with_one_key_the_later_one_is_put(table: Items) -> None:
    table.put_many([an_item("1", value="a"), an_item("2", value="b"), an_item("1", value="c")])
    assert table.query(KEY[0]) == [an_item("1", value="c"), an_item("2", value="b")]


def test_the_index_gives_its_own_partition_by_prefix_or_before_a_key(table: Items) -> None:
    for number, sk in enumerate(("b#2", "a#1", "b#1", "c#1")):
        table.put(an_item(str(number), GSI1PK="index", GSI1SK=sk))
    table.put(an_item("other", GSI1PK="another", GSI1SK="a#0"))
    table.put(an_item("none"))
    assert [one["GSI1SK"] for one in table.query_index("index")] == ["a#1", "b#1", "b#2", "c#1"]
    assert [one["GSI1SK"] for one in table.query_index("index", "b#")] == ["b#1", "b#2"]
    assert [one["GSI1SK"] for one in table.query_index("index", before="b#2")] == ["a#1", "b#1"]


def test_any_number_of_items_can_be_put(table: Items) -> None:
    items = [an_item(f"{number:03}") for number in range(130)]
    table.put_many(items)
    assert table.query(KEY[0]) == items


def test_a_query_is_sorted_and_keeps_to_its_partition_prefix_and_limit(table: Items) -> None:
    for sk in ("B#2", "A#1", "B#10", "B", "b#1"):
        table.put(an_item(sk))
    table.put({"PK": "other", "SK": "B#3"})
    assert [one["SK"] for one in table.query(KEY[0])] == ["A#1", "B", "B#10", "B#2", "b#1"]
    assert [one["SK"] for one in table.query(KEY[0], "B#")] == ["B#10", "B#2"]
    assert [one["SK"] for one in table.query(KEY[0], newest_first=True, limit=2)] == ["b#1", "B#2"]
    assert table.query(KEY[0], "B%") == []


def test_a_query_reads_all_pages(table: Items) -> None:
    table.put_many([an_item(f"{number:03}", text="x" * 20_000) for number in range(120)])  # 2.4 MB; a page is 1 MB
    assert len(table.query(KEY[0])) == 120
    assert len(table.query(KEY[0], limit=110)) == 110


def test_several_partitions_are_read_side_by_side(table: Items) -> None:
    items = [{"PK": f"P{number}", "SK": sk} for number in range(40) for sk in ("a", "b")]
    table.put_many(items)
    found = table.query_each([f"P{number}" for number in range(41)])
    assert found == {f"P{number}": [one for one in items if one["PK"] == f"P{number}"] for number in range(41)}
    assert table.query_each([]) == {}


def test_of_many_threads_one_puts_an_item_that_was_absent(table: Items) -> None:
    won: list[int] = []
    in_threads(16, lambda number: won.append(number) if table.put(an_item(by=str(number)), Absent()) else None)
    assert len(won) == 1
    assert table.get(KEY) == an_item(by=str(won[0]))
