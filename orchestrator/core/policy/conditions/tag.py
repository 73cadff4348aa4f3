"""`tag`: globs over the values of the resource's tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.core.policy.conditions.interface import Condition, Parser, Word, cases_of
from orchestrator.core.policy.conditions.matching import TagGlobs, tags_apart, tags_match, tags_used, tags_within
from orchestrator.core.policy.conditions.needed import TAG as NEEDED_TAG
from orchestrator.core.policy.conditions.needed import Need, need_of
from orchestrator.core.policy.conditions.tag_forms import TAGS, parse_tags
from orchestrator.core.policy.conditions.tag_tests import TagPresent
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource


@dataclass(frozen=True, slots=True)
class TagMatches(Condition):
    """Every key has a value that matches one of its globs; a missing tag is not unknown, it matches nothing."""

    tags: TagGlobs

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool:
        return tags_match(self.tags, resource.tags)

    def implies(self, other: Condition) -> bool:
        if isinstance(other, TagPresent):
            return not other.of_account and any(key == other.key for key, _ in self.tags)
        return isinstance(other, TagMatches) and tags_within(self.tags, other.tags)

    def needs(self) -> Sequence[Need]:
        return tuple(need_of(NEEDED_TAG, globs.texts, key) for key, globs in self.tags if globs.is_literal)

    def tag_keys(self) -> Iterable[str]:
        return (key for key, _ in self.tags)

    def cases(self) -> Sequence[Condition]:
        return cases_of(self, (TagMatches(tags) for tags in tags_apart(self.tags)))

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return tags_used("tag", self.tags, resource.tags)


def _parse(value: Any, path: Path, parser: Parser) -> Condition | None:
    return parse_tags(value, path, parser, TagMatches, of_account=False)


TAG = Word(
    "tag",
    _parse,
    {
        **TAGS,
        "description": "Tag globs; a list means any of; a missing tag never matches. Or a mapping of forms, which all "
        "hold, such as {present: true} or {before: today}.",
        "examples": [
            {"Environment": ["dev", "test-*"]},
            {"Owner": {"absent": True}},
            {"Name": {"matches": "web-[0-9]+"}},
            {"Cores": {"at_least": 4, "below": 32}},
            {"ExpiresOn": {"before": "today"}},
        ],
    },
)
