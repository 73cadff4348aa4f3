"""Why a text that has the form of a date is no day: the 30th of February, the 13th month."""

from __future__ import annotations

import re
from datetime import date, timedelta

from orchestrator.core.policy.patterns import late_pattern

_DATE = late_pattern(r"(?:(?P<year>[0-9]{4})-)?(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})(?![0-9]).*", re.DOTALL)
_LEAP_YEAR = 2000
_MONTHS = 12


def missing_day(text: str) -> str:
    """`there is no 2026-02-30: February 2026 has 28 days`; empty for a day, and for what has not the form of one."""
    found = _DATE.fullmatch(text)
    if found is None:
        return ""
    year, month, day = found["year"], int(found["month"]), int(found["day"])
    shown = f"{f'{year}-' if year else ''}{found['month']}-{found['day']}"
    if year == "0000":
        return f"there is no {shown}: years begin with 0001"
    if not 1 <= month <= _MONTHS:
        return f"there is no {shown}: months go from 01 to 12, and stand before the day"
    days = _days(int(year or _LEAP_YEAR), month)
    if 1 <= day <= days:
        return ""
    of_year = f" {int(year)}" if year else ""
    return f"there is no {shown}: {date(_LEAP_YEAR, month, 1):%B}{of_year} has {'' if year else 'at most '}{days} days"


def _days(year: int, month: int) -> int:
    last = date(year, month + 1, 1) - timedelta(days=1) if month < _MONTHS else date(year, month, 31)
    return last.day
