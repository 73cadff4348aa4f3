"""What one condition asked of a resource, what it found, and whether it holds: for people who ask why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from orchestrator.core.policy.conditions.matching import Globs
from orchestrator.core.policy.patterns import late_pattern

if TYPE_CHECKING:
    from orchestrator.core.model import Fact

ALL, ANY, NOT = "all", "any", "not"
_NOT_ASKED = frozenset({"word", "facts", "places", "unresolved"})
"""Fields of conditions that say where a fact or a text is from, and nothing that is asked."""
_CAPITAL = late_pattern(r"(?<=[a-z0-9])(?=[A-Z])")
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


class ConditionTrace(NamedTuple):
    """One condition, asked of one resource at one moment."""

    word: str
    asked: str
    """What follows on the word in the policy, as one short text; empty of a condition that is made of others."""
    found: Mapping[str, Fact]
    """None for what is not there."""
    held: bool | None
    """None: unknown."""
    unknown: tuple[str, ...] = ()
    """The facts without which it is unknown."""
    parts: tuple[ConditionTrace, ...] = ()

    def leaves(self) -> Iterator[ConditionTrace]:
        """Those that are not made of others, in the order of the policy."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


def missed_by(trace: ConditionTrace, wanted: bool = True) -> tuple[ConditionTrace, ...]:
    """The fewest leaves that would have to answer otherwise, for it to be as `wanted`; none where it is so."""
    if trace.held is wanted:
        return ()
    if not trace.parts:
        return (trace,)
    wanted_of_parts = wanted is not (trace.word == NOT)
    missed = [missed_by(part, wanted_of_parts) for part in trace.parts]
    one_is_enough = (trace.word == ANY) is wanted and trace.word != NOT
    if one_is_enough:
        return min(missed, key=len)
    return tuple(leaf for some in missed for leaf in some)


def word_of(condition: object, found: Iterable[str] = ()) -> str:
    """Its word in the policy: what it says itself, else what the facts that it looks at are named by, such as `tag` of
    `tag:Environment`; else the name of its class without what all of them have.
    """
    word = getattr(condition, "word", "")
    if isinstance(word, str) and word:
        return word
    name = next(iter(found), "").partition(":")[0] or type(condition).__name__.removesuffix("Of")
    return _CAPITAL.sub("_", name).lower()


def asked_of(condition: object) -> str:
    """What stands after its word, made of its fields in order. A condition whose fields do not tell it to a person
    has a `trace` of its own.
    """
    if not is_dataclass(condition):
        return ""
    asked = (
        getattr(condition, one.name)
        for one in fields(condition)
        if one.compare and one.name not in _NOT_ASKED and not one.name.startswith("_")
    )
    return " ".join(filter(None, map(_text, asked)))


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | ZoneInfo):
        return ""
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, Globs):
        value = value.texts
    if isinstance(value, Mapping):
        value = tuple(value.items())
    if isinstance(value, tuple | list) and value and all(map(_is_pair, value)):
        return "; ".join(f"{key}: {_text(one)}" for key, one in value)
    if isinstance(value, tuple | list | frozenset):
        return ", ".join(map(_text, value))
    return str(getattr(value, "text", value))


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)  # noqa: PLR2004 - key and value


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    return next((f"{seconds // size}{unit}" for unit, size in _UNITS if seconds and seconds % size == 0), "0s")
