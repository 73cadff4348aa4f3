"""Regular expressions of which most are needed for few policies: one is compiled when it is used first."""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """Becomes like the compiled one, method by method; so a later use costs nothing more."""

    def __init__(self, text: str, flags: int) -> None:
        self._of = text, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._of), name)
        setattr(self, name, found)
        return found


def late_pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`, later: all of them at once are a fortieth of what `validate` takes."""
    return cast("re.Pattern[str]", _Pattern(text, flags))
