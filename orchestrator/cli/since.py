"""`--since`: a date, a moment, or so long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from orchestrator.errors import SettingsError

_AGO = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def since(text: str, now: datetime) -> datetime:
    """In UTC where the text has no offset. Raises SettingsError."""
    ago = _AGO.fullmatch(text)
    if ago:
        try:
            return now - int(ago[1]) * _UNITS[ago[2]]
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as wrong:
        forms = "2026-11-01, 2026-11-01T19:00 (UTC), 2026-11-01T19:00+01:00, or 12h, 7d, 2w for so long ago"
        raise SettingsError(f"--since: {text!r} is no moment; such as {forms}") from wrong
    return found if found.tzinfo else found.replace(tzinfo=UTC)
