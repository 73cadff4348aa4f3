"""Times for people: in the time zone of a schedule, with its day and the zone's own abbreviation."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@lru_cache(maxsize=4096)
def local_text(at: datetime, zone: tzinfo | None) -> str:
    """Such as `Fri 2026-11-27 19:00 CET`; in UTC without a zone."""
    local = at.astimezone(zone or UTC)
    return f"{_DAYS[local.weekday()]} {local:%Y-%m-%d %H:%M} {local.tzname()}"
