"""The periods of one of Instance Scheduler's schedules as lines of ours, proven to say the same on every day there is.

By its code, `running_period.py` and `instance_schedule.py` of release 3.2.8, a period says of a local time of day:

    both times        running from the one until right before the other, on its days; stopped else
    `begintime` only  running from then to the end of its days, before that whatever it was; stopped on other days
    `endtime` only    stopped from then to the end of its days, before that whatever it was; stopped on other days
    neither           running on its days; stopped on others

Of several, running wins over whatever it was, and that over stopped. A single minute between two running times of
different periods, also across midnight, is running.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from operator import or_

from orchestrator.core.importing.instance_scheduler.day_sets import (
    day_after,
    day_before,
    days_of,
    every_day,
    first_day,
    part_of,
)
from orchestrator.core.policy.schedules.calendars import EVERY_DAY, LAST, MONTHS, WEEKDAYS, Calendar
from orchestrator.core.policy.schedules.lines import DAY_MINUTES, Line, Side

_LAST_MINUTE = DAY_MINUTES - 1
_MOST_REST_LINES = 16
_MONTH_DAYS = frozenset(range(1, 32))
_NTH = frozenset(range(1, 6))


@dataclass(frozen=True, slots=True)
class Period:
    """Its days, and its times in minutes since midnight."""

    calendars: tuple[Calendar, ...]
    begin: int | None = None
    end: int | None = None

    @property
    def days(self) -> int:
        return _union(map(days_of, self.calendars))

    def running(self, minute: int) -> int:
        """The days on which it is running then."""
        begun = self.begin is None or minute >= self.begin
        one_sided_stop = self.begin is None and self.end is not None
        open_still = self.end is None or minute < self.end
        return self.days if begun and open_still and not one_sided_stop else 0

    def either(self, minute: int) -> int:
        """The days on which it asks for nothing then."""
        if (self.begin is None) == (self.end is None):
            return 0
        return self.days if minute < (self.begin if self.begin is not None else self.end or 0) else 0


class NotTheSameError(Exception):
    """That no lines say what the periods say; in words."""


def lines_of(periods: Sequence[Period]) -> tuple[Line, ...]:
    """The lines; none where the periods never run and never ask for a stop by themselves.

    Raises NotTheSameError.
    """
    lines = [line for period in periods for line in _lines(period)]
    lines = _without_overruled(lines)
    lines = _merged(_with_filled_minutes(lines, periods))
    if lines and not any(line.side is Side.WINDOW for line in lines):
        lines += _stopped_on_other_days(lines)
    if lines:
        _prove(lines, periods)
    return tuple(lines)


def _lines(period: Period) -> Iterator[Line]:
    begin, end = period.begin, period.end
    for calendar in period.calendars:
        if not days_of(calendar) or (begin is not None and begin == end) or (begin is None and end == 0):
            continue
        if end is None and not begin:
            yield Line(0, DAY_MINUTES, calendar)
        elif end is None and begin is not None:
            yield Line(begin, 0, calendar, Side.FROM)
        elif begin is None and end is not None:
            yield Line(end, 0, calendar, Side.UNTIL)
        elif begin is not None and end is not None:
            yield Line(begin, end - begin, calendar)


def _without_overruled(lines: Sequence[Line]) -> list[Line]:
    """On a day with a start of its own no stop acts, and of several stops the last one."""
    taken = _union(days_of(line.calendar) for line in lines if line.side is Side.FROM)
    kept = [line for line in lines if line.side is not Side.UNTIL]
    for line in sorted((one for one in lines if one.side is Side.UNTIL), key=lambda one: -one.start):
        days = days_of(line.calendar) & ~taken
        if not days:
            continue
        calendar = part_of(line.calendar, days)
        if calendar is None:
            raise NotTheSameError("its one-sided periods share days, and no lines of ours name the days that are left")
        kept.append(replace(line, calendar=calendar))
        taken |= days
    return kept


def _with_filled_minutes(lines: list[Line], periods: Sequence[Period]) -> list[Line]:
    """With the single minutes between two running times."""
    for minute in sorted({time % DAY_MINUTES for period in periods for time in _around(period)}):
        filled = _filled(minute, periods)
        if not filled:
            continue
        ending = [line for line in lines if line.side is Side.WINDOW and line.start + line.length == minute]
        for line in ending:
            days = days_of(line.calendar)
            if days & filled == days:
                lines[lines.index(line)] = replace(line, length=line.length + 1)
                filled &= ~days
        for line in [*ending, *(one for one in lines if one.start == minute + 1)]:
            days = days_of(line.calendar) & filled
            calendar = part_of(line.calendar, days) if days else None
            if calendar is not None:
                lines.append(Line(minute, 1, calendar))
                filled &= ~days
    return lines


def _merged(lines: Iterable[Line]) -> list[Line]:
    """Windows of the same days that overlap or touch as one."""
    merged: list[Line] = []
    for line in lines:
        for other in [one for one in merged if _touch(one, line)]:
            merged.remove(other)
            start = min(line.start, other.start)
            line = replace(line, start=start, length=max(_end(line), _end(other)) - start)  # noqa: PLW2901  # it grows
        if line not in merged:
            merged.append(line)
    return merged


def _touch(one: Line, other: Line) -> bool:
    same = one.side is other.side is Side.WINDOW and days_of(one.calendar) == days_of(other.calendar)
    return same and one.start <= _end(other) and other.start <= _end(one)


def _end(line: Line) -> int:
    return line.start + line.length


def _stopped_on_other_days(lines: Sequence[Line]) -> list[Line]:
    """Without windows, days that no line names ask for nothing with us, and for a stop by Instance Scheduler."""
    rest = every_day() & ~_union(days_of(line.calendar) for line in lines)
    if not rest:
        return []
    weekly = part_of(EVERY_DAY, rest)
    if weekly is not None:
        return [Line(0, 0, weekly, Side.UNTIL)]
    others = [_complement(calendar) for calendar in {line.calendar for line in lines}]
    found: set[Calendar] = set()
    for several in product(*others):
        both: Calendar | None = EVERY_DAY
        for one in several:
            both = _both(both, one) if both is not None else None
        if both is not None and days_of(both):
            found.add(both)
        if len(found) > _MOST_REST_LINES:
            break
    if _union(map(days_of, found)) != rest:
        raise NotTheSameError(
            "its one-sided periods ask for a stop on all days that they do not name, and no lines of ours name those"
        )
    return [Line(0, 0, calendar, Side.UNTIL) for calendar in sorted(found, key=lambda one: -days_of(one))]


def _complement(calendar: Calendar) -> list[Calendar]:
    """Calendars that together name all other days; fewer where there are none that do."""
    found = []
    if calendar.months is not None:
        found.append(Calendar(months=frozenset(range(1, len(MONTHS) + 1)) - calendar.months))
    if calendar.month_days is not None and LAST not in calendar.month_days:
        found.append(Calendar(month_days=_MONTH_DAYS - calendar.month_days))
    weekdays = frozenset(range(len(WEEKDAYS)))
    if calendar.nth_weekdays and not any(nth == LAST for nth, _ in calendar.nth_weekdays):
        named = {day for _, day in calendar.nth_weekdays} | (calendar.weekdays or frozenset())
        nth = frozenset(
            (nth, day) for _, day in calendar.nth_weekdays for nth in _NTH if (nth, day) not in calendar.nth_weekdays
        )
        found.append(Calendar(weekdays=(weekdays - named) or None, nth_weekdays=nth))
    elif calendar.weekdays is not None and not calendar.nth_weekdays:
        found.append(Calendar(weekdays=weekdays - calendar.weekdays))
    return found


def _both(one: Calendar, other: Calendar) -> Calendar | None:
    """The days that both name; None where they have none, or no calendar names them."""
    parts = []
    for first, second in ((one.months, other.months), (one.month_days, other.month_days)):
        part = first if second is None else second if first is None else first & second
        if part is not None and not part:
            return None
        parts.append(part)
    if one.nth_weekdays or other.nth_weekdays:
        bare = [each for each in (one, other) if each.weekdays is None and not each.nth_weekdays]
        if not bare:
            return None
        of = other if bare[0] is one else one
        return Calendar(parts[0], parts[1], of.weekdays, of.nth_weekdays)
    weekdays = (
        one.weekdays
        if other.weekdays is None
        else other.weekdays
        if one.weekdays is None
        else one.weekdays & other.weekdays
    )
    return None if weekdays is not None and not weekdays else Calendar(parts[0], parts[1], weekdays)


def _prove(lines: Sequence[Line], periods: Sequence[Period]) -> None:
    """Raises NotTheSameError where they say something else at any minute of any day."""
    edges = {0, _LAST_MINUTE, *(time for period in periods for time in _around(period))}
    edges |= {time for line in lines for time in (line.start, _end(line))}
    for minute in sorted(edge for edge in edges if 0 <= edge < DAY_MINUTES):
        either = _union(period.either(minute) for period in periods)
        running = _running(minute, periods) | _filled(minute, periods)
        theirs = (running, either & ~running)
        ours = _said(minute, lines)
        different = (theirs[0] ^ ours[0]) | (theirs[1] ^ ours[1])
        if different:
            day = first_day(different)
            raise NotTheSameError(
                f"no lines of ours say the same, for example at {minute // 60:02}:{minute % 60:02} on {day:%a %d %B}"
            )


def _said(minute: int, lines: Sequence[Line]) -> tuple[int, int]:
    """The days on which the lines say running, and either, at that minute."""
    windows = [line for line in lines if line.side is Side.WINDOW]
    running = _union(days_of(line.calendar) for line in windows if line.start <= minute < _end(line))
    either = 0 if windows else every_day()
    times = [line for line in lines if line.side is not Side.WINDOW]
    either |= _union(days_of(line.calendar) for line in times)
    started = 0
    for line in sorted(times, key=lambda one: (one.start, one.side is Side.FROM)):
        if line.start <= minute:
            days = days_of(line.calendar)
            either &= ~days
            started = started | days if line.side is Side.FROM else started & ~days
    running |= started
    return running, either & ~running


def _running(minute: int, periods: Sequence[Period]) -> int:
    return _union(period.running(minute) for period in periods)


def _filled(minute: int, periods: Sequence[Period]) -> int:
    """The days on which that minute, stopped by itself, is between two running ones."""
    if len(periods) < 2:  # noqa: PLR2004  # one period has no other beside it
        return 0
    before = _running(minute - 1, periods) if minute else day_after(_running(_LAST_MINUTE, periods))
    after = _running(minute + 1, periods) if minute < _LAST_MINUTE else day_before(_running(0, periods))
    asked = _running(minute, periods) | _union(period.either(minute) for period in periods)
    return before & after & ~asked


def _around(period: Period) -> Iterator[int]:
    for time in (period.begin, period.end):
        if time is not None:
            yield from (time - 1, time, time + 1)
    yield from (0, 1, _LAST_MINUTE - 1, _LAST_MINUTE)


def _union(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)
