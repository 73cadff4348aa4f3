"""Which days a line of a schedule names: months, days of the month, weekdays, the first or last weekday of a month.

Parts that are given must all hold, as in Instance Scheduler's periods; of one part any of its days. Names are English,
whole or by their first three letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.patterns import late_pattern

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
LAST = -1
NTH: Mapping[str, int] = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": LAST}
ANY_DAY = "daily"
_WEEK, _YEAR = 7, 12
_LONGEST_MONTH = 31
_NUMBER = late_pattern(r"[0-9]{1,2}")
_WHOLE_CYCLE = 28 * 366
"""Days after which weekdays and dates meet again."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Some days. None: a part that is not given, so any day has it."""

    months: frozenset[int] | None = None
    month_days: frozenset[int] | None = None
    """`LAST` is the last of its month."""
    weekdays: frozenset[int] | None = None
    """0 is Monday."""
    nth_weekdays: frozenset[tuple[int, int]] = frozenset()
    """Each as (which of its month, weekday); alternatives to `weekdays`."""

    def names(self, day: date) -> bool:
        """Whether it is one of these days."""
        if self.months is not None and day.month not in self.months:
            return False
        if self.month_days is not None and day.day not in self.month_days:
            return LAST in self.month_days and _is_last(day) and self._names_weekday(day)
        return self._names_weekday(day)

    @property
    def is_weekly(self) -> bool:
        """Whether its days are those of every week."""
        return self.months is None and self.month_days is None and not self.nth_weekdays

    @property
    def any_weekday(self) -> frozenset[int]:
        """Every weekday that one of these days may be."""
        if self.weekdays is None and not self.nth_weekdays:
            return frozenset(range(_WEEK))
        return (self.weekdays or frozenset()) | {weekday for _, weekday in self.nth_weekdays}

    def is_ever(self) -> bool:
        """False where there is no such day, as the 31st of February."""
        return _is_ever(self)

    def _names_weekday(self, day: date) -> bool:
        if self.weekdays is None and not self.nth_weekdays:
            return True
        if self.weekdays is not None and day.weekday() in self.weekdays:
            return True
        return any(weekday == day.weekday() and _is_nth(nth, day) for nth, weekday in self.nth_weekdays)


EVERY_DAY = Calendar()


@lru_cache(maxsize=1024)
def _is_ever(calendar: Calendar) -> bool:
    if calendar.months is None and calendar.month_days is None:
        return True
    first = date(2000, 1, 1)
    return any(calendar.names(first + timedelta(days=number)) for number in range(_WHOLE_CYCLE))


def _is_last(day: date) -> bool:
    return (day + timedelta(days=1)).month != day.month


def _is_nth(nth: int, day: date) -> bool:
    if nth == LAST:
        return (day + timedelta(weeks=1)).month != day.month
    return (day.day - 1) // _WEEK == nth - 1


def parse_days(items: Iterable[str], text: str) -> tuple[frozenset[int] | None, frozenset[tuple[int, int]]]:
    """`mon`, `mon-fri`, `first mon`, `last fri`; `daily` alone. `text` is what is quoted in a message.

    Raises ValueError that says what would be right.
    """
    named = list(items)
    if named == [ANY_DAY]:
        return None, frozenset()
    weekdays: set[int] = set()
    nth_weekdays: set[tuple[int, int]] = set()
    for item in named:
        word, space, rest = item.partition(" ")
        if space and word in NTH:
            nth_weekdays.add((NTH[word], _weekday(rest, text)))
            continue
        first, dash, last = item.partition("-")
        start = _weekday(first, text)
        weekdays.update(_around(start, _weekday(last, text), _WEEK) if dash else (start,))
    return frozenset(weekdays) if weekdays else None, frozenset(nth_weekdays)


def parse_months(items: Iterable[str], text: str) -> frozenset[int]:
    """`jan`, `nov-feb`. Raises ValueError that says what would be right."""
    months: set[int] = set()
    for item in items:
        first, dash, last = item.partition("-")
        start = _month(first, text)
        months.update(_around(start, _month(last, text), _YEAR) if dash else (start,))
    return frozenset(month + 1 for month in months)


def parse_month_days(items: Iterable[str], text: str) -> frozenset[int]:
    """`1`, `1-15`, `25-last`, `last` or `last day`. Raises ValueError that says what would be right."""
    days: set[int] = set()
    for item in items:
        if item in ("last", "last day"):
            days.add(LAST)
            continue
        first, dash, last = item.partition("-")
        start = _month_day(first, text)
        end = _LONGEST_MONTH if last == "last" else _month_day(last, text) if dash else start
        if end < start:
            raise ValueError(f"{_quoted(item, text)} ends before it starts; write {start}-last,1-{end}")
        days.update(range(start, end + 1))
    return frozenset(days)


def is_months(items: Sequence[str]) -> bool:
    """Whether each of them reads as a month, or as several in a row."""
    return all(_number(part, MONTHS) is not None for item in items for part in item.split("-"))


def is_month_days(items: Sequence[str]) -> bool:
    """Whether each of them reads as a day of the month, or as several in a row."""
    return all(item == "last day" or item[:1].isdigit() for item in items)


def _around(first: int, last: int, size: int) -> Iterable[int]:
    return ((first + step) % size for step in range((last - first) % size + 1))


def _weekday(name: str, text: str) -> int:
    number = _number(name, WEEKDAYS)
    if number is None:
        hint = _hint(name, (*WEEKDAYS, *NTH, ANY_DAY, *MONTHS))
        raise ValueError(
            f"{_quoted(name, text)} is no day{hint}; days are mon, tue, wed, thu, fri, sat, sun, "
            "`first mon` or `last fri`; months are jan to dec; days of the month are 1 to 31 or `last day`"
        )
    return number


def _month(name: str, text: str) -> int:
    number = _number(name, MONTHS)
    if number is None:
        raise ValueError(
            f"{_quoted(name, text)} is no month{_hint(name, MONTHS)}; months are jan to dec, such as jan or nov-feb"
        )
    return number


def _month_day(name: str, text: str) -> int:
    number = int(name) if _NUMBER.fullmatch(name.strip()) else 0
    if not 1 <= number <= _LONGEST_MONTH:
        raise ValueError(f"{_quoted(name, text)} is no day of the month; they are 1 to 31 or `last day`, such as 1-15")
    return number


def _number(name: str, names: Sequence[str]) -> int | None:
    name = name.strip()
    return next((number for number, one in enumerate(names) if name in (one, one[:3])), None)


def _hint(name: str, names: Sequence[str]) -> str:
    near = nearest(name, (*names, *(one[:3] for one in names)))
    return f", did you mean {near}?" if near else ""


def _quoted(part: str, text: str) -> str:
    part = part.strip()
    return repr(part) if part == text else f"{part!r} in {text!r}"
