"""A simulation as a person reads it: a week by hours for each rule, and the next edges, in 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestrator.cli.console import counted
from orchestrator.cli.tables import a_table, add_rows
from orchestrator.core.decide.simulate import Simulated
from orchestrator.core.model import people_time, people_time_of
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.simulation import Week, edge_rows, weeks

_LEGEND = "# should run  . stopped  - either  * not all alike  k kept for another reason"
_HEAD = "".join(f"{hour:02}    " for hour in range(0, 24, 3)).rstrip()
_MOST_LINES = 14
_MARK_STYLES = {"#": "green", ".": "red", "*": "yellow", "-": "blue"}


def print_simulation(
    console: Console, policy: OrgPolicy, simulated: Sequence[Simulated], start: datetime, end: datetime, step: timedelta
) -> None:
    """The first week of each rule, and how many edges there are, by time."""
    rows = edge_rows(simulated)
    console.print(Text(f"Policy {policy.name}, {_span(start, end)}", style="bold"))
    console.print(f"{counted(len(simulated), 'resource')}, {counted(len(rows), 'edge')}.", highlight=False)
    console.print(Text(_LEGEND))
    for week in weeks(policy, simulated, end, step):
        console.print(Text(f"\n{without_controls(week.rule)}", style="bold").append(_about(week), style="not bold"))
        if week.days:
            console.print(Text(f"{'':15}{_HEAD}"))
        for day, marks in week.days:
            console.print(_day(f"{day:%a %Y-%m-%d} ", marks))
    _print_edges(console, rows)


def print_differences(console: Console, rows: Sequence[dict[str, Any]], start: datetime, end: datetime) -> None:
    """What one policy asks and the other does not."""
    console.print(Text(_span(start, end), style="bold"))
    if not rows:
        console.print("Both policies ask the same of every resource at every moment.")
        return
    cells = [
        (people_time_of(row["at"]), (f"{row['account_id']} {row['region']}", row["resource_id"]), policy, _change(row))
        for row in rows
        for policy in (row["policy"],)
    ]
    table = add_rows(
        a_table("Only one of them asks", ("at", "fixed"), "resource", "policy", "asks"), cells[:_MOST_LINES]
    )
    if table is not None:
        console.print(table)
    _print_rest(console, len(cells))


def _print_edges(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """Edges at one moment by one rule are one line."""
    lines = Counter((row["at"], row["rule"] or "-", _change(row)) for row in rows)
    cells = [(people_time_of(at), rule, change, str(count)) for (at, rule, change), count in lines.items()]
    table = add_rows(a_table("Edges", ("at", "fixed"), "rule", "asks", ("resources", "right")), cells[:_MOST_LINES])
    if table is not None:
        console.print()
        console.print(table)
    _print_rest(console, len(cells))


def _print_rest(console: Console, count: int) -> None:
    if count > _MOST_LINES:
        console.print(f"... and {count - _MOST_LINES} more: --format json", highlight=False)


def _change(row: dict[str, Any]) -> str:
    return f"{row['from']} -> {row['to']}" if row["from"] else f"{row['to']} at the beginning"


def _about(week: Week) -> str:
    if not week.days:
        return ": owns nothing of it"
    return f": {counted(week.resources, 'resource')}, {week.zone}"


def _day(name: str, marks: str) -> Text:
    text = Text(name)
    for mark in marks:
        text.append(mark * 2, style=_MARK_STYLES.get(mark, ""))
    return text


def _span(start: datetime, end: datetime) -> str:
    return f"{people_time(start)} to {people_time(end)}"
