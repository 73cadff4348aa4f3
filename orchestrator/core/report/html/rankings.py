"""Stops by account, OU and owner: a chart of each, and the same numbers for a table beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from orchestrator.core.report.endings import acted
from orchestrator.core.report.html.charts import bars
from orchestrator.core.report.html.counts import Counts, Group, Tally

_MOST = 10


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row: its name, its counts, and which value of the ranking's column its decisions have."""

    name: str
    tally: Tally
    value: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """Those with most stops first; `more` of them are left out."""

    title: str
    heading: str
    column: str
    chart: Markup | None
    rows: list[Ranked]
    more: int


def rankings(document: dict[str, Any], counts: Counts) -> list[Ranking]:
    """By account, OU and owner. Of a sweep that acts what was stopped, else what would be."""
    acts = acted(document)
    number = _stopped if acts else _stops
    verb = "Stopped" if acts else "Would stop"

    def ranking(heading: str, column: str, key: Callable[[Group], str], name: Callable[[Group], str]) -> Ranking:
        names = {key(group): name(group) for group in counts.groups}
        found = [(one, tally) for one, tally in counts.by(key).items() if tally.stops]
        found.sort(key=lambda pair: (-number(pair[1]), -pair[1].stops, pair[0]))
        rows = [Ranked(names[one], tally, one) for one, tally in found[:_MOST]]
        title = f"{verb} by {heading.lower() if heading != 'OU' else heading}"
        values = _distinct([(row.name, number(row.tally)) for row in rows])
        return Ranking(
            title, heading, column, bars(title, values) if len(values) > 1 else None, rows, len(found) - len(rows)
        )

    return [
        ranking("Account", "account_id", lambda one: one.account_id, lambda one: one.account_name or one.account_id),
        ranking("OU", "ou_path", lambda one: one.ou_path, lambda one: one.ou_path or "unknown"),
        ranking("Owner", "owner", lambda one: one.owner, lambda one: one.owner or "no owner named"),
    ]


def _stopped(tally: Tally) -> int:
    return tally.stopped


def _stops(tally: Tally) -> int:
    return tally.stops


def _distinct(pairs: list[tuple[str, int]]) -> dict[str, int]:
    """Two accounts may have one name."""
    found: dict[str, int] = {}
    for name, value in pairs:
        label, again = name, 2
        while label in found:
            label, again = f"{name} ({again})", again + 1
        found[label] = value
    return found
