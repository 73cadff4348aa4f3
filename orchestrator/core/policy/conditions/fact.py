"""The words that kinds declare, such as `instance_type`: globs over a fact of the resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.core.policy.conditions.interface import Condition, Parser, Word, cases_of
from orchestrator.core.policy.conditions.matching import Globs, globs_of, is_glob
from orchestrator.core.policy.conditions.schema_parts import GLOBS
from orchestrator.core.policy.nearest import nearest
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, FactWord, KindDescription, Resource

_BETWEEN = ", "


@dataclass(frozen=True, slots=True)
class FactMatches(Condition):
    """Unknown, not false, for a resource that does not have the fact: a `not` must not make a match of it."""

    word: str
    facts: Mapping[str, str]
    """The fact's name, by kind."""
    globs: Globs
    several: bool = False
    """The fact has several values, or none: one of them matches."""

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        text = self._text(resource)
        if text is None:
            return None
        if self.several:
            return bool(text) and any(map(self.globs.match, text.split(_BETWEEN)))
        return self.globs.match(text)

    def implies(self, other: Condition) -> bool:
        return isinstance(other, FactMatches) and self.facts == other.facts and self.globs.within(other.globs)

    def cases(self) -> Sequence[Condition]:
        return cases_of(self, (replace(self, globs=globs_of(text)) for text in self.globs.texts))

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return {self.word: self._fact(resource)}

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        return () if self._text(resource) is not None else (self.word,)

    def _fact(self, resource: Resource) -> Fact:
        name = self.facts.get(resource.kind, "")
        return resource.facts[name] if name in resource.facts else resource.details.get(name)

    def _text(self, resource: Resource) -> str | None:
        """None when AWS did not say; numbers and truth as they are written in YAML."""
        fact = self._fact(resource)
        if isinstance(fact, bool):
            return "true" if fact else "false"
        return None if fact is None or (fact == "" and not self.several) else str(fact)


def fact_words(kinds: Sequence[KindDescription]) -> tuple[Word, ...]:
    """One for each word that the kinds declare; those that several declare ask each kind's resources for its fact."""
    declared: dict[str, dict[str, FactWord]] = {}
    for kind in kinds:
        for word in kind.words:
            declared.setdefault(word.word, {})[kind.name] = word
    return tuple(_word(name, by_kind) for name, by_kind in declared.items())


def _word(name: str, declared: Mapping[str, FactWord]) -> Word:
    facts = {kind: word.fact for kind, word in declared.items()}
    words = tuple(declared.values())
    several = any(word.several for word in words)
    values = tuple(dict.fromkeys(value for word in words for value in word.values))
    begins = tuple(dict.fromkeys(word.begins for word in words if word.begins))

    def problem(text: str) -> str | None:
        if is_glob(text):
            return None
        if values and text not in values:
            near = nearest(text, values)
            hint = f" (did you mean {near!r}?)" if near else ""
            return f"{text!r} is no {name}{hint}; there are {', '.join(values)}; for another one write a glob"
        if begins and not text.startswith(begins):
            return f"{text!r} is no {name}; it begins with {' or '.join(begins)}"
        return None

    def parse(value: Any, path: Path, parser: Parser) -> Condition:
        return FactMatches(name, facts, parser.globs(value, path, problem), several)

    schema: dict[str, Any] = {**GLOBS, "description": " ".join(dict.fromkeys(word.description for word in words))}
    if examples := list(dict.fromkeys(one for word in words for one in word.examples)):
        schema["examples"] = examples
    return Word(name, parse, schema, kinds=frozenset(facts))
