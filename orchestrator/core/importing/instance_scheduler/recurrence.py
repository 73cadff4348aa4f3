"""On which days a period of Instance Scheduler runs: its weekdays, days of the month and months, as calendars of ours.

    mon-fri   0-4   fri-mon   mon-sun/2   mon#1   friL   L          weekdays; 0 is Monday, L alone is Sunday
    1-15   1/7   3-20/4   28-L/2   L   15W                          days of the month; 15W: the weekday next to it
    jan-mar   11-2   jan/3                                           months

Each part that is given has to hold, of one part any of its items (its `cron_to_running_period.py`, release 3.2.8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.core.policy.schedules.calendars import LAST, MONTHS, WEEKDAYS, Calendar

_SATURDAY = 5
_MONDAY, _FRIDAY = 0, 4
_WORKING = frozenset(range(_SATURDAY))
_LONGEST_MONTH = 31
_LAST_IN_EACH_MONTH = 28
_ITEM = re.compile(r"(?P<first>[^-/#]+?)(?:\s*-\s*(?P<last>[^-/#]+?))?(?:/(?P<step>[^-/#]+))?")
_NTH = re.compile(r"(?P<day>[a-z0-9]+)#(?P<nth>[1-5])")
_NUMBER = re.compile(r"[0-9]{1,2}")
_STEP = re.compile(r"[1-9]")
_ANY = frozenset({"*", "?"})
_LAST_WORD = "l"


@dataclass(frozen=True, slots=True)
class _Part:
    """The numbers that a part may have, the words for them, and whether its ranges go over its end."""

    what: str
    lowest: int
    highest: int
    names: Sequence[str]
    wraps: bool

    def number(self, word: str) -> int:
        """Raises ValueError."""
        word = word.strip()
        named = (at for at, name in enumerate(self.names, self.lowest) if word in (name, name[:3]))
        number = int(word) if _NUMBER.fullmatch(word) else next(named, None)
        if number is None or not self.lowest <= number <= self.highest:
            raise ValueError(f"{word!r} is none of its {self.what}")
        return number


_WEEKDAYS = _Part("weekdays (mon to sun, or 0 to 6)", 0, 6, WEEKDAYS, wraps=True)
_MONTHS = _Part("months (jan to dec, or 1 to 12)", 1, 12, MONTHS, wraps=True)
_MONTH_DAYS = _Part("days of the month (1 to 31)", 1, _LONGEST_MONTH, (), wraps=False)


def calendars_of(
    weekdays: Sequence[str] | None, month_days: Sequence[str] | None, months: Sequence[str] | None
) -> tuple[Calendar, ...]:
    """The days of a period, as calendars of which any may name a day. None: a part that is not given.

    Raises ValueError that says what is not understood, or has no such days with us.
    """
    in_months = _of_months(months)
    on_weekdays, nth_weekdays = _of_weekdays(weekdays)
    on_days, nearest = _of_month_days(month_days)
    found = []
    if on_days is None or on_days or not nearest:
        found.append(Calendar(in_months, on_days, on_weekdays, nth_weekdays))
    if nearest and nth_weekdays:
        raise ValueError("a weekday nearest to a day (15W) together with one of its month (mon#1) has no line of ours")
    for day in sorted(nearest):
        for one, weekdays_of_it in _nearest_weekday(day):
            both = weekdays_of_it if on_weekdays is None else weekdays_of_it & on_weekdays
            if both:
                found.append(Calendar(in_months, one, both))
    return tuple(found)


def _nearest_weekday(day: int) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    """Days of the month, each with the weekdays that make it the weekday nearest to `day`."""
    yield frozenset({day}), _WORKING
    if day == 1:
        yield frozenset({2, 3}), frozenset({_MONDAY})
    else:
        yield frozenset({day - 1}), frozenset({_FRIDAY})
        yield frozenset({day + 1}), frozenset({_MONDAY})


def _of_months(items: Sequence[str] | None) -> frozenset[int] | None:
    months: set[int] = set()
    for item in _items(items):
        if item in _ANY:
            return None
        if item == _LAST_WORD:
            raise ValueError("'L' is no month: Instance Scheduler refuses it")
        months |= _range(item, _MONTHS)
    return frozenset(months) if items is not None and len(months) < len(MONTHS) else None


def _of_weekdays(items: Sequence[str] | None) -> tuple[frozenset[int] | None, frozenset[tuple[int, int]]]:
    weekdays: set[int] = set()
    nth_weekdays: set[tuple[int, int]] = set()
    for item in _items(items):
        nth = _NTH.fullmatch(item)
        if item in _ANY:
            return None, frozenset()
        if item == _LAST_WORD:
            weekdays.add(_WEEKDAYS.highest)
        elif nth is not None:
            nth_weekdays.add((int(nth["nth"]), _WEEKDAYS.number(nth["day"])))
        elif item.endswith(_LAST_WORD) and not item[:-1].endswith(" "):
            nth_weekdays.add((LAST, _WEEKDAYS.number(item[:-1])))
        else:
            weekdays |= _range(item, _WEEKDAYS)
    if items is None or len(weekdays) == len(WEEKDAYS):
        return None, frozenset()
    return frozenset(weekdays) if weekdays else None, frozenset(
        (nth, day) for nth, day in nth_weekdays if day not in weekdays
    )


def _of_month_days(items: Sequence[str] | None) -> tuple[frozenset[int] | None, frozenset[int]]:
    """The days, and those of which the nearest weekday is meant."""
    days: set[int] = set()
    nearest: set[int] = set()
    for item in _items(items):
        if item in _ANY:
            return None, frozenset()
        if item == _LAST_WORD:
            days.add(LAST)
        elif item.endswith("w"):
            nearest.add(_nearest_to(item))
        else:
            days |= _range(item, _MONTH_DAYS)
    if items is None or len(days - {LAST}) == _LONGEST_MONTH:
        return None, frozenset()
    return frozenset(days), frozenset(nearest)


def _nearest_to(item: str) -> int:
    if not _NUMBER.fullmatch(item[:-1]):
        raise ValueError(f"{item!r} is not understood")
    day = _MONTH_DAYS.number(item[:-1])
    if day >= _LAST_IN_EACH_MONTH:
        why = "is another day in short months" if day == _LAST_IN_EACH_MONTH else "fails in months without that day"
        raise ValueError(f"{item!r} {why}, by Instance Scheduler's own code; no line of ours says that")
    return day


def _items(items: Sequence[str] | None) -> Iterator[str]:
    if items is not None and not items:
        raise ValueError("it is an empty list")
    for item in items or ():
        for one in item.split(","):
            yield one.strip().lower()


def _range(item: str, part: _Part) -> set[int]:
    """One number, from one to another, and each so many of them. Raises ValueError."""
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(f"{item!r} is not understood")
    first, step = part.number(match["first"]), match["step"]
    if step is not None and not _STEP.fullmatch(step.strip()):
        raise ValueError(
            f"{item!r} has a step that Instance Scheduler does not read as it is written (of several digits it "
            "takes the last one)"
        )
    if match["last"] is not None:
        last = part.highest if part is _MONTH_DAYS and match["last"] == _LAST_WORD else part.number(match["last"])
    else:
        last = part.highest if step is not None else first
    return set(_steps(first, last, int(step or 1), part))


def _steps(first: int, last: int, step: int, part: _Part) -> Iterator[int]:
    if last >= first:
        yield from range(first, last + 1, step)
        return
    if not part.wraps:
        raise ValueError(f"{first}-{last} ends before it begins: Instance Scheduler refuses it")
    yield from range(first, part.highest + 1, step)
    size = part.highest - part.lowest + 1
    beyond = first + step * ((part.highest - first) // step + 1) - size
    yield from (number for number in range(beyond, last + 1, step) if number >= part.lowest)
