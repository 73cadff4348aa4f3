"""What a schedule says in the course of one day of its own zone, as instants in UTC.

A window begins at the first instant at which the clock shows its start, or has skipped it, and ends when the clock
shows no time before its end any more: what an hour that comes twice leaves open belongs to the window. A window whose
both ends are skipped is none. A line with one time acts as the start of a window (`from`) or the end of one (`until`);
one with `start` or `stop` holds where a window of its time would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.core.policy.schedules.answer import Edge, ScheduleState
from orchestrator.core.policy.schedules.lines import WITH_ONE_TIME, Line, Side
from orchestrator.core.policy.schedules.wall_clock import first_instant, last_instant

_DAY = timedelta(days=1)
_STRENGTH = (ScheduleState.STOPPED, ScheduleState.EITHER, ScheduleState.RUNNING)


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What holds for the windows and times that begin on one day."""

    lines: tuple[Line, ...]
    """Those that name the day."""
    outside: ScheduleState
    """Outside of its windows, where no line with one time names the day."""
    inside: ScheduleState = ScheduleState.RUNNING
    """`either` where it is not known whether the day is a holiday."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One day from `start` until right before `end`: what it asks for from each edge on, the first one at `start`."""

    start: datetime
    end: datetime
    edges: tuple[Edge, ...]


def timeline_of(day: date, zone: ZoneInfo, plan_of: Callable[[date], DayPlan]) -> Timeline:
    """The course of that day. It begins when the clock first shows its midnight."""
    start, end = first_instant(day, 0, zone), first_instant(day + _DAY, 0, zone)
    if start == end:  # the zone has no such day
        return Timeline(start, end, ())
    plan = plan_of(day)
    base = list(_one_sided(day, zone, plan, start, end))
    # Of two days before too: where clocks go back over midnight, the last minutes of a day come after the next began.
    windows = [
        window
        for one in (day - 2 * _DAY, day - _DAY, day)
        for window in _windows(one, zone, plan if one == day else plan_of(one))
        if window[0] < end and window[1] > start
    ]
    return Timeline(start, end, tuple(_merged(start, end, base, windows)))


def _one_sided(day: date, zone: ZoneInfo, plan: DayPlan, start: datetime, end: datetime) -> Iterator[Edge]:
    """What holds outside of windows: `either` before the first time of the day, then what the last one asks for."""
    times = [line for line in plan.lines if line.side in WITH_ONE_TIME]
    yield Edge(start, ScheduleState.EITHER if times else plan.outside)
    found = []
    for line in times:
        if line.side is Side.FROM:
            found.append(Edge(max(start, first_instant(day, line.start, zone)), plan.inside))
        else:
            last = last_instant(day, line.start, zone)
            at = last if last < end else first_instant(day, line.start, zone)
            found.append(Edge(max(start, at), ScheduleState.STOPPED))
    yield from sorted(
        (edge for edge in found if edge.at < end), key=lambda edge: (edge.at, _STRENGTH.index(edge.state))
    )


_Interval = tuple[datetime, datetime, ScheduleState]


def _windows(day: date, zone: ZoneInfo, plan: DayPlan) -> Iterator[_Interval]:
    for line in plan.lines:
        if line.side not in WITH_ONE_TIME:
            first = first_instant(day, line.start, zone)
            last = last_instant(day, line.start + line.length, zone)
            if first < last:
                yield first, last, ScheduleState.STOPPED if line.side is Side.STOP else plan.inside


def _merged(start: datetime, end: datetime, base: Iterable[Edge], windows: list[_Interval]) -> Iterator[Edge]:
    """The most that is asked for at each instant: running before either, either before stopped. Lines for a time come
    before what holds outside of such times.
    """
    steps = list(base)
    ends = (at for first, last, _ in windows for at in (first, last))
    instants = {start, *(edge.at for edge in steps), *(at for at in ends if start < at < end)}
    before: ScheduleState | None = None
    for at in sorted(instants):
        asked = [state for first, last, state in windows if first <= at < last]
        outside = [edge.state for edge in steps if edge.at <= at][-1:]
        if ScheduleState.STOPPED not in asked or ScheduleState.RUNNING in outside:
            asked += outside
        state = max(asked, key=_STRENGTH.index)
        if state is not before:
            yield Edge(at, state)
        before = state
