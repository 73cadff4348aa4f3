"""Days on which a schedule says something else: a release freeze, a shutdown between the years."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from orchestrator.core.policy.missing_days import missing_day
from orchestrator.core.policy.patterns import late_pattern
from orchestrator.core.policy.schedules.lines import ALWAYS, Line

_DATE = late_pattern(r"(?:(?P<year>[0-9]{4})-)?(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
_LEAP_YEAR = 2000
_RIGHT = "write it like 2026-12-24, or 12-24 for every year"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From the first through the last day: dates, or days of every year, which may run into the next one."""

    first: date
    last: date
    is_yearly: bool = False
    """Both are in the leap year 2000 then, which has every day that a year can have."""

    def covers(self, day: date) -> bool:
        """Whether it is one of its days."""
        if not self.is_yearly:
            return self.first <= day <= self.last
        named = day.replace(year=_LEAP_YEAR)
        if self.first <= self.last:
            return self.first <= named <= self.last
        return named >= self.first or named <= self.last

    def overlaps(self, other: Span) -> bool:
        """Whether they have a day in common, and neither wins: a date wins over a day of every year."""
        if self.is_yearly is not other.is_yearly:
            return False
        return any(one.covers(day) for one, two in ((self, other), (other, self)) for day in (two.first, two.last))


@dataclass(frozen=True, slots=True)
class ScheduleException:
    """What holds on the days of a span, whatever the schedule and its holidays say of them."""

    span: Span
    lines: tuple[Line, ...] = ()
    """In place of the schedule's; none: nothing runs."""
    reason: str = ""

    @property
    def is_always(self) -> bool:
        """Whether everything runs, all day."""
        return self.lines == (ALWAYS,)


def exception_of(exceptions: Iterable[ScheduleException], day: date) -> ScheduleException | None:
    """The one that holds on that day: one for a date before one for every year."""
    found = [one for one in exceptions if one.span.covers(day)]
    return min(found, key=lambda one: one.span.is_yearly, default=None)


def parse_date(value: object) -> tuple[date, bool]:
    """A date, or a day of every year, and which of them it is. Raises ValueError that says what would be right."""
    if type(value) is date:
        return value, False
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"must be a date, not {value!r}; {_RIGHT}" if isinstance(value, str) else _RIGHT)
    try:
        found = date(int(match["year"] or _LEAP_YEAR), int(match["month"]), int(match["day"]))
    except ValueError:
        raise ValueError(f"{missing_day(match[0])}; {_RIGHT}") from None
    return found, match["year"] is None


def span_of(first: object, last: object) -> Span:
    """Of two dates as they are written. Raises ValueError that says what would be right."""
    start, is_yearly = parse_date(first)
    end, is_end_yearly = parse_date(last)
    if is_yearly is not is_end_yearly:
        raise ValueError("one of its ends has a year and the other has none; write both alike")
    if end < start and not is_yearly:
        raise ValueError(f"it ends on {end}, before it starts on {start}")
    return Span(start, end, is_yearly)
