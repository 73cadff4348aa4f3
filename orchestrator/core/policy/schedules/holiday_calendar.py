"""Public holidays by the `holidays` library: `DE`, `DE-BY`. Which codes there are, and which days are holidays.

Its dates are taken as they are: observed days too, and of its categories only the public one. The library is imported
where a schedule names holidays, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from orchestrator.core.policy.nearest import nearest

if TYPE_CHECKING:
    from holidays import HolidayBase

_EXAMPLE = "write a country by ISO 3166-1 and, where its holidays differ, a subdivision: `DE` or `DE-BY`"


def holiday_problem(code: str) -> str | None:
    """What is wrong with a code of holidays, and what would be right; None where there is nothing."""
    country, dash, subdivision = code.partition("-")
    if country not in _countries():
        meant = _country_meant(country)
        hint = f"did you mean {_code_meant(meant, subdivision)}?" if meant else _EXAMPLE
        return f"{code!r} has no country that the holidays library knows by its two letters; {hint}"
    entity = _entity(country)
    if entity is None:
        return f"the holidays of {country} are not shipped; name the days under `except`"
    if not dash or subdivision in entity.subdivisions:
        return None
    return _no_subdivision(code, country, subdivision, entity)


def is_holiday(code: str, day: date) -> bool | None:
    """None where the library has no holidays of that year, so that is not known."""
    known = _holidays(code, day.year)
    return None if known is None else day in known


@lru_cache(maxsize=1024)
def _holidays(code: str, year: int) -> frozenset[date] | None:
    """With the years around it: a holiday may be observed in the year before or after its own."""
    country, _, subdivision = code.partition("-")
    entity = _entity(country, subdivision or None, (year - 1, year, year + 1))
    if entity is None or not entity.start_year <= year <= entity.end_year:
        return None
    return frozenset(day for day in entity if day.year == year)


def _entity(country: str, subdivision: str | None = None, years: tuple[int, ...] = ()) -> HolidayBase | None:
    from holidays import country_holidays  # noqa: PLC0415 - for policies that name holidays only

    try:
        return country_holidays(country, subdivision, years, expand=False)
    except ImportError:  # that country was left out of the package
        return None


@cache
def _countries() -> Mapping[str, tuple[str, ...]]:
    """By its code, other words for each country: its name and the codes that are not ISO's two letters."""
    from holidays.registry import COUNTRIES  # noqa: PLC0415 - the same

    return {
        codes[1]: (name.replace("_", " "), codes[0], *codes[2:]) for name, codes in COUNTRIES.items() if len(codes) > 1
    }


def _country_meant(word: str) -> str:
    by_word = {one.casefold(): code for code, others in _countries().items() for one in (code, *others)}
    near = word.casefold() if word.casefold() in by_word else nearest(word, (one for one in by_word if len(one) > 3))  # noqa: PLR2004 - codes are all near to one another
    return by_word.get(near, "")


def _code_meant(country: str, subdivision: str) -> str:
    entity = _entity(country)
    meant = "" if entity is None else _subdivision_meant(subdivision, entity)
    return f"{country}-{meant}" if meant else country


def _no_subdivision(code: str, country: str, subdivision: str, entity: HolidayBase) -> str:
    if not entity.subdivisions:
        return f"{code!r}: the holidays library has no subdivisions of {country}; write {country}"
    meant = _subdivision_meant(subdivision, entity)
    hint = f"; did you mean {country}-{meant}?" if meant else ""
    known = ", ".join(entity.subdivisions)
    return f"{code!r} has no subdivision of {country} that the holidays library knows{hint}; they are {known}"


def _subdivision_meant(word: str, entity: HolidayBase) -> str:
    by_word = {one.casefold(): one for one in entity.subdivisions}
    by_word |= {alias.casefold(): one for alias, one in entity.subdivisions_aliases.items()}
    return by_word.get(word.casefold()) or by_word.get(nearest(word, by_word), "")
