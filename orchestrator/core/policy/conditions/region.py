"""`region`: globs over the region's name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.core.policy.conditions.interface import Condition, Parser, Word
from orchestrator.core.policy.conditions.matching import globs_of
from orchestrator.core.policy.conditions.named import NamesMatch, text_places
from orchestrator.core.policy.conditions.needed import REGION as NEEDED_REGION
from orchestrator.core.policy.conditions.needed import Need, need_of
from orchestrator.core.policy.conditions.schema_parts import GLOBS
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource


@dataclass(frozen=True, slots=True)
class RegionMatches(NamesMatch):
    word: ClassVar[str] = "region"

    def matches(self, texts: tuple[str, ...], resource: Resource, account: Account) -> bool:
        return globs_of(*texts).match(resource.target.region)

    def need(self) -> Need | None:
        return need_of(NEEDED_REGION, self.texts) if globs_of(*self.texts).is_literal else None

    def implies(self, other: Condition) -> bool:
        return isinstance(other, RegionMatches) and globs_of(*self.texts).within(globs_of(*other.texts))

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return {"region": resource.target.region}


def _parse(value: Any, path: Path, parser: Parser) -> Condition:
    return RegionMatches(parser.globs(value, path).texts, text_places(value, path))


REGION = Word("region", _parse, {**GLOBS, "description": "Region globs.", "examples": ["eu-*"]})
