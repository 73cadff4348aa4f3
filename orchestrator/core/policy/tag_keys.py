"""Our tag keys: the one list of them, and how a key that was written in another way is told.

A key is compared with its case, its spaces and its dashes folded away, so that what a person wrote to be spared is
found whatever its spelling. Folding only ever spares more: marks count as marks by the letter alone.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

from orchestrator.core.model.marks import MARKS

OPT_OUT_TAG = "stop-orchestrator:opt-out"
REASON_TAG = "stop-orchestrator:opt-out-reason"
PROTECTED_TAG = "stop-orchestrator:protected"
KEYS = (OPT_OUT_TAG, REASON_TAG, PROTECTED_TAG, *MARKS)
"""All of ours: a person writes the first three, a sweep the marks. What else begins like them is misspelt."""

_WRITTEN_BY_PEOPLE = KEYS[:3]
_LEFT_OUT = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Pd", "Pc"})
"""Categories of characters: spaces and what is invisible, dashes, and what joins words (`_`)."""
_MINUS = "\u2212"
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f]")


@lru_cache(maxsize=8192)
def folded(key: str) -> str:
    """The key without case, compatibility forms (full-width letters), spaces, dashes and `_`.

    Remembered: an organization has few keys, each of them on thousands of resources.
    """
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold())
    return "".join(
        one
        for one in _VARIATION_SELECTORS.sub("", once)
        if unicodedata.category(one) not in _LEFT_OUT and one != _MINUS
    )


_PREFIX = folded("stop-orchestrator:")
_REASON = folded(REASON_TAG)
_BY_FOLDED = {folded(key): key for key in KEYS}


def is_a_persons(key: str) -> bool:
    """Whether a person wrote it for us, in whatever spelling: it is below our prefix, and none of the marks."""
    return folded(key).startswith(_PREFIX) and key not in MARKS


def is_a_reason(key: str) -> bool:
    """Whether it is the key of an opt-out's reason, in whatever spelling."""
    return folded(key) == _REASON


def nearest_key(key: str) -> str:
    """The key of ours that one below our prefix was most likely meant to be."""
    fold = folded(key)
    return _BY_FOLDED.get(fold) or max(
        _WRITTEN_BY_PEOPLE,
        key=lambda known: SequenceMatcher(
            None, fold.removeprefix(_PREFIX), folded(known).removeprefix(_PREFIX)
        ).ratio(),
    )
