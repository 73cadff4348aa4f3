"""When the sweep did what: its steps by the clock, and its actions over the time that they took."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from orchestrator.core.report.html.charts import columns_over_time
from orchestrator.core.report.html.counts import Counts
from orchestrator.core.report.html.pages import counted

_MOST_BUCKETS = 30
SERIES = ("asked for", "seen at their end")


@dataclass(frozen=True, slots=True)
class Timeline:
    """`events`: time and what happened, in order; `buckets`: from when on, how many asked for, how many seen."""

    events: list[tuple[str, str]]
    chart: Markup | None
    buckets: list[tuple[str, int, int]]


def timeline(document: dict[str, Any], counts: Counts) -> Timeline:
    """Of a sweep that did nothing only its begin and its end."""
    events = [(document["started_at"], "It began to read")]
    consent = document.get("consent")
    if consent:
        events.append((consent["given_at"], f"The plan was agreed to by {consent['by']} ({consent['how']})"))
    if counts.requested:
        first, last = min(counts.requested), max(counts.requested)
        total = counted(sum(counts.requested.values()), "action")
        events.append((first, f"The first of {total} was asked for"))
        if last != first:
            events.append((last, "The last action was asked for"))
    if counts.verified:
        events.append((max(counts.verified), "The last action was seen at its end"))
    events.append((document["finished_at"], "It ended"))
    buckets = _buckets(counts)
    chart = None
    if len(buckets) > 1:
        series = {SERIES[0]: [asked for _, asked, _ in buckets], SERIES[1]: [seen for _, _, seen in buckets]}
        chart = columns_over_time("Actions over time", [bucket[0] for bucket in buckets], series)
    return Timeline(sorted(events, key=lambda event: event[0]), chart, buckets)


def _buckets(counts: Counts) -> list[tuple[str, int, int]]:
    times = [*counts.requested, *counts.verified]
    if not times:
        return []
    first, last = _time(min(times)), _time(max(times))
    step = max(1, -(-int((last - first).total_seconds() + 1) // _MOST_BUCKETS))
    number = int((last - first).total_seconds()) // step + 1
    sums = [_summed(some, first, step) for some in (counts.requested, counts.verified)]
    return [
        (f"{first + timedelta(seconds=place * step):%H:%M:%S}", sums[0][place], sums[1][place])
        for place in range(number)
    ]


def _summed(some: Counter[str], first: datetime, step: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for text, count in some.items():
        found[int((_time(text) - first).total_seconds()) // step] += count
    return found


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
