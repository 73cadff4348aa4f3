"""A moment that a person writes down: with an offset, or by the clocks of a time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_FORMS = "write it like 2026-12-24T22:00, or with an offset like 2026-12-24T22:00+01:00 or 2026-12-24T21:00Z"

_YEARS = range(1970, 9000)
"""Schedules look for changes more than a year ahead, and calendars end."""


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """In UTC; without an offset by the clocks of that zone. Raises ValueError that says what would be right."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no moment; {_FORMS}") from None
    if found.tzinfo is not None:
        return _in_utc(found, text)
    local = found.replace(tzinfo=zone)
    first, second = (_in_utc(local.replace(fold=fold), text) for fold in (0, 1))
    if first == second:
        return first
    offsets = [local.replace(fold=fold).isoformat()[len(found.isoformat()) :] for fold in (0, 1)]
    if first.astimezone(zone).replace(tzinfo=None) != found:
        raise ValueError(
            f"{text!r} does not exist in {zone.key}: clocks go forward over it; say which moment with an offset, "
            f"{offsets[0]} or {offsets[1]}"
        )
    raise ValueError(
        f"{text!r} comes twice in {zone.key}, as clocks go back; say which with an offset, {offsets[0]} or {offsets[1]}"
    )


def _in_utc(at: datetime, text: str) -> datetime:
    if at.year not in _YEARS:
        raise ValueError(f"{text!r} is out of range, which is from {_YEARS.start} to {_YEARS[-1]}; {_FORMS}")
    return at.astimezone(UTC)
