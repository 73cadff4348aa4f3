"""Names of rules, schedules and policies of ours, of whatever text the original has for them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 64
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_BEFORE_THE_FIRST = re.compile(r"^[^A-Za-z0-9]+")


class Names:
    """Gives each text a name that no other has; the same text asked again is another one."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def new(self, text: str, otherwise: str) -> str:
        """The name nearest to that text; where nothing of it can be in a name, nearest to `otherwise`."""
        base = name_of(text) or name_of(otherwise)
        name, number = base, 1
        while name in self._taken:
            number += 1
            name = f"{base[: _LONGEST - len(str(number)) - 1]}-{number}"
        self._taken.add(name)
        return name


def name_of(text: str) -> str:
    """Letters, digits, `.`, `_` and `-`; empty where nothing of the text is left."""
    return _BEFORE_THE_FIRST.sub("", _NOT_IN_NAMES.sub("-", text.strip()))[:_LONGEST].rstrip("-")
