"""Sets of days as numbers, one bit for each kind of day there is: every date of each of the 14 kinds of years.

What a calendar names depends on nothing but the date within its kind of year, so two calendars name the same days for
ever where their sets are equal.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache, lru_cache

from orchestrator.core.policy.schedules.calendars import MONTHS, Calendar

_A_WEEKS_DAYS = 7


def _years() -> list[int]:
    """One year of each kind: leap or not, by the weekday it begins with."""
    kinds = {(date(year, 12, 31).timetuple().tm_yday, date(year, 1, 1).weekday()): year for year in range(2000, 2028)}
    return sorted(kinds.values())


@cache
def _days() -> tuple[date, ...]:
    return tuple(date(year, 1, 1) + timedelta(days=number) for year in _years() for number in range(_length(year)))


def _length(year: int) -> int:
    return (date(year + 1, 1, 1) - date(year, 1, 1)).days


@cache
def every_day() -> int:
    """All of them."""
    return (1 << len(_days())) - 1


@lru_cache(maxsize=4096)
def days_of(calendar: Calendar) -> int:
    """Those that the calendar names."""
    bits = ("1" if calendar.names(day) else "0" for day in reversed(_days()))
    return int("".join(bits), 2)


def day_before(days: int) -> int:
    """The days of which the next one is in the set."""
    return _moved(days, 1)


def day_after(days: int) -> int:
    """The days of which the one before is in the set."""
    return _moved(days, -1)


def _moved(days: int, step: int) -> int:
    """Bit by bit at the ends of years: the year before or after is of one of two kinds, whose days there are alike."""
    edges, neighbours = _year_ends(step)
    moved = (days >> 1 if step > 0 else days << 1) & every_day() & ~edges
    for bit, neighbour in neighbours:
        if days >> neighbour & 1:
            moved |= 1 << bit
    return moved


@cache
def _year_ends(step: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    days = _days()
    ends = [bit for bit, day in enumerate(days) if (day + step * timedelta(days=1)).year != day.year]
    others = [bit for bit, day in enumerate(days) if (day - step * timedelta(days=1)).year != day.year]
    weekday = {days[bit].weekday(): bit for bit in others}
    pairs = tuple((bit, weekday[(days[bit].weekday() + step) % _A_WEEKS_DAYS]) for bit in ends)
    return sum(1 << bit for bit, _ in pairs), pairs


def first_day(days: int) -> date:
    """An example of the set, which is not empty."""
    return _days()[(days & -days).bit_length() - 1]


def part_of(calendar: Calendar, days: int) -> Calendar | None:
    """The calendar without what is not in `days`, a part of its own: fewer weekdays, or fewer months.

    None where that does not say it.
    """
    own = days_of(calendar)
    if own == days:
        return calendar
    for smaller in (*_fewer_weekdays(calendar, days), *_fewer_months(calendar, days)):
        if days_of(smaller) == days:
            return smaller
    return None


def _fewer_weekdays(calendar: Calendar, days: int) -> list[Calendar]:
    single = {day: replace(calendar, weekdays=frozenset({day}), nth_weekdays=frozenset()) for day in range(7)}
    kept = frozenset(day for day, one in single.items() if (found := days_of(one)) and found & days == found)
    return [replace(calendar, weekdays=kept, nth_weekdays=frozenset())] if kept else []


def _fewer_months(calendar: Calendar, days: int) -> list[Calendar]:
    single = {month: replace(calendar, months=frozenset({month})) for month in range(1, len(MONTHS) + 1)}
    kept = frozenset(month for month, one in single.items() if (found := days_of(one)) and found & days == found)
    return [replace(calendar, months=kept)] if kept else []
