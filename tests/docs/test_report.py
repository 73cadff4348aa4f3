"""docs/report.md is what the rows' types say of each field, and each of them says something."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.core.report.csv import _COMPLIANCE_COLUMNS, _COVERAGE_COLUMNS, _DECISION_COLUMNS, _OPT_OUT_COLUMNS
from orchestrator.core.report.reference import report_reference
from orchestrator.core.report.schema import report_json_schema

PAGE = Path(__file__).parents[2] / "docs/report.md"


def test_the_page_is_what_the_rows_types_say() -> None:
    assert PAGE.read_text() == report_reference(), "stop-orchestrator schema --report --format md > docs/report.md"


def test_every_field_of_the_report_says_what_it_is() -> None:
    schema = report_json_schema()
    types = {"SweepReport": schema, **schema["$defs"]}
    silent = [
        (name, field)
        for name, one in types.items()
        for field, it in one["properties"].items()
        if not it.get("description")
    ]
    assert silent == []
    assert [name for name, one in types.items() if not one.get("description")] == []


def test_every_column_of_every_table_is_on_the_page() -> None:
    sections = dict(re.findall(r"^### (\S+\.csv)\n(.*?)(?=^#|\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    shown = {name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for name, text in sections.items()}
    assert shown == {
        "decisions.csv": [*_DECISION_COLUMNS],
        "coverage.csv": [*_COVERAGE_COLUMNS],
        "compliance.csv": [*_COMPLIANCE_COLUMNS],
        "opt_outs.csv": [*_OPT_OUT_COLUMNS],
    }


def test_every_link_on_the_page_leads_to_a_heading_of_it() -> None:
    text = PAGE.read_text()
    headings = {
        re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
