"""A report's document in, its files as bytes out: JSON for programs, CSV for spreadsheets.

The same document gives the same bytes, also when it was read back from report.json.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable

from orchestrator.core.report.csv import (
    _COMPLIANCE_COLUMNS,
    _COVERAGE_COLUMNS,
    _DECISION_COLUMNS,
    _decision_cells,
    csv_bytes,
)
from orchestrator.core.report.document import Row

CONTENT_TYPES = {
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".gz": "application/gzip",
    ".yaml": "application/yaml",
    ".sig": "application/octet-stream",
}


def sweep_folder(sweep_id: str) -> str:
    """`sweeps/dt=2026-11-23/sweep=20261123T190000Z-7f3a9c`; the same in S3 and in a local folder."""
    return f"sweeps/dt={sweep_id[:4]}-{sweep_id[4:6]}-{sweep_id[6:8]}/sweep={sweep_id}"


def policy_file(sha256: str) -> str:
    """The file with the text of a sweep's policy, where that is too large for the ledger: named by its content."""
    return f"policy-{sha256}.yaml"


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
    """The MIME type of a report's file, by its name."""
    return CONTENT_TYPES[name[name.rindex(".") :]]


def _json_bytes(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _json_lines(rows: Iterable[Row]) -> bytes:
    return gzip.compress(b"".join(_json_bytes(row) + b"\n" for row in rows), mtime=0)
