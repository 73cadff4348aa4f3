"""Whether a condition can hold only for members of what replaces or terminates what stops."""

from __future__ import annotations

from orchestrator.core.model.managed_by import MANAGED_BY_WORD, STACK
from orchestrator.core.policy.conditions.all_of import AllOf
from orchestrator.core.policy.conditions.any_of import AnyOf
from orchestrator.core.policy.conditions.fact import FactMatches
from orchestrator.core.policy.conditions.interface import Condition


def owns_only_members(where: Condition) -> bool:
    """As far as its `managed_by` tells; of a stack, things may be stopped."""
    if isinstance(where, AllOf):
        return any(map(owns_only_members, where.conditions))
    if isinstance(where, AnyOf):
        return all(map(owns_only_members, where.conditions))
    return isinstance(where, FactMatches) and where.word == MANAGED_BY_WORD and not where.globs.match(STACK)
