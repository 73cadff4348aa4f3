"""`account_name`: globs over the name of the account, which its owner may change at any time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.core.policy.conditions.interface import Condition, Parser, Word
from orchestrator.core.policy.conditions.matching import globs_of
from orchestrator.core.policy.conditions.named import NamesMatch, text_places
from orchestrator.core.policy.conditions.needed import Need
from orchestrator.core.policy.conditions.schema_parts import GLOBS
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource


@dataclass(frozen=True, slots=True)
class AccountNameMatches(NamesMatch):
    """Unknown for an account of which AWS did not tell the name."""

    word: ClassVar[str] = "account_name"

    def matches(self, texts: tuple[str, ...], resource: Resource, account: Account) -> bool:
        return globs_of(*texts).match(account.name)

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        return NamesMatch.evaluate(self, resource, account, now) if account.name else None

    def need(self) -> Need | None:
        """None: without a name it is unknown, and not false."""
        return None

    def implies(self, other: Condition) -> bool:
        return isinstance(other, AccountNameMatches) and globs_of(*self.texts).within(globs_of(*other.texts))

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return {"account_name": account.name or None}

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        return NamesMatch.unknown_facts(self, resource, account, now) if account.name else (self.word,)


def _parse(value: Any, path: Path, parser: Parser) -> Condition:
    return AccountNameMatches(parser.globs(value, path).texts, text_places(value, path))


ACCOUNT_NAME = Word(
    "account_name",
    _parse,
    {**GLOBS, "description": "Account name globs.", "examples": ["sandbox-*", ["dev", "test"]]},
)
