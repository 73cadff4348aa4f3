"""Which stops were announced, from the ledger: read only where it can count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from orchestrator.core.model import Inventory, Resource
from orchestrator.core.model.marks import STOP_AFTER_TAG
from orchestrator.core.model.remembered import NOTHING_REMEMBERED, Remembered
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import LedgerError
from orchestrator.ports import World


def read_notices(world: World, policy: OrgPolicy, inventory: Inventory) -> Inventory:
    """The inventory with the policy's announced stops: where a rule announces some, or a resource has such a tag.

    A ledger that cannot be read is no error here: what depends on it is kept.
    """
    found = remembered_notices(world, policy, inventory.resources)
    if found is NOTHING_REMEMBERED:
        return inventory
    before = inventory.remembered
    remembered = replace(before, notices=found.notices, unread=found.unread or before.unread)
    return replace(inventory, remembered=remembered)


def remembered_notices(world: World, policy: OrgPolicy, resources: Iterable[Resource]) -> Remembered:
    """Those alone, of these resources and others."""
    announces = any(rule.notice_days is not None for rule in policy.rules)
    if not announces and not any(STOP_AFTER_TAG in one.tags for one in resources):
        return NOTHING_REMEMBERED
    try:
        return Remembered(notices=world.ledger.notices(policy.name))
    except LedgerError as failure:
        return Remembered(unread=f"the ledger cannot be read: {failure}")
