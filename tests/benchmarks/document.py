"""Writes what was measured into docs/performance.md, between its markers, and docs/performance.svg beside it."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import botocore

from tests.benchmarks.chart import chart
from tests.benchmarks.prices import price_of
from tests.benchmarks.suite import MAIN
from tests.benchmarks.tables import busy_text, row_texts
from tests.benchmarks.targets import (
    SCALING_WITHIN,
    beyond_start,
    calls_by_operation,
    find,
    member_calls,
    rows,
    scaling_rows,
    targets_of,
)

ROOT = Path(__file__).parents[2]
PAGE, CHART = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.svg"
BEFORE = Path(__file__).parent / "before.json"
"""The release before, measured by the same benchmark on a busy machine: of its wall times only the order counts."""
_TOLD = 0.005
"""What a whole sweep asks once is no cost of a target."""
_MARKED = r"(<!-- measured: {} -->\n).*?(<!-- end -->)"


def write_page(results: Sequence[dict[str, Any]], deciding: str = "") -> None:
    """In place of what was measured before; the words around it stay, and so does the line about deciding where it was
    not measured.
    """
    text = PAGE.read_text()
    for name, lines in (
        ("where", _where(results)),
        ("table", _targets(results)),
        ("sweeps", _sweeps(results)),
        ("phases", _phases(results)),
        ("scaling", _scaling(results)),
        ("kinds", _kinds(results)),
        *([("deciding", [deciding])] if deciding else []),
    ):
        made = "".join(f"{line}\n" for line in lines)
        text = re.sub(
            _MARKED.format(name), lambda found, made=made: f"{found[1]}\n{made}\n{found[2]}", text, flags=re.DOTALL
        )
    PAGE.write_text(text)
    CHART.write_text(chart(results, MAIN))


def _where(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Nothing that names the machine."""
    yield (
        f"Python {platform.python_version()}, botocore {botocore.__version__}, {platform.system()} on "
        f"{platform.machine()}. {busy_text(results)}".rstrip()
    )


def _targets(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield from _header(f"{MAIN:,} x 17", "before", "at most", "aim", "measured", "x bare loop", "")
    for row in rows(results, MAIN):
        yield _row(*row_texts(row))


def _sweeps(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    heads = ("wall s", "CPU s", "CPU ms a target", "MB", "calls a target", "write units", "price, cents")
    yield from _header("", *heads)
    before = [{**one, "text": f"before: {one['text']}"} for one in json.loads(BEFORE.read_text())]
    for one in (*before, *results):
        cpu, units = one.get("cpu", one.get("work", 0.0)), one["endpoint"]["write_units"]
        each = (beyond_start(one) or 0.0) / targets_of(one) * 1000
        calls = member_calls(one) / targets_of(one)
        price = f"{price_of(one['wall'], one['endpoint']).total * 100:.3f}" if "phases" in one else ""
        numbers = (f"{one['wall']:.1f}", f"{cpu:.1f}", f"{each:.2f}", f"{one['memory'] / 1e6:.0f}", f"{calls:.2f}")
        yield _row(one["text"], *numbers, f"{units:,}", price)


def _kinds(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What a target costs that has nothing."""
    yield from _header("asked in each empty target", "calls")
    calls = {one: count for one, count in calls_by_operation(results).items() if count >= _TOLD}
    for name in sorted(calls):
        yield _row(name, f"{calls[name]:.2f}")
    yield _row("all", f"{sum(calls.values()):.2f}")


def _phases(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    for mode, pacing in (("plan", "on"), ("enforce", "off")):
        one = find(results, "sweep", mode, MAIN, pacing=pacing)
        if one is None:
            continue
        yield from _header(one["text"], "wall s", "CPU s", "MB", "calls", "write units")
        for phase in one["phases"]:
            calls = sum(phase["calls"].values())
            numbers = (f"{phase['wall']:.1f}", f"{phase['cpu']:.1f}", f"{phase['memory'] / 1e6:.0f}", f"{calls:,}")
            yield _row(phase["name"], *numbers, f"{phase['write_units']:,}")
        yield ""


def _scaling(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield from _header("accounts", "CPU ms an account", "off the line", "")
    for accounts, cpu, off in scaling_rows(results):
        yield _row(f"{accounts:,}", f"{cpu:.1f}", f"{off:+.0%}", "ok" if abs(off) <= SCALING_WITHIN else "off")


def _header(first: str, *numbers: str) -> Iterator[str]:
    yield _row(first, *numbers)
    yield _row("---", *("---:" for _ in numbers))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
