"""`everything`: the one word that stands alone, so that a rule without conditions has to say so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from orchestrator.core.policy.conditions.interface import Condition

if TYPE_CHECKING:
    from orchestrator.core.model import Account, Fact, Resource

EVERYTHING = "everything"
SCHEMA = {"const": EVERYTHING}


@dataclass(frozen=True, slots=True)
class Everything(Condition):
    """Holds for every resource."""

    def evaluate(self, resource: Resource, account: Account, now: datetime) -> bool:
        return True

    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return {}
