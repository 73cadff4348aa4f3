"""Stop or keep, for one resource: the one place that decides. Always with a reason that a person understands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from orchestrator.core.decide.compliance import violations
from orchestrator.core.decide.other_policies import CoOwner, why_two_own
from orchestrator.core.decide.owner import Owner, owner_of
from orchestrator.core.decide.schedule_states import state_at
from orchestrator.core.decide.whose_schedule import OwnSchedule, schedule_of
from orchestrator.core.model import (
    Account,
    AccountId,
    Action,
    Decision,
    Decisions,
    Exemption,
    Inventory,
    Loss,
    Reason,
    ReasonCode,
    Resource,
    ResourceState,
    Verdict,
    time_text,
)
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.core.model.remembered import NOTHING_REMEMBERED, Remembered
from orchestrator.core.policy.opt_outs import RESOURCE, exemption_sentence, most_protective, read_opt_outs
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.answer import ScheduleState


def decide_inventory(
    policy: OrgPolicy, inventory: Inventory, now: datetime, others: Sequence[CoOwner] = ()
) -> Decisions:
    """A decision for each resource of the inventory, and its compliance; both as of `now`, which has a time zone.

    A condition that depends on a name which the organization did not have is unknown. What one of the `others` owns too
    is kept.
    """
    policy = policy.with_unresolved(inventory.names)
    accounts = {account.id: account for account in inventory.accounts}
    today = policy.day(now)
    return Decisions(
        decide_all(policy, inventory.resources, accounts, now, others, inventory.remembered),
        violations(inventory.resources, inventory.accounts, policy.required_tags, today),
    )


def decide_all(
    policy: OrgPolicy,
    resources: Iterable[Resource],
    accounts: Mapping[AccountId, Account],
    now: datetime,
    others: Sequence[CoOwner] = (),
    remembered: Remembered = NOTHING_REMEMBERED,
) -> tuple[Decision, ...]:
    """One decision for each resource, sorted by its key. `now` has a time zone."""
    known = _Known(now, policy.day(now), others, remembered)
    decisions = [_decide(policy, one, accounts[one.target.account_id], known) for one in resources]
    return tuple(sorted(decisions, key=lambda decision: decision.resource.key))


def decide(
    policy: OrgPolicy,
    resource: Resource,
    account: Account,
    now: datetime,
    others: Sequence[CoOwner] = (),
    remembered: Remembered = NOTHING_REMEMBERED,
) -> Decision:
    """Keep, unless a rule owns the resource, no rule of the `others` does, its schedule allows a stop and nothing
    protects it.
    """
    return _decide(policy, resource, account, _Known(now, policy.day(now), others, remembered))


class _Known(NamedTuple):
    """What decisions are made by, beside the policy, the resource and its account."""

    now: datetime
    today: date
    others: Sequence[CoOwner]
    remembered: Remembered


def _decide(policy: OrgPolicy, resource: Resource, account: Account, known: _Known) -> Decision:
    now = known.now
    owner = owner_of(policy, resource, account, now)
    rule = owner.rule
    used = rule.where.facts_used(resource, account, now) if rule else None
    opt_outs = read_opt_outs(resource.tags, RESOURCE, resource.resource_id, known.today)
    exemption = most_protective(opt_outs) if opt_outs else None
    own_schedule = schedule_of(policy, rule, resource, account) if rule else OwnSchedule(None)
    keep = _reason_to_keep(
        resource,
        exemption,
        owner,
        own_schedule,
        now,
        lambda rule: why_two_own(policy, rule, resource, account, now, known.others),
    )
    reason = keep or _reason_to_stop(rule, own_schedule)
    return Decision(
        resource=resource,
        verdict=Verdict.STOP if keep is None else Verdict.KEEP,
        reason_code=reason.code,
        reason=reason.sentence,
        rule=rule.name if rule else None,
        action=rule.action if rule else Action.STOP,
        exemption=exemption,
        facts={**resource.facts, **used} if used else resource.facts,
    )


def _reason_to_keep(
    resource: Resource,
    exemption: Exemption | None,
    owner: Owner,
    own_schedule: OwnSchedule,
    now: datetime,
    owned_by_two: Callable[[Rule], Reason | None],
) -> Reason | None:
    """The first that there is; None where it is to be stopped."""
    keep = _kept_by_itself(resource, exemption) or _kept_by_its_owner(owner)
    if keep is not None or owner.rule is None:
        return keep
    rule = owner.rule
    by_schedule = _kept_by_schedule(rule, own_schedule, now)
    return owned_by_two(rule) or by_schedule or _losses_reason_to_keep(rule, resource.losses)


def _kept_by_itself(resource: Resource, exemption: Exemption | None) -> Reason | None:
    if resource.state is ResourceState.STOPPING:
        return _still_stopping(resource)
    if exemption is not None:
        return Reason(ReasonCode.EXEMPT, exemption_sentence(exemption))
    if resource.state is not ResourceState.RUNNING:
        return Reason(ReasonCode.NOT_RUNNING, f"It is {resource.aws_state}, not running; the next sweep looks again.")
    if resource.obstacle is not None:
        return Reason(ReasonCode(resource.obstacle.code), resource.obstacle.sentence)
    return None


def _still_stopping(resource: Resource) -> Reason:
    by = resource.restore.get(STOPPED_BY_TAG) or resource.tags.get(STOPPED_BY_TAG)
    since = time_text(resource.changed_at) or resource.tags.get(STOPPED_AT_TAG)
    text = f"Sweep {by} stopped it, and it is still {resource.aws_state}" if by else f"It is {resource.aws_state}"
    return Reason(ReasonCode.STILL_STOPPING, f"{text}{f', since {since}' if since else ''}.")


def _kept_by_its_owner(owner: Owner) -> Reason | None:
    if owner.rule is None:
        return _NO_RULE
    if owner.unknown is not None:
        names = ", ".join(owner.unknown) or "facts"
        text = f"Rule {owner.rule.name} may own it, but that depends on what is unknown: its {names}."
        return Reason(ReasonCode.UNKNOWN_CONDITION, text)
    return None


def _kept_by_schedule(rule: Rule, own: OwnSchedule, now: datetime) -> Reason | None:
    """After what two policies own: that is so at any hour, and a preview by day shows it."""
    if own.unknown:
        return Reason(ReasonCode.UNKNOWN_SCHEDULE, own.unknown)
    if own.schedule is None or state_at(own.schedule, now) is ScheduleState.STOPPED:
        return None
    return _scheduled(rule.name, own.schedule.name)


def _losses_reason_to_keep(rule: Rule, losses: Iterable[Loss]) -> Reason | None:
    """Hibernation counts as a stop: it loses the same."""
    refused = [one for one in losses if one.why_kept and one.word not in rule.accept]
    if not refused:
        return None
    known = [one for one in refused if not one.is_unknown]
    code = ReasonCode.NOT_ACCEPTED if known else ReasonCode.UNKNOWN_LOSS
    why = "; ".join(one.why_kept for one in known or refused)
    words = ", ".join(one.word for one in refused)
    return Reason(code, f"{why}; rule {rule.name} would stop it only with accept: [{words}].")


def _reason_to_stop(rule: Rule | None, own: OwnSchedule) -> Reason:
    assert rule is not None, "a resource without a rule is always kept"
    return _stopped(rule.name, own.schedule.name if own.schedule else None)


# One sentence for all that a rule decides alike, and not one for each of ten thousand resources.


@lru_cache
def _scheduled(rule: str, schedule: str) -> Reason:
    text = f"Rule {rule} owns it, but its schedule {schedule} says that it should run now."
    return Reason(ReasonCode.SCHEDULE, text)


@lru_cache
def _stopped(rule: str, schedule: str | None) -> Reason:
    if schedule is None:
        return Reason(ReasonCode.ANY_TIME, f"Rule {rule} owns it and may stop it at any time.")
    text = f"Rule {rule} owns it and its schedule {schedule} is outside of its running hours."
    return Reason(ReasonCode.OUTSIDE_SCHEDULE, text)


_NO_RULE = Reason(ReasonCode.NO_RULE, "No rule of the policy matches it.")
