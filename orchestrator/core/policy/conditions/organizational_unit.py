"""`organizational_unit`: the account is in one of these OUs or anywhere below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from orchestrator.core.model import Account, Fact, Resource
from orchestrator.core.policy.conditions.interface import Condition, Parser, Word
from orchestrator.core.policy.conditions.matching import account_within, is_unit_id
from orchestrator.core.policy.conditions.named import NamesMatch, text_places
from orchestrator.core.policy.conditions.schema_parts import GLOBS
from orchestrator.core.policy.yaml_document import Path


@dataclass(frozen=True, slots=True)
class OrganizationalUnitMatches(NamesMatch):
    """Each id or path stands for its OU with all below it; a name in a path may be a glob."""

    word: ClassVar[str] = "organizational_unit"

    def matches(self, texts: tuple[str, ...], resource: Resource, account: Account) -> bool:
        return any(account_within(account, unit) for unit in texts)

    def facts_used(self, resource: Resource, account: Account) -> dict[str, Fact]:
        return {"organizational_unit": account.ou_path}


def _parse(value: Any, path: Path, parser: Parser) -> Condition:
    return OrganizationalUnitMatches(parser.globs(value, path, _problem).texts, text_places(value, path))


def _problem(text: str) -> str | None:
    if text.startswith("/") or is_unit_id(text):
        return None
    return (
        f"{text!r} is no OU: name its id, such as ou-a1b2-c3d4e5f6, or its path from the root, such as /Workloads/Dev"
    )


ORGANIZATIONAL_UNIT = Word(
    "organizational_unit", _parse, {**GLOBS, "description": "OU ids or paths, each with all below it."}
)
