"""When, in UTC, the clock of a place shows a time of day: also in an hour that it skips, or repeats."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SECOND, _LEAST = timedelta(seconds=1), timedelta.resolution


def first_instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows that minute of the day, or has skipped it. In UTC.

    `minute` counts from the day's midnight, and may be of the day after.
    """
    return _instant(day, minute, zone, is_last=False)


def last_instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The instant after which the clock shows no less any more. In UTC.

    In an hour that comes twice that is the second time; but where that hour begins with it, the first one.
    """
    return _instant(day, minute, zone, is_last=True)


def _instant(day: date, minute: int, zone: ZoneInfo, *, is_last: bool) -> datetime:
    local = datetime.combine(day, time(), zone) + timedelta(minutes=minute)
    before, after = _offsets(local)
    wall = local.replace(tzinfo=None)
    if before < after:
        return _after_the_gap(wall - after, wall - before, wall, zone)
    if is_last and before > after and _offsets(local - _LEAST) == (before, after):
        return (wall - after).replace(tzinfo=UTC)
    return (wall - before).replace(tzinfo=UTC)


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


def _offsets(local: datetime) -> tuple[timedelta, timedelta]:
    """Before and after a change of clocks, where the time is in one; else the same twice."""
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    assert before is not None, "a zone of IANA has an offset at any time"
    assert after is not None, "and so it has after a change"
    return before, after
