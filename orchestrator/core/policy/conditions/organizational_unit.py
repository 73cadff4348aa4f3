"""`organizational_unit`: the account is in one of these OUs or anywhere below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.core.model import Account, Fact, Resource
from orchestrator.core.policy.conditions.interface import Condition, Parser, Word
from orchestrator.core.policy.conditions.matching import path_within
from orchestrator.core.policy.conditions.schema_parts import GLOBS
from orchestrator.core.policy.yaml_document import Path


@dataclass(frozen=True, slots=True)
class OrganizationalUnitMatches(Condition):
    """Each path stands for itself with all below it; a segment of it may be a glob."""

    paths: tuple[str, ...]

    def evaluate(self, resource: Resource, account: Account) -> bool:
        return any(path_within(account.ou_path, path) for path in self.paths)

    def facts_used(self, resource: Resource, account: Account) -> dict[str, Fact]:
        return {"organizational_unit": account.ou_path}


def _parse(value: Any, path: Path, parser: Parser) -> Condition:
    return OrganizationalUnitMatches(parser.globs(value, path, _problem).texts)


def _problem(text: str) -> str | None:
    if text.startswith("/"):
        return None
    return f"{text!r} is no OU path; paths start at the root, such as /Workloads/Dev"


ORGANIZATIONAL_UNIT = Word("organizational_unit", _parse, {**GLOBS, "description": "OU paths, each with all below it."})
