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
