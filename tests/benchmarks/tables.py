"""Results as tables for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

from tests.benchmarks.prices import price_of
from tests.benchmarks.suite import MAIN
from tests.benchmarks.targets import SCALING_WITHIN, Row, beyond_start, member_calls, rows, scaling_rows, targets_of

_MB = 1_000_000
_QUIET = 0.1


def _table(title: str, first: str, *numbers: str) -> Table:
    made = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, width=80, padding=(0, 1, 0, 0)
    )
    made.add_column(first, ratio=1)
    for name in numbers:
        made.add_column(name, justify="right")
    return made


def phase_table(result: dict[str, Any]) -> Table:
    """One sweep's phases, or the work of what is beside it."""
    title = f"{result['text']} ({result['latency_ms']:g} ms latency)"
    made = _table(title, "phase", "wall s", "CPU s", "MB", "calls", "write units")
    for one in result.get("phases", ()):
        calls = sum(one["calls"].values())
        made.add_row(one["name"], *_numbers(one["wall"], one["cpu"], one["memory"], calls, one["write_units"]))
    endpoint = result["endpoint"]
    calls = sum(endpoint["calls"].values())
    cpu = result.get("cpu", result.get("work", 0.0))
    numbers = _numbers(result["wall"], cpu, result["memory"], calls, endpoint["write_units"])
    made.add_section()
    made.add_row("all", *numbers, style="bold")
    if said := busy_text([result]):
        made.caption = said
    return made


def summary_table(results: Sequence[dict[str, Any]]) -> Table:
    """What each came to, in all. A bare loop's start-up, which only imports, is left out too."""
    title = "For each target: calls there, CPU beyond start-up. Cents: Lambda, table, bucket"
    made = _table(title, "", "calls", "CPU ms", "endpoint s", "Lambda", "table", "bucket")
    for one in results:
        targets, price = targets_of(one), price_of(one["wall"], one["endpoint"])
        cpu = beyond_start(one) or 0.0
        cents = [f"{part * 100:.3f}" for part in (price.compute, price.table, price.bucket)]
        made.add_row(
            one["text"],
            f"{member_calls(one) / targets:.3f}",
            f"{cpu / targets * 1000:.2f}",
            f"{one['endpoint']['cpu']:.1f}",
            *(cents if "phases" in one else ["", "", ""]),
        )
    return made


def target_table(results: Sequence[dict[str, Any]], main: int) -> Table:
    """What is asked for, and what was measured."""
    said = busy_text(results)
    title = f"{main:,} accounts x 17 regions{'' if main == MAIN else ' (the limits are of 1,000)'}"
    made = _table(title, "", "before", "at most", "aim", "measured", "x bare", "")
    for row in rows(results, main):
        made.add_row(*row_texts(row), style="red" if row.verdict == "over" else None)
    made.caption = said or None
    return made


def scaling_table(results: Sequence[dict[str, Any]]) -> Table:
    """Whether an account costs the same however many there are."""
    title = "On one line? CPU beyond start-up for each account"
    made = _table(title, "accounts", "CPU ms an account", "off the line", "")
    for accounts, cpu, off in scaling_rows(results):
        made.add_row(f"{accounts:,}", f"{cpu:.1f}", f"{off:+.0%}", "ok" if abs(off) <= SCALING_WITHIN else "OFF")
    return made


def busy_text(results: Sequence[dict[str, Any]]) -> str:
    """How far wall times are wrong, since other processes had the CPU too; empty where they hardly had."""
    share = max((one["others"] / one["wall"] for one in results), default=0.0)
    if share < _QUIET:
        return ""
    return f"Other processes had up to {share:.0%} of the sweeps' CPU: their wall times are too high."


def row_texts(row: Row) -> tuple[str, ...]:
    """A row's cells."""
    name = f"{row.name}{f' ({row.unit})' if row.unit else ''}"
    numbers = (_short(row.most), _short(row.aim), _short(row.value), _short(row.ratio))
    return name, row.before, *numbers, row.verdict


def _short(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _numbers(wall: float, cpu: float, memory: float, calls: int, units: int) -> tuple[str, ...]:
    return f"{wall:.2f}", f"{cpu:.2f}", f"{memory / _MB:.0f}", f"{calls:,}", f"{units:,}"
