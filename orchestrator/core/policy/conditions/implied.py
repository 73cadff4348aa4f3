"""Whether one condition holds wherever another does, as far as the document alone tells."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.any_of import AnyOf
from orchestrator.core.policy.conditions.everything import Everything
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.conditions.not_of import NotOf

_MADE_OF_OTHERS = frozenset({AllOf, AnyOf, NotOf})
"""Asked by type, as a large policy has a million pairs and `isinstance` of an abstract class is slow."""


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

    def shared(self, one: Condition, others: Sequence[Condition]) -> Sequence[int]:
        """The numbers of those of the others of which some is true or unknown wherever `one` is true; none where the
        document does not tell that of any, or of any together.
        """
        whole = next((number for number, other in enumerate(others) if self.holds(one, other)), None)
        if whole is not None:
            return (whole,)
        cases = one.cases()
        if len(cases) <= 1:
            return ()
        self._kept.append(cases)
        found: dict[int, None] = {}
        for case in cases:
            first = next((number for number, other in enumerate(others) if self.holds(case, other)), None)
            if first is None:
                return ()
            found[first] = None
        return tuple(found)

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
