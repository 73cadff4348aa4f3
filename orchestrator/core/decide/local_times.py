"""Times for people: in the time zone of a schedule, with its day and the zone's own abbreviation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@lru_cache(maxsize=4096)
def local_text(at: datetime, zone: tzinfo | None) -> str:
    """Such as `Fri 2026-11-27 19:00 CET`; in UTC without a zone."""
    local = at.astimezone(zone or UTC)
    return f"{_DAYS[local.weekday()]} {local:%Y-%m-%d %H:%M} {local.tzname()}"


def local_texts(at: datetime, zones: Iterable[ZoneInfo | None]) -> tuple[str, ...]:
    """Such as `Fri 2026-11-27 19:00 CET (Europe/Berlin)`, for each zone once; none for UTC, and for what is no zone."""
    names = dict.fromkeys(zone.key for zone in zones if zone is not None)
    shown = ((name, local_text(at, ZoneInfo(name))) for name in names)
    return tuple(f"{text} ({name})" for name, text in shown if not text.endswith(" UTC"))
