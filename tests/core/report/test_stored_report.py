"""A report is read back piece by piece as what it is, wherever its pieces end."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.report.document import plain_document, report_document
from orchestrator.core.report.files import report_chunks, report_files
from orchestrator.core.report.stored_report import PackedRows, read_document
from tests.core.report.test_files import REPORT
from tests.core.report.test_streaming import many
from tests.support.builders import a_report

CONTENT = report_files(report_document(REPORT))["report.json"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=8,
)


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize("size", [1, 7, 100, len(CONTENT)])
def test_a_report_is_the_same_in_pieces_of_any_size(size: int) -> None:
    found = read_document(pieces(CONTENT, size))
    assert found == json.loads(CONTENT)
    assert [*found] == [*json.loads(CONTENT)]
    assert plain_document(found) == json.loads(CONTENT)
    assert report_files(found) == report_files(report_document(REPORT))


@given(st.dictionaries(st.text() | st.just("decisions"), VALUES, max_size=5), st.integers(20, 60))
@example({"decisions": [{"a": 1}, {}] * 150, "a": 12.5}, 3)
@example({"decisions": [12, 3], "a": 123}, 1)
@example({"decisions": {}}, 1)
def test_so_is_any_json_that_this_program_writes(document: dict[str, Any], size: int) -> None:
    content = json.dumps(document, separators=(",", ":")).encode()
    assert plain_document(read_document(pieces(content, size))) == json.loads(content)


@pytest.mark.parametrize(
    "content", [b"", b"[]", CONTENT[:-1], CONTENT[: len(CONTENT) // 2], b'{"a":', b'{"a" 1}', b"{]"]
)
def test_what_is_no_whole_report_is_an_error_and_not_a_shorter_one(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"report|Expecting"):
        read_document(pieces(content, 10))


def test_an_empty_report_has_empty_rows() -> None:
    found = read_document(report_chunks(report_document(a_report()))["report.json"])
    assert found == report_document(a_report())
    assert (len(found["decisions"]), [*found["decisions"]]) == (0, [])


def test_rows_are_counted_sliced_and_compared_like_a_list() -> None:
    rows = PackedRows(json.dumps({"number": number}) for number in range(500))
    assert (len(rows), rows[0], rows[-1]) == (500, {"number": 0}, {"number": 499})
    assert rows[199:201] == [{"number": 199}, {"number": 200}]
    assert rows != [{"number": 0}]
    assert rows != "rows"


def test_reading_a_report_takes_less_memory_than_its_text() -> None:
    content = pieces(report_files(many(2_000))["report.json"], 1 << 14)
    tracemalloc.start()
    try:
        document = read_document(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(document["decisions"]) == 2_000
    assert peak < sum(map(len, content)) / 2
