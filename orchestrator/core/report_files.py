"""A report's document in, its files as bytes out: JSON for programs, CSV for spreadsheets.

The same document gives the same bytes, also when it was read back from report.json.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.core.report import Row

CONTENT_TYPES = {
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".gz": "application/gzip",
    ".sig": "application/octet-stream",
}
_PLACE = ("account_id", "region", "kind", "resource_id")
_DECISION_COLUMNS = (
    *_PLACE,
    "name",
    "verdict",
    "action",
    "rule",
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
)
_COVERAGE_COLUMNS = ("account_id", "account_name", "ou_path", "region", "status", "detail")
_COMPLIANCE_COLUMNS = ("account_id", "region", "resource_id", "violation", "detail")
# A spreadsheet runs a cell that starts with one of these: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")  # the last four are full-width


def sweep_folder(sweep_id: str) -> str:
    """`sweeps/dt=2026-11-23/sweep=20261123T190000Z-7f3a9c`; the same in S3 and in a local folder."""
    return f"sweeps/dt={sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}/sweep={sweep_id}"


def report_files(document: Row) -> dict[str, bytes]:
    """In the order of writing: report.json first, since all others can be made from it again."""
    return {
        "report.json": _json_bytes(document),
        "decisions.jsonl.gz": _json_lines(document["decisions"]),
        "decisions.csv": csv_bytes(_decision_cells(document), _DECISION_COLUMNS),
        "coverage.csv": csv_bytes(document["coverage"], _COVERAGE_COLUMNS),
        "compliance.csv": csv_bytes(document["compliance"], _COMPLIANCE_COLUMNS),
    }


def content_type(name: str) -> str:
    return CONTENT_TYPES[name[name.rindex(".") :]]


def csv_bytes(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """RFC 4180 in UTF-8; a cell that a spreadsheet would run gets a leading apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([defused(row.get(column)) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def defused(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _json_bytes(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _json_lines(rows: Iterable[Row]) -> bytes:
    return gzip.compress(b"".join(_json_bytes(row) + b"\n" for row in rows), mtime=0)


def _decision_cells(document: Row) -> Iterable[Row]:
    """A decision and its outcome side by side."""
    outcomes = {tuple(row[key] for key in _PLACE): row for row in document["outcomes"]}
    for decision in document["decisions"]:
        outcome = outcomes.get(tuple(decision[key] for key in _PLACE), {})
        exemption = decision["exemption"] or {}
        yield {
            **decision,
            "exemption_tag": exemption.get("tag"),
            "exemption_value": exemption.get("value"),
            "exemption_source": exemption.get("source"),
            "exemption_until": exemption.get("until") or ("for good" if exemption else None),
            "exemption_reason": exemption.get("reason"),
            "outcome": outcome.get("status"),
            "code": outcome.get("code"),
            "message": outcome.get("message"),
            "requested_at": outcome.get("requested_at"),
            "verified_at": outcome.get("verified_at"),
            "tags": "; ".join(f"{key}={value}" for key, value in decision["tags"].items()),
        }
