"""`organizational_unit`: the account is in one of these OUs or anywhere below."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.core.model import path_names
from orchestrator.core.policy.conditions.interface import Condition, Parser, Word
from orchestrator.core.policy.conditions.matching import (
    account_within,
    is_glob,
    is_unit_id,
    path_within,
    unit_problem,
)
from orchestrator.core.policy.conditions.named import NamesMatch, text_places
from orchestrator.core.policy.conditions.needed import UNIT, UNIT_ID, Need, need_of, unit_text
from orchestrator.core.policy.conditions.schema_parts import GLOBS
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource


@dataclass(frozen=True, slots=True)
class OrganizationalUnitMatches(NamesMatch):
    """Each id or path stands for its OU with all below it; a name in a path may be a glob."""

    word: ClassVar[str] = "organizational_unit"

    def matches(self, texts: tuple[str, ...], resource: Resource, account: Account) -> bool:
        return any(account_within(account, unit) for unit in texts)

    def need(self) -> Need | None:
        if any(is_glob(text) for text in self.texts):
            return None
        ids, paths = (
            [one for one in self.texts if is_unit_id(one)],
            [unit_text(path_names(one)) for one in self.texts if not is_unit_id(one)],
        )
        return need_of(UNIT_ID, ids) | need_of(UNIT, paths)

    def implies(self, other: Condition) -> bool:
        return isinstance(other, OrganizationalUnitMatches) and all(
            text in other.texts or any(_is_below(text, unit) for unit in other.texts) for text in self.texts
        )

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return {"organizational_unit": account.ou_path}


def _is_below(text: str, unit: str) -> bool:
    """Whether a path without globs is below the other, which may have some; of an id only AWS tells that."""
    return not is_unit_id(text) and not is_unit_id(unit) and not is_glob(text) and path_within(text, unit)


def _parse(value: Any, path: Path, parser: Parser) -> Condition:
    return OrganizationalUnitMatches(parser.globs(value, path, unit_problem).texts, text_places(value, path))


ORGANIZATIONAL_UNIT = Word(
    "organizational_unit",
    _parse,
    {**GLOBS, "description": "OU ids or paths, each with all below it.", "examples": ["/Workloads/Dev"]},
)
