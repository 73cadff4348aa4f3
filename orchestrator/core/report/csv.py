r"""The report's tables for spreadsheets: no cell runs, whether `,` `;` or tab separates them; each can be read back.

In a cell `\` is `\\`, and a line break, tab or other control character is an escape of JSON (`\n`, `\u001b`). Where a
cell would begin (at its start, and after each `,` or `;` in it, whatever spaces and quotes come between), one
apostrophe stands before `=`, `+`, `-`, `@`, and before apostrophes that stand before these; so it does after a last `,`
or `;`, where another column's cell would begin. `read_rows` takes both away.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.document import Row

_PLACE = ("account_id", "region", "kind", "resource_id")
_DECISION_COLUMNS = (
    *_PLACE,
    "name",
    "verdict",
    "action",
    "rule",
    "reason_code",
    "reason",
    "exemption_tag",
    "exemption_value",
    "exemption_source",
    "exemption_until",
    "exemption_reason",
    "outcome",
    "code",
    "message",
    "requested_at",
    "verified_at",
    "tags",
    "arn",
    "losses",
)
_COVERAGE_COLUMNS = ("account_id", "account_name", "ou_path", "region", "kind", "status", "detail", "weight")
_COMPLIANCE_COLUMNS = ("account_id", "region", "kind", "resource_id", "violation", "detail", "carrier")
# A spreadsheet runs a cell that starts with one of these: https://owasp.org/www-community/attacks/CSV_Injection
_RUN = "=+@\uff1d\uff0b\uff0d\uff20-"
"""The four in the middle are full-width. Tabs and line breaks, which it passes over, are in no cell."""
_CELL, _INNER_CELL = r"""(?:^|[,;])[\s"]*""", r"""[,;][\s"]*"""
_LIVE = re.compile(rf"{_CELL}(?='*[{_RUN}])|{_INNER_CELL}(?='*\Z)")
_DEFUSED = re.compile(rf"({_CELL})'(?='*[{_RUN}])|({_INNER_CELL})'(?='*\Z)")
_MAY_BE_LIVE = re.compile(rf"""[\s"'{_RUN}]|.*[,;]""")
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|(.))")
_SHORT = {"n": "\n", "r": "\r", "t": "\t"}
_TAG = re.compile(r"((?:\\.|[^\\=])*)=((?:\\.|[^\\;])*)(?:; |$)")


def csv_bytes(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """RFC 4180 in UTF-8, a line for each row. A cell is text as `cell_of` writes it; tags are as `tags_cell` does."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([(tags_cell if column == "tags" else cell_of)(row.get(column)) for column in columns])
    return text.getvalue().encode()


def read_rows(content: bytes) -> list[Row]:
    """The rows of a file that `csv_bytes` made, by column: texts as they were (none: empty), tags as a dictionary."""
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    return [{name: (tags_of if name == "tags" else text_of)(cell) for name, cell in row.items()} for row in rows]


def cell_of(value: object) -> str:
    """The value as text that no spreadsheet runs as a formula, and that is one line."""
    return "" if value is None else _text_cell(str(value))


@lru_cache(maxsize=4096)
def _text_cell(text: str) -> str:
    """Remembered: the cells of most columns are few texts, on thousands of rows."""
    return _defused(_escaped(text))


def text_of(cell: str) -> str:
    """What `cell_of` was given, as text."""
    return _unescaped(_DEFUSED.sub(r"\1\2", cell))


def tags_cell(tags: Mapping[str, str] | None) -> str:
    r"""`key=value; key=value`; in keys and values `;` is `\;`, in keys `=` is `\=`."""
    return _defused("; ".join([_pair(key, value) for key, value in (tags or {}).items()]))


@lru_cache(maxsize=4096)
def _pair(key: str, value: str) -> str:
    escaped_key = _escaped(key).replace("=", "\\=")
    return f"{escaped_key}={_escaped(value)}".replace(";", "\\;")


def tags_of(cell: str) -> dict[str, str]:
    """What `tags_cell` was given."""
    pairs = _TAG.finditer(_DEFUSED.sub(r"\1\2", cell))
    return {_unescaped(pair[1]): _unescaped(pair[2]) for pair in pairs}


def _defused(text: str) -> str:
    return _LIVE.sub(r"\g<0>'", text) if _MAY_BE_LIVE.match(text) else text


def _escaped(text: str) -> str:
    return without_controls(text.replace("\\", "\\\\"))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _SHORT.get(found[2], found[2]), text)


def _decision_cells(document: Row) -> Iterable[Row]:
    """A decision and its outcome side by side."""
    outcomes = {tuple(row[key] for key in _PLACE): row for row in document["outcomes"]}
    for decision in document["decisions"]:
        outcome = outcomes.get(tuple(decision[key] for key in _PLACE), {})
        exemption = decision["exemption"] or {}
        yield {
            **decision,
            "losses": "; ".join(decision.get("losses", ())),  # of earlier releases none
            "exemption_tag": exemption.get("tag"),
            "exemption_value": exemption.get("value"),
            "exemption_source": exemption.get("source"),
            "exemption_until": exemption.get("until"),
            "exemption_reason": exemption.get("reason"),
            "outcome": outcome.get("status"),
            "code": outcome.get("code"),
            "message": "; ".join(filter(None, (outcome.get("message"), *outcome.get("warnings", ())))),
            "requested_at": outcome.get("requested_at"),
            "verified_at": outcome.get("verified_at"),
        }
