"""`all`: every condition of a list holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any

from orchestrator.core.policy.conditions.combined import Combined
from orchestrator.core.policy.conditions.interface import Condition, Parser, Word, cases_of
from orchestrator.core.policy.conditions.needed import Need
from orchestrator.core.policy.conditions.schema_parts import EXAMPLE, WHERES
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Resource


@dataclass(frozen=True, slots=True)
class AllOf(Combined):
    """One that does not hold is enough to know that they do not; else one that is unknown makes it unknown."""

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        held: bool | None = True
        for condition in self.conditions:
            answer = condition.evaluate(resource, account, now)
            if answer is False:
                return False
            if answer is None:
                held = None
        return held

    def needs(self) -> Sequence[Need]:
        return tuple(need for condition in self.conditions for need in condition.needs())

    def cases(self) -> Sequence[Condition]:
        return cases_of(self, map(AllOf, product(*(condition.cases() for condition in self.conditions))))


def _parse(value: Any, path: Path, parser: Parser) -> Condition:
    return AllOf(parser.conditions(value, path))


ALL = Word("all", _parse, {**WHERES, "description": "Every one of these holds.", "examples": [EXAMPLE]})
