"""What a look without a sweep reads: all that a policy has in scope, or what one resource is in. It writes nothing."""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.decide.explain import Explanation, explain
from orchestrator.core.model import Inventory, ResourceKey
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import World
from orchestrator.sweep.exact_tags import with_exact_tags
from orchestrator.sweep.listing import Listing
from orchestrator.sweep.other_policies import co_owners
from orchestrator.sweep.read import Reading, complete_inventory, list_and_read
from orchestrator.sweep.read_one import read_one


def explain_now(world: World, policy: OrgPolicy, key: ResourceKey, at: datetime) -> Explanation:
    """Of the resource as it is now, decided for that moment. Raises as read_one."""
    inventory = read_one(world, policy, policy.day(at), key)
    return explain(policy, inventory, key, at, co_owners(world, inventory.others))


def read_inventory(world: World, policy: OrgPolicy, at: datetime) -> Inventory:
    """All that the policy has in scope, but for what is still opted out on that day. Raises as list_and_read."""

    def keep(_listing: Listing, _reading: Reading) -> None:
        """What breaks off is of no use here."""

    listing, reading = list_and_read(world, policy, policy.day(at), keep)
    return complete_inventory(policy, *with_exact_tags(world, policy, listing, reading, at))
