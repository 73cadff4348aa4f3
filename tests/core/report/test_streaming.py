"""A report's files piece by piece: the same bytes as from a whole document, and never all of them at once."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.report.decision_lines import outcome_fields, sweep_fields
from orchestrator.core.report.document import Row, document_of, plain_document, report_document
from orchestrator.core.report.files import _row_bytes, report_chunks, report_files
from orchestrator.core.report.manifest import FileSeal, Sealing, sha256_of
from tests.core.report.test_files import REPORT
from tests.support.builders import a_coverage, a_decision, a_report, a_resource, an_outcome

TEXT = st.text(st.characters(codec=None)) | st.sampled_from(["\x7f", "\ud800", "\u2028", '"\\', "\x00\x1f\b\f"])
VALUES = st.none() | st.booleans() | st.integers() | TEXT
ROWS = st.dictionaries(TEXT, VALUES | st.lists(TEXT) | st.dictionaries(TEXT, VALUES))
WHOLE = ("coverage", "decisions", "outcomes", "compliance", "opt_outs")


def many(count: int) -> Row:
    resources = [a_resource(f"i-{number:017x}", tags={"Name": f"web-{number}"}) for number in range(count)]
    return document_of(
        a_report(
            decisions=tuple(map(a_decision, resources)),
            outcomes=tuple(an_outcome(resource=one) for one in resources),
            coverage=tuple(a_coverage(account_id=f"{n // 17:012}", region=f"xx-{n % 17}") for n in range(count)),
        )
    )


@given(ROWS)
@example({"\x7f": 1 << 70, "a": -0})
def test_a_row_is_the_text_that_json_gives_it_whatever_is_in_it(row: dict[str, Any]) -> None:
    assert _row_bytes(row) == json.dumps(row, separators=(",", ":")).encode()


@pytest.mark.parametrize("count", [0, 1, 200, 401])
def test_the_pieces_are_the_bytes_of_the_whole_document(count: int) -> None:
    document = many(count)
    plain = plain_document(document)
    files = report_files(document)
    assert files["report.json"] == json.dumps(plain, separators=(",", ":")).encode()
    each = zip(plain["decisions"], plain["outcomes"], strict=True)
    rows = [{**row, **outcome_fields(outcome), **sweep_fields(plain)} for row, outcome in each]
    lines = b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows)
    assert files["decisions.jsonl.gz"] == gzip.compress(lines, mtime=0)
    assert report_files(plain) == files
    assert report_files(json.loads(files["report.json"])) == files


def test_each_file_can_be_written_again_from_its_beginning_and_in_any_order() -> None:
    files, pieces = report_files(document_of(REPORT)), report_chunks(document_of(REPORT))
    for name in reversed(list(pieces)):
        assert b"".join(pieces[name]) == b"".join(pieces[name]) == files[name]


def test_what_is_written_of_a_report_that_breaks_off_says_nothing_of_its_lines() -> None:
    document = many(401)
    pieces = report_chunks(document)
    next(iter(pieces["report.json"]))
    assert b"".join(pieces["decisions.jsonl.gz"]) == report_files(document)["decisions.jsonl.gz"]


def test_writing_a_report_takes_no_memory_for_the_whole_of_it() -> None:
    document = many(4_000)
    whole = sum(map(len, report_files(document).values()))
    tracemalloc.start()
    try:
        for chunks in report_chunks(document).values():
            for _ in chunks:
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert whole > 4_000_000
    assert peak < whole / 4


# --- rows that are made when they are read ----------------------------------------------------------------------------


def test_a_row_that_is_made_when_it_is_read_is_the_row() -> None:
    lazy, plain = document_of(REPORT), report_document(REPORT)
    assert lazy == plain == plain_document(plain)
    for name in WHOLE:
        for mine, whole in zip(lazy[name], plain[name], strict=True):
            assert {field: mine[field] for field in whole} == {**mine} == whole
            assert [*mine] == [*whole]
            assert mine.get("no such field", 1) == 1
            assert "no such field" not in mine


def test_rows_are_counted_sliced_and_compared_like_a_list() -> None:
    rows = many(5)["decisions"]
    assert (len(rows), len(rows[1:3]), rows[-1]["resource_id"]) == (5, 2, f"i-{4:017x}")
    assert rows[1:3] == [dict(one) for one in rows][1:3]
    assert rows != [dict(one) for one in rows][:4]
    assert rows != "rows"


# --- seals ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary()))
def test_a_file_is_sealed_while_it_passes_whatever_its_pieces_are(chunks: list[bytes]) -> None:
    content, sealing = b"".join(chunks), Sealing(chunks)
    assert b"".join(sealing) == b"".join(sealing) == content
    assert sealing.seal == FileSeal.of(content) == FileSeal.of_chunks(chunks)
    assert sealing.seal == FileSeal(sha256_of(content), len(content))


def test_a_file_that_broke_off_has_no_seal() -> None:
    sealing = Sealing([b"a", b"b"])
    next(iter(sealing))
    with pytest.raises(AssertionError, match="not written to its end"):
        _ = sealing.seal
