"""What a person should look at of tags: violations by kind, account and owner, and the register of opt-outs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.console import counted
from orchestrator.cli.tables import Cell, a_table, add_rows
from orchestrator.core.model import ALL_KINDS, OptOutStatus
from orchestrator.core.model.opt_out import EXPIRING_DAYS
from orchestrator.core.policy.opt_outs import ACCOUNT, UNIT

Row = Mapping[str, Any]

_WHOLES = {ACCOUNT: "account", UNIT: "OU"}


def compliance_table(document: Row) -> Table | None:
    """By violation and what it is on; an OU counts once, although its row is there for each account below it."""
    found = {
        (row["violation"], _carrier(row), row["resource_id"], row["detail"], _place(row))
        for row in document["compliance"]
    }
    counts = Counter((violation, carrier) for violation, carrier, *_ in found)
    table = a_table("Compliance", "violation", "on", ("count", "right"))
    cells = [
        (name, carrier, str(count))
        for (name, carrier), count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
    return add_rows(table, cells)


def _carrier(row: Row) -> str:
    """Its kind, or that it is an account or an OU as a whole; a report of an earlier release does not say which."""
    kind = str(row.get("kind", ALL_KINDS))
    return _WHOLES.get(row.get("carrier", ""), "") if kind == ALL_KINDS else kind


def _place(row: Row) -> tuple[str, ...]:
    return () if row.get("carrier") == UNIT else (row["account_id"], row["region"])


def owners_table(document: Row) -> Table | None:
    """Who has to look at what; a report of an earlier release does not know."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in document.get("compliance_counts", ()):
        counts[row["account_id"], row["account_name"], row["owner"]] += row["count"]
    table = a_table("Compliance by account and owner", ("account", "fixed"), "name", "owner", ("count", "right"))
    cells = [
        (account_id, name, owner or "(none)", str(count))
        for (account_id, name, owner), count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
    return add_rows(table, cells)


def expiring_opt_outs_table(document: Row) -> Table | None:
    """Those that end within 14 days, the first first."""
    rows = [row for row in document.get("opt_outs", ()) if row["expiring"]]
    table = a_table(
        f"Opt-outs that end within {EXPIRING_DAYS} days", "carrier", ("account", "fixed"), "owner", ("until", "fixed")
    )
    cells = [
        (row["carrier_id"], _account(row), row["owner"] or "(none)", row["until"])
        for row in sorted(rows, key=lambda row: (row["until"], row["carrier_id"]))
    ]
    return add_rows(table, cells)


def _account(row: Row) -> Cell:
    return (row["account_id"], row["account_name"]) if row["account_id"] else "(an OU)"


def print_opt_outs(console: Console, rows: Sequence[Row]) -> None:
    """How many there are, and what is known of what they spare."""
    active = [row for row in rows if row["status"] != OptOutStatus.EXPIRED]
    if not active:
        return
    resources = sum(row["spared_resources"] or 0 for row in active)
    hours = sum(row["spared_hours_per_week"] or 0 for row in active)
    accounts = len([row for row in active if row["carrier"] == ACCOUNT])
    units = len([row for row in active if row["carrier"] == UNIT])
    unread = [f"{counted(count, noun)} as a whole" for count, noun in ((accounts, "account"), (units, "OU")) if count]
    more = f"; {' and '.join(unread)} {'is' if accounts + units == 1 else 'are'} not read" if unread else ""
    text = (
        f"{counted(len(active), 'opt-out')} (opt_outs.csv): {counted(resources, 'resource')} would be stopped but for "
        f"them; of what was read they spare {hours:g} h a week{more}"
    )
    console.print(Text(text))
