"""docs/report.md: every field of report.json and every column of the other files, made from the rows' types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from orchestrator.core.report.csv import _COMPLIANCE_COLUMNS, _COVERAGE_COLUMNS, _DECISION_COLUMNS, _OPT_OUT_COLUMNS
from orchestrator.core.report.decision_lines import FLATTENED
from orchestrator.core.report.rows import DecisionLine
from orchestrator.core.report.schema import report_json_schema

Schema = Mapping[str, Any]

_HEAD = """# The report's fields

*For: whoever reads a sweep's files by program or in a spreadsheet.*

Made from the types of the rows by `stop-orchestrator schema --report --format md`; the same as JSON Schema:
`stop-orchestrator schema --report`. [Reports](reports.md) says which files there are,
where they are, and how to query them.

Times are ISO 8601 in UTC, such as `2026-11-23T19:00:00Z`. A field that *may be missing* is not there in reports of
releases before it, or where it does not apply. New fields may come with any release; `schema_version` changes where
a program that reads the fields below would go wrong.

| file | what it has | columns |
|---|---|---|
| `report.json` | everything | [below](#reportjson) |
| `decisions.jsonl.gz` | a line for each decision, with its outcome | [below](#decisionsjsonlgz) |
| `decisions.csv` | the same for spreadsheets | [below](#decisionscsv) |
| `coverage.csv` | what was read, and what was not | [below](#coveragecsv) |
| `compliance.csv` | missing and wrong tags | [below](#compliancecsv) |
| `opt_outs.csv` | the register of opt-outs | [below](#opt_outscsv) |
"""
_CSV_HEAD = """
## CSV files

UTF-8, RFC 4180, with a header. In a cell `\\` is `\\\\`, and a line break or other control character an escape such as
`\\n` or `\\u001b`. Where a spreadsheet would take the text for a formula, an apostrophe stands before it. What is null,
or missing, is an empty cell. New columns come last.
"""
_JSONL_HEAD = """
## decisions.jsonl.gz

One JSON object a line, compressed with gzip. The fields of `decisions` in `report.json`, then these:
"""
_LISTS = {"losses": "Each with `; ` between.", "violations": "Each with `; ` between."}
_MONEY = {
    "BillingCurrency": "FOCUS: the currency of all amounts; empty where the report says nothing of money.",
    "ContractedUnitPrice": "FOCUS: `hourly` of `money`: what one hour saves; empty: not known.",
    "PricingUnit": "FOCUS: the unit of the quantity.",
    "PricingQuantity": "FOCUS: `hours` of `money`; empty: not known.",
    "ContractedCost": "FOCUS: `net` of `money`: what the action saves (a stop) or costs (a start); empty: not known.",
    "ChargePeriodEnd": "FOCUS: `until` of `money`: the end of these hours; empty: not known.",
    "gross": "`gross` of `money`: what it would cost if it ran on for these hours; empty: not known.",
    "still_billed": "`still_billed` of `money`: what volumes, addresses and storage cost meanwhile; empty: not known.",
    "net": "`gross` without `still_billed`; empty: not known.",
    "price_source": "`source` of `money`: where the prices are from.",
    "money_unknown": "`unknown` of `money`: why an amount is not known.",
}
"""Of columns that are made of `money`: with a capital those that FOCUS names (https://focus.finops.org)."""
_ROWS = {
    "coverage.csv": ("CoverageRow", _COVERAGE_COLUMNS),
    "compliance.csv": ("ViolationRow", _COMPLIANCE_COLUMNS),
    "opt_outs.csv": ("OptOutRow", _OPT_OUT_COLUMNS),
}


def report_reference() -> str:
    """The page, as Markdown."""
    schema, line = report_json_schema(), TypeAdapter(DecisionLine).json_schema()
    kinds: Mapping[str, Schema] = {**schema["$defs"], **line["$defs"]}
    more = [name for name in line["properties"] if name not in kinds["DecisionRow"]["properties"]]
    return "".join(
        [
            _HEAD,
            "\n## report.json\n\n",
            *_fields(schema),
            *(text for name, one in sorted(schema["$defs"].items()) for text in _row_type(name, one)),
            _JSONL_HEAD,
            "\n",
            *_fields(line, more),
            _CSV_HEAD,
            *_csv("decisions.csv", line, kinds, _DECISION_COLUMNS),
            *(text for name, (row, columns) in _ROWS.items() for text in _csv(name, kinds[row], kinds, columns)),
        ]
    )


def _row_type(name: str, one: Schema) -> Iterator[str]:
    yield f"\n### {name}\n\n{' '.join(one['description'].split())}\n\n"
    yield from _fields(one)


def _fields(of: Schema, names: Sequence[str] | None = None) -> Iterator[str]:
    yield "| field | type | what it is |\n|---|---|---|\n"
    needed = of.get("required", ())
    for name, field in of["properties"].items():
        if names is None or name in names:
            missing = "" if name in needed else " May be missing."
            yield f"| `{name}` | {_type(field)} | {_said(field)}{missing} |\n"


def _csv(name: str, row: Schema, kinds: Mapping[str, Schema], columns: Sequence[str]) -> Iterator[str]:
    yield f"\n### {name}\n\n| column | what it is |\n|---|---|\n"
    for column in columns:
        yield f"| `{column}` | {_of_column(column, row, kinds)} |\n"


def _of_column(column: str, row: Schema, kinds: Mapping[str, Schema]) -> str:
    if column == "tags":
        return r"`key=value; key=value`; in keys and values `;` is `\;`, in keys `=` is `\=`."
    if column in _MONEY:
        return _MONEY[column]
    if column not in FLATTENED:
        return " ".join(filter(None, (_said(row["properties"][column]), _LISTS.get(column, ""))))
    field, name = FLATTENED[column]
    within = next(kinds[_name_of(one)] for one in _each(row["properties"][field]) if "$ref" in one)
    return f"`{name}` of `{field}`: {_said(within['properties'][name])}"


def _said(field: Schema) -> str:
    """Its description, and the values that it may have."""
    values = [f"`{one}`" for one in field.get("enum", ()) if one is not None]
    listed = f" One of {', '.join(values)}." if values else ""
    return f"{_in_cell(field['description'])}{listed}"


def _type(field: Schema) -> str:
    names = [_simple_type(one) for one in _each(field)]
    nulls = ["null"] if None in field.get("enum", ()) else []
    return " or ".join(dict.fromkeys([*names, *nulls]))


def _simple_type(field: Schema) -> str:
    if "$ref" in field:
        name = _name_of(field)
        return f"[{name}](#{name.lower()})"
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if field.get("type") == "object":
        return f"object of {_type(field['additionalProperties'])}"
    words = {"integer": "whole number", "boolean": "true or false", "string": "text"}
    return words.get(kind := str(field.get("type", "string")), kind)


def _each(field: Schema) -> Sequence[Schema]:
    found: Sequence[Schema] = field.get("anyOf", (field,))
    return found


def _name_of(field: Schema) -> str:
    return str(field["$ref"]).rpartition("/")[2]


def _in_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
