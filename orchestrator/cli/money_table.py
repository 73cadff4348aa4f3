"""What a sweep is worth, as one short block: forecast, what earlier stops saved, what is not known, its own cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestrator.cli.tables import a_table
from orchestrator.core.report.amounts import PARTLY_UNKNOWN, adding_up, dollars, why_sums_differ
from orchestrator.core.report.control_characters import without_controls

_MOST_REASONS = 5
_LINES = (
    ("forecast", "stops, forecast"),
    ("starts", "starts, a cost"),
    ("measured", "earlier stops"),
)


def print_money(console: Console, document: Mapping[str, Any]) -> None:
    """Nothing where no prices were asked for."""
    money = document.get("money")
    if money is None:
        return
    console.print()
    if money["made_up"]:
        console.print(Text("These prices are made up, for an example: the amounts mean nothing.", style="yellow"))
    rows = [(name, words) for name, words in _LINES if _has_some(money[name])]
    if rows:
        numbers = ("known", "unknown", "gross", "still billed", "net", "an hour")
        table = a_table("What it saves", money["currency"], *((name, "right") for name in numbers))
        for name, words in rows:
            table.add_row(words, *_cells(money[name]))
        console.print(table)
    else:
        console.print(Text("It saves nothing: there is nothing to stop or start, and no earlier stop to measure."))
    for line in _lines(money):
        console.print(Text(line), soft_wrap=False)


def _has_some(row: Mapping[str, Any]) -> bool:
    return bool(row["resources"] or row["unknown_resources"])


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    yield str(row["resources"])
    yield str(row["unknown_resources"]) if row["unknown_resources"] else "-"
    for amount in adding_up(row).values():
        yield dollars(amount) if row["resources"] else "not known"
    yield dollars(row["hourly"]) if row["hourly"] else "-"


def _lines(money: Mapping[str, Any]) -> Iterator[str]:
    unknown = {name: money[name]["unknown_resources"] for name, _ in _LINES}
    if any(unknown.values()):
        parts = [f"{unknown[name]} {words.partition(',')[0]}" for name, words in _LINES if unknown[name]]
        yield f"Not in the net, as theirs is not known: {', '.join(parts)}."
    yield from filter(None, (why_sums_differ(money[name]) for name, _ in _LINES))
    reasons = [*money["unknown_reasons"].items()]
    if reasons:
        yield f"{PARTLY_UNKNOWN}:"
    for why, count in reasons[:_MOST_REASONS]:
        yield f"  {f'{count} x ' if count else ''}{without_controls(why)}"
    if len(reasons) > _MOST_REASONS:
        yield f"  ... and {len(reasons) - _MOST_REASONS} more reasons in the report"
    if money["restarted_early"]:
        yield f"{money['restarted_early']} of the measured were started before their forecast said."
    yield f"Prices: {without_controls(money['prices'])}. The sweep itself cost about {dollars(money['sweep_cost'])}."
    yield from money["caveats"][:1]
