"""What `all` and `any` have in common: several conditions, and the facts of each."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Self

from orchestrator.core.policy.conditions.interface import Condition, NamedText
from orchestrator.core.policy.conditions.trace import ConditionTrace, word_of

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource
    from orchestrator.core.model.metric import MetricSpan


@dataclass(frozen=True, slots=True)
class Combined(Condition, ABC):
    conditions: tuple[Condition, ...]

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        found: dict[str, Fact] = {}
        for condition in self.conditions:
            found.update(condition.facts_used(resource, account, now))
        return found

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        if self.evaluate(resource, account, now) is not None:
            return ()
        names = (name for condition in self.conditions for name in condition.unknown_facts(resource, account, now))
        return tuple(dict.fromkeys(names))

    def trace(self, resource: Resource, account: Account, now: datetime) -> ConditionTrace:
        held, unknown = self.evaluate(resource, account, now), self.unknown_facts(resource, account, now)
        parts = tuple(condition.trace(resource, account, now) for condition in self.conditions)
        return ConditionTrace(word_of(self), "", {}, held, unknown, parts)

    def changes_between(
        self, resource: Resource, account: Account, start: datetime, end: datetime
    ) -> Iterable[datetime]:
        for condition in self.conditions:
            yield from condition.changes_between(resource, account, start, end)

    def tag_keys(self) -> Iterator[str]:
        for condition in self.conditions:
            yield from condition.tag_keys()

    def asks_account_tags(self) -> bool:
        return any(condition.asks_account_tags() for condition in self.conditions)

    def metrics(self) -> Iterator[MetricSpan]:
        for condition in self.conditions:
            yield from condition.metrics()

    def names(self) -> Iterator[NamedText]:
        for condition in self.conditions:
            yield from condition.names()

    def with_unresolved(self, places: frozenset[str]) -> Self:
        changed = tuple(condition.with_unresolved(places) for condition in self.conditions)
        is_same = all(one is other for one, other in zip(changed, self.conditions, strict=True))
        return self if is_same else replace(self, conditions=changed)
