"""A report's document in, its files as bytes out: JSON for programs, CSV for spreadsheets, HTML for people.

The same document gives the same bytes, also when it was read back from report.json.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from orchestrator.core.report.document import Row
from orchestrator.core.report.html.report_page import report_page
from orchestrator.core.report.lazy_rows import made_rows

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
    lines = _Lines(document["decisions"])
    return {
        "report.json": _Again(lambda: _json_chunks(document, lines)),
        "decisions.jsonl.gz": lines,
        "decisions.csv": _Again(lambda: csv_chunks(_decision_cells(document), _DECISION_COLUMNS)),
        "coverage.csv": _Again(lambda: csv_chunks(made_rows(document["coverage"]), _COVERAGE_COLUMNS)),
        "compliance.csv": _Again(lambda: csv_chunks(made_rows(document["compliance"]), _COMPLIANCE_COLUMNS)),
        "opt_outs.csv": _Again(lambda: csv_chunks(_opt_out_cells(document), _OPT_OUT_COLUMNS)),
        "report.html": _Again(
            lambda: report_page(document)
        ),  # last: by now the others are written, whatever befalls it
    }


class _Again:
    """What a generator function gives, anew each time."""

    def __init__(self, begin: Callable[[], Iterator[bytes]]) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[bytes]:
        return self._begin()


class _Lines:
    """decisions.jsonl.gz, a line for each row: compressed while the same texts go into report.json, where they do."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows
        self._compressed: list[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        if self._compressed is None:
            for _ in self.beside(_row_texts(self._rows)):
                pass
        yield from self._compressed or ()

    def beside(self, texts: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
        """Passes on the texts of all rows."""
        # The header says no time, so that equal rows give equal bytes: 31 asks zlib for gzip's, as gzip.compress does.
        compressor, done = zlib.compressobj(9, zlib.DEFLATED, 31), list[bytes]()
        for some in texts:
            done.append(compressor.compress(b"\n".join([*some, b""])))
            yield some
        self._compressed = [*filter(None, done), compressor.flush()]


def _json_chunks(document: Row, lines: _Lines) -> Iterator[bytes]:
    """As one json.dumps of it all gives them."""
    before = b"{"
    for name, value in document.items():
        yield before + _json_bytes(name) + b":"
        before = b","
        if name in ROWS:
            texts = _row_texts(value)
            yield from _array(lines.beside(texts) if name == "decisions" else texts)
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
    some: list[bytes] = []
    for row in made_rows(rows):
        some.append(_row_bytes(row))
        if len(some) == _ROWS_AT_ONCE:
            yield some
            some = []
    if some:
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
