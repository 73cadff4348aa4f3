"""The one way in which a text is held against names and globs; tags against tag globs, accounts and OUs against OUs.

Literal text comes before the glob: `db[prod]` matches `db[prod]`, and what it matches as a glob.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from orchestrator.core.model import path_names

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, OrganizationalUnit, Tags

_GLOB_SIGNS = "*?["
_NOTHING = re.compile(r"(?!)")
_UNIT_ID = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}")


def is_glob(text: str) -> bool:
    """Whether the text may match another than itself."""
    return any(sign in text for sign in _GLOB_SIGNS)


@dataclass(frozen=True, slots=True)
class Globs:
    """Texts of which any may match, as it is or as a glob, case and all; compiled, as a sweep asks a million times."""

    texts: tuple[str, ...]
    _literals: frozenset[str] = field(init=False, repr=False, compare=False)
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        globs = [translate(text) for text in self.texts if is_glob(text)]
        object.__setattr__(self, "_literals", frozenset(self.texts))
        object.__setattr__(self, "_pattern", re.compile("|".join(globs)) if globs else _NOTHING)

    @property
    def is_literal(self) -> bool:
        """Whether they match nothing but themselves."""
        return self._pattern is _NOTHING

    def match(self, value: str) -> bool:
        """Whether one of them matches the whole value."""
        return value in self._literals or self._pattern.match(value) is not None

    def within(self, others: Globs) -> bool:
        """Whether the others match whatever these do; of two globs only equal ones are known to, and `*`."""
        if self._literals <= others._literals or "*" in others._literals:
            return True
        has_globs = others._pattern is not _NOTHING
        return has_globs and all(
            text in others._literals or (not is_glob(text) and others.match(text)) for text in self.texts
        )


@lru_cache(maxsize=4096)
def globs_of(*texts: str) -> Globs:
    """These texts, compiled; the same ones once."""
    return Globs(texts)


TagGlobs = tuple[tuple[str, Globs], ...]


def tags_match(wanted: TagGlobs, tags: Tags) -> bool:
    """Whether every key has a value that matches its globs; a tag that is not there matches nothing."""
    for key, globs in wanted:
        value = tags.get(key)
        if value is None or not globs.match(value):
            return False
    return True


def tags_within(wanted: TagGlobs, others: TagGlobs) -> bool:
    """Whether tags that match `wanted` match the others too, as far as the texts tell."""
    return all(any(name == key and one.within(globs) for name, one in wanted) for key, globs in others)


def tags_apart(wanted: TagGlobs) -> Iterator[TagGlobs]:
    """The same keys, each with one of its texts: of those at least one matches whatever `wanted` does."""
    each = ([(key, globs_of(text)) for text in globs.texts] for key, globs in wanted)
    return product(*each)


def tags_used(prefix: str, wanted: TagGlobs, tags: Tags) -> dict[str, Fact]:
    """The tags that are asked for, as facts: `tag:Environment`; None for one that is not there."""
    return {f"{prefix}:{key}": tags.get(key) for key, _ in wanted}


@lru_cache(maxsize=65536)  # a sweep asks of every resource what few OUs and few rules make up
def path_within(path: str, ancestor: str) -> bool:
    """Whether an OU path is the ancestor or below it, name by name: `/Dev` holds `/Dev/A` but not `/Developers`.

    A name in the ancestor may be a glob, and matches itself in any case: an OU may be named `Old [2]`. `/` holds
    everything.
    """
    wanted, actual = path_names(ancestor), path_names(path)
    return len(actual) >= len(wanted) and all(
        globs_of(name).match(one) for name, one in zip(wanted, actual, strict=False)
    )


def is_unit_id(text: str) -> bool:
    """Whether it has the form of an OU's id, which no path has."""
    return _UNIT_ID.fullmatch(text) is not None


def unit_problem(text: str) -> str | None:
    """What is wrong with a text that should name an OU; None when nothing is."""
    if text.startswith("/") or is_unit_id(text):
        return None
    return f"{text!r} must be an OU path such as /Workloads/Dev, or an OU id such as ou-a1b2-c3d4e5f6"


def account_within(account: Account, unit: str) -> bool:
    """Whether the account is in the OU of that id, or of that path with globs, or anywhere below."""
    if is_unit_id(unit):
        return any(one.id == unit for one in account.organizational_units)
    return path_within(account.ou_path, unit)


def unit_within(unit: OrganizationalUnit, name: str) -> bool:
    """Whether it is the OU of that id, or one of that path with globs or below it."""
    return unit.id == name or path_within(unit.path, name)
