"""What of a plan is inside of its running hours: which rule and schedule, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from orchestrator.cli.tables import a_table, add_rows, number

Row = Mapping[str, Any]


def inside_of_hours(document: Row) -> int:
    """How many resources are; reports of earlier releases do not say."""
    return sum(row["resources"] for row in document.get("schedules", ()))


def schedules_table(document: Row) -> Table | None:
    """A row for each rule, schedule and end."""
    table = a_table("Inside of their running hours", "rule", "schedule", ("until", "fixed"), ("resources", "right"))
    rows = [
        (row["rule"], row["schedule"], row["until_text"] or "always", number(row["resources"]))
        for row in document.get("schedules", ())
    ]
    return add_rows(table, rows)
