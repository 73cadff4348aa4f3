"""Texts, globs and regular expressions of Cloud Custodian as what a tag may be held against in our policy.

Python's expressions are carried over where the linear-time engine reads them alike; None for all others.
"""

from __future__ import annotations

import re
from typing import Any

from orchestrator.core.policy.conditions.matching import is_glob
from orchestrator.core.policy.conditions.regexes import MOST_CHARACTERS, Regex

_ANYTHING = "(?s:.*)"
_PIECE = re.compile(
    r"""(?P<set>\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_.:/@=+ ]|\\[.\-\]\[^\\])+-?\])
    |(?P<open>\((?!\?)|\(\?:)|(?P<close>\))
    |(?P<repeat>\{[0-9]{1,3}(?:,[0-9]{0,3})?\}|[*+?])
    |(?P<or>\|)|(?P<any>\.)
    |(?P<escaped>\\[.^$*+?()\[\]{}|\\/_:=,@\#%&~\ -]|\\d)
    |(?P<plain>[A-Za-z0-9\ _:=,@\#%&~'"<>;!/-])""",
    re.VERBOSE,
)
_OTHER_FORMS_OF_I = "\u0131\u0130"
"""What Python takes for an i whatever the case, and the other engine does not."""
_FOLDED = {"i": f"[iI{_OTHER_FORMS_OF_I}]"}


def is_pattern(text: str) -> bool:
    """Whether a text would be read as a glob."""
    return is_glob(text)


def exactly(text: str) -> Any:
    """What holds for that text alone; None for one that is too long to be written so."""
    return text if text and not is_glob(text) else _matches(re.escape(text) if text else "^$")


def contained(text: str) -> Any:
    """What holds for every text with that one in it."""
    if text and not is_glob(text):
        return f"*{text}*"
    return _matches(f"{_ANYTHING}{re.escape(text)}{_ANYTHING}")


def of_glob(glob: str) -> Any:
    """What holds for the glob; sets of characters are read otherwise, since a text matches itself first here."""
    return glob if glob and "[" not in glob else None


def folded(text: str) -> Any:
    """What holds for that text in whatever letters and with spaces around it; None for what is never so written."""
    if text != text.strip().lower() or not text.isascii():
        return None
    letters = "".join(f"[{one.upper()}{one}]" if one.isalpha() else re.escape(one) for one in text)
    return _matches(rf"[ \t]*{letters}[ \t]*")


def some_digits() -> str:
    """What is read as a whole number alike on both sides."""
    return "[+-]?[0-9]+"


def of_regex(text: str, *, is_cased: bool = False) -> Any:
    """What holds where the expression matches from the value's start on."""
    body, end = text.removeprefix("^"), _ANYTHING
    if re.search(r"(?<!\\)(?:\\\\)*\$$", body):
        body, end = body[:-1], r"\n?"
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return None
    is_anchored = end != _ANYTHING or body != text
    translated = _translated(body, is_cased=is_cased, is_anchored=is_anchored)
    if translated is None:
        return None
    return _matches(f"{'' if is_cased else '(?i)'}(?:{translated}){end}")


def _translated(text: str, *, is_cased: bool, is_anchored: bool) -> str | None:
    """Piece by piece; None where one of them is not read alike, or not certain to be. Of several alternatives, an
    anchor belongs to one alone.
    """
    found, at, groups, before = "", 0, 0, ""
    while at < len(text):
        match = _PIECE.match(text, at)
        kind = match.lastgroup if match is not None else None
        groups += {"open": 1, "close": -1}.get(kind or "", 0)
        is_alternative = kind == "or" and groups == 0 and is_anchored
        if (
            match is None
            or groups < 0
            or is_alternative
            or (kind == "repeat" and before in ("", "open", "or", "repeat"))
        ):
            return None
        piece = match[0] if is_cased else _in_any_case(kind or "", match[0])
        if piece is None:
            return None
        found, at, before = found + piece, match.end(), kind or ""
    return found if not groups else None


def _in_any_case(kind: str, piece: str) -> str | None:
    """With what Python takes for an i too."""
    if kind == "plain":
        return _FOLDED.get(piece.lower(), piece)
    if kind != "set":
        return piece
    if piece.startswith("[^"):
        return None
    has_i = re.search(piece, "iI") is not None
    return f"[{_OTHER_FORMS_OF_I}{piece[1:]}" if has_i else piece


def _matches(expression: str) -> Any:
    if len(expression) > MOST_CHARACTERS:
        return None
    try:
        Regex(expression)
    except ValueError:
        return None
    return {"matches": expression}
