"""What `account`, `organizational_unit` and `region` have in common: they name what the organization may not have.

Such a name matches nothing, and a `not` would make everything of that; so where it may be wrong, what it does not match
is unknown instead of false (core.decide.names decides where).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from orchestrator.core.policy.conditions.interface import Condition, NamedText, cases_of
from orchestrator.core.policy.conditions.needed import Need
from orchestrator.core.policy.yaml_document import Path, path_text

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Resource


@dataclass(frozen=True, slots=True)
class NamesMatch(Condition, ABC):
    """One of its texts matches; unknown where none of the others does and it is not sure what one of them names."""

    word: ClassVar[str]
    texts: tuple[str, ...]
    places: tuple[Path, ...] = field(default=(), compare=False)
    """Where each text stands in the document."""
    unresolved: tuple[str, ...] = field(default=(), kw_only=True)

    @abstractmethod
    def matches(self, texts: tuple[str, ...], resource: Resource, account: Account) -> bool:
        """Whether one of the texts is a name of what the resource is in."""

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        if not self.unresolved:
            return self.matches(self.texts, resource, account)
        sure = tuple(text for text in self.texts if text not in self.unresolved)
        return self.matches(sure, resource, account) or None

    def needs(self) -> Sequence[Need]:
        need = self.need() if not self.unresolved else None
        return (need,) if need is not None else ()

    @abstractmethod
    def need(self) -> Need | None:
        """One of these, where all its texts are literal."""

    def cases(self) -> Sequence[Condition]:
        return cases_of(self, (replace(self, texts=(text,), places=()) for text in self.texts))

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        if self.evaluate(resource, account, now) is not None:
            return ()
        return tuple(f"{self.word} ({text!r} is unresolved)" for text in self.unresolved)

    def names(self) -> Iterator[NamedText]:
        for text, place in zip(self.texts, self.places, strict=True):
            yield NamedText(self.word, text, place)

    def with_unresolved(self, places: frozenset[str]) -> Self:
        named = zip(self.texts, self.places, strict=True)
        unresolved = tuple(text for text, place in named if path_text(place) in places)
        return replace(self, unresolved=unresolved) if unresolved else self


def text_places(value: object, path: Path) -> tuple[Path, ...]:
    """Where the texts of a word's value stand: itself, or each of its list."""
    return tuple((*path, number) for number in range(len(value))) if isinstance(value, list) else (path,)
