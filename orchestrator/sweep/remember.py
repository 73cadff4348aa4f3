"""What the ledger remembers of the resources that were read: a decision reads it beside what AWS says of them."""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.model import Inventory
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import World
from orchestrator.sweep.notices import read_notices


def read_remembered(world: World, policy: OrgPolicy, inventory: Inventory, _now: datetime) -> Inventory:
    """The inventory with what the ledger remembers, as far as the policy's decisions depend on it then."""
    return read_notices(world, policy, inventory)
