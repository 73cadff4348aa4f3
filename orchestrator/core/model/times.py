"""Times as text: one form everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

ANSWERS_BEHIND_AT_MOST = timedelta(seconds=15)
"""So long after a call AWS may still show what was before it: https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html"""


def time_text(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with `Z`, in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def ordering_time_text(at: datetime) -> str:
    """The same with microseconds, for what says which of two came first within a second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def whole_second(at: datetime) -> datetime:
    """That second in UTC: as precise as a time is where it is shown."""
    return at.astimezone(UTC).replace(microsecond=0)


def people_time(at: datetime) -> str:
    """For people, to the minute: `2026-11-24 19:00 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def people_time_of(text: str) -> str:
    """The same of a time as reports and the ledger have it; what is none is given back as it is."""
    try:
        return people_time(datetime.fromisoformat(text))
    except ValueError:
        return text


def people_age(age: timedelta) -> str:
    """How long ago, roughly: `less than a minute`, `12 minutes`, `3 hours`, `2 days`."""
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(age.total_seconds() // seconds)
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"
