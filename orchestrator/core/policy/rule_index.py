"""Which rules a resource can match at all, without asking each: by the literal texts that their conditions need.

A rule whose `where` needs one of a few texts (a tag's value, an account, a region, an OU) is only asked about resources
that have one of them; of all others its `where` is false. Every other rule is always asked. The order stays.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from orchestrator.core.model import path_names
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.conditions.needed import ACCOUNT, REGION, UNIT, UNIT_ID, Need, Needed, rarest, unit_text

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Resource

_MOST_REMEMBERED = 4096
_Numbers = tuple[int, ...]


class _Rule(Protocol):
    """As much of a rule as counts here."""

    @property
    def kinds(self) -> frozenset[str]: ...

    @property
    def where(self) -> Condition: ...


R = TypeVar("R", bound=_Rule)


class RuleIndex(Generic[R]):
    """Of the rules of one policy. Asked from every thread."""

    def __init__(self, rules: Sequence[R]) -> None:
        needs = [rule.where.needs() for rule in rules]
        common = Counter(needed for each in needs for need in each for needed in need)
        chosen = [(rule, rarest(each, common)) for rule, each in zip(rules, needs, strict=True)]
        kinds = {kind for rule in rules for kind in rule.kinds}
        self._of_kind = {kind: _OfKind([one for one in chosen if kind in one[0].kinds]) for kind in kinds}

    def candidates(self, resource: Resource, account: Account) -> Sequence[R]:
        """The rules about its kind, in order, but for some whose `where` is false."""
        of_kind = self._of_kind.get(resource.kind)
        return of_kind.candidates(resource, account) if of_kind is not None else ()


class _OfKind(Generic[R]):
    def __init__(self, rules: Sequence[tuple[R, Need | None]]) -> None:
        self._rules = [rule for rule, _ in rules]
        self._always = [number for number, (_, need) in enumerate(rules) if need is None]
        found: defaultdict[Needed, list[int]] = defaultdict(list)
        for number, (_, need) in enumerate(rules):
            for needed in need or ():
                found[needed].append(number)
        by_word: defaultdict[tuple[str, str], dict[str, _Numbers]] = defaultdict(dict)
        for (word, key, text), numbers in found.items():
            by_word[word, key][text] = tuple(numbers)
        self._accounts, self._regions, self._units, self._unit_ids = (
            by_word.pop((word, ""), {}) for word in (ACCOUNT, REGION, UNIT, UNIT_ID)
        )
        self._tags = {key: by_value for (_, key), by_value in by_word.items()}
        self._has_places = bool(self._accounts or self._regions or self._units or self._unit_ids)
        self._asked_always = tuple(self._rules[number] for number in self._always)
        self._remembered: dict[tuple[int, ...], Sequence[R]] = {}

    def candidates(self, resource: Resource, account: Account) -> Sequence[R]:
        tags, by_key = resource.tags, self._tags
        hits = []
        # The shorter of the two: rules may ask for thousands of keys, and a resource has at most 50.
        for key in tags if len(tags) < len(by_key) else by_key:
            if key in tags and key in by_key and (hit := by_key[key].get(tags[key])):
                hits.append(hit)  # noqa: PERF401 - as a comprehension it takes twice as long
        if self._has_places:
            hits += self._hits_of_places(resource, account)
        if not hits:
            return self._asked_always
        found = self._remembered.get(tuple(map(id, hits)))
        return found if found is not None else self._together(hits)

    def _hits_of_places(self, resource: Resource, account: Account) -> Iterable[_Numbers]:
        if account.id in self._accounts:
            yield self._accounts[account.id]
        if resource.target.region in self._regions:
            yield self._regions[resource.target.region]
        if self._units:
            yield from (self._units[text] for text in _texts_above(account.ou_path) if text in self._units)
        if self._unit_ids:
            ids = (unit.id for unit in account.organizational_units)
            yield from (self._unit_ids[one] for one in ids if one in self._unit_ids)

    def _together(self, hits: Sequence[_Numbers]) -> Sequence[R]:
        found = tuple(self._rules[number] for number in sorted({*self._always}.union(*hits)))
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[tuple(map(id, hits))] = found  # they live as long as this does
        return found


@lru_cache(maxsize=65536)
def _texts_above(path: str) -> Sequence[str]:
    """The OU itself and each one above it."""
    names = path_names(path)
    return tuple(unit_text(names[:depth]) for depth in range(len(names) + 1))
