"""The schedule that a tag's value has for Cloud Custodian's `offhour` and `onhour`: `off=(M-F,19);on=(M-F,7);tz=pt`.

By its documentation (offhours) and its release 0.9.53. Every value without a key and `=` means the defaults, whatever
it says, but for `off`, which opts out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from orchestrator.core.policy.schedules.zones import time_zones, zone_problem

OFF, ON = "off", "on"
OPTED_OUT = "off"
"""The value that spares a resource."""
_ZONE = "tz"
_KEYS = frozenset({OFF, ON, _ZONE})
_ENDS_OF_A_RANGE = 2
_DAYS = "mtwhfsu"
_LAST_HOUR = 23
# What some services do not allow in tags, and what stands for it there.
_ESCAPED = {"u28": "(", "u29": ")", "u5b": "[", "u5d": "]", "u2c": ",", "u3b": ";", "u3d": "=", "u2f": "/", "u2d": "-"}
_ALIASES: Mapping[str, str] = {
    **dict.fromkeys(("pdt", "pt", "pst"), "America/Los_Angeles"),
    **dict.fromkeys(("ast", "at"), "America/Phoenix"),
    **dict.fromkeys(("est", "edt", "et"), "America/New_York"),
    **dict.fromkeys(("cst", "cdt", "ct"), "America/Chicago"),
    **dict.fromkeys(("mst", "mdt", "mt"), "America/Denver"),
    **dict.fromkeys(("gmt", "gt", "utc"), "UTC"),
    "bst": "Europe/London",
    "ist": "Europe/Dublin",
    "cet": "Europe/Berlin",
    "it": "Asia/Kolkata",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "sgt": "Asia/Singapore",
    "aet": "Australia/Sydney",
    "brt": "America/Sao_Paulo",
    "nzst": "Pacific/Auckland",
}
"""As Cloud Custodian has them: some are not what an abbreviation means elsewhere."""

Hours = frozenset[tuple[int, int]]
"""Weekdays from 0 for Monday, each with an hour of its day."""


@dataclass(frozen=True, slots=True)
class Acting:
    """When it acts: while the clock of the zone shows one of these hours."""

    hours: Hours
    zone: str
    """An IANA name that we take."""


def acting(value: str, side: str, default: Acting) -> Acting | None:
    """When `offhour` (the side `off`) or `onhour` acts on what has that value; None: never, or in a zone that we lack.

    `default` is that of the policy.
    """
    text = normalised(value)
    if text == OPTED_OUT:
        return None
    pieces = [piece for piece in text.split(";") if piece]
    pairs = dict(_pairs(re.split("[ ;]", text)))
    if not pairs.keys() <= _KEYS:
        return None
    if side not in pairs:
        return _in_zone(default, pairs.get(_ZONE))
    if any(piece.count("=") != 1 for piece in pieces):
        return None
    given = dict(_pairs(pieces))
    parsed = {key: _hours(text) for key, text in given.items() if key != _ZONE}
    if any(hours is None for hours in parsed.values()):
        return None
    hours = parsed.get(side)
    return _in_zone(replace(default, hours=hours), given.get(_ZONE) or None) if hours else None


def normalised(value: str) -> str:
    """As it is read: in lower-case letters, what is escaped written out, without quotes around it."""
    text = value.lower()
    for escaped, sign in _ESCAPED.items():
        text = text.replace(escaped, sign)
    return text.strip("'").strip('"')


def zone_of(name: str) -> str | None:
    """The IANA name that one of its zones means; None where there is none, or one that we do not take."""
    found = _ALIASES.get(name) or _untitled_zones().get(name) or name.title()
    return found if zone_problem(found) is None else None


def _in_zone(when: Acting, name: str | None) -> Acting | None:
    if name is None:
        return when
    zone = zone_of(name)
    return replace(when, zone=zone) if zone is not None else None


@cache
def _untitled_zones() -> Mapping[str, str]:
    """Names with other capitals than each word's first letter, by their small letters."""
    return {name.lower(): name for name in time_zones() if name.title() != name}


def _pairs(pieces: Iterable[str]) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        key, equals, value = piece.partition("=")
        if equals and "=" not in value:
            yield key, value


def _hours(text: str) -> Hours | None:
    """Of `(m-f,19)` or `[(m-f,21),(u,18)]`; None for anything else."""
    found: set[tuple[int, int]] = set()
    for part in text.replace("[", "").replace("]", "").split(",("):
        days, comma, hour = part.replace("(", "").replace(")", "").partition(",")
        if not comma or not hour.isdigit() or not hour.isdecimal() or int(hour) > _LAST_HOUR:
            return None
        weekdays = _weekdays(days)
        if not weekdays:
            return None
        found.update((day, int(hour)) for day in weekdays)
    return frozenset(found)


def _weekdays(days: str) -> list[int]:
    if len(days) == 1 and days in _DAYS:
        return [_DAYS.index(days)]
    ends = [_DAYS.index(one) for one in days.split("-") if len(one) == 1 and one in _DAYS]
    if len(ends) != _ENDS_OF_A_RANGE:
        return []
    first, last = ends
    return [*range(first, last + 1)] if first <= last else [*range(first, 7), *range(last + 1)]
