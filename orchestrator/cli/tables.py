"""What the tables of a report and of the history have in common: at most 80 columns, and few rows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from orchestrator.core.report.control_characters import without_controls

Cell = str | tuple[str, ...]
"""The text of a cell, or the lines of it. A line feed in a text begins no line."""
MOST_ROWS = 20
STATUS_STYLES = {
    "running": "bold blue",
    "awaiting_approval": "bold blue",
    "complete": "bold green",
    "incomplete": "bold yellow",
    "held": "bold yellow",
    "failed": "bold red",
    "aborted": "bold red",
    "abandoned": "bold red",
    "missed": "bold red",
}


def a_table(title: str, *columns: str | tuple[str, str]) -> Table:
    """A column is its heading, or its heading and how it is set: `right` for numbers, `fixed` for what never wraps."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        name, how = column if isinstance(column, tuple) else (column, "")
        table.add_column(name, justify="right" if how == "right" else "left", overflow="fold", no_wrap=how == "fixed")
    return table


def number(count: int) -> str:
    """A count; a dash for none, which is looked past."""
    return str(count) if count else "-"


def add_rows(table: Table, rows: Sequence[Sequence[Cell]]) -> Table | None:
    """The table with the first rows of them, and how many more there are; None where there is none."""
    for row in rows[:MOST_ROWS]:
        table.add_row(*map(cell, row))
    if len(rows) > MOST_ROWS:
        table.add_row(Text(f"... and {len(rows) - MOST_ROWS} more in the report"))
    return table if rows else None


def cell(of: Cell) -> Text:
    """Without control characters."""
    lines = (of,) if isinstance(of, str) else of
    return Text("\n".join(map(without_controls, lines)))
