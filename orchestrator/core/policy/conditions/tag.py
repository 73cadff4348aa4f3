"""`tag`: globs over the values of the resource's tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.core.model import Account, Fact, Resource
from orchestrator.core.policy.conditions.interface import Condition, Parser, Word, cases_of
from orchestrator.core.policy.conditions.matching import TagGlobs, tags_apart, tags_match, tags_used, tags_within
from orchestrator.core.policy.conditions.needed import TAG as NEEDED_TAG
from orchestrator.core.policy.conditions.needed import Need, need_of
from orchestrator.core.policy.conditions.schema_parts import TAGS
from orchestrator.core.policy.yaml_document import Path


@dataclass(frozen=True, slots=True)
class TagMatches(Condition):
    """Every key has a value that matches one of its globs; a missing tag is not unknown, it matches nothing."""

    tags: TagGlobs

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool:
        return tags_match(self.tags, resource.tags)

    def implies(self, other: Condition) -> bool:
        return isinstance(other, TagMatches) and tags_within(self.tags, other.tags)

    def needs(self) -> Sequence[Need]:
        return tuple(need_of(NEEDED_TAG, globs.texts, key) for key, globs in self.tags if globs.is_literal)

    def tag_keys(self) -> Iterable[str]:
        return (key for key, _ in self.tags)

    def cases(self) -> Sequence[Condition]:
        return cases_of(self, (TagMatches(tags) for tags in tags_apart(self.tags)))

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return tags_used("tag", self.tags, resource.tags)


def _parse(value: Any, path: Path, parser: Parser) -> Condition:
    return TagMatches(parser.tags(value, path))


TAG = Word("tag", _parse, {**TAGS, "description": "Tag globs; a list means any of; a missing tag never matches."})
