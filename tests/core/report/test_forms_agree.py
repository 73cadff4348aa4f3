"""decisions.csv, decisions.jsonl.gz and report.json say the same of each resource, whatever names and tags are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import OutcomeStatus, Verdict
from orchestrator.core.report.csv import read_rows
from orchestrator.core.report.decision_lines import FLATTENED
from orchestrator.core.report.document import report_document
from orchestrator.core.report.files import report_files
from tests.support.builders import a_coverage, a_decision, a_report, a_resource, an_outcome
from tests.support.strategies import quick

WILD = ("<img src=x onerror=alert(1)>", '=HYPERLINK("http://x")', "\u202egnp.exe", "\x1b[31mred", "a|b`c\n", "'=1;", "")
texts = st.sampled_from(WILD) | st.text(max_size=8)
numbers = st.none() | st.floats(-1e6, 1e6, allow_nan=False).map(lambda one: round(one, 6))
money = st.fixed_dictionaries(
    {
        "source": texts,
        "hours": numbers,
        "until": st.none() | st.just("2026-11-24T07:00:00Z"),
        "hourly": numbers,
        "gross": numbers,
        "still_billed": numbers,
        "net": numbers,
        "unknown": texts,
    }
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Reports of a few resources, some with outcomes, some with money."""
    resources = [
        a_resource(f"i-{number}", tags=draw(st.dictionaries(texts, texts, max_size=3)), losses=())
        for number in range(draw(st.integers(0, 4)))
    ]
    report = a_report(
        policy_name=draw(texts),
        coverage=(a_coverage(),),
        decisions=tuple(
            a_decision(one, draw(st.sampled_from([Verdict.STOP, Verdict.KEEP])), reason=draw(texts), rule=draw(texts))
            for one in resources
        ),
        outcomes=tuple(
            an_outcome(draw(st.sampled_from(OutcomeStatus)), one, code=draw(texts), message=draw(texts))
            for one in resources
            if draw(st.booleans())
        ),
    )
    document = report_document(report)
    for row in document["decisions"]:
        if draw(st.booleans()):
            row["money"] = draw(money)
    return document


def as_text(value: object) -> Any:
    return "" if value is None else value if isinstance(value, dict) else str(value)


def to_a_millionth(amount: float | None) -> str:
    return "" if amount is None else f"{amount:.6f}".rstrip("0").rstrip(".")


MONEY: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "BillingCurrency": lambda _: "USD",
    "ContractedUnitPrice": lambda money: to_a_millionth(money["hourly"]),
    "PricingUnit": lambda money: "" if money["hours"] is None and money["hourly"] is None else "Hours",
    "PricingQuantity": lambda money: to_a_millionth(money["hours"]),
    "ContractedCost": lambda money: to_a_millionth(money["net"]),
    "ChargePeriodEnd": lambda money: money["until"] or "",
    "gross": lambda money: to_a_millionth(money["gross"]),
    "still_billed": lambda money: to_a_millionth(money["still_billed"]),
    "net": lambda money: to_a_millionth(money["net"]),
    "price_source": lambda money: str(money["source"]),
    "money_unknown": lambda money: str(money["unknown"]),
}
"""The columns that are made of `money`, by hand."""


def cell(line: Mapping[str, Any], column: str) -> Any:
    """What decisions.csv has in that column for a line of decisions.jsonl.gz."""
    if column in FLATTENED:
        field, name = FLATTENED[column]
        return as_text((line.get(field) or {}).get(name))
    if column in MONEY:
        return MONEY[column](line["money"]) if line.get("money") else ""
    value = line.get(column)
    return "; ".join(value) if isinstance(value, list) else as_text(value)


@quick
@given(document=documents())
def test_the_three_forms_say_the_same_of_each_resource(document: dict[str, Any]) -> None:
    files = report_files(document)
    lines = [json.loads(line) for line in gzip.decompress(files["decisions.jsonl.gz"]).splitlines()]
    whole = json.loads(files["report.json"])
    outcomes = {row["arn"]: row for row in whole["outcomes"]}
    for line, decision in zip(lines, whole["decisions"], strict=True):
        assert decision.items() <= line.items()
        came = outcomes.get(decision["arn"], {})
        assert [line[name] for name in ("outcome", "code", "message")] == [
            came.get(name) for name in ("status", "code", "message")
        ]
        assert [line[name] for name in ("sweep_id", "policy_name", "mode")] == [
            whole[name] for name in ("sweep_id", "policy_name", "mode")
        ]
    rows = read_rows(files["decisions.csv"])
    assert rows == [{column: cell(line, column) for column in row} for line, row in zip(lines, rows, strict=True)]
