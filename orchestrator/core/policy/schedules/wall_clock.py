"""When, in UTC, the clock of a place shows a time of day: also in an hour that it skips, or repeats."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def first_instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows that minute of the day, or has skipped it. In UTC.

    `minute` counts from the day's midnight, and may be of the day after.
    """
    return _instant(day, minute, zone, fold=0)


def last_instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The same, of two instants at which the clock shows it the last one."""
    return _instant(day, minute, zone, fold=1)


def _instant(day: date, minute: int, zone: ZoneInfo, *, fold: int) -> datetime:
    local = datetime.combine(day, time(), zone) + timedelta(minutes=minute)
    before, after = _offset(local), _offset(local.replace(fold=1))
    wall = local.replace(tzinfo=None)
    if before < after:
        return _after_the_gap(wall - after, wall - before, wall, zone)
    return (wall - (after if fold else before)).replace(tzinfo=UTC)


def _after_the_gap(low: datetime, high: datetime, wall: datetime, zone: ZoneInfo) -> datetime:
    """The clock shows less at `low`, and no less at `high`; both in UTC, without their zone."""
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) < wall:
            low = middle
        else:
            high = middle
    return high.replace(tzinfo=UTC)


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    assert offset is not None, "a zone of IANA has an offset at any time"
    return offset
