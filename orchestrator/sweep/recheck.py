"""The look right before each batch: is what was planned still right? What changed, or cannot be read, is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from orchestrator.core.decide import scope
from orchestrator.core.decide.drift import changed, kept_down_since, kept_since, not_seen_again
from orchestrator.core.model import Account, AccountId, Decision, Reason, Resource, ResourceKey, TargetStatus
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import Kind, TargetUnreadableError, World
from orchestrator.sweep.fresh_accounts import FreshAccounts


class Recheck:
    """Looks again, for all threads of a sweep. `known` are the accounts as they were listed for the plan."""

    def __init__(self, world: World, policy: OrgPolicy, known: Iterable[Account] = ()) -> None:
        self._now = world.now
        self._policy = policy
        self._accounts = FreshAccounts(world, policy.max_tag_age, known)

    def begin(self, actions: Iterable[Decision]) -> None:
        """Lists the organization where what is known of it is older. Raises OrganizationError."""
        self._accounts.list_again(dict.fromkeys(map(_account_id, actions)))

    def read_ahead(self, actions: Sequence[Decision]) -> AbstractContextManager[None]:
        """Meanwhile the tags that these stops will wait for are read, in the order of the actions."""
        return self._accounts.read_ahead(_account_id(one) for one in actions if not one.action.starts)

    def reasons_to_keep(self, kind: Kind, actions: Sequence[Decision]) -> dict[ResourceKey, Reason]:
        """Why some of a batch are kept after all. The actions are of one target and kind, whose account is bound.

        The account comes first: its tags may take a while, and the look at the resources is to be the last thing before
        the call. Without a halt in between, every action has a look that was made by now.
        """
        target = actions[0].resource.target
        stops = any(not one.action.starts for one in actions)
        account = self._account(target.account_id, stops=stops)
        if isinstance(account, Reason):
            return {one.resource.key: account for one in actions}
        try:
            fresh = kind.look(target, [one.resource.resource_id for one in actions])
        except TargetUnreadableError as refusal:
            return {one.resource.key: not_seen_again(refusal) for one in actions}
        reasons = {one.resource.key: self._reason(one, fresh.get(one.resource.resource_id), account) for one in actions}
        return {key: reason for key, reason in reasons.items() if reason is not None}

    def _account(self, account_id: AccountId, *, stops: bool) -> Account | Reason:
        """Tags spare from a stop, and forbid no start."""
        if not stops:
            return self._accounts.place(account_id)
        account = self._accounts.account(account_id)
        if isinstance(account, Reason):
            return account
        row = scope.left_out(self._policy.organization, account, self._policy.day(self._now()))
        if row is None:
            return account
        return not_seen_again(row.detail) if row.status is TargetStatus.FAILED else changed(row.detail)

    def _reason(self, planned: Decision, fresh: Resource | None, account: Account) -> Reason | None:
        if planned.action.starts:
            return kept_down_since(planned, fresh, self._policy.max_fact_age, self._now())
        return kept_since(planned, fresh, self._policy, account, self._now())


def _account_id(action: Decision) -> AccountId:
    return action.resource.target.account_id
