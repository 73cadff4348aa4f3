"""Rechecks before a plan that is older than this process is acted on: of the organization, and of each resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from orchestrator.core.decide import scope
from orchestrator.core.decide.drift import changed, kept_since, still_in_state
from orchestrator.core.model import Account, AccountId, Decision, Reason, Resource
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import World
from orchestrator.sweep.guard import Recheck

_NOT_THERE = "its account is not in the organization any more."


def recheck_plan(world: World, policy: OrgPolicy, actions: Sequence[Decision]) -> Recheck:
    """Lists the organization anew, where something is to be stopped.

    The function that it returns says of each planned action, right before it, why the resource is kept after all.
    Raises OrganizationError.
    """
    stops = [one for one in actions if not one.action.starts]
    if not stops:
        return recheck_with(world, policy, {}, {})
    organization = world.organization.read()
    in_scope = scope.accounts_in_scope(policy.organization, organization)
    concerned = {one.resource.target.account_id for one in stops}
    tagged = world.organization.read_tags([one for one in in_scope.accounts if one.id in concerned])
    still = scope.accounts_not_opted_out(tagged, _today(world, policy))
    left_out = {row.account_id: row.detail for row in (*in_scope.left_out, *still.left_out)}
    return recheck_with(world, policy, {account.id: account for account in still.accounts}, left_out)


def recheck_with(
    world: World, policy: OrgPolicy, accounts: Mapping[AccountId, Account], left_out: Mapping[AccountId, str]
) -> Recheck:
    """The same with an organization that was listed a moment ago; `left_out` says why an account is not in it."""

    def recheck(planned: Decision, fresh: Resource | None) -> Reason | None:
        if planned.action.starts:
            return still_in_state(planned, fresh)
        account_id = planned.resource.target.account_id
        if account_id not in accounts:
            return changed(left_out.get(account_id, _NOT_THERE))
        return kept_since(planned, fresh, policy, accounts[account_id], world.now())

    return recheck


def _today(world: World, policy: OrgPolicy) -> date:
    return policy.day(world.now())
