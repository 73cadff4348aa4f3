"""Windows that end a minute too early: nothing covers that minute, and a stop is allowed in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from orchestrator.core.policy.schedules.calendars import EVERY_DAY, Calendar
from orchestrator.core.policy.schedules.lines import DAY_MINUTES, Line, Side, parse_time

_WEEK_MINUTES = 7 * DAY_MINUTES


def open_minute(line: Line, text: str, lines: Collection[Line]) -> str | None:
    """What to write in place of a window that ends a minute too early; `lines` are all of its schedule.

    So does one that ends at 23:59, or a minute before another begins. None for any other line. `text` is the line, or
    its time, as it is written.
    """
    if line.side is not Side.WINDOW:
        return None
    others = [one for one in lines if _can_cover(one, line)]
    last = next((end for end in _ends(line) if _is_left_open(end, others)), None)
    if last is None:
        return None
    clocks = [f"{minute // 60:02}:{minute % 60:02}" for minute in (last % DAY_MINUTES, last % DAY_MINUTES + 1)]
    written = text.strip()
    right = f"{written[: written.rindex('-')].rstrip()}-{clocks[1]}"
    try:
        parse_time(right.rsplit(maxsplit=1)[-1])
    except ValueError:
        right = "00:00-24:00"
    return f"{text!r} leaves a minute open: from {clocks[0]} to {clocks[1]} a stop is allowed; write {right!r}"


def _can_cover(other: Line, line: Line) -> bool:
    """Whether it has its windows on each day that the line has one on, but for the weekday."""
    return other.side is Side.WINDOW and _but_for_weekdays(other.calendar) in (
        EVERY_DAY,
        _but_for_weekdays(line.calendar),
    )


def _but_for_weekdays(calendar: Calendar) -> Calendar:
    return replace(calendar, weekdays=None)


def _ends(line: Line) -> list[int]:
    """Of each weekday's window, in minutes of the week."""
    return [(day * DAY_MINUTES + line.start + line.length) % _WEEK_MINUTES for day in sorted(line.calendar.any_weekday)]


def _is_left_open(minute: int, lines: Collection[Line]) -> bool:
    """Whether nothing covers it, and the day or another window begins with the next one."""
    following = (minute + 1) % _WEEK_MINUTES
    return not _covers(lines, minute) and (following % DAY_MINUTES == 0 or _covers(lines, following))


def _covers(lines: Collection[Line], minute: int) -> bool:
    return any(
        (minute - day * DAY_MINUTES - line.start) % _WEEK_MINUTES < line.length
        for line in lines
        for day in line.calendar.any_weekday
    )
