"""How a text is held against globs, tags against tag globs, and an OU's path against a subtree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase, translate
from functools import lru_cache

from orchestrator.core.model import Fact, Tags

_GLOB_SIGNS = "*?["
_NOTHING = re.compile(r"(?!)")


def is_glob(text: str) -> bool:
    """Whether the text may match another than itself."""
    return any(sign in text for sign in _GLOB_SIGNS)


@dataclass(frozen=True, slots=True)
class Globs:
    """Texts of which any may match, case and all; compiled once, because a sweep asks a million times."""

    texts: tuple[str, ...]
    _literals: frozenset[str] = field(init=False, repr=False, compare=False)
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        globs = [translate(text) for text in self.texts if is_glob(text)]
        object.__setattr__(self, "_literals", frozenset(text for text in self.texts if not is_glob(text)))
        object.__setattr__(self, "_pattern", re.compile("|".join(globs)) if globs else _NOTHING)

    def match(self, value: str) -> bool:
        """Whether one of them matches the whole value."""
        return value in self._literals or self._pattern.match(value) is not None


TagGlobs = tuple[tuple[str, Globs], ...]


def tags_match(wanted: TagGlobs, tags: Tags) -> bool:
    """Whether every key has a value that matches its globs; a tag that is not there matches nothing."""
    for key, globs in wanted:
        value = tags.get(key)
        if value is None or not globs.match(value):
            return False
    return True


def tags_used(prefix: str, wanted: TagGlobs, tags: Tags) -> dict[str, Fact]:
    """The tags that are asked for, as facts: `tag:Environment`; None for one that is not there."""
    return {f"{prefix}:{key}": tags.get(key) for key, _ in wanted}


@lru_cache(maxsize=65536)  # a sweep asks of every resource what few OUs and few rules make up
def path_within(path: str, ancestor: str) -> bool:
    """Whether an OU path is the ancestor or below it, segment by segment: `/Dev` holds `/Dev/A` but not `/Developers`.

    A segment of the ancestor may be a glob, and matches itself in any case: an OU may be named `Old [2]`. `/` holds
    everything.
    """
    wanted, actual = _segments(ancestor), _segments(path)
    return len(actual) >= len(wanted) and all(map(_segment_matches, actual, wanted))


def _segment_matches(actual: str, wanted: str) -> bool:
    return actual == wanted or fnmatchcase(actual, wanted)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]
