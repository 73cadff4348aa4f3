"""What a terminal shows of a deployment: changes, parameters and outputs in, tables of rich out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Column, Table

from cloudformation.effective import Difference
from cloudformation.stacks import Change


def changes_table(changes: tuple[Change, ...]) -> Table:
    """A row for each change of a change set."""
    table = empty_table("Change set", "action", "resource", "type", "replaced", "what changes")
    for change in changes:
        style = "red" if change.action == "Remove" or change.replacement == "True" else None
        table.add_row(
            change.action,
            change.resource,
            change.type,
            {"True": "yes", "Conditional": "maybe"}.get(change.replacement, ""),
            ", ".join(change.details),
            style=style,
        )
    return table


def differences_table(rows: Sequence[Difference]) -> Table:
    """A row for each value that will be another one, red where that loosens something, or where a line is missing."""
    is_new = not any(row.deployed for row in rows)
    table = empty_table("Parameters", "name", *([] if is_new else ["deployed"]), "now", "why")
    table.columns[0].no_wrap = True  # a name is looked for in deploy.env, in one piece
    for row in rows:
        before = [] if is_new else [row.deployed or "(none)"]
        why = f"LOOSENS; {row.why}" if row.loosens else row.why
        table.add_row(row.name, *before, row.now or "(none)", why, style="red" if row.loosens or row.is_reset else None)
    return table


def empty_table(title: str, *columns: str) -> Table:
    """Nothing is cut off, however narrow the terminal: these are ARNs and keys."""
    return Table(*(Column(name, overflow="fold") for name in columns), title=title)


def pairs_table(title: str, pairs: Mapping[str, str]) -> Table:
    """A row for each pair, sorted by name."""
    table = empty_table(title, "name", "value")
    for name, value in sorted(pairs.items()):
        table.add_row(name, value)
    return table
