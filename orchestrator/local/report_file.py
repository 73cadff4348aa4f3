"""A report's file that a person names: report.json, decisions.jsonl or decisions.jsonl.gz."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from orchestrator.core.report.stored_inventory import StoredRows
from orchestrator.core.report.stored_report import PackedRows, read_document
from orchestrator.errors import SettingsError

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_ROW = re.compile(rb'\s*\{\s*"account_id"')
"""How a line of decisions.jsonl begins, and no report."""
_LAID_OUT = re.compile(rb"\s|\{\s")


def read_report_file(path: Path) -> StoredRows:
    """Raises SettingsError that says what is wrong with the file."""
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(len(_GZIP)) == _GZIP
        with gzip.open(path) if is_packed else path.open("rb") as file:
            return _rows(cast("IO[bytes]", file))
    except (OSError, EOFError) as failure:
        raise SettingsError(f"{path} cannot be read: {failure}") from failure
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        what = "neither a report.json nor a decisions.jsonl.gz of a sweep"
        raise SettingsError(f"{path} is {what} ({type(wrong).__name__}: {wrong})") from wrong


def _rows(file: IO[bytes]) -> StoredRows:
    """Some at a time, as they were written; a report that was laid out since, at once."""
    head = file.read(_CHUNK)
    if _ROW.match(head):
        return _decisions_alone(_chunks(head, file))
    if _LAID_OUT.match(head):
        return StoredRows.of_report(json.loads(head + file.read()))
    return StoredRows.of_report(read_document(_chunks(head, file)))


def _chunks(head: bytes, file: IO[bytes]) -> Iterator[bytes]:
    yield head
    while chunk := file.read(_CHUNK):
        yield chunk


def _decisions_alone(chunks: Iterator[bytes]) -> StoredRows:
    def lines() -> Iterator[str]:
        left = b""
        for chunk in chunks:
            *whole, left = (left + chunk).split(b"\n")
            yield from (line.decode() for line in whole if line.strip())
        if left.strip():
            yield left.decode()

    return StoredRows(PackedRows(lines()), None)
