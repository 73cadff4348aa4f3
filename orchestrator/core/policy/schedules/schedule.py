"""A named schedule: windows in one time zone, what it says of an instant, and when it says something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from orchestrator.core.policy.schedules.answer import Edge, ScheduleAnswer, ScheduleState
from orchestrator.core.policy.schedules.windows import _DAY_MINUTES, Window

_MINUTE = timedelta(minutes=1)
_LOOKED_AT_MOST = timedelta(days=9)
"""Longer than a week, after which a week's windows come again, and its clock change."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Weekly windows in one time zone, in which resources run."""

    name: str
    timezone: ZoneInfo
    windows: tuple[Window, ...]

    def is_running(self, now: datetime) -> bool:
        """True inside a window: then nothing is stopped. Raises ValueError for a time without a zone."""
        return self.state_at(now) is ScheduleState.RUNNING

    def at(self, now: datetime) -> ScheduleAnswer:
        """What it says of that instant, since when and until when. Raises ValueError for a time without a zone."""
        if now.tzinfo is None:
            raise ValueError("a schedule needs a time that has a time zone")
        return _answer(self, now.astimezone(UTC))

    def edges(self, start: datetime, end: datetime) -> Iterator[Edge]:
        """Each instant after `start` and not after `end` from which it says something else, in order."""
        at = start
        while (until := self.at(at).until) is not None and until <= end:
            yield Edge(until, self.state_at(until))
            at = until

    def state_at(self, now: datetime) -> ScheduleState:
        """The state alone, which is quicker. Raises ValueError for a time without a zone."""
        if now.tzinfo is None:
            raise ValueError("a schedule needs a time that has a time zone")
        local = now.astimezone(self.timezone)
        minute = local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
        is_inside = any(window.holds(minute) for window in self.windows)
        return ScheduleState.RUNNING if is_inside else ScheduleState.STOPPED


@lru_cache(maxsize=4096)
def _answer(schedule: Schedule, now: datetime) -> ScheduleAnswer:
    state, minute = schedule.state_at(now), now.replace(second=0, microsecond=0)
    most = int(_LOOKED_AT_MOST / _MINUTE)
    since = next((one for one in _minutes(minute, -1, most) if schedule.state_at(one) is not state), None)
    until = next((one for one in _minutes(minute, 1, most) if schedule.state_at(one) is not state), None)
    return ScheduleAnswer(state, since + _MINUTE if since is not None else None, until)


def _minutes(start: datetime, step: int, count: int) -> Iterator[datetime]:
    return (start + number * step * _MINUTE for number in range(1, count))
