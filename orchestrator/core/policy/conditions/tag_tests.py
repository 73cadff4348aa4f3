"""What `tag` and `account_tag` ask of one tag beside globs: whether it is there, a regular expression, a comparison."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from orchestrator.core.policy.conditions.bounds import ABOVE, AT_LEAST, COMPARISONS, bound_within
from orchestrator.core.policy.conditions.days import Day, day_of
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.conditions.regexes import Regex
from orchestrator.core.policy.patterns import late_pattern

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource, Tags

BEFORE, AFTER = "before", "after"
_NUMBER = late_pattern(r"[+-]?[0-9]+(\.[0-9]+)?")


class TagTest(Condition, ABC):
    """Of the account's tags unknown where they are; what else is unknown its `answer` says.

    No dataclass itself, as each of them costs the start of every command a millisecond.
    """

    __slots__ = ()
    what: ClassVar[str] = ""
    """What a value has to be to be compared."""
    key: str
    of_account: bool

    @abstractmethod
    def answer(self, value: str | None, now: datetime) -> bool | None:
        """By the tag's value, None where it is not there."""

    def example(self) -> str | None:
        """A value for which it holds, where one is easily told."""
        return None

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool | None:
        if not self.of_account:
            return self.answer(resource.tags.get(self.key), now)
        return None if account.tags_error is not None else self.answer(account.tags.get(self.key), now)

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return {self._name: self._tags(resource, account).get(self.key)}

    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        if self.of_account and account.tags_error is not None:
            return ("account_tag",)
        if self.evaluate(resource, account, now) is not None:
            return ()
        value = self._tags(resource, account).get(self.key)
        return (f"{self._name} ({'it is missing' if value is None else f'{value!r} is no {self.what}'})",)

    def tag_keys(self) -> Iterable[str]:
        return () if self.of_account else (self.key,)

    def asks_account_tags(self) -> bool:
        return self.of_account

    def is_of(self, other: TagTest) -> bool:
        """Whether the other asks the same tag."""
        return (self.key, self.of_account) == (other.key, other.of_account)

    @property
    def _name(self) -> str:
        return f"{'account_tag' if self.of_account else 'tag'}:{self.key}"

    def _tags(self, resource: Resource, account: Account) -> Tags:
        return account.tags if self.of_account else resource.tags


@dataclass(frozen=True, slots=True)
class TagPresent(TagTest):
    """The tag is there, with whatever value."""

    key: str
    of_account: bool

    def answer(self, value: str | None, now: datetime) -> bool:
        return value is not None

    def example(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class TagOfRegex(TagTest):
    """Its whole value matches; as with globs, one that is not there matches nothing."""

    key: str
    of_account: bool
    regex: Regex

    def answer(self, value: str | None, now: datetime) -> bool:
        return value is not None and self.regex.match(value)

    def implies(self, other: Condition) -> bool:
        return self == other or (isinstance(other, TagPresent) and self.is_of(other))


@dataclass(frozen=True, slots=True)
class TagNumber(TagTest):
    """Unknown for a tag that is not there and for a value that is no number: a `not` must not make a match of it."""

    what: ClassVar[str] = "number"
    key: str
    of_account: bool
    comparison: str
    bound: Decimal

    def answer(self, value: str | None, now: datetime) -> bool | None:
        if value is None or _NUMBER.fullmatch(value) is None:
            return None
        return COMPARISONS[self.comparison](Decimal(value), self.bound)

    def example(self) -> str:
        beyond = 1 if self.comparison in {AT_LEAST, ABOVE} else -1
        return f"{self.bound + beyond:f}"

    def implies(self, other: Condition) -> bool:
        if not isinstance(other, TagTest) or not self.is_of(other):
            return False
        if isinstance(other, TagNumber):
            return bound_within(self.comparison, self.bound, other.comparison, other.bound)
        return isinstance(other, TagPresent)


@dataclass(frozen=True, slots=True)
class TagDay(TagTest):
    """Unknown for a tag that is not there and for a value that is no date."""

    what: ClassVar[str] = "date"
    key: str
    of_account: bool
    comparison: str
    """`before` or `after`."""
    bound: Day
    zone: ZoneInfo
    """In which it is today, and in which a value with a time is of a day."""

    def answer(self, value: str | None, now: datetime) -> bool | None:
        day = day_of(value, self.zone) if value is not None else None
        if day is None:
            return None
        bound = self.bound.on(now.astimezone(self.zone).date())
        return day < bound if self.comparison == BEFORE else day > bound

    def changes_between(
        self, resource: Resource, account: Account, start: datetime, end: datetime
    ) -> Iterable[datetime]:
        value = self._tags(resource, account).get(self.key)
        day = day_of(value, self.zone) if value is not None else None
        changes = self.bound.changes(day, self.zone) if day is not None else ()
        return [at for at in changes if start < at <= end]

    def implies(self, other: Condition) -> bool:
        if not isinstance(other, TagTest) or not self.is_of(other):
            return False
        if isinstance(other, TagDay):
            one, wider = (self, other) if self.comparison == BEFORE else (other, self)
            same = self.comparison == other.comparison and self.zone == other.zone
            return same and one.bound.is_before(wider.bound) is True
        return isinstance(other, TagPresent)
