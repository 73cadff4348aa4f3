"""The JSON Schema of the sweep report, so that readers of reports can rely on their shape."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from orchestrator.core.report.rows import ReportDocument


def report_json_schema() -> dict[str, Any]:
    """Draft 2020-12, made from the rows' types; every field is required and nothing else is there."""
    made = TypeAdapter(ReportDocument).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "SweepReport"}
