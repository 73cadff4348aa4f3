"""`not`: a condition does not hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from orchestrator.core.policy.conditions.interface import Condition, NamedText, Parser, Word
from orchestrator.core.policy.conditions.schema_parts import WHERE
from orchestrator.core.policy.conditions.trace import ConditionTrace, word_of
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource
    from orchestrator.core.model.metric import MetricSpan


@dataclass(frozen=True, slots=True)
class NotOf(Condition):
    """Unknown where its condition is: `not` makes nothing known."""

    condition: Condition

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        held = self.condition.evaluate(resource, account, now)
        return None if held is None else not held

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return self.condition.facts_used(resource, account, now)

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        return self.condition.unknown_facts(resource, account, now)

    def trace(self, resource: Resource, account: Account, now: datetime) -> ConditionTrace:
        held, unknown = self.evaluate(resource, account, now), self.unknown_facts(resource, account, now)
        return ConditionTrace(word_of(self), "", {}, held, unknown, (self.condition.trace(resource, account, now),))

    def changes_between(
        self, resource: Resource, account: Account, start: datetime, end: datetime
    ) -> Iterable[datetime]:
        return self.condition.changes_between(resource, account, start, end)

    def tag_keys(self) -> Iterable[str]:
        return self.condition.tag_keys()

    def asks_account_tags(self) -> bool:
        return self.condition.asks_account_tags()

    def metrics(self) -> Iterable[MetricSpan]:
        return self.condition.metrics()

    def names(self) -> Iterable[NamedText]:
        return (one._replace(is_negated=not one.is_negated) for one in self.condition.names())

    def with_unresolved(self, places: frozenset[str]) -> Self:
        changed = self.condition.with_unresolved(places)
        return self if changed is self.condition else replace(self, condition=changed)


def _parse(value: Any, path: Path, parser: Parser) -> Condition | None:
    condition = parser.condition(value, path)
    return NotOf(condition) if condition is not None else None


NOT = Word("not", _parse, {**WHERE, "description": "This does not hold.", "examples": [{"tag": {"Tier": "crit*"}}]})
