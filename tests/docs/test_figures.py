"""README compares by figures that docs/performance.md has, rounded."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import text_of

PERFORMANCE = text_of("docs/performance.md")
COMPARISON = text_of("README.md").partition("## Against other tools")[2].partition("\n## ")[0]
COLUMNS = ("wall", "cpu", "cpu_ms", "mb", "calls", "write_units", "cents")
PLAN, ENFORCE, CUSTODIAN = (
    "sweep, plan, 1,000 x 17, HTTP",
    "sweep, enforce, 1,000 x 17, HTTP",
    "c7n-org, plan, 5 x 17, HTTP",
)


def measured(what: str, column: str) -> float:
    [row] = re.findall(rf"^\| {re.escape(what)} \| (\d.+) \|$", PERFORMANCE, re.MULTILINE)
    return float(row.split(" | ")[COLUMNS.index(column)].replace(",", ""))


@pytest.mark.parametrize(
    ("what", "column", "form", "row"),
    [
        (PLAN, "cpu_ms", "{:.2f} ms", "CPU for"),
        (CUSTODIAN, "cpu_ms", "{:.0f} ms", "CPU for"),
        (PLAN, "calls", "{:.2f}", "API calls"),
        (CUSTODIAN, "calls", "{:.1f}", "API calls"),
        (PLAN, "wall", "a plan takes {:.0f} s", "1,000 accounts"),
        (PLAN, "mb", "{:.0f} MB", "1,000 accounts"),
        (ENFORCE, "wall", "2,000 stops {:.0f} s", "1,000 accounts"),
        (ENFORCE, "cents", "{:.1f} cents", "1,000 accounts"),
    ],
)
def test_a_figure_of_the_comparison_is_the_one_that_was_measured(what: str, column: str, form: str, row: str) -> None:
    [line] = [one for one in COMPARISON.splitlines() if one.startswith(f"| {row}")]
    assert form.format(measured(what, column)) in line
