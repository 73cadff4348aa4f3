"""Our tag keys: the one list of them, and how a key that was written in another way is told.

A key is compared with its case, its spaces, its dashes and what nobody sees folded away, and look-alikes of other
alphabets as what they look like, so that what a person wrote to be spared is found whatever its spelling. Folding only
ever spares more: marks count as marks by the letter alone.
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
_INVISIBLE_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Not so by their category."""
_LOOK_ALIKES = str.maketrans(
    "\u0430\u0432\u0441\u0501\u0435\u04bb\u043d\u043e\u0440\u0455\u0442\u0443"  # Cyrillic
    "\u03b1\u03b2\u03f2\u03b5\u03b7\u03bd\u03bf\u03c1\u03c4\u03c5"  # Greek
    "\u2236\ua789\u02d0\u05c3\u2215\u2044\u29f8",  # of the separators
    "abcdehhopstyabcehnoptu::::///",
)
"""The small letters of other alphabets, and what casefolding makes of capitals, that look like one of our keys'."""
_OURS = re.compile(r"[\W_]*stop[\W_]*orchestrator(?P<between>[\W_]*)(?P<name>.*)", re.DOTALL)
_SEPARATORS = frozenset(":/.")
_NO_LETTERS = re.compile(r"[\W_]+")


def folded(key: str) -> str:
    """The key without case, accents, compatibility forms (full-width letters) and what is invisible."""
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold()).translate(_LOOK_ALIKES)
    return "".join(
        one
        for one in unicodedata.normalize("NFKD", once)
        if unicodedata.category(one)[0] not in "MC" and one not in _INVISIBLE_LETTERS
    )


@lru_cache(maxsize=8192)
def name_below(key: str) -> str | None:
    """What it names below our prefix, letters and digits alone; None for a key that is nothing to us.

    Ours is what begins with `stop-orchestrator`, with or without its hyphen, and one of `: / .` after it; that word
    alone; and that word followed by the name of a person's key. Not `stop-orchestrator-owner`: it may be about the
    product. Remembered: an organization has few keys, each of them on thousands of resources.
    """
    found = _OURS.fullmatch(folded(key))
    if found is None:
        return None
    name = _NO_LETTERS.sub("", found["name"])
    is_ours = not name or name in _PEOPLES_NAMES or not _SEPARATORS.isdisjoint(found["between"])
    return name if is_ours else None


def _name(known: str) -> str:
    return _NO_LETTERS.sub("", known.partition(":")[2])


_PEOPLES_NAMES = frozenset(map(_name, _WRITTEN_BY_PEOPLE))
_BY_NAME = {_name(known): known for known in KEYS}


def is_a_persons(key: str) -> bool:
    """Whether a person wrote it for us, in whatever spelling: it is below our prefix, and none of the marks."""
    return key not in MARKS and name_below(key) is not None


def is_a_reason(key: str) -> bool:
    """Whether it is the key of an opt-out's reason, in whatever spelling."""
    return name_below(key) == _name(REASON_TAG)


def nearest_key(key: str) -> str:
    """The key of ours that one below our prefix was most likely meant to be."""
    name = name_below(key) or ""
    return _BY_NAME.get(name) or max(
        _WRITTEN_BY_PEOPLE, key=lambda known: SequenceMatcher(None, name, _name(known)).ratio()
    )
