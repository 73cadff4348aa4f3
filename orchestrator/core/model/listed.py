"""What listings of an organization had, as far as later ones are held against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.model.organization import AccountId


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an account is: in an OU that a policy names, or below some."""

    unit: str
    """The id of the OU that it is in."""
    named: tuple[str, ...]
    """The ids of those that are named, of that and of the ones above."""


Places = Mapping[AccountId, frozenset[Place]]
"""Where each account was listed last, and before that in OUs that are gone by now (core.decide.places)."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What listings of an organization had: its accounts, where they were, and the ids of the OUs by each name in a
    policy.
    """

    accounts: frozenset[AccountId] = frozenset()
    units: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By the name's spellings; an earlier release has them by its text."""
    places: Places = field(default_factory=dict)

    def joined(self, later: Listed) -> Listed:
        """What either of them had; of where an account was, what the later one says."""
        names = {*self.units, *(name for name, ids in later.units.items() if ids)}
        units = {name: self.units.get(name, frozenset()) | later.units.get(name, frozenset()) for name in names}
        return Listed(self.accounts | later.accounts, units, {**self.places, **later.places})
