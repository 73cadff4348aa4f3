"""`account_tag`: globs over the values of the account's tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.core.policy.conditions.interface import Condition, Parser, Word, cases_of
from orchestrator.core.policy.conditions.matching import TagGlobs, tags_apart, tags_match, tags_used, tags_within
from orchestrator.core.policy.conditions.tag_forms import TAGS, parse_tags
from orchestrator.core.policy.conditions.tag_tests import TagPresent
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource


@dataclass(frozen=True, slots=True)
class AccountTagMatches(Condition):
    """Unknown where the account's tags are."""

    tags: TagGlobs

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        return None if account.tags_error is not None else tags_match(self.tags, account.tags)

    def implies(self, other: Condition) -> bool:
        if isinstance(other, TagPresent):
            return other.of_account and any(key == other.key for key, _ in self.tags)
        return isinstance(other, AccountTagMatches) and tags_within(self.tags, other.tags)

    def cases(self) -> Sequence[Condition]:
        return cases_of(self, (AccountTagMatches(tags) for tags in tags_apart(self.tags)))

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return tags_used("account_tag", self.tags, account.tags)

    def asks_account_tags(self) -> bool:
        return True

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        return () if account.tags_error is None else ("account_tag",)


def _parse(value: Any, path: Path, parser: Parser) -> Condition | None:
    return parse_tags(value, path, parser, AccountTagMatches, of_account=True)


ACCOUNT_TAG = Word(
    "account_tag",
    _parse,
    {
        **TAGS,
        "description": "The same on the account's tags.",
        "examples": [{"CostCenter": "cc-*"}, {"Owner": {"present": True}}],
    },
)
