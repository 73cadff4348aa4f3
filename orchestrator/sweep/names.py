"""What the names in a policy are held against: the organization as it was listed, every region, earlier listings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.core.decide.known_names import Known
from orchestrator.core.decide.names import regions_resolved, resolve_names, units_named
from orchestrator.core.decide.places import places_after
from orchestrator.core.model import Listed, Names, Organization, Region
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import OrganizationError
from orchestrator.ports import RegionStatus, TargetUnreadableError, World


def resolve_and_remember(world: World, policy: OrgPolicy, organization: Organization) -> Names:
    """The verdict on the policy's names; what this listing has is remembered for later ones.

    Raises OrganizationError where the regions cannot be listed and a name depends on that, and LedgerError.
    """
    regions = regions_for(policy, world.partition_regions, world.accounts.hub_regions)
    before = world.ledger.earlier_listings(organization.id)
    accounts = frozenset(one.id for one in organization.accounts)
    units = units_named(policy, organization)
    named = frozenset().union(*before.units.values(), *units.values())
    now = Listed(accounts, units, places_after(before.places, organization, named))
    world.ledger.remember_listing(organization.id, policy.name, before, now)
    return resolve_names(policy, Known(organization, regions, before))


def regions_for(
    policy: OrgPolicy, partition_regions: frozenset[Region], list_regions: Callable[[], Sequence[RegionStatus]]
) -> frozenset[Region]:
    """The regions that the policy's names are held against: AWS is asked only for names that botocore does not know.

    Raises OrganizationError where it does not answer: then nothing says that such a name is wrong.
    """
    if regions_resolved(policy, partition_regions):
        return partition_regions
    try:
        return partition_regions | {one.region for one in list_regions()}
    except TargetUnreadableError as refusal:
        raise OrganizationError(
            f"the policy names a region that this release does not know, and the regions cannot be listed ({refusal})"
        ) from refusal
