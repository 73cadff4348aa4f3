"""Which stops were announced, from the ledger: read only where it can count."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.core.model import Inventory
from orchestrator.core.model.marks import STOP_AFTER_TAG
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import LedgerError
from orchestrator.ports import World


def read_notices(world: World, policy: OrgPolicy, inventory: Inventory) -> Inventory:
    """The inventory with the policy's announced stops: where a rule announces some, or a resource has such a tag.

    A ledger that cannot be read is no error here: what depends on it is kept.
    """
    announces = any(rule.notice_days is not None for rule in policy.rules)
    if not announces and not any(STOP_AFTER_TAG in one.tags for one in inventory.resources):
        return inventory
    try:
        remembered = replace(inventory.remembered, notices=world.ledger.notices(policy.name))
    except LedgerError as failure:
        remembered = replace(inventory.remembered, unread=f"the ledger cannot be read: {failure}")
    return replace(inventory, remembered=remembered)
