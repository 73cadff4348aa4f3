"""The conditions that a policy defines under `conditions`, each of them read once and used by its name.

Names may be within names. Written out, they are bounded: of forty of which each has the one before it twice, the last
would have a trillion.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from orchestrator.core.policy.conditions.combined import Combined
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.conditions.not_of import NotOf
from orchestrator.core.policy.conditions.regexes import MOST_EXPRESSIONS, Regex
from orchestrator.core.policy.nearest import names_text, nearest
from orchestrator.core.policy.yaml_document import Path, value_words

SECTION = "conditions"
WORD = "condition"
MOST_CONDITIONS, MOST_LEVELS = 1000, 40
"""That one `where` may have when all names in it are written out."""
_SHOWN = 12
_COMBINING = frozenset({"all", "any", "not"})
_UTC = ZoneInfo("UTC")


class Definition(NamedTuple):
    """One named condition."""

    condition: Condition | None
    """None: something is wrong with it, which is said at its own place."""
    kinds_by_word: Mapping[str, frozenset[str]]
    """The words in it that only some kinds have, also by the names in it."""


class Definitions:
    """What the conditions of one policy have in common while they are read."""

    def __init__(self, timezone: ZoneInfo = _UTC, by_name: Mapping[str, Definition] | None = None) -> None:
        """`timezone` is the policy's: in which it is today."""
        self.timezone = timezone
        self.by_name = dict(by_name or {})
        self._regexes: dict[str, Regex] = {}
        self._measured: dict[int, tuple[int, int]] = {}
        self._kept: list[Condition] = []

    def regex(self, text: str) -> Regex:
        """The expression; equal ones once. Raises ValueError, which says what is wrong with it."""
        if text not in self._regexes:
            if len(self._regexes) >= MOST_EXPRESSIONS:
                raise ValueError(f"is one regular expression more than the {MOST_EXPRESSIONS} that a policy may have")
            self._regexes[text] = Regex(text)
        return self._regexes[text]

    def too_large(self, condition: Condition) -> str | None:
        """Why a condition is refused when the names in it are written out; None where it is not."""
        conditions, levels = self._measure(condition)
        if conditions > MOST_CONDITIONS:
            return f"has more than {MOST_CONDITIONS} conditions when the names in it are written out"
        if levels > MOST_LEVELS:
            return f"has more than {MOST_LEVELS} levels of `all`, `any` and `not` when the names in it are written out"
        return None

    def _measure(self, condition: Condition) -> tuple[int, int]:
        """How many conditions it is made of, and in how many levels; each named one is looked at once."""
        known = self._measured.get(id(condition))
        if known is not None:
            return known
        parts = _parts(condition)
        each = [self._measure(part) for part in parts]
        measured = sum(one for one, _ in each) or 1, (max(levels for _, levels in each) + 1 if each else 0)
        if parts:
            self._measured[id(condition)] = measured
            self._kept.append(condition)  # or another one could get its id
        return measured


def _parts(condition: Condition) -> Sequence[Condition]:
    if isinstance(condition, Combined):
        return condition.conditions
    return (condition.condition,) if isinstance(condition, NotOf) else ()


def names_in(where: Any, path: Path = ()) -> Iterator[tuple[str, Path]]:
    """The names of conditions that a `where` uses, as far as it has its form, each with its place."""
    if isinstance(where, list):
        for number, one in enumerate(where):
            yield from names_in(one, (*path, number))
    elif isinstance(where, Mapping):
        for word, value in where.items():
            if word == WORD and isinstance(value, str):
                yield value, (*path, word)
            elif word in _COMBINING:
                yield from names_in(value, (*path, word))


def in_order(section: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The names so that each stands after those in it, and the cycles; what is in one, or has one in it, is missing.

    Without recursion: a policy may have thousands of names in a row.
    """
    within = {name: [one for one, _ in names_in(where) if one in section] for name, where in section.items()}
    done: dict[str, None] = {}
    refused: set[str] = set()
    cycles: list[list[str]] = []
    for first in section:
        way: dict[str, Iterator[str]] = {first: iter(within[first])} if first not in done.keys() | refused else {}
        while way:
            name = next(reversed(way))
            inner = next(way[name], None)
            if inner is None:
                del way[name]
                if refused.isdisjoint(within[name]) and name not in refused:
                    done[name] = None
                else:
                    refused.add(name)
            elif inner in refused or inner in done:
                continue
            elif inner in way:
                names = list(way)
                cycles.append([*names[names.index(inner) :], inner])
                refused.update(cycles[-1])
            else:
                way[inner] = iter(within[inner])
    return list(done), cycles


def cycle_text(cycle: Sequence[str]) -> str:
    """What is wrong with names that are within one another."""
    shown = cycle if len(cycle) <= _SHOWN else [*cycle[: _SHOWN - 1], f"{len(cycle) - _SHOWN} more", cycle[-1]]
    return f"is made of itself: {' -> '.join(shown)}; take one of these names out"


def unused(section: Mapping[str, Any], wheres: Iterable[Any]) -> list[str]:
    """The names that no rule uses, by itself or by another name."""
    used: set[str] = set()
    left = [name for where in wheres for name, _ in names_in(where)]
    while left:
        name = left.pop()
        if name in section and name not in used:
            used.add(name)
            left += [one for one, _ in names_in(section[name])]
    return [name for name in section if name not in used]


def no_such(name: Any, known: Collection[str]) -> str:
    """What is wrong with a name that no condition has."""
    if not isinstance(name, str):
        return f"must be the name of a condition under `{SECTION}`, not {value_words(name)}"
    near = nearest(name, known)
    hint = f" (did you mean {near!r}?)" if near else ""
    there = f"there are {names_text(known)}" if known else f"the policy has no `{SECTION}`"
    return f"there is no condition {name!r}{hint}; {there}"
