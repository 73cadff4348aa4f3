"""What an undo asks before it stops what its sweep started: rules, opt-outs and the other policies as of now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.core.decide import scope
from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.other_policies import CoOwner
from orchestrator.core.decide.undo_starts import AskedStart, decide_undo_of_start
from orchestrator.core.model import (
    Account,
    AccountId,
    Decision,
    Inventory,
    Organization,
    Reason,
    ReasonCode,
    Resource,
    TargetStatus,
    Verdict,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ledger.records import ActionRecord
from orchestrator.ports import World
from orchestrator.sweep.fresh_accounts import FreshAccounts
from orchestrator.sweep.names import resolve_and_remember
from orchestrator.sweep.notices import remembered_notices
from orchestrator.sweep.opt_outs import with_linked_opt_outs
from orchestrator.sweep.other_policies import co_owners, list_others
from orchestrator.sweep.recover import resource_of


@dataclass(frozen=True, slots=True)
class RulesNow:
    """For all threads of an undo."""

    world: World
    policy: OrgPolicy
    accounts: FreshAccounts
    others: tuple[CoOwner, ...]
    inventory: Inventory
    """The names that are unresolved and the other policies, for the barrier."""

    @classmethod
    def read(cls, world: World, policy: OrgPolicy, organization: Organization, *, outside_schedule: bool) -> RulesNow:
        """Raises OrganizationError and LedgerError."""
        others = list_others(world, policy.name, organization)  # first: it is held against earlier listings
        names = resolve_and_remember(world, policy, organization)
        return cls(
            world,
            replace(policy.with_unresolved(names), ignores_schedules=outside_schedule),
            FreshAccounts(world, policy.max_tag_age, organization.accounts),
            co_owners(world, others),
            Inventory(organization.id, organization.accounts, names=names, others=others),
        )

    def decisions(
        self, sweep_id: str, account_id: AccountId, records: Sequence[ActionRecord], fresh: Mapping[str, Resource]
    ) -> Iterator[Decision]:
        """Stop or keep for each of one target that the sweep started, or may have started."""
        account = self._account(account_id)
        notices = remembered_notices(self.world, self.policy, fresh.values())
        arns = (one.arn for one in fresh.values())
        remembered = with_linked_opt_outs(self.world.ledger, self.policy, notices, arns)
        for record in records:
            seen = fresh.get(record.resource_id)
            if seen is None:
                yield _kept(resource_of(record), Reason(ReasonCode.GONE, "It is gone."))
            elif isinstance(account, Reason):
                yield _kept(seen, account)
            else:
                now = self.world.now()
                asked = AskedStart(sweep_id, _time(record.requested_at), _time(record.verified_at))
                yield decide_undo_of_start(asked, decide(self.policy, seen, account, now, self.others, remembered))

    def _account(self, account_id: AccountId) -> Account | Reason:
        """With its tags, and those of the OUs above it, as of now; or why everything in it is kept."""
        account = self.accounts.account(account_id)
        if isinstance(account, Reason):
            return account
        row = scope.left_out(self.policy.organization, account, self.policy.day(self.world.now()))
        if row is None:
            return account
        code = _CODES.get(row.status, ReasonCode.NO_RULE)
        return Reason(code, f"Its account is left alone: {row.detail or row.status.value}.")


_CODES = {TargetStatus.OPTED_OUT: ReasonCode.EXEMPT, TargetStatus.FAILED: ReasonCode.NOT_SEEN_AGAIN}


def _kept(resource: Resource, reason: Reason) -> Decision:
    return Decision(resource, Verdict.KEEP, reason.code, reason.sentence, facts=resource.facts)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
