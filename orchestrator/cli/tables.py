"""What the tables of a report and of the history have in common: at most 80 columns, and few rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.containers import Lines
from rich.table import Table
from rich.text import Text

from orchestrator.cli.invocation import as_called
from orchestrator.core.report.control_characters import without_controls

Cell = str | tuple[str, ...]
"""The text of a cell, or the lines of it. A line feed in a text begins no line."""
MOST_ROWS = 20
_WIDTH = 80
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
    table.min_width = min(len(title), _WIDTH)  # a title is wrapped at the width of its columns
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


class CellText(Text):
    """A plain text. A word that is too long for its column, such as an ARN, breaks after its `/` and `:` where it can,
    so that the name of a role stays whole.
    """

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        """The lines of it in that width, as Rich asks for them."""
        fitted = re.sub(rf"\S{{{width + 1},}}", lambda found: _broken(found[0], width), self.plain)
        return Text(fitted, self.style).wrap(console, width, **options)


def _broken(word: str, width: int) -> str:
    """In lines of its parts, as many in each as fit; a part that is longer by itself breaks anywhere."""
    lines = [""]
    for part in re.findall(r"[^/:]*[/:]+|[^/:]+", word):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def plain(text: str, style: str = "") -> Text:
    """A line without control characters, which are escaped before it is wrapped: an escape has a width."""
    return Text(without_controls(as_called(text)), style)


def cell(of: Cell) -> Text:
    """Without control characters."""
    lines = (of,) if isinstance(of, str) else of
    return CellText("\n".join(without_controls(as_called(line)) for line in lines))
