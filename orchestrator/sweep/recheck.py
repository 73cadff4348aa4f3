"""Looking again before acting on a plan that is older than this process: at the organization, and at each resource."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.core.decide import scope as targets
from orchestrator.core.decide.drift import CHANGED, kept_since
from orchestrator.core.model import Account, AccountId, Decision, Mode, Resource
from orchestrator.ports import World
from orchestrator.sweep.guard import Recheck
from orchestrator.sweep.record import Record


def rechecking(world: World, record: Record, listed: Mapping[AccountId, Account] | None = None) -> Recheck:
    """Asks the organization again; what it gives says of each resource, just before it is acted on, why to keep it."""
    if record.mode is Mode.UNDO:
        return _still_stopped
    if listed is not None:  # a moment ago, by another step of the same state machine
        return lambda planned, fresh: kept_since(
            planned, fresh, record.policy, listed[planned.resource.target.account_id], world.now()
        )
    organization = world.organization.read()
    in_scope = targets.accounts_in_scope(record.policy.organization, organization)
    concerned = {stop.resource.target.account_id for stop in record.stops}
    tagged = world.organization.read_tags([one for one in in_scope.accounts if one.id in concerned])
    still = targets.accounts_not_opted_out(tagged, world.now().astimezone(record.policy.timezone).date())
    accounts = {account.id: account for account in still.accounts}
    left_out = {row.account_id: row.detail for row in (*in_scope.left_out, *still.left_out)}

    def recheck(planned: Decision, fresh: Resource | None) -> str | None:
        account = accounts.get(planned.resource.target.account_id)
        if account is None:
            reason = left_out.get(
                planned.resource.target.account_id, "its account is not in the organization any more."
            )
            return f"{CHANGED} {reason}"
        return kept_since(planned, fresh, record.policy, account, world.now())

    return recheck


def _still_stopped(planned: Decision, fresh: Resource | None) -> str | None:
    state = fresh.state if fresh else "gone"
    return None if state == planned.resource.state else f"{CHANGED} it is {state}."
