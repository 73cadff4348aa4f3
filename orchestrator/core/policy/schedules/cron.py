"""Schedule expressions of EventBridge Scheduler: what is wrong with one, and when it was last due.

The grammar is that of "Schedule types in EventBridge Scheduler" in its user guide: `cron` has six fields, with `?` in
either of the two for days; what the guide does not document is refused, with what is right in its place. By the same
page a time that clocks skip in spring is not due on that day, and one that comes twice in autumn is due once; the page
does not say which of the two, so the first is taken. The days of a `rate` have 24 hours, and it counts from the
schedule's creation, which its expression does not tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from orchestrator.core.policy.patterns import late_pattern
from orchestrator.core.policy.schedules.expression_forms import RATE

_EXPRESSION = late_pattern(r"(?P<form>cron|rate)\((?P<text>.*)\)", re.DOTALL)
_RIGHT = "write it like cron(0 20 * * ? *) or rate(1 hour)"
_NUMBER = late_pattern(r"[0-9]{1,4}")
_ITEM = late_pattern(r"(?P<first>\*|[0-9]+|[A-Z]{3})(?:-(?P<last>[0-9]+|[A-Z]{3}))?(?:/(?P<step>[0-9]{1,4}))?")
_DAY = timedelta(days=1)
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    plural: str
    least: int
    most: int
    right: str
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """Of a number or name; raises ValueError that says what would be right."""
        number = self.least + self.names.index(text) if text in self.names else -1
        if _NUMBER.fullmatch(text):
            number = int(text)
        if not self.least <= number <= self.most:
            raise self.wrong(text)
        return number

    def wrong(self, text: str) -> ValueError:
        return ValueError(f"{text!r} is no {self.name}; {self.plural} are {self.right}")


_MINUTES = _Field("minute", "minutes", 0, 59, "0 to 59, such as 30, 0,30 or 0/15")
_HOURS = _Field("hour", "hours", 0, 23, "0 to 23, such as 20, 8-18, 8,20 or 0/2")
_MONTH_DAYS = _Field("day of month", "days of month", 1, 31, "1 to 31, such as 1-7, or L, LW or 15W")
_MONTHS = _Field(
    "month",
    "months",
    1,
    12,
    "1 to 12 or JAN to DEC, such as JAN-MAR",
    ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_WEEK_DAYS = _Field(
    "day of week",
    "days of week",
    1,
    7,
    "1 to 7 or SUN to SAT, such as MON-FRI, 6L or 2#1 (1 is SUN)",
    ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
)
_YEARS = _Field("year", "years", 1970, 2199, "1970 to 2199, such as 2027 or 2027-2030")

_Day = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class _Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    days: tuple[_Day, ...]
    """A day is meant that any of them holds for."""

    def is_due_on(self, day: date) -> bool:
        return day.year in self.years and day.month in self.months and any(holds(day) for holds in self.days)

    def is_ever_due(self) -> bool:
        """Calendars repeat after 28 years, but for leap years that a century leaves out."""
        years = sorted(self.years)[:28]
        first = (date(year, month, 1) for year in years for month in sorted(self.months))
        return any(self.is_due_on(day) for one in first for day in _month_of(one))


def expression_problem(expression: str) -> str | None:
    """What is wrong with a schedule expression, and what would be right; None where it is right."""
    try:
        _parse(expression)
    except ValueError as wrong:
        return str(wrong)
    return None


def last_due(expression: str, zone: tzinfo, before: datetime, not_before: datetime) -> datetime | None:
    """When it was last due at or before `before`, in UTC; None where that is earlier than `not_before`.

    For a rate only its interval is known, so this is the start of the last whole interval: it was due since then.
    Raises ValueError for an expression that is not right.
    """
    parsed = _parse(expression)
    if isinstance(parsed, timedelta):
        since = before.astimezone(UTC) - parsed
        return since if since >= not_before else None
    day = before.astimezone(zone).date() + _DAY  # past midnight, where clocks went back over it
    while day >= not_before.astimezone(zone).date() - _DAY:
        if parsed.is_due_on(day):
            for due in _times(parsed, day, zone):
                if due <= before:
                    return due if due >= not_before else None
        day -= _DAY
    return None


def _times(cron: _Cron, day: date, zone: tzinfo) -> Iterator[datetime]:
    """On that day, the last one first; those that the day's clock skips are left out, of two the first is taken."""
    for hour in sorted(cron.hours, reverse=True):
        for minute in sorted(cron.minutes, reverse=True):
            local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
            due = local.astimezone(UTC)
            if due.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                yield due


def _parse(expression: str) -> _Cron | timedelta:
    match = _EXPRESSION.fullmatch(expression.strip())
    if match is None:
        raise ValueError(f"{expression!r} is no schedule; {_RIGHT}")
    if match["form"] == "rate":
        return _interval(match["text"])
    cron = _cron(match["text"])
    if not cron.is_ever_due():
        raise ValueError(f"{match['text']!r} is never due: no month or year that it names has such a day")
    return cron


def _interval(text: str) -> timedelta:
    if re.fullmatch(RATE, text) is None:
        raise ValueError(
            f"{text!r} is no rate; write a whole number from 1 and minutes, hours or days, such as 30 minutes or 1 hour"
        )
    value, unit = text.split()
    return int(value) * timedelta(**{f"{unit.removesuffix('s')}s": 1})


def _cron(text: str) -> _Cron:
    if _EXPRESSION.fullmatch(text.strip()):
        raise ValueError(f"{text!r} has `cron(` once too often; write the six fields alone")
    fields = text.split()
    if len(fields) != 6:  # noqa: PLR2004 - as the message says
        raise ValueError(
            f"{text!r} is no cron of six fields: minutes, hours, day of month, month, day of week, year; "
            "write it like 0 20 * * ? *"
        )
    minutes, hours, month_day, month, week_day, year = fields
    if (month_day == "?") == (week_day == "?"):
        raise ValueError(
            f"{text!r} must have `?` as either day of month or day of week, and not as both; "
            "write it like 0 20 * * ? * or 0 20 ? * MON-FRI *"
        )
    return _Cron(
        _values(minutes, _MINUTES),
        _values(hours, _HOURS),
        _values(month, _MONTHS),
        _values(year, _YEARS),
        tuple(map(_month_day, month_day.split(","))) if week_day == "?" else tuple(_week_days(week_day)),
    )


def _values(text: str, field: _Field) -> frozenset[int]:
    return frozenset(number for item in text.split(",") for number in _item(item, field))


def _item(text: str, field: _Field) -> frozenset[int]:
    """`*`, `5`, `5-9`, and each of them with a step, which goes to the field's end from a single number.

    A range may go around, as `20-2` does in an example of AWS's:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html.
    """
    match = _ITEM.fullmatch(text)
    if match is None or (match["first"] == "*" and match["last"]):
        named = text.upper() if text != text.upper() and _ITEM.fullmatch(text.upper()) else None
        raise ValueError(f"{text!r} is no {field.name}; write {named}") if named else field.wrong(text)
    first = field.least if match["first"] == "*" else field.number(match["first"])
    last = field.number(match["last"]) if match["last"] else first
    around = last < first  # as in 20-2, which goes on past midnight
    if around and field is _YEARS:
        raise ValueError(f"{text!r} is no range of {field.plural}: it ends before it starts")
    if not match["last"] and (match["first"] == "*" or match["step"]):
        last = field.most
    step = int(match["step"] or 1)
    if not 0 < step <= field.most:
        raise ValueError(f"{text!r} is no step of {field.plural}; it must be from 1 to {field.most}")
    size = field.most - field.least + 1
    numbers = range(first, last + 1 + (size if around else 0), step)
    return frozenset((number - field.least) % size + field.least for number in numbers)


def _month_day(text: str) -> _Day:
    if text == "L":
        return _is_last
    if text == "LW":
        return _is_last_weekday
    if text.endswith("W"):
        number = _MONTH_DAYS.number(text[:-1])
        return lambda day: _is_weekday_nearest_to(number, day)
    days = _item(text, _MONTH_DAYS)
    return lambda day: day.day in days


def _week_days(text: str) -> Iterator[_Day]:
    if "#" in text:
        yield _nth_week_day(text)
        return
    for item in text.split(","):
        if "/" in item:
            raise ValueError(f"{item!r} is no day of week: it cannot have a step; write them like MON,WED,FRI")
        if item != "L" and item.endswith("L"):
            yield _last_week_day(_WEEK_DAYS.number(item[:-1]))
        else:
            yield _week_day("SAT" if item == "L" else item)


def _week_day(text: str) -> _Day:
    days = _item(text, _WEEK_DAYS)
    return lambda day: _number_in_week(day) in days


def _nth_week_day(text: str) -> _Day:
    match = re.fullmatch(r"([0-9]|[A-Z]{3})#([1-5])", text)
    if match is None:
        raise ValueError(f"{text!r} is no day of week: with # there is one alone, from 1 to 5, such as 2#1 or FRI#3")
    number, nth = _WEEK_DAYS.number(match[1]), int(match[2])
    return lambda day: _number_in_week(day) == number and (day.day - 1) // 7 == nth - 1


def _last_week_day(number: int) -> _Day:
    return lambda day: _number_in_week(day) == number and (day + 7 * _DAY).month != day.month


def _number_in_week(day: date) -> int:
    """1 is Sunday."""
    return day.isoweekday() % 7 + 1


def _is_last(day: date) -> bool:
    return (day + _DAY).month != day.month


def _is_last_weekday(day: date) -> bool:
    """A Friday is, too, when only the weekend is left of its month."""
    weekend_next = day.weekday() == _FRIDAY and (day + 3 * _DAY).month != day.month
    return weekend_next or (_is_last(day) and day.weekday() < _SATURDAY)


def _is_weekday_nearest_to(number: int, day: date) -> bool:
    """Never in another month: for the 1st on a Saturday it is the 3rd, for a last day on a Sunday the Friday before."""
    try:
        named = day.replace(day=number)
    except ValueError:
        return False
    moved = {_SATURDAY: -1 if number > 1 else 2, _SUNDAY: -2 if _is_last(named) else 1}.get(named.weekday(), 0)
    return day == named + moved * _DAY


def _month_of(first: date) -> Iterator[date]:
    day = first
    while day.month == first.month:
        yield day
        day += _DAY
