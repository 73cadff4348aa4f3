"""What the targets hold: the first value that a sweep passes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.model.coverage import Coverage
from orchestrator.core.model.names import NO_NAMES, Names
from orchestrator.core.model.organization import Account
from orchestrator.core.model.other_policy import OtherPolicy
from orchestrator.core.model.production import ProductionAccount
from orchestrator.core.model.remembered import NOTHING_REMEMBERED, Remembered
from orchestrator.core.model.resource import Resource


@dataclass(frozen=True, slots=True)
class Inventory:
    """`accounts` are those in scope with their tags, opted out or not; every target has its coverage."""

    organization_id: str
    accounts: tuple[Account, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    resources: tuple[Resource, ...] = ()
    names: Names = NO_NAMES
    """What the policy names and the organization did not have when it was listed."""
    others: tuple[OtherPolicy, ...] = ()
    """The other active policies of the hub."""
    production: tuple[ProductionAccount, ...] = ()
    """Of the accounts in which something would be done; found when the plan is made, and frozen with it."""
    remembered: Remembered = NOTHING_REMEMBERED
    """What the ledger says of the resources."""
    account_owners: Mapping[str, str] = field(default_factory=dict)
    """As of SweepReport, where the accounts themselves are not here: of a plan that is carried out."""
    account_contacts: Mapping[str, str] = field(default_factory=dict)
    """Likewise."""
