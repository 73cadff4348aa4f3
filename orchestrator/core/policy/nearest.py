"""The nearest of the words that are right to one that is not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice

from orchestrator.core.policy.patterns import late_pattern

_LIKENESS = 0.7
"""From which on a word is near: `hibernate` is not what somebody meant by `terminate`."""
_MOST_COMPARED, _LONGEST, _FEW = 200, 100, 2
"""Words, and the characters of one: a policy may have 10,000 names and as many misspelt ones."""
_MANY = 1000
_MOST_SHOWN = 20
_SHORTEST_BEGINNING = 4
_AMOUNT = late_pattern(r"\s*([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([A-Za-z]{1,20})\s*")
_UNITS = {"second": "s", "sec": "s", "minute": "m", "min": "m", "hour": "h", "hr": "h", "day": "d", "week": "w"}
"""Without the `s` of several. No month: `m` is a minute."""


def nearest(word: object, known: Iterable[str]) -> str:
    """The known word that was most likely meant, whatever its case; empty where none is near, or it is no text."""
    folded = word.strip().casefold() if isinstance(word, str) else ""
    if not 0 < len(folded) <= _LONGEST:
        return ""
    by_folded = {one.casefold(): one for one in known}
    compared = by_folded if len(by_folded) <= _MANY else _alike(folded, by_folded)
    near = get_close_matches(folded, compared, 1, _LIKENESS) or _only_one_that_begins_so(folded, compared)
    return by_folded[near[0]] if near else ""


def nearest_amount(text: object, units: Iterable[str]) -> str:
    """`7d` for `7 days`, `1MB` for `1mb`: the amount that was most likely meant, in one of the units; else empty."""
    found = _AMOUNT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return ""
    word = found[2].casefold()
    short = _UNITS.get(word.removesuffix("s"), word)
    return next((f"{found[1]}{unit}" for unit in units if unit.casefold() == short), "")


def _only_one_that_begins_so(word: str, known: Iterable[str]) -> list[str]:
    begins = word if len(word) >= _SHORTEST_BEGINNING else f"{word}_"  # a whole word, such as `ecs` of `ecs_service`
    longer = [one for one in known if one.startswith(begins)]
    return longer if len(longer) == 1 else []


def _alike(word: str, known: Iterable[str]) -> list[str]:
    """Of many words some that begin and end as it does, and are as long but for a few characters."""
    ends = word[0], word[-1]
    alike = (one for one in known if one and (one[0], one[-1]) == ends and abs(len(one) - len(word)) <= _FEW)
    return list(islice(alike, _MOST_COMPARED))


def names_text(names: Collection[str]) -> str:
    """The names that there are, for a sentence that says what would be right: all of a few, else the first of them."""
    shown = sorted(names)
    more = f" and {len(shown) - _MOST_SHOWN:,} more" if len(shown) > _MOST_SHOWN else ""
    return f"{', '.join(shown[:_MOST_SHOWN])}{more}"
