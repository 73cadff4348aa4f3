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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.decision_lines import (
    PLACE,
    SWEEP_FIELDS,
    Outcomes,
    flattened,
    outcome_fields,
    sweep_fields,
)
from orchestrator.core.report.document import Row
from orchestrator.core.report.lazy_rows import made_rows
from orchestrator.core.report.money_rows import MONEY_COLUMNS, money_cells

_DECISION_COLUMNS = (
    *PLACE,
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
    "account_name",
    "ou_path",
    "owner",
    "type",
    *SWEEP_FIELDS,
    *MONEY_COLUMNS,
)
_COVERAGE_COLUMNS = ("account_id", "account_name", "ou_path", "region", "kind", "status", "detail", "weight")
_COMPLIANCE_COLUMNS = (*PLACE, "violation", "detail", "carrier", "account_name", "owner")
_OPT_OUT_COLUMNS = (
    "carrier",
    "carrier_id",
    "account_id",
    "account_name",
    "ou_path",
    "region",
    "kind",
    "owner",
    "tag",
    "value",
    "until",
    "reason",
    "status",
    "days_left",
    "expiring",
    "spared_accounts",
    "spared_resources",
    "spared_hours_per_week",
    "violations",
)
# A spreadsheet runs a cell that starts with one of these: https://owasp.org/www-community/attacks/CSV_Injection
_RUN = "=+@\uff1d\uff0b\uff0d\uff20-"
"""The four in the middle are full-width. Tabs and line breaks, which it passes over, are in no cell."""
_CELL, _INNER_CELL = r"""(?:^|[,;])[\s"]*""", r"""[,;][\s"]*"""
_LIVE = re.compile(rf"{_CELL}(?='*[{_RUN}])|{_INNER_CELL}(?='*\Z)")
_LIVE_AT_ITS_START = re.compile(rf"""[\s"]*'*[{_RUN}]""")
_LIVE_WITHIN = re.compile(rf"{_INNER_CELL}'*(?:[{_RUN}]|\Z)")
"""Where neither is found, `_LIVE` is not either: they are quicker to say so, of almost every cell."""
_DEFUSED = re.compile(rf"({_CELL})'(?='*[{_RUN}])|({_INNER_CELL})'(?='*\Z)")
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|(.))")
_SHORT = {"n": "\n", "r": "\r", "t": "\t"}
_CHUNK = 1 << 16
"""Characters."""
_MOST_CELLS = 1 << 12
_TAG = re.compile(r"((?:\\.|[^\\=])*)=((?:\\.|[^\\;])*)(?:; |$)")


def csv_bytes(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """RFC 4180 in UTF-8, a line for each row. A cell is text as `cell_of` writes it; tags are as `tags_cell` does."""
    return b"".join(csv_chunks(rows, columns))


def csv_chunks(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[bytes]:
    """The same, some rows at a time. A row without a column has an empty cell there."""
    cells = _Cells()
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(
            [
                cells[one] if type(one) is str else "" if one is None else _other_cell(one)
                for one in map(row.get, columns)
            ]
        )
        if text.tell() >= _CHUNK:
            yield _taken(text)
    yield _taken(text)


def _other_cell(value: object) -> str:
    return tags_cell(value) if isinstance(value, Mapping) else cell_of(value)


def _taken(text: io.StringIO) -> bytes:
    """What was written so far; it is empty afterwards."""
    content = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return content


class _Cells(dict[str, str]):
    """The cells of texts: most columns have few, on thousands of rows."""

    def __missing__(self, text: str) -> str:
        if len(self) >= _MOST_CELLS:
            self.clear()
        cell = self[text] = _text_cell(text)
        return cell


def read_rows(content: bytes) -> list[Row]:
    """The rows of a file that `csv_bytes` made, by column: texts as they were (none: empty), tags as a dictionary."""
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    return [{name: (tags_of if name == "tags" else text_of)(cell) for name, cell in row.items()} for row in rows]


def cell_of(value: object) -> str:
    """The value as text that no spreadsheet runs as a formula, and that is one line."""
    return "" if value is None else _text_cell(str(value))


def _text_cell(text: str) -> str:
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
    is_live = _LIVE_AT_ITS_START.match(text) or _LIVE_WITHIN.search(text)
    return _LIVE.sub(r"\g<0>'", text) if is_live else text


def _escaped(text: str) -> str:
    return without_controls(text.replace("\\", "\\\\"))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _SHORT.get(found[2], found[2]), text)


def _opt_out_cells(document: Row) -> Iterable[Row]:
    for row in made_rows(document.get("opt_outs", ())):  # a report of an earlier release has none
        yield {
            **row,
            "expiring": "true" if row["expiring"] else "false",
            "violations": "; ".join(row["violations"]),
        }


def _decision_cells(document: Row, outcomes: Outcomes) -> Iterable[Row]:
    """A decision, its outcome and its sweep side by side."""
    outcome_of, sweep = outcomes.begin(), sweep_fields(document)
    for decision in made_rows(document["decisions"]):
        yield {
            **decision,
            **flattened(decision),
            **outcome_fields(outcome_of(decision)),
            **sweep,
            "losses": "; ".join(decision.get("losses", ())),  # of earlier releases none
            **money_cells(decision.get("money")),
        }
