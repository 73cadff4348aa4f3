"""Rows packed into a page are the rows, whatever they hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.html.packed import ROWS_AT_ONCE, Packed
from tests.support.packed_rows import unpacked

VALUES = st.none() | st.integers(-(2**40), 2**40) | st.text(st.characters(codec=None), max_size=5)


def shown(value: object) -> object:
    return without_controls(value) if isinstance(value, str) else value


@given(st.lists(st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES}), max_size=5))
def test_what_is_packed_is_what_is_read(rows: list[dict[str, Any]]) -> None:
    packed = Packed(("a", "b")).extend(rows)
    read = [row for chunk in packed.chunks() for row in unpacked(chunk)]
    assert read == [{name: shown(row.get(name)) for name in ("a", "b")} for row in rows]
    assert packed.count == len(rows)


def test_many_rows_are_in_several_chunks_and_in_their_order() -> None:
    packed = Packed(("number", "same")).extend({"number": number, "same": "x"} for number in range(ROWS_AT_ONCE + 1))
    chunks = [unpacked(chunk) for chunk in packed.chunks()]
    assert [len(chunk) for chunk in chunks] == [ROWS_AT_ONCE, 1]
    assert [row["number"] for chunk in chunks for row in chunk] == [*range(ROWS_AT_ONCE + 1)]


def test_a_table_without_rows_has_no_chunks() -> None:
    assert [*Packed(("a",)).chunks()] == []
