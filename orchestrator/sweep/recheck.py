"""The look right before each batch: is what was planned still right? What changed, or cannot be read, is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from orchestrator.core.decide import scope
from orchestrator.core.decide.drift import (
    changed,
    kept_down_since,
    kept_since,
    may_be_behind,
    not_seen_again,
    start_kept_since,
    tagged_since,
)
from orchestrator.core.decide.known_names import Known
from orchestrator.core.decide.names import no_longer_resolved
from orchestrator.core.decide.other_policies import CoOwner
from orchestrator.core.decide.restarting import asking_about_restarts
from orchestrator.core.model import (
    NO_NAMES,
    Account,
    AccountId,
    Decision,
    Halt,
    HaltCause,
    Listed,
    NameEffect,
    Names,
    Organization,
    OtherPolicy,
    Reason,
    Resource,
    ResourceKey,
    Tags,
    TargetStatus,
    time_text,
)
from orchestrator.core.model.remembered import NOTHING_REMEMBERED, Remembered
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import Kind, TargetUnreadableError, World
from orchestrator.sweep.fresh_accounts import FreshAccounts
from orchestrator.sweep.fresh_members import FreshMembers
from orchestrator.sweep.metrics import measure_again
from orchestrator.sweep.opt_outs import with_linked_opt_outs
from orchestrator.sweep.other_policies import FreshOthers
from orchestrator.sweep.remember import remembered_of
from orchestrator.sweep.settled_look import look_until_settled

_A_LOOK_COUNTS = timedelta(minutes=5)
"""Longer than any batch waits for its turn (25 s: 50 starts, of which EC2 allows 2 a second) and for its retries."""


@dataclass(frozen=True, slots=True)
class Look:
    """When a batch was looked at, why some of it are kept after all, and the tags of those that were seen."""

    at: datetime
    elapsed_at: float
    """The same by `Clocks.elapsed`."""
    kept: Mapping[ResourceKey, Reason]
    tags: Mapping[ResourceKey, Tags] = field(default_factory=dict)


class Recheck:
    """Looks again, for all threads of a sweep. `known` are the accounts as they were listed for the plan, `names` those
    of the policy that were names of nothing then, `lost` those of which that was found out since, and `others` the
    other active policies as they were known then.
    """

    def __init__(
        self,
        world: World,
        policy: OrgPolicy,
        known: Iterable[Account] = (),
        names: Names = NO_NAMES,
        lost: Names = NO_NAMES,
        others: Iterable[OtherPolicy] = (),
    ) -> None:
        self._world = world
        self._now = world.now
        self._as_written = policy
        self._policy = policy.with_unresolved(names.joined(lost))
        self._accounts = FreshAccounts(world, policy.max_tag_age, known)
        self.others = tuple(others)
        """The other active policies, as of the beginning of what is done."""
        self._others = FreshOthers(world, policy.name, policy.max_tag_age, self.others)
        self._members = FreshMembers(world)
        self._ledger = world.ledger
        self._names = names
        self._listed_before = Listed()
        self._lost = lost
        self._lost_as_of: Organization | None = None
        self._lock = threading.Lock()

    def begin(self, actions: Iterable[Decision]) -> None:
        """Lists the organization where what is known of it is older, and reads the other active policies again.

        Raises OrganizationError and LedgerError.
        """
        actions = tuple(actions)
        self._accounts.list_again(dict.fromkeys(map(_account_id, actions)))
        organization = self._accounts.organization
        if organization is not None:
            self._listed_before = self._ledger.earlier_listings(organization.id)
        if any(one.follows_a_rule for one in actions):
            self.others = self._others.begin(organization)

    @property
    def lost(self) -> Names:
        """The names of OUs by which the policy spares something, and that were lost since the plan: what was in them
        is unknown. More with each listing, never fewer.
        """
        organization = self._accounts.organization
        with self._lock:
            if organization is not None and self._lost_as_of is not organization:
                known = Known(organization, before=self._listed_before)
                self._lost = self._lost.joined(no_longer_resolved(self._as_written, known, self._names))
                self._policy = self._as_written.with_unresolved(self._names.joined(self._lost))
                self._lost_as_of = organization
            return self._lost

    def read_ahead(self, actions: Sequence[Decision]) -> AbstractContextManager[None]:
        """Meanwhile the tags that these actions will wait for are read, in their order; the starts of an undo need
        none.
        """
        return self._accounts.read_ahead(_account_id(one) for one in actions if one.follows_a_rule)

    def too_old(self, look: Look) -> Halt | None:
        """Why a look of then is not acted on any more: the machine was suspended, or its calls were held up."""
        if self._world.clocks.elapsed() - look.elapsed_at <= _A_LOOK_COUNTS.total_seconds():
            return None
        text = f"it was looked at at {time_text(look.at)}, which is too long ago to act on"
        return Halt(HaltCause.INTERRUPTED, text)

    def look(self, kind: Kind, actions: Sequence[Decision], sweep_id: str) -> Look:
        """Which of a batch of that sweep are kept after all. The actions are of one target and kind, whose account is
        bound.

        The account comes first: its tags may take a while, and the look at the resources is to be the last thing before
        the call. What a halt cut short says nothing: ask for one afterwards.
        """
        target = actions[0].resource.target
        by_rules = any(one.follows_a_rule for one in actions)
        account = self._account(target.account_id, by_rules=by_rules)
        at, elapsed_at = self._now(), self._world.clocks.elapsed()
        if isinstance(account, Reason):
            return Look(at, elapsed_at, {one.resource.key: account for one in actions})
        others = self._others.now(self._accounts.organization) if by_rules else ()
        spared = self._spared_by_members(actions, account, others)
        starts = [one.resource for one in actions if one.action.starts]
        ids = [one.resource.resource_id for one in actions]

        def is_behind(fresh: Mapping[str, Resource]) -> bool:
            return any(may_be_behind(one, fresh.get(one.resource_id)) for one in starts)

        try:
            seen = look_until_settled(self._world, kind, target, ids, is_behind)
        except TargetUnreadableError as refusal:
            return Look(at, elapsed_at, {one.resource.key: not_seen_again(refusal) for one in actions})
        age = self._policy.max_fact_age
        fresh = measure_again(self._world, kind, target, [one.resource for one in actions], seen.fresh, age)
        remembered = self._remembered(kind, actions, account, sweep_id)
        found = {
            one.resource.key: not_seen_again(seen.refused[one.resource.resource_id])
            if one.resource.resource_id in seen.refused
            else self._reason(one, fresh.get(one.resource.resource_id), account, others, remembered)
            or spared.get(one.resource.key)
            for one in actions
        }
        kept = {key: reason for key, reason in found.items() if reason is not None}
        return Look(seen.at, seen.elapsed_at, kept, {one.key: one.tags for one in seen.fresh.values()})

    def _spared_by_members(
        self, actions: Sequence[Decision], account: Account, others: tuple[CoOwner, ...] | Reason
    ) -> Mapping[ResourceKey, Reason]:
        """Which stops are kept as something that would go with them is opted out by now."""
        stops = [one for one in actions if one.follows_a_rule and one.action.stops]
        if not stops or isinstance(others, Reason):
            return {}
        return self._members.keeps(self._policy, stops, account, self._now(), others)

    def _remembered(self, kind: Kind, actions: Sequence[Decision], account: Account, sweep_id: str) -> Remembered:
        """What the ledger says as of now of what is to be started by a rule, or may have been started by hand since
        its stop, and of who opted out by a link.

        What this sweep holds down itself a process of it that died had begun to stop: that is no earlier stop.
        """
        by_rules = [one for one in actions if one.follows_a_rule]
        if not by_rules:
            return NOTHING_REMEMBERED
        accounts = {account.id: account}
        stops = [one.resource for one in by_rules if one.action.stops]
        asked = [one.resource for one in by_rules if one.action.starts]
        asked += asking_about_restarts(self._policy, stops, accounts, self._now())
        found = remembered_of(self._ledger, asked, lambda _: kind.description) if asked else NOTHING_REMEMBERED
        found = replace(found, stops={key: one for key, one in found.stops.items() if one.sweep_id != sweep_id})
        return with_linked_opt_outs(self._ledger, self._policy, found, (one.resource.arn for one in by_rules))

    def _account(self, account_id: AccountId, *, by_rules: bool) -> Account | Reason:
        """Tags spare from what rules ask for, and forbid no start of an undo."""
        if not by_rules:
            return self._accounts.place(account_id)
        account = self._accounts.account(account_id)
        if isinstance(account, Reason):
            return account
        lost = next(self.lost.of(NameEffect.HOLDS), None)
        if lost is not None:
            return changed(f"the policy names an OU that was there when it was planned: {lost.text}.")
        row = scope.left_out(self._policy.organization, account, self._policy.day(self._now()))
        if row is None:
            return account
        return not_seen_again(row.detail) if row.status is TargetStatus.FAILED else changed(row.detail)

    def _reason(
        self,
        planned: Decision,
        fresh: Resource | None,
        account: Account,
        others: tuple[CoOwner, ...] | Reason,
        remembered: Remembered,
    ) -> Reason | None:
        if not planned.follows_a_rule:
            if planned.action.tags:
                return tagged_since(planned, fresh)
            return kept_down_since(planned, fresh, self._policy.max_fact_age, self._world.clocks.latest())
        if isinstance(others, Reason):
            return others
        if planned.action.starts:
            return start_kept_since(planned, fresh, self._policy, account, self._now(), others, remembered)
        return kept_since(planned, fresh, self._policy, account, self._now(), others, remembered)


def _account_id(action: Decision) -> AccountId:
    return action.resource.target.account_id
