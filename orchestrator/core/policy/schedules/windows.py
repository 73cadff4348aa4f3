"""Weekly windows in an IANA time zone: `mon-fri 07:00-19:00`, `fri 22:00-02:00`; outside of them a stop is allowed.

Windows are wall-clock times. When clocks go forward, the hour that does not exist is in no window; when they go back,
the hour that comes twice is in its window both times. A window that ends on the next day belongs to the day it starts.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_WINDOW = re.compile(
    r"^(?:(?P<days>[a-z,\s-]+?)\s+)?(?P<start>[0-9]{1,2}:[0-9]{2})\s*-\s*(?P<end>[0-9]{1,2}:[0-9]{2})$"
)
_RIGHT = "write it like `mon-fri 07:00-19:00`, `sat,sun 08:00-12:00` or `fri 22:00-02:00`"


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` for `length` minutes; `start` in minutes since Monday 00:00. May run over the end of the week."""

    start: int
    length: int

    def holds(self, minute_of_week: int) -> bool:
        """Whether the minute, counted from Monday 00:00, is inside; also in the part past the end of the week."""
        return (minute_of_week - self.start) % _WEEK_MINUTES < self.length


def parse_window(text: str) -> tuple[Window, ...]:
    """One window for each day that the text names. Raises ValueError that says what would be right."""
    match = _WINDOW.match(text.strip().lower())
    if not match:
        raise ValueError(f"{text!r} is no window; {_RIGHT}")
    start, end = _minute(match["start"], text), _minute(match["end"], text)
    if start == _DAY_MINUTES:
        raise ValueError(f"{text!r} starts at 24:00; a window starts at 00:00 to 23:59")
    if start == end:
        raise ValueError(f"{text!r} is an empty window: it ends when it starts; the whole day is 00:00-24:00")
    length = (end - start) % _DAY_MINUTES or _DAY_MINUTES
    return tuple(Window(day * _DAY_MINUTES + start, length) for day in _days(match["days"], text))


def open_minute(text: str, windows: Collection[Window]) -> str | None:
    """What to write in place of a window that ends a minute too early; `windows` are all of its schedule.

    So does one that ends at 23:59, or a minute before another begins: nothing covers that minute, and a stop is allowed
    in it. None for any other window.
    """
    last = next((end for end in map(_end, parse_window(text)) if _is_left_open(end, windows)), None)
    if last is None:
        return None
    clocks = [f"{minute // 60:02}:{minute % 60:02}" for minute in (last % _DAY_MINUTES, last % _DAY_MINUTES + 1)]
    written = text.strip()
    right = f"{written[: written.rindex('-')].rstrip()}-{clocks[1]}"
    try:
        parse_window(right)
    except ValueError:
        right = "00:00-24:00"
    return f"{text!r} leaves a minute open: from {clocks[0]} to {clocks[1]} a stop is allowed; write {right!r}"


def _end(window: Window) -> int:
    return (window.start + window.length) % _WEEK_MINUTES


def _is_left_open(minute: int, windows: Collection[Window]) -> bool:
    """Whether nothing covers it, and the day or another window begins with the next one."""
    following = (minute + 1) % _WEEK_MINUTES
    return not _covers(windows, minute) and (following % _DAY_MINUTES == 0 or _covers(windows, following))


def _covers(windows: Collection[Window], minute: int) -> bool:
    return any(window.holds(minute) for window in windows)


def _minute(clock: str, text: str) -> int:
    hours, minutes = (int(part) for part in clock.split(":"))
    minute = hours * 60 + minutes
    if minutes >= 60 or minute > _DAY_MINUTES:  # noqa: PLR2004 - minutes in an hour
        raise ValueError(f"{clock} in {text!r} is no time of day; times go from 00:00 to 24:00")
    return minute


def _days(names: str | None, text: str) -> list[int]:
    if names is None or names.strip() == "daily":
        return list(range(7))
    days: list[int] = []
    for part in names.split(","):
        first, dash, last = part.strip().partition("-")
        start = _day(first, text)
        days += [(start + step) % 7 for step in range((_day(last, text) - start) % 7 + 1)] if dash else [start]
    return sorted(set(days))


def _day(name: str, text: str) -> int:
    name = name.strip()
    for number, day in enumerate(DAYS):
        if name in (day, day[:3]):
            return number
    raise ValueError(f"{name!r} in {text!r} is no day; days are mon, tue, wed, thu, fri, sat, sun")
