"""A report's document in, its files as bytes out: JSON for programs, CSV for spreadsheets, HTML for people.

The same document gives the same bytes, also when it was read back from report.json.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic_core import to_json

from orchestrator.core.report.csv import (
    _COMPLIANCE_COLUMNS,
    _COVERAGE_COLUMNS,
    _DECISION_COLUMNS,
    _OPT_OUT_COLUMNS,
    _decision_cells,
    _opt_out_cells,
    csv_chunks,
)
from orchestrator.core.report.decision_lines import Outcomes, outcome_fields, sweep_fields
from orchestrator.core.report.document import Row
from orchestrator.core.report.html.report_page import report_page
from orchestrator.core.report.lazy_rows import made_rows
from orchestrator.core.report.manifest import Anew

CONTENT_TYPES = {
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".yaml": "application/yaml",
    ".sig": "application/octet-stream",
}


ROWS = ("coverage", "decisions", "outcomes", "compliance", "opt_outs")
"""What of a document there is much of."""


def sweep_folder(sweep_id: str) -> str:
    """`sweeps/dt=2026-11-23/sweep=20261123T190000Z-7f3a9c`; the same in S3 and in a local folder."""
    return f"sweeps/dt={sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}/sweep={sweep_id}"


def policy_file(sha256: str) -> str:
    """The file with the text of a sweep's policy, where that is too large for the ledger: named by its content."""
    return f"policy-{sha256}.yaml"


def report_files(document: Row) -> dict[str, bytes]:
    """Every file whole, for a report that is small."""
    return {name: b"".join(chunks) for name, chunks in report_chunks(document).items()}


def report_chunks(document: Row) -> dict[str, Iterable[bytes]]:
    """Every file piece by piece, in the order of writing: report.json first, since all others can be made from it
    again. Each gives its pieces from the beginning whenever it is iterated.
    """
    outcomes = Outcomes(document)
    lines = _Lines(document, outcomes)
    return {
        "report.json": Anew(lambda: _json_chunks(document, lines)),
        "decisions.jsonl.gz": lines,
        "decisions.csv": Anew(lambda: csv_chunks(_decision_cells(document, outcomes), _DECISION_COLUMNS)),
        "coverage.csv": Anew(lambda: csv_chunks(made_rows(document["coverage"]), _COVERAGE_COLUMNS)),
        "compliance.csv": Anew(lambda: csv_chunks(made_rows(document["compliance"]), _COMPLIANCE_COLUMNS)),
        "opt_outs.csv": Anew(lambda: csv_chunks(_opt_out_cells(document), _OPT_OUT_COLUMNS)),
        "report.html": Anew(lambda: report_page(document)),  # last: by now the others are written, whatever befalls it
    }


class _Lines:
    """decisions.jsonl.gz, a line for each row with its outcome: compressed while the rows' texts go into report.json,
    where they do.
    """

    def __init__(self, document: Row, outcomes: Outcomes) -> None:
        self._document = document
        self._outcomes = outcomes
        self._compressed: list[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        if self._compressed is None:
            for _ in self.row_texts():
                pass
        yield from self._compressed or ()

    def row_texts(self) -> Iterator[list[bytes]]:
        """The texts of all decisions, as report.json has them."""
        # The header says no time, so that equal rows give equal bytes: 31 asks zlib for gzip's, as gzip.compress does.
        compressor, done = zlib.compressobj(9, zlib.DEFLATED, 31), list[bytes]()
        end_of = _line_ends(self._document, self._outcomes)
        for rows in _some(self._document["decisions"]):
            texts = [*map(_row_bytes, rows)]
            lines = [text[:-1] + end_of(row) for row, text in zip(rows, texts, strict=True)]
            done.append(compressor.compress(b"".join(lines)))
            yield texts
        self._compressed = [*filter(None, done), compressor.flush()]


def _line_ends(document: Row, outcomes: Outcomes) -> Callable[[Mapping[str, Any]], bytes]:
    """What a decision's line has behind its row's text, in place of the last brace."""
    outcome_of, sweep = outcomes.begin(), sweep_fields(document)

    def end_with(outcome: Mapping[str, Any] | None) -> bytes:
        return b"," + _row_bytes({**outcome_fields(outcome), **sweep})[1:] + b"\n"

    without_outcome = end_with(None)

    def end_of(decision: Mapping[str, Any]) -> bytes:
        outcome = outcome_of(decision)
        return without_outcome if outcome is None else end_with(outcome)

    return end_of


def _json_chunks(document: Row, lines: _Lines) -> Iterator[bytes]:
    """As one json.dumps of it all gives them."""
    before = b"{"
    for name, value in document.items():
        yield before + _json_bytes(name) + b":"
        before = b","
        if name in ROWS:
            yield from _array(lines.row_texts() if name == "decisions" else _row_texts(value))
        else:
            yield _json_bytes(value)
    yield b"}"


_ROWS_AT_ONCE = 200


def _array(texts: Iterable[list[bytes]]) -> Iterator[bytes]:
    before = b"["
    for some in texts:
        yield before + b",".join(some)
        before = b","
    yield b"]" if before == b"," else b"[]"


def _row_texts(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[bytes]]:
    """Of some rows at a time."""
    for some in _some(rows):
        yield [*map(_row_bytes, some)]


def _some(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """All rows, some at a time."""
    each = made_rows(rows)
    while some := [*islice(each, _ROWS_AT_ONCE)]:
        yield some


def _row_bytes(row: Mapping[str, Any]) -> bytes:
    """As `_json_bytes`, in half of the time where a row has nothing in it that JSON escapes in one way or another."""
    try:
        text = to_json(row)
    except ValueError:  # half of a pair of surrogates
        return _json_bytes(row)
    return text if text.isascii() and b"\x7f" not in text else _json_bytes(row)


def content_type(name: str) -> str:
    """The MIME type of a report's file, by its name."""
    return CONTENT_TYPES[name[name.rindex(".") :]]


def _json_bytes(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
