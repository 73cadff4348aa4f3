"""What a condition is and what a word of the `where` language declares: each word's file implements both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self
from zoneinfo import ZoneInfo

from orchestrator.core.policy.conditions.matching import Globs
from orchestrator.core.policy.conditions.needed import Need
from orchestrator.core.policy.conditions.regexes import Regex
from orchestrator.core.policy.conditions.trace import ConditionTrace, asked_of, word_of
from orchestrator.core.policy.yaml_document import Path

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource
    from orchestrator.core.model.metric import MetricSpan

Problem = Callable[[str], str | None]
"""What is wrong with a text; None when nothing is."""

_MOST_CASES = 64


class NamedText(NamedTuple):
    """A text by which a policy names accounts, OUs or regions, and its place in the document."""

    word: str
    """`account`, `account_name`, `organizational_unit` or `region`."""
    text: str
    place: Path
    is_negated: bool = False
    """Whether it is within an odd number of `not`, so that what it does not match is owned."""


class Condition(ABC):
    """What a rule asks of a resource and its account: compiled when the policy is loaded, frozen, quick to ask."""

    __slots__ = ()

    @abstractmethod
    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        """Whether it holds; None when that is unknown, because a fact that it needs is not there."""

    @abstractmethod
    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        """What it looks at, by a name that a person understands; None for what is not there."""

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        """The names of the facts without which `evaluate` is None; empty when it is not."""
        return ()

    def trace(self, resource: Resource, account: Account, now: datetime) -> ConditionTrace:
        """What it asks, what it finds and whether it holds, as `evaluate` says it; for people."""
        found, held = self.facts_used(resource, account, now), self.evaluate(resource, account, now)
        unknown = self.unknown_facts(resource, account, now)
        return ConditionTrace(word_of(self, found), asked_of(self), found, held, unknown)

    def changes_between(
        self, resource: Resource, account: Account, start: datetime, end: datetime
    ) -> Iterable[datetime]:
        """The moments after `start` and not after `end` from which it may answer otherwise, in any order, of a resource
        that stays as it is; none where the time does not matter.
        """
        return ()

    def implies(self, other: Condition) -> bool:
        """Whether `other` holds wherever this does, as far as their texts tell; neither of them is made of others."""
        return self == other

    def cases(self) -> Sequence[Condition]:
        """Conditions of which at least one holds wherever this does; itself, where it does not come apart."""
        return (self,)

    def tag_keys(self) -> Iterable[str]:
        """The keys of a resource's tags that it asks for."""
        return ()

    def asks_account_tags(self) -> bool:
        """Whether it depends on the tags of a resource's account."""
        return False

    def needs(self) -> Sequence[Need]:
        """What a resource has to have of each, or this is false of it (`rule_index`); empty where that is not known."""
        return ()

    def metrics(self) -> Iterable[MetricSpan]:
        """What it asks CloudWatch for."""
        return ()

    def names(self) -> Iterable[NamedText]:
        """The names in it that are held against the organization."""
        return ()

    def with_unresolved(self, places: frozenset[str]) -> Self:
        """The same condition, for an organization that has nothing of the names at these places: unknown, and not
        false, where one of them is all that it could hold by.
        """
        return self


def cases_of(whole: Condition, parts: Iterable[Condition]) -> Sequence[Condition]:
    """The parts as the `cases` of the whole, which stays one where there are too many of them."""
    some = tuple(islice(parts, _MOST_CASES + 1))
    return some if len(some) <= _MOST_CASES else (whole,)


class Parser(Protocol):
    """What a word's `parse` builds on. Each method notes every mistake with its place and returns what is right."""

    def condition(self, value: Any, path: Path) -> Condition | None:
        """The condition in a mapping of words, or the word `everything`; None when it is wrong."""

    def conditions(self, value: Any, path: Path) -> tuple[Condition, ...]:
        """Those of a list of at least one."""

    def globs(self, value: Any, path: Path, problem: Problem = ...) -> Globs:
        """One text or a list of texts, none of them empty; `problem` says what else is wrong with one."""

    def regex(self, value: Any, path: Path) -> Regex | None:
        """A regular expression; None when it is wrong."""

    def defined(self, name: Any, path: Path) -> Condition | None:
        """The condition that the policy defines by that name; None when there is none."""

    @property
    def timezone(self) -> ZoneInfo:
        """The policy's, in which it is today."""

    def wrong(self, path: Path, message: str) -> None:
        """Notes a mistake at that place."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the `where` language. `words.py` lists them all."""

    name: str
    parse: Callable[[Any, Path, Parser], Condition | None]
    """From the word's value in the document; None when it cannot be a condition."""
    schema: Mapping[str, Any]
    """The JSON Schema of its value, with a description."""
    kinds: frozenset[str] | None = None
    """The kinds whose resources can be asked; None: all. A rule may use the word only if it has no other kinds."""
