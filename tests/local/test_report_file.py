"""Reports as files that a person names: of this release, and of those before."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from orchestrator.core.report.document import report_document
from orchestrator.core.report.files import report_files
from orchestrator.local.report_file import read_report_file
from tests.support.builders import a_decision, a_report, a_resource, an_outcome

DOCUMENT = report_document(a_report(decisions=(a_decision(a_resource("i-1")), a_decision(a_resource("i-2")))))
NOW = report_files({**DOCUMENT, "outcomes": report_document(a_report(outcomes=(an_outcome(),)))["outcomes"]})
OF_THIS_RELEASE = gzip.decompress(NOW["decisions.jsonl.gz"])
OF_THE_RELEASE_BEFORE = b"".join(json.dumps(row).encode() + b"\n" for row in DOCUMENT["decisions"])
"""It wrote the decisions alone."""


@pytest.mark.parametrize("lines", [OF_THIS_RELEASE, OF_THE_RELEASE_BEFORE], ids=["this release", "the one before"])
@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_lines_of_decisions_are_read_whichever_release_wrote_them(tmp_path: Path, lines: bytes, pack: type) -> None:
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(pack(lines))
    rows = read_report_file(path)
    assert rows.coverage is None
    assert [{name: row[name] for name in DOCUMENT["decisions"][0]} for row in rows.decisions] == DOCUMENT["decisions"]


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(NOW["report.json"])
    assert read_report_file(path).decisions == DOCUMENT["decisions"]
