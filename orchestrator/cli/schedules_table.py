"""What of a plan is inside of its running hours, by which schedule and until when; and tags that name no schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from orchestrator.cli.tables import a_table, add_rows, number
from orchestrator.core.decide.whose_schedule import UNKNOWN_SCHEDULE, UNKNOWN_TIME_ZONE

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


def wrong_tags_table(document: Row) -> Table | None:
    """What is kept until somebody mends a tag, and what they should write."""
    rows = [row for row in document["compliance"] if row["violation"] in (UNKNOWN_SCHEDULE, UNKNOWN_TIME_ZONE)]
    table = a_table("Tags that name no schedule, or no time zone", "carrier", ("where", "fixed"), "what would be right")
    cells = [(row["resource_id"], (row["account_id"], row["region"]), row["detail"]) for row in rows]
    return add_rows(table, cells)
