"""Times as text: one form everywhere."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with `Z`, in whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
