"""Days in conditions: a date, or one that is so many days from today; and the day that a tag's value names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from orchestrator.core.policy.patterns import late_pattern

_RELATIVE = late_pattern(r"today(?: ?([+-]) ?([0-9]{1,4})d)?")
_DATE = late_pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = late_pattern(
    rf"{_DATE.pattern}[T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?"
)
DAY_FORMS = "a date such as 2026-12-31, `today`, or `today+7d` (up to 9999 days)"
DAY_SCHEMA = {"type": "string", "pattern": rf"^({_RELATIVE.pattern}|{_DATE.pattern})$"}


class Day(NamedTuple):
    """`fixed` as it is; None: so many days from today."""

    fixed: date | None
    days: int = 0

    def on(self, today: date) -> date:
        """The date that it is when today is that day."""
        if self.fixed is not None:
            return self.fixed
        try:
            return today + timedelta(self.days)
        except OverflowError:  # no tag names a day beyond these
            return date.max if self.days > 0 else date.min

    def __str__(self) -> str:
        """As the policy has it."""
        return str(self.fixed) if self.fixed is not None else f"today{f'{self.days:+d}d' if self.days else ''}"

    def changes(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        """The moments from which that day may be before it, or after it, and was not; in UTC. None of a fixed one."""
        if self.fixed is not None:
            return
        for last in (self.days, self.days - 1):
            try:
                begins = datetime.combine(day - timedelta(last), time(), zone)
                yield from {begins.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
            except OverflowError:  # no clock comes to that
                continue

    def is_before(self, other: Day) -> bool | None:
        """Whether it is at or before the other on every day; None where that changes with the day."""
        if (self.fixed is None) is not (other.fixed is None):
            return None
        if self.fixed is not None and other.fixed is not None:
            return self.fixed <= other.fixed
        return self.days <= other.days


def day_from(value: object) -> Day | None:
    """The day that a policy names, as text or as YAML reads a date; None for what is none."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return Day(value)
    found = _RELATIVE.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        return Day(None, int(f"{found[1] or '+'}{found[2] or 0}"))
    fixed = _date(value) if isinstance(value, str) else None
    return Day(fixed) if fixed is not None else None


def day_of(value: str, zone: ZoneInfo) -> date | None:
    """The day that a tag's value names, in that zone where it has a time; None for what is no date in ISO 8601."""
    if _MOMENT.fullmatch(value) is None:
        return _date(value)
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo is None else moment.astimezone(zone)).date()
    except (ValueError, OverflowError):
        return None


def _date(value: str) -> date | None:
    if _DATE.fullmatch(value) is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
