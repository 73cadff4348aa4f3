"""The nearest of the words that are right to one that is not."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LIKENESS = 0.7
"""From which on a word is near: `hibernate` is not what somebody meant by `terminate`."""


def nearest(word: object, known: Iterable[str]) -> str:
    """The known word that was most likely meant, whatever its case; empty where none is near, or it is no text."""
    if not isinstance(word, str):
        return ""
    by_folded = {one.casefold(): one for one in known}
    near = get_close_matches(word.strip().casefold(), by_folded, 1, _LIKENESS)
    return by_folded[near[0]] if near else ""
