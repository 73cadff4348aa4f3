"""Results as tables for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from tests.benchmarks.prices import price_of

_MB = 1_000_000


def phase_table(result: dict[str, Any]) -> Table:
    """One sweep's phases, or the bare loop's work."""
    title = f"{result['side']}, {result['mode']}: {result['accounts']:,} accounts x {result['regions']} regions"
    notes = f"{result['latency_ms']:g} ms, {'TLS' if result['tls'] else 'HTTP'}, pacing {result['pacing']}"
    table = Table("phase", title=f"{title} ({notes})", title_justify="left", width=80)
    for name in ("wall s", "CPU s", "MB", "calls", "write units"):
        table.add_column(name, justify="right")
    for one in result.get("phases", ()):
        calls = sum(one["calls"].values())
        table.add_row(one["name"], *_numbers(one["wall"], one["cpu"], one["memory"], calls, one["write_units"]))
    endpoint = result["endpoint"]
    calls = sum(endpoint["calls"].values())
    cpu = result.get("cpu", result.get("work", 0.0))
    numbers = _numbers(result["wall"], cpu, result["memory"], calls, endpoint["write_units"])
    table.add_section()
    table.add_row("all", *numbers, style="bold")
    return table


def summary_table(results: Sequence[dict[str, Any]]) -> Table:
    """What each sweep came to, in all."""
    table = Table("", title="In all; CPU beyond start-up; prices in cents", title_justify="left", width=80)
    for name in ("calls per target", "CPU ms a target", "endpoint CPU s", "Lambda", "table", "bucket"):
        table.add_column(name, justify="right")
    for one in results:
        targets = one["accounts"] * one["regions"]
        price = price_of(one["wall"], one["endpoint"])
        cpu = one.get("work") or sum(phase["cpu"] for phase in one["phases"][1:])
        table.add_row(
            f"{one['side']}, {one['mode']}",
            f"{member_calls(one) / targets:.3f}",
            f"{cpu / targets * 1000:.2f}",
            f"{one['endpoint']['cpu']:.1f}",
            *(f"{part * 100:.3f}" for part in (price.compute, price.table, price.bucket)),
        )
    return table


def member_calls(result: dict[str, Any]) -> int:
    """Those in member accounts, and for their sessions."""
    return sum(count for name, count in result["endpoint"]["calls"].items() if name.startswith(("ec2:", "sts:")))


def _numbers(wall: float, cpu: float, memory: float, calls: int, units: int) -> tuple[str, ...]:
    return f"{wall:.2f}", f"{cpu:.2f}", f"{memory / _MB:.0f}", f"{calls:,}", f"{units:,}"
