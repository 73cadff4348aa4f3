"""The report's tables for spreadsheets; a cell that a spreadsheet would run is defused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
)
_COVERAGE_COLUMNS = ("account_id", "account_name", "ou_path", "region", "kind", "status", "detail")
_COMPLIANCE_COLUMNS = ("account_id", "region", "kind", "resource_id", "violation", "detail")
# A spreadsheet runs a cell that starts with one of these: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")  # the last four are full-width


def csv_bytes(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """RFC 4180 in UTF-8; a cell that a spreadsheet would run gets a leading apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([defused(row.get(column)) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def defused(value: object) -> str:
    """The value as text that no spreadsheet runs as a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


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
            "message": "; ".join(filter(None, (outcome.get("message"), *outcome.get("warnings", ())))),
            "requested_at": outcome.get("requested_at"),
            "verified_at": outcome.get("verified_at"),
            "tags": "; ".join(f"{key}={value}" for key, value in decision["tags"].items()),
        }
