"""Read one resource that a person names, by the same scope, opt-outs and calls as a sweep reads all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from orchestrator.core.decide import scope
from orchestrator.core.decide.members import owner_keys
from orchestrator.core.model import (
    Account,
    Coverage,
    Inventory,
    Organization,
    Resource,
    ResourceKey,
    TargetStatus,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import PlanError
from orchestrator.ports import World
from orchestrator.sweep.names import resolve_and_remember
from orchestrator.sweep.other_policies import list_others
from orchestrator.sweep.read import Unread, read_unless_halted, regions_of_account

_Looked = Mapping[str, Resource] | Unread


def read_one(world: World, policy: OrgPolicy, today: date, key: ResourceKey) -> Inventory:
    """The resource, in whatever state, with what it belongs to and what belongs to it, as far as rules are about those;
    and one coverage row: of its target, or of an account that is left out.

    Raises PlanError where there is no such account or resource, OrganizationError and LedgerError.
    """
    world.progress.phase("Listing the organization")
    organization = world.organization.read()
    others = list_others(world, policy.name, organization)  # first: it is held against earlier listings
    names = resolve_and_remember(world, policy, organization)
    account = next((one for one in organization.accounts if one.id == key.account_id), None)
    if account is None:
        raise PlanError(f"{key.account_id} is no account of the organization {organization.id}; nothing was read there")
    account, row = _with_tags(world, policy, today, organization, account)
    inventory = Inventory(organization.id, (account,), names=names, others=others)
    if row is not None:
        return replace(inventory, coverage=(row,))
    world.progress.phase(f"Looking at {key.resource_id} in {key.account_id} {key.region}")
    looked = read_unless_halted(world, lambda: _look(world, policy, key))
    if isinstance(looked, Unread):
        row = scope.coverage_row(account, key.region, looked.status, looked.detail, key.kind)
        return replace(inventory, coverage=(row,))
    if key.resource_id not in looked:
        raise PlanError(f"there is no {key.kind} {key.resource_id} in {key.account_id} {key.region}")
    row = scope.coverage_row(account, key.region, TargetStatus.SCANNED, kind=key.kind)
    found = looked[key.resource_id]
    related = read_unless_halted(world, lambda: _related(world, policy, found))
    if isinstance(related, Unread):  # what it may go with is unknown: nothing can be said of it
        row = scope.coverage_row(account, key.region, related.status, related.detail, key.kind)
        return replace(inventory, coverage=(row,))
    return replace(inventory, coverage=(row,), resources=(found, *related))


def _with_tags(
    world: World, policy: OrgPolicy, today: date, organization: Organization, account: Account
) -> tuple[Account, Coverage | None]:
    """With a row where the account is left out. What is left out by the policy alone is not asked for its tags."""
    found = scope.accounts_in_scope(policy.organization, replace(organization, accounts=(account,)))
    if found.accounts:
        [account] = world.organization.read_tags(found.accounts)
        found = scope.accounts_not_opted_out((account,), today)
    return account, next(iter(found.left_out), None)


def _related(world: World, policy: OrgPolicy, resource: Resource) -> tuple[Resource, ...]:
    """Its owners, and theirs, and its members: a decision depends on both. Raises TargetUnreadableError."""
    members, kinds, target = policy.members, policy.kinds, resource.target
    found: dict[ResourceKey, Resource] = {}
    left = [key for key in owner_keys(resource, members) if key.kind in kinds]
    own = [kind for kind in members if kind in kinds and any(one.kind == resource.kind for one in members[kind])]
    if not (left or own):
        return ()
    with world.accounts.bind(target.account_id):
        while left:
            key = left.pop()
            looked = world.kind(key.kind).look(target, [key.resource_id]) if key not in found else {}
            for owner in looked.values():
                found[key] = owner
                left += [above for above in owner_keys(owner, members) if above.kind in kinds]
        for kind in own:
            each = world.kind(kind).read(target)
            found.update((one.key, one) for one in each if resource.key in owner_keys(one, members))
    return tuple(found.values())


def _look(world: World, policy: OrgPolicy, key: ResourceKey) -> _Looked:
    """Raises TargetUnreadableError."""
    if not scope.region_in_scope(policy.regions, key.region):
        return Unread(TargetStatus.EXCLUDED, "the policy's regions leave it out")
    with world.accounts.bind(key.account_id):
        regions, _ = regions_of_account(world, policy)
        listed = next((one for one in regions if one.region == key.region), None)
        if listed is None or not listed.enabled:
            why = listed.detail if listed else "ec2:DescribeRegions does not list it for this account"
            return Unread(TargetStatus.REGION_DISABLED, why)
        return world.kind(key.kind).look(key.target, [key.resource_id])
