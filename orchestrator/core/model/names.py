"""What became of the names in a policy that are held against the organization: those that are the name of nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class NameEffect(StrEnum):
    """What a name that matches nothing does to the sweep."""

    HOLDS = "holds"
    """It was to leave something out of the sweep, or it was all that was to be in it: nothing is acted on."""
    UNKNOWN = "unknown"
    """The condition that it is in is unknown: what its rule could own is kept."""
    WARNS = "warns"
    """It is reported, and nothing depends on it."""


@dataclass(frozen=True, slots=True)
class UnresolvedName:
    """One name that matches nothing. `path` is its place in the policy document, `line` counts from 1."""

    path: str
    line: int
    word: str
    """What it was to name: `account`, `account_name`, `organizational_unit` or `region`."""
    name: str
    effect: NameEffect
    detail: str
    """What it does not match, and why that matters or does not."""
    nearest: str = ""
    """The real name that is nearest to it; empty where there is none at all, and for the id of an account."""

    @property
    def text(self) -> str:
        """All of it in one line."""
        hint = f"; the nearest is {self.nearest}" if self.nearest else ""
        return f"{self.path} (line {self.line}): {self.name!r} {self.detail}{hint}"


@dataclass(frozen=True, slots=True)
class Names:
    """The verdict on all names of a policy, as of one listing of the organization; frozen with the plan."""

    unresolved: tuple[UnresolvedName, ...] = ()

    def of(self, effect: NameEffect) -> Iterator[UnresolvedName]:
        """Those with that effect, in the order of the document."""
        return (one for one in self.unresolved if one.effect is effect)

    @property
    def holds(self) -> bool:
        """Whether nothing may be acted on because of one of them."""
        return any(self.of(NameEffect.HOLDS))

    def joined(self, later: Names) -> Names:
        """With those that a later look found, in the order of the document; none of these is taken back."""
        by_place = {one.path: one for one in (*self.unresolved, *later.unresolved)}
        return Names(tuple(sorted(by_place.values(), key=lambda one: one.line)))

    @property
    def unknown_places(self) -> frozenset[str]:
        """Where the names stand that make their conditions unknown."""
        return frozenset(one.path for one in self.of(NameEffect.UNKNOWN))


NO_NAMES = Names()
"""Every name is the name of something."""
