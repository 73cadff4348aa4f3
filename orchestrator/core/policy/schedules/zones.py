"""Which names of time zones mean the clock of a place, and what to write in place of the others.

Office hours follow a place's clock, in summer and winter. An abbreviation (`CEST`, `PST`) is one half of a place's
year; where IANA has it as a name (`EST`, `MST`, `HST`) it has no daylight saving. Nor has an offset, and the sign of
IANA's is reversed: `Etc/GMT+5` is behind UTC. Names that IANA keeps for older systems and that do follow a place
(`EST5EDT`, `CET`, `Japan`) are right, and so is UTC by any of its names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from zoneinfo import available_timezones

from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.patterns import late_pattern

_CITIES_OF: Mapping[str, tuple[str, ...]] = {
    "EST": ("America/New_York", "America/Panama"),
    "EDT": ("America/New_York",),
    "CST": ("America/Chicago", "Asia/Shanghai"),
    "CDT": ("America/Chicago",),
    "MST": ("America/Denver", "America/Phoenix"),
    "MDT": ("America/Denver",),
    "PST": ("America/Los_Angeles", "Asia/Manila"),
    "PDT": ("America/Los_Angeles",),
    "AKST AKDT": ("America/Anchorage",),
    "HST": ("Pacific/Honolulu",),
    "HDT": ("America/Adak",),
    "AST": ("America/Halifax", "America/Puerto_Rico"),
    "ADT": ("America/Halifax",),
    "NST NDT": ("America/St_Johns",),
    "SST": ("Pacific/Pago_Pago",),
    "BST": ("Europe/London",),
    "WEST": ("Europe/Lisbon",),
    "CEST": ("Europe/Berlin",),
    "EEST": ("Europe/Athens",),
    "MSK": ("Europe/Moscow",),
    "WAT": ("Africa/Lagos",),
    "CAT": ("Africa/Maputo",),
    "SAST": ("Africa/Johannesburg",),
    "EAT": ("Africa/Nairobi",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "IDT": ("Asia/Jerusalem",),
    "PKT": ("Asia/Karachi",),
    "WIB": ("Asia/Jakarta",),
    "WITA": ("Asia/Makassar",),
    "WIT": ("Asia/Jayapura",),
    "HKT": ("Asia/Hong_Kong",),
    "JST": ("Asia/Tokyo",),
    "KST": ("Asia/Seoul",),
    "CHST": ("Pacific/Guam",),
    "AWST": ("Australia/Perth",),
    "ACST": ("Australia/Adelaide", "Australia/Darwin"),
    "ACDT": ("Australia/Adelaide",),
    "AEST": ("Australia/Sydney", "Australia/Brisbane"),
    "AEDT": ("Australia/Sydney",),
    "NZST NZDT": ("Pacific/Auckland",),
}
"""The best known city of each abbreviation that IANA uses, and where it stands for several clocks one of each."""
_ABBREVIATIONS = {name: cities for names, cities in _CITIES_OF.items() for name in names.split()}
_CITIES_AT: Mapping[int, tuple[str, ...]] = {
    -12: (),
    -11: ("Pacific/Pago_Pago",),
    -10: ("America/Adak", "Pacific/Honolulu"),
    -9: ("America/Anchorage", "Pacific/Gambier"),
    -8: ("America/Los_Angeles", "Pacific/Pitcairn"),
    -7: ("America/Denver", "America/Phoenix"),
    -6: ("America/Chicago", "America/Costa_Rica"),
    -5: ("America/New_York", "America/Panama"),
    -4: ("America/Halifax", "America/Puerto_Rico"),
    -3: ("America/Sao_Paulo",),
    -2: ("America/Noronha",),
    -1: ("Atlantic/Azores", "Atlantic/Cape_Verde"),
    1: ("Europe/Berlin", "Africa/Lagos"),
    2: ("Europe/Athens", "Africa/Johannesburg"),
    3: ("Africa/Nairobi",),
    4: ("Asia/Dubai",),
    5: ("Asia/Karachi",),
    6: ("Asia/Dhaka",),
    7: ("Asia/Bangkok",),
    8: ("Asia/Singapore",),
    9: ("Asia/Tokyo",),
    10: ("Australia/Sydney", "Australia/Brisbane"),
    11: ("Pacific/Noumea",),
    12: ("Pacific/Auckland", "Pacific/Tarawa"),
    13: ("Pacific/Tongatapu",),
    14: ("Pacific/Kiritimati",),
}
"""By hours ahead of UTC in winter: a city with daylight saving, where a well-known one has it, and one without."""
_CITIES = frozenset({"UTC"}.union(*_CITIES_OF.values(), *_CITIES_AT.values()))
"""IANA has them all, and each is a place: to list the others, folders with 600 files are walked."""
_OFFSET = late_pattern(r"(?P<etc>etc/)?(?:utc|gmt)?(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::?00)?", re.IGNORECASE)


def zone_problem(name: str) -> str | None:
    """What is wrong with a time zone's name, and what would be right; None for the clock of a place, and for UTC."""
    if name in _CITIES or name in time_zones():
        return None
    for what, cities in _no_place(name):
        return f"{name!r} is {what} and has no daylight saving; use {_or(cities)}"
    near = "" if any(one.isdigit() for one in name) else nearest(name, time_zones()) or _by_its_city(name)
    hint = f"did you mean {near}?" if near else "use a name such as Europe/Berlin or UTC"
    return f"{name!r} is no IANA time zone; {hint}"


def _by_its_city(name: str) -> str:
    """`Europe/Berlin` for `Berlin`."""
    cities = {zone.rpartition("/")[2]: zone for zone in sorted(time_zones(), reverse=True)}
    return cities.get(nearest(name.replace(" ", "_"), cities), "")


def is_time_zone(name: str) -> bool:
    """Whether IANA has it, be it the clock of a place or not."""
    return name in _CITIES or name in _iana()


@cache
def time_zones() -> frozenset[str]:
    """IANA's names of what is the clock of a place, and those of UTC."""
    return frozenset(name for name in _iana() if not any(_no_place(name)))


@cache
def _iana() -> frozenset[str]:
    """IANA's names; not those by which a machine means its own zone."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _no_place(name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a name that is an abbreviation or an offset stands for, and the cities that may be meant."""
    if cities := _ABBREVIATIONS.get(name.upper()):
        yield "an abbreviation", cities
    if offset := _OFFSET.fullmatch(name):
        hours = int(offset["hours"]) * (-1 if (offset["sign"] == "-") is not bool(offset["etc"]) else 1)
        if hours in _CITIES_AT:
            yield f"{_hours(hours)} UTC all year", _CITIES_AT[hours] or ("the name of a city",)


def _hours(ahead: int) -> str:
    count = f"{abs(ahead)} hour{'s' if abs(ahead) != 1 else ''}"
    return f"{count} {'behind' if ahead < 0 else 'ahead of'}"


def _or(words: tuple[str, ...]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
