"""Whether one condition holds wherever another does, as far as the document alone tells."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain, islice

from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.any_of import AnyOf
from orchestrator.core.policy.conditions.combined import Combined
from orchestrator.core.policy.conditions.everything import Everything
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.conditions.needed import UNIT, Need, Needed, rarest, unit_texts_above
from orchestrator.core.policy.conditions.not_of import NotOf

_MADE_OF_OTHERS = frozenset({AllOf, AnyOf, NotOf})
"""Asked by type, as a large policy has a million pairs and `isinstance` of an abstract class is slow."""
_MOST_PAIRS = 1_000_000
"""That are looked at of one policy: seconds. A policy that has more of them, by globs alone, is no everyday one."""


class Wider:
    """Some conditions, in order, and which of them may hold wherever another one does: by the literal texts that they
    need, so that not each is held against each.

    One that needs one of a few texts is implied only by what has nothing but some of these texts in one of its parts.
    """

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self.conditions = conditions
        self._left = _MOST_PAIRS
        needs = [condition.needs() for condition in conditions]
        common = Counter(needed for each in needs for need in each for needed in need)
        self._always: list[int] = []
        self._by_needed: defaultdict[Needed, list[int]] = defaultdict(list)
        for number, each in enumerate(needs):
            need = rarest(each, common)
            for needed in need or ():
                self._by_needed[needed].append(number)
            if need is None:
                self._always.append(number)

    def of(self, condition: Condition, before: int) -> Iterator[int]:
        """The numbers below `before` of those that may hold wherever it does, in order; of a policy with far too many
        pairs not all of them.
        """
        lists = [self._always, *(self._fewest(need) for need in _needs_of_parts(condition))]
        last = -1
        for number in merge(*(islice(one, bisect_left(one, before)) for one in lists if one)):
            if number == last:
                continue
            if self._left <= 0:
                return
            self._left -= 1
            last = number
            yield number

    def _fewest(self, need: Need) -> Sequence[int]:
        """Those that have the text of it that fewest have; each that has all of them is among these."""
        return min((self._having(needed) for needed in need), key=len, default=())

    def _having(self, needed: Needed) -> Sequence[int]:
        if needed.word != UNIT:
            return self._by_needed.get(needed, ())
        above = (self._by_needed.get(needed._replace(text=text), ()) for text in unit_texts_above(needed.text))
        return sorted(set(chain.from_iterable(above)))


def _needs_of_parts(condition: Condition) -> Iterator[Need]:
    """Of each part that is not made of others, wherever it stands."""
    if isinstance(condition, Combined):
        for part in condition.conditions:
            yield from _needs_of_parts(part)
    elif isinstance(condition, NotOf):
        yield from _needs_of_parts(condition.condition)
    else:
        yield from condition.needs()


class Implications:
    """Answers about the conditions of one policy; each pair of their parts is looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], bool] = {}
        self._kept: list[Sequence[Condition]] = []

    def holds(self, one: Condition, other: Condition) -> bool:
        """Whether `other` is true or unknown wherever `one` is true; False also where the document does not tell.

        Both stay alive as long as this does: they are known by their identity.
        """
        if type(other) is Everything:
            return True
        if type(one) not in _MADE_OF_OTHERS and type(other) not in _MADE_OF_OTHERS:
            return one.implies(other)
        pair = id(one), id(other)
        if pair not in self._known:
            self._known[pair] = self._look(one, other)
        return self._known[pair]

    def shared(self, one: Condition, others: Wider, before: int) -> Sequence[int]:
        """The numbers below `before` of those of the others of which some is true or unknown wherever `one` is true;
        none where the document does not tell that of any, or of any together.
        """
        whole = self._first(one, others, before)
        if whole is not None:
            return (whole,)
        cases = one.cases()
        if len(cases) <= 1:
            return ()
        self._kept.append(cases)
        found: dict[int, None] = {}
        for case in cases:
            first = self._first(case, others, before)
            if first is None:
                return ()
            found[first] = None
        return tuple(found)

    def _first(self, one: Condition, others: Wider, before: int) -> int | None:
        wider = others.of(one, before)
        return next((number for number in wider if self.holds(one, others.conditions[number])), None)

    def _look(self, one: Condition, other: Condition) -> bool:
        if isinstance(other, AllOf):
            return all(self.holds(one, part) for part in other.conditions)
        if isinstance(one, AnyOf):
            return all(self.holds(part, other) for part in one.conditions)
        if isinstance(one, NotOf) and isinstance(other, NotOf):
            return self.holds(other.condition, one.condition)
        return (isinstance(one, AllOf) and any(self.holds(part, other) for part in one.conditions)) or (
            isinstance(other, AnyOf) and any(self.holds(one, part) for part in other.conditions)
        )
