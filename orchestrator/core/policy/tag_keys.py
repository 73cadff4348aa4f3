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

from orchestrator.core.model.marks import MARKS, ORDER_TAG, STOP_AFTER_TAG
from orchestrator.core.policy.patterns import late_pattern

OPT_OUT_TAG = "stop-orchestrator:opt-out"
REASON_TAG = "stop-orchestrator:opt-out-reason"
PROTECTED_TAG = "stop-orchestrator:protected"
KEYS = (OPT_OUT_TAG, REASON_TAG, PROTECTED_TAG, ORDER_TAG, *MARKS)
"""All of ours: a person writes the first four, a sweep the marks. What else begins like them is misspelt."""

_WRITTEN_BY_PEOPLE = KEYS[:4]
_INVISIBLE_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Not so by their category."""
_LOOK_ALIKES_OF = {
    "a": "\u0251\u0391\u03b1\u0410\u0430\u13aa\u2c65\ua4ee",
    "b": "\u0180\u0184\u0392\u03b2\u0412\u042c\u0431\u0432\u13cf\u13f4\ua4d0\ua7b4",
    "c": "\u0188\u023c\u03f2\u03f9\u0421\u0441\u13df\u1d04\u2ca4\u2ca5\ua4da\uabaf",
    "d": "\u0111\u0256\u0257\u03b4\u0501\u13a0\u13e7\u1d05\ua4d2\ua4d3",
    "e": "\u0247\u025b\u0395\u03b5\u0415\u0435\u044d\u0454\u04bd\u13ac\u1d07\ua4f0\uab32",
    "h": "\u0127\u0266\u029c\u0397\u041d\u043d\u04bb\u0570\u13bb\u13c2\u2c8e\ua4e7",
    "n": "\u014b\u0272\u0274\u039d\u03b7\u03bd\u0438\u043f\u0578\u057c\u2c9a\ua4e0",
    "o": "\u00f8\u0275\u039f\u03bf\u03c3\u041e\u043e\u0555\u0585\u1d0f\u1d11\u2c9e\u2c9f\u3007\ua4f3\uab3d",
    "p": "\u01a5\u03a1\u03c1\u03f1\u0420\u0440\u13e2\u1d18\u2ca2\u2ca3\ua4d1\ua751",
    "r": "\u01a6\u024d\u027c\u027d\u0280\u0393\u0413\u0433\u13a1\u13d2\u1d26\u2c85\ua4e3\uab47\uab48\uab81",
    "s": "\u01bd\u0282\u03a3\u03c2\u0405\u0455\u054f\u13d5\u13da\ua4e2\ua731\uabaa",
    "t": "\u0167\u01ad\u0288\u03a4\u03c4\u0422\u0442\u13a2\u1d1b\u2ca6\ua4d4",
    "u": "\u0289\u028b\u03c5\u054d\u057d\u1d1c\ua4f4\ua79f\uab4e\uab52",
    "y": "\u01b4\u024f\u0263\u028f\u03a5\u03b3\u03d2\u0423\u0443\u04ae\u04af\u13a9\u13bd\u1d8c\u1eff\u213d"
    "\u2ca8\ua4ec\uab5a",
    ":": "\u02d0\u02f8\u0589\u05c3\u1361\u205a\u2236\ua4fd\ua789",
    "/": "\u2044\u2215\u2571\u27cb\u29f8\u3033\u30ce\u4e3f",
    ".": "\u00b7\u2022\u2219\u22c5\u3002\u30fb\ua4f8",
    "-": "\u1173\u2cba\u2cbb\u30fc\u4e00",
}
"""What looks like the letters of our keys, like their separators, or like a dash: capitals and small letters of Greek,
Cyrillic, Armenian, Cherokee, Coptic and Lisu, and Latin ones with a stroke, with a hook or as small capitals."""
_LOOK_ALIKES = str.maketrans({one: meant for meant, looks in _LOOK_ALIKES_OF.items() for one in looks})
_BETWEEN = r"[\W_]*"
_OURS = late_pattern(f"{_BETWEEN}{_BETWEEN.join('stoporchestrator')}(?P<between>{_BETWEEN})(?P<name>.*)", re.DOTALL)
"""Dashes, underscores and spaces count nowhere, not even amid a word."""
_SEPARATORS = frozenset(":/.")
_NO_LETTERS = late_pattern(r"[\W_]+")


def folded(key: str) -> str:
    """The key without case, accents, compatibility forms (full-width letters), look-alikes and what is invisible."""
    # Before it is decomposed, which makes another letter of the lunate sigma; and after, when accents are off.
    apart = unicodedata.normalize("NFKD", key.translate(_LOOK_ALIKES))
    bare = "".join(one for one in apart if unicodedata.category(one)[0] not in "MC" and one not in _INVISIBLE_LETTERS)
    # Capitals look like another letter than the small one does: they are told before the case is folded.
    return bare.translate(_LOOK_ALIKES).casefold().translate(_LOOK_ALIKES)


@lru_cache(maxsize=8192)
def name_below(key: str) -> str | None:
    """What it names below our prefix, letters and digits alone; None for a key that is nothing to us.

    Ours is what begins with `stoporchestrator`, whatever separates its letters, and one of `: / .` after it; that word
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
_MEANT = (*_WRITTEN_BY_PEOPLE, STOP_AFTER_TAG)
_BY_NAME = {_name(known): known for known in (*KEYS, STOP_AFTER_TAG)}


@lru_cache(maxsize=8192)
def is_a_persons(key: str) -> bool:
    """Whether a person wrote it to be spared, in whatever spelling: it is below our prefix, none of the marks, and not
    the key of the order, to the letter.
    """
    return key not in MARKS and key != ORDER_TAG and name_below(key) is not None


def is_a_reason(key: str) -> bool:
    """Whether it is the key of an opt-out's reason, in whatever spelling."""
    return name_below(key) == _name(REASON_TAG)


def nearest_key(key: str) -> str:
    """The key of ours that one below our prefix was most likely meant to be."""
    name = name_below(key) or ""
    return _BY_NAME.get(name) or max(_MEANT, key=lambda known: SequenceMatcher(None, name, _name(known)).ratio())
