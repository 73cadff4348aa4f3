"""`account`: globs over the id of the account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.core.policy.conditions.interface import Condition, Parser, Word
from orchestrator.core.policy.conditions.matching import globs_of, is_glob
from orchestrator.core.policy.conditions.named import NamesMatch, text_places
from orchestrator.core.policy.conditions.needed import ACCOUNT as NEEDED_ACCOUNT
from orchestrator.core.policy.conditions.needed import Need, need_of
from orchestrator.core.policy.conditions.schema_parts import GLOBS
from orchestrator.core.policy.patterns import late_pattern
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource

_DIGITS = 12
_ACCOUNT = late_pattern(rf"[0-9]{{{_DIGITS}}}")


@dataclass(frozen=True, slots=True)
class AccountMatches(NamesMatch):
    word: ClassVar[str] = "account"

    def matches(self, texts: tuple[str, ...], resource: Resource, account: Account) -> bool:
        return globs_of(*texts).match(account.id)

    def need(self) -> Need | None:
        return need_of(NEEDED_ACCOUNT, self.texts) if globs_of(*self.texts).is_literal else None

    def implies(self, other: Condition) -> bool:
        return isinstance(other, AccountMatches) and globs_of(*self.texts).within(globs_of(*other.texts))

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return {"account": account.id}


def _parse(value: Any, path: Path, parser: Parser) -> Condition:
    texts = [_text(one) for one in value] if isinstance(value, list) else _text(value)
    return AccountMatches(parser.globs(texts, path, _problem).texts, text_places(value, path))


def _text(value: Any) -> Any:
    """An account id that YAML read as a number, as text; only when no leading zero can have been lost."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return str(value) if is_whole and len(str(value)) == _DIGITS else value


def _problem(text: str) -> str | None:
    """A glob may be anything; an id that no account can have would match nothing, and its `not` everything."""
    if _ACCOUNT.fullmatch(text) or is_glob(text):
        return None
    return f"{text!r} is no account id; an account id has twelve digits"


ACCOUNT = Word(
    "account",
    _parse,
    {
        "description": "Account id globs.",
        "examples": ["111122223333"],
        "anyOf": [*GLOBS["anyOf"], {"type": "integer"}],
    },
)
