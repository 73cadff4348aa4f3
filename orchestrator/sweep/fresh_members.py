"""The look at what would go with a stop: a member that is spared by now keeps its owner, as in the plan.

The members are listed again, and not those of the plan looked at: a group may have others by now, and a part of a plan
has only what is to be acted on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.drift import changed, not_seen_again
from orchestrator.core.decide.members import kinds_of_members, owner_keys, spared_owners
from orchestrator.core.decide.other_policies import CoOwner
from orchestrator.core.model import Account, Decision, Reason, Resource, ResourceKey, Target
from orchestrator.core.model.remembered import NOTHING_REMEMBERED
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import TargetUnreadableError, World
from orchestrator.sweep.opt_outs import with_linked_opt_outs

_A_LISTING_COUNTS = timedelta(minutes=1)
"""For the batches of one target, of which a kind may have one for each resource."""


@dataclass(frozen=True, slots=True)
class _Listing:
    elapsed_at: float
    members: tuple[Resource, ...]


class FreshMembers:
    """Lists the members of what is about to be stopped, for all threads of a sweep."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._listings: dict[tuple[Target, str], _Listing] = {}
        self._lock = threading.Lock()

    def keeps(
        self,
        policy: OrgPolicy,
        stops: Sequence[Decision],
        account: Account,
        now: datetime,
        others: Sequence[CoOwner],
    ) -> Mapping[ResourceKey, Reason]:
        """Which of these stops, of one target and kind, a member keeps, and why; its account is bound.

        Members of a kind that the policy does not name are not known, here as in the plan. What cannot be listed may
        spare each of them.
        """
        kinds = [one for one in kinds_of_members(stops[0].resource.kind, policy.members) if one in policy.kinds]
        if not kinds:
            return {}
        owners = {one.resource.key: one for one in stops}
        try:
            listed = [one for kind in kinds for one in self._listed(stops[0].resource.target, kind)]
        except TargetUnreadableError as refusal:
            reason = not_seen_again(f"what belongs to it may be opted out, and cannot be listed: {refusal}")
            return dict.fromkeys(owners, reason)
        theirs = [one for one in listed if any(key in owners for key in owner_keys(one, policy.members))]
        decided = self._decided(policy, theirs, account, now, others)
        spared = spared_owners(decided, policy.members, owners)
        return {key: changed(one.reason) for key, one in spared.items()}

    def _decided(
        self,
        policy: OrgPolicy,
        theirs: Sequence[Resource],
        account: Account,
        now: datetime,
        others: Sequence[CoOwner],
    ) -> list[Decision]:
        if not theirs:
            return []
        arns = (one.arn for one in theirs)
        remembered = with_linked_opt_outs(self._world.ledger, policy, NOTHING_REMEMBERED, arns)
        return [decide(policy, one, account, now, others, remembered) for one in theirs]

    def _listed(self, target: Target, kind: str) -> Iterable[Resource]:
        """Those that belong to anything; raises TargetUnreadableError."""
        elapsed = self._world.clocks.elapsed()
        with self._lock:
            found = self._listings.get((target, kind))
        if found is None or elapsed - found.elapsed_at > _A_LISTING_COUNTS.total_seconds():
            facts = [*self._world.kind(kind).description.member_of]
            every = self._world.kind(kind).read(target)
            found = _Listing(elapsed, tuple(one for one in every if any(one.facts.get(fact) for fact in facts)))
            with self._lock:
                self._listings[target, kind] = found
        return found.members
