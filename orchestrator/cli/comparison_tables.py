"""What differs between two sweeps, as tables of at most 80 columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.tables import a_table, add_rows
from orchestrator.core.report.amounts import adding_up, dollars
from orchestrator.core.report.comparison import CHANGES
from orchestrator.core.report.kept_because import reason_words

Row = Mapping[str, Any]
_TITLES = {
    "newly_stopped": "Newly stopped",
    "newly_started": "Newly started",
    "newly_kept": "Kept now",
    "newly_tagged": "Newly tagged",
    "newly_untagged": "Tags newly deleted",
    "newly_failed": "Failed now, or was not done",
    "no_longer_failed": "Done now, failed before",
    "other_reason": "Decided by another rule or reason",
    "appeared": "Only in the later one",
    "gone": "Only in the earlier one",
}
_WITH_OUTCOME = ("newly_failed", "no_longer_failed")


def print_comparison(console: Console, found: Row) -> None:
    """Nothing of what is the same in both."""
    for side in ("before", "after"):
        one = found[side]
        text = f"{side.capitalize():<7}{one['sweep_id']}  {one['mode']}  {one['status']}  policy {one['policy_name']}"
        console.print(Text(text, style="bold"), soft_wrap=True)
    if found["before"]["policy_sha256"] != found["after"]["policy_sha256"]:
        console.print("The policy's text is not the same.")
    tables = [_totals(found["totals"]), _money(found["money"])]
    tables += [_decisions(change, found["decisions"]) for change in CHANGES]
    tables.append(_coverage(found["coverage"]))
    shown = [table for table in tables if table is not None]
    for table in shown:
        console.print()
        console.print(table)
    if not shown:
        console.print("Nothing differs.")


def _totals(totals: Row) -> Table | None:
    table = a_table("Totals", "total", ("before", "right"), ("after", "right"))
    cells = [(name.replace("_", " "), _number(one["before"]), _number(one["after"])) for name, one in totals.items()]
    for row in cells:
        table.add_row(*row)
    return table if cells else None


def _money(money: Row | None) -> Table | None:
    if money is None:
        return None
    table = a_table("Savings, as forecast", "US dollars", ("before", "right"), ("after", "right"))
    for name in ("gross", "still_billed", "net", "hourly"):
        table.add_row(name.replace("_", " "), _dollars(money["before"], name), _dollars(money["after"], name))
    sides = [money[side] and money[side]["unknown_resources"] for side in ("before", "after")]
    table.add_row("resources of unknown price", *map(_number, sides))
    return table


def _decisions(change: str, rows: list[Row]) -> Table | None:
    if change in _WITH_OUTCOME:
        columns = ("before", "after")
    else:
        columns = ("was", "because") if change == "gone" else ("rule", "because")
    table = a_table(_TITLES[change], ("resource", "fixed"), "name", "where", *columns)
    cells = []
    for row in rows:
        if row["change"] == change:
            where = (row["account_name"] or row["account_id"], row["region"])
            cells.append((row["resource_id"], row["name"], where, *_said(change, row)))
    return add_rows(table, cells)


def _said(change: str, row: Row) -> tuple[str, str]:
    before, after = row["before"] or {}, row["after"] or {}
    if change in _WITH_OUTCOME:
        return (before["outcome"] or "-").replace("_", " "), (after["outcome"] or "-").replace("_", " ")
    if change == "gone":
        return before["verdict"], reason_words(before["reason_code"])
    return after["rule"] or "-", reason_words(after["reason_code"])


def _coverage(rows: list[Row]) -> Table | None:
    table = a_table("Coverage", "account", ("region", "fixed"), "kind", "before", "after", "detail")
    cells = [
        (
            row["account_name"] or row["account_id"],
            row["region"],
            row["kind"],
            (row["before"] or "-").replace("_", " "),
            (row["after"] or "-").replace("_", " "),
            row["detail"],
        )
        for row in rows
    ]
    return add_rows(table, cells)


def _number(count: int | None) -> str:
    return "-" if count is None else str(count)


def _dollars(amounts: Row | None, name: str) -> str:
    """What nobody asked for is no amount."""
    return "not asked" if amounts is None else dollars({**amounts, **adding_up(amounts)}[name])
