"""One line of a schedule: `mon-fri 07:00-19:00`, `from mon-fri 07:00`, `jan-mar 1-15 08:00-12:00`.

    [from|until|start|stop] [months] [days of the month] [weekdays] time[-time]

A window says that resources run in it. A line with one time says only when to start, or only when to stop; one with
`start` or `stop` says it only for its time, and nothing outside of it. Lists have commas, or `+` where a tag's
value may have no comma: `sat+sun 08:00-12:00`. A window that ends on the next day belongs to the day it starts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.other_words import NO_LINES, meant_lines, right_for
from orchestrator.core.policy.patterns import late_pattern
from orchestrator.core.policy.schedules.calendars import (
    EVERY_DAY,
    Calendar,
    is_month_days,
    is_months,
    parse_days,
    parse_month_days,
    parse_months,
)

_T = TypeVar("_T")
DAY_MINUTES = 24 * 60
_HOUR_MINUTES = 60
_LONGEST = 1000
_CLOCK = "[0-9]{1,2}:[0-9]{2}"
_SIDE = r"(?:(?P<side>from|until|start|stop)\s+)?"
_TIME = late_pattern(rf"{_SIDE}(?P<start>{_CLOCK})(?:\s*-\s*(?P<end>{_CLOCK}))?")
_LINE = late_pattern(rf"{_SIDE}(?:(?P<days>[^:]+?)\s+)?(?P<time>{_CLOCK}(?:\s*-\s*{_CLOCK})?)")
_RIGHT = (
    "write it like `mon-fri 07:00-19:00`, `sat,sun 08:00-12:00`, `fri 22:00-02:00`, `from mon-fri 07:00` or "
    "`until last fri 19:00`"
)
_NTH = late_pattern(r"(?<![^\s,])(first|second|third|fourth|fifth|last)\s+(?=[a-z])")


class Side(StrEnum):
    """What a line says: when resources run, only when they start, or only when they stop.

    With one time (`from`, `until`) that holds to the end of the day, else for the line's time.
    """

    WINDOW = "window"
    FROM = "from"
    UNTIL = "until"
    START = "start"
    STOP = "stop"


WITH_ONE_TIME = frozenset({Side.FROM, Side.UNTIL})
ONLY_STOPPING = frozenset({Side.UNTIL, Side.STOP})


@dataclass(frozen=True, slots=True)
class Line:
    """On each day of its calendar: from `start`, in minutes since midnight, for `length` minutes.

    It may run into the next day. `length` is 0 for a line with one time.
    """

    start: int
    length: int
    calendar: Calendar = EVERY_DAY
    side: Side = Side.WINDOW


ALWAYS = Line(0, DAY_MINUTES)
ASKS_NOTHING = Line(0, DAY_MINUTES, Calendar(weekdays=frozenset()), Side.STOP)
"""On no day; by itself it makes a schedule that is `either`."""


def parse_line(text: str) -> Line:
    """The line that a text means. Raises ValueError that says what would be right."""
    if len(text) > _LONGEST:
        raise ValueError(f"{text[:40]!r}... is no window: it has more than {_LONGEST} characters; {_RIGHT}")
    if no_line := right_for(NO_LINES, text):
        raise ValueError(f"{text!r} {no_line}")
    return _parsed(text, _line, "window")


def _parsed(text: str, parse: Callable[[str], _T], what: str) -> _T:
    """What the text means. Where it says that in other words than those of this language, the error has these."""
    try:
        return parse(text)
    except ValueError:
        meant = next((one for one in meant_lines(text) if _is_right(one, parse)), None)
        if meant is None:
            raise
        raise ValueError(f"{text!r} is no {what}; write `{meant}`") from None


def _is_right(text: str, parse: Callable[[str], object]) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _line(text: str) -> Line:
    match = _LINE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no window; {_RIGHT}")
    side = Side(match["side"] or Side.WINDOW)
    start, length = _times(match["time"], side, match["days"] or "", text)
    return Line(start, length, _calendar(match["days"] or "", text), side)


def line_of(time: str, days: Sequence[str] = (), months: Sequence[str] = (), month_days: Sequence[str] = ()) -> Line:
    """The line whose parts are given by themselves; an item may be a list with commas.

    Raises ValueError that says what would be right.
    """
    side, start, length = parse_time(time)
    weekdays, nth_weekdays = parse_day_items(days)
    calendar = Calendar(parse_month_items(months), parse_month_day_items(month_days), weekdays, nth_weekdays)
    return Line(start, length, calendar, side)


def parse_time(text: str) -> tuple[Side, int, int]:
    """`07:00-19:00`, `from 07:00` or `until 19:00`, as side, start and length. Raises ValueError."""
    return _parsed(text, _side_and_times, "time")


def _side_and_times(text: str) -> tuple[Side, int, int]:
    match = _TIME.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no time; write it like `07:00-19:00`, `from 07:00` or `until 19:00`")
    side = Side(match["side"] or Side.WINDOW)
    clocks = match["start"] + (f"-{match['end']}" if match["end"] else "")
    return side, *_times(clocks, side, "", text)


def parse_day_items(items: Sequence[str]) -> tuple[frozenset[int] | None, frozenset[tuple[int, int]]]:
    """Weekdays, given by themselves. Raises ValueError."""
    return _parsed(",".join(items), _weekdays, "list of days") if items else (None, frozenset())


def parse_month_items(items: Sequence[str]) -> frozenset[int] | None:
    """Months, given by themselves. Raises ValueError."""
    return parse_months(_split(items), ", ".join(items)) if items else None


def parse_month_day_items(items: Sequence[str]) -> frozenset[int] | None:
    """Days of the month, given by themselves. Raises ValueError."""
    return parse_month_days(_split(items), ", ".join(items)) if items else None


def _weekdays(text: str) -> tuple[frozenset[int] | None, frozenset[tuple[int, int]]]:
    return parse_days(_split([text]), text)


def _split(items: Sequence[str]) -> list[str]:
    return [" ".join(part.split()) for item in items for part in _tidy(item.lower()).split(",")]


def _calendar(words: str, text: str) -> Calendar:
    """Of the words before the time: each is a list of months, of days of the month or of weekdays."""
    months = month_days = None
    weekdays: frozenset[int] | None = None
    nth_weekdays: frozenset[tuple[int, int]] = frozenset()
    seen: set[str] = set()
    for word in _NTH.sub(r"\1~", _tidy(words)).split():
        items = [item.replace("~", " ") for item in word.split(",")]
        if is_months(items):
            part, months = "months", parse_months(items, text)
        elif is_month_days(items):
            part, month_days = "days of the month", parse_month_days(items, text)
        else:
            part = "weekdays"
            weekdays, nth_weekdays = parse_days(items, text)
        if part in seen:
            raise ValueError(f"{text!r} is no window: it names its {part} twice; list them with commas, without spaces")
        seen.add(part)
    return Calendar(months, month_days, weekdays, nth_weekdays)


def _tidy(words: str) -> str:
    """Without spaces around `,` and `-`."""
    return re.sub(r"\s*-\s*", "-", re.sub(r"\s*[,+]\s*", ",", words.strip()))


def _times(clocks: str, side: Side, days: str, text: str) -> tuple[int, int]:
    first, dash, last = (part.strip() for part in clocks.partition("-"))
    around = f"{days.strip()} " if days.strip() else ""
    if (side in WITH_ONE_TIME) is bool(dash):
        raise ValueError(f"{text!r} {_other_form(side, first, last, around)}")
    start = _minute(first, text)
    if start == DAY_MINUTES:
        what = "a window" if side not in WITH_ONE_TIME else f"`{side}`"
        raise ValueError(f"{text!r} starts at 24:00; {what} has a time from 00:00 to 23:59")
    if not dash:
        return start, 0
    end = _minute(last, text)
    if start == end:
        raise ValueError(f"{text!r} is an empty window: it ends when it starts; the whole day is 00:00-24:00")
    return start, (end - start) % DAY_MINUTES or DAY_MINUTES


def _other_form(side: Side, first: str, last: str, around: str) -> str:
    """What is wrong with a line that has two times for one, or one for two, and what would be right."""
    if side in WITH_ONE_TIME:
        one, does = (first, "starts") if side is Side.FROM else (last, "stops")
        return (
            f"has two times, and `{side}` takes one: the window is `{around}{first}-{last}`; what only {does} is "
            f"`{side} {around}{one}`"
        )
    if side is not Side.WINDOW:
        other = Side.FROM if side is Side.START else Side.UNTIL
        return f"has one time; write `{other} {around}{first}`, or two times such as `{side} {around}07:00-08:00`"
    word, _, rest = around.partition(" ")
    for one in (Side.FROM.value, Side.UNTIL.value):
        if one in around.split()[1:]:
            days_alone = " ".join(part for part in around.split() if part != one)
            return f"is no line with one time; write `{one} {days_alone} {first}`"
    if word == "till":
        return f"is no line with one time; write `until {rest}{first}`"
    if near := nearest(word, (Side.FROM.value, Side.UNTIL.value)):
        return f"is no line with one time; did you mean `{near} {rest}{first}`?"
    return (
        f"is no window: it has one time; write `from {around}{first}`, `until {around}{first}` or a window like "
        "`mon-fri 07:00-19:00`"
    )


def _minute(clock: str, text: str) -> int:
    hours, minutes = (int(part) for part in clock.split(":"))
    minute = hours * _HOUR_MINUTES + minutes
    if minutes >= _HOUR_MINUTES or minute > DAY_MINUTES:
        raise ValueError(f"{clock} in {text!r} is no time of day; times go from 00:00 to 24:00")
    return minute
