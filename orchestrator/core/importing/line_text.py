"""A line of a schedule as it is written: `mon-fri 07:00-19:00`, `until nov-feb last fri 19:00`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.core.policy.schedules.calendars import ANY_DAY, LAST, MONTHS, NTH, WEEKDAYS, Calendar
from orchestrator.core.policy.schedules.lines import Line, Side

_SHORT = 3
_A_RANGE = 3
"""Names in a row from which on only the first and the last are written."""
_NTH_NAMES = {number: name for name, number in NTH.items()}
_LAST_DAY = "last day"


def line_text(line: Line) -> str:
    """The text that `parse_line` reads as this line."""
    side = "" if line.side is Side.WINDOW else f"{line.side} "
    time = _clock(line.start) + (f"-{_clock(_end(line))}" if line.side is Side.WINDOW else "")
    return f"{side}{calendar_text(line.calendar)} {time}"


def calendar_text(calendar: Calendar) -> str:
    """The words for its days: `daily` where that is any."""
    parts = []
    if calendar.months is not None:
        parts.append(",".join(_rows(calendar.months, 1, MONTHS)))
    if calendar.month_days is not None:
        days = list(_rows(calendar.month_days - {LAST}, 1, [str(day) for day in range(1, 32)]))
        parts.append(",".join([*days, *([_LAST_DAY] if LAST in calendar.month_days else ())]))
    weekdays = list(_rows(calendar.weekdays or (), 0, WEEKDAYS))
    weekdays += [
        f"{_NTH_NAMES[nth]} {WEEKDAYS[day][:_SHORT]}" for nth, day in sorted(calendar.nth_weekdays, key=_by_day)
    ]
    if weekdays:
        parts.append(",".join(weekdays))
    return " ".join(parts) or ANY_DAY


def _by_day(nth_weekday: tuple[int, int]) -> tuple[int, int]:
    nth, day = nth_weekday
    return day, nth if nth != LAST else max(NTH.values()) + 1


def _rows(numbers: Iterable[int], lowest: int, names: list[str] | tuple[str, ...]) -> Iterator[str]:
    """Numbers in a row as `mon-fri`; a row does not go over the end."""
    row: list[int] = []
    for number in [*sorted(numbers), None]:
        if number is not None and (not row or number == row[-1] + 1):
            row.append(number)
            continue
        words = [names[one - lowest][:_SHORT] for one in row]
        yield from [f"{words[0]}-{words[-1]}"] if len(words) >= _A_RANGE else words
        row = [] if number is None else [number]


def _end(line: Line) -> int:
    end = line.start + line.length
    return end if end <= 24 * 60 else end - 24 * 60


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
