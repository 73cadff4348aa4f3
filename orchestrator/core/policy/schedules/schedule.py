"""A named schedule: windows in one time zone, and whether an instant is inside of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.core.policy.schedules.windows import _DAY_MINUTES, Window


@dataclass(frozen=True, slots=True)
class Schedule:
    """Weekly windows in one time zone, in which resources run."""

    name: str
    timezone: ZoneInfo
    windows: tuple[Window, ...]

    def is_running(self, now: datetime) -> bool:
        """True inside a window: then nothing is stopped. Raises ValueError for a time without a zone."""
        if now.tzinfo is None:
            raise ValueError("a schedule needs a time that has a time zone")
        local = now.astimezone(self.timezone)
        minute = local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
        return any(window.holds(minute) for window in self.windows)
