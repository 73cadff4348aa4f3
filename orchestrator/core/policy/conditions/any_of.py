"""`any`: at least one condition of a list holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.core.policy.conditions.combined import Combined
from orchestrator.core.policy.conditions.interface import Condition, Parser, Word, cases_of
from orchestrator.core.policy.conditions.needed import Need, Needed
from orchestrator.core.policy.conditions.schema_parts import EXAMPLE, WHERES
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Resource


@dataclass(frozen=True, slots=True)
class AnyOf(Combined):
    """One that holds is enough, whatever is unknown about the others; else one that is unknown makes it unknown."""

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        held: bool | None = False
        for condition in self.conditions:
            answer = condition.evaluate(resource, account, now)
            if answer:
                return True
            if answer is None:
                held = None
        return held

    def needs(self) -> Sequence[Need]:
        each = [min(condition.needs(), key=len, default=None) for condition in self.conditions]
        known = [need for need in each if need is not None]
        return (frozenset[Needed]().union(*known),) if len(known) == len(each) else ()

    def cases(self) -> Sequence[Condition]:
        return cases_of(self, (case for condition in self.conditions for case in condition.cases()))


def _parse(value: Any, path: Path, parser: Parser) -> Condition:
    return AnyOf(parser.conditions(value, path))


ANY = Word("any", _parse, {**WHERES, "description": "At least one of these holds.", "examples": [EXAMPLE]})
