"""Stop, start, keep or tag, for one resource: the one place that decides. Always with a reason for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import NamedTuple

from orchestrator.core.decide.compliance import Asked, joined, violations
from orchestrator.core.decide.local_times import local_text
from orchestrator.core.decide.members import decide_members
from orchestrator.core.decide.notice import (
    malformed_notices,
    tags_of_people,
    with_notice_and_tags,
    without_announcements,
    without_notice,
)
from orchestrator.core.decide.opt_out_register import register_opt_outs, without_opt_outs
from orchestrator.core.decide.other_policies import CoOwner, why_two_own
from orchestrator.core.decide.owner import Owner, owner_of
from orchestrator.core.decide.restarting import why_left_running, with_restarts_told
from orchestrator.core.decide.started_by_hand import started_by_hand
from orchestrator.core.decide.starting import decide_in_running_time, may_be_down
from orchestrator.core.decide.stop_effects import started_again
from orchestrator.core.decide.whose_schedule import (
    OwnSchedule,
    schedule_of,
    schedule_tag_violations,
)
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
    Violation,
    time_text,
)
from orchestrator.core.model.action import StartForm
from orchestrator.core.model.decision import InsideSchedule
from orchestrator.core.model.kind import StopEffects, StopEvidence
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.core.model.order import malformed_order
from orchestrator.core.model.remembered import NOTHING_REMEMBERED, Remembered
from orchestrator.core.model.resource import STARTS_AGAIN
from orchestrator.core.policy.opt_outs import (
    RESOURCE,
    exemption_sentence,
    most_protective,
    read_linked,
    read_opt_outs,
)
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.answer import ScheduleAnswer, ScheduleState
from orchestrator.core.policy.schedules.schedule import Schedule


def decide_inventory(
    policy: OrgPolicy, inventory: Inventory, now: datetime, others: Sequence[CoOwner] = ()
) -> Decisions:
    """A decision for each resource of the inventory, and its compliance; both as of `now`, which has a time zone.

    A condition that depends on a name which the organization did not have is unknown. What one of the `others` owns too
    is kept. What belongs to another resource is decided with it.
    """
    policy = policy.with_unresolved(inventory.names)
    accounts = {account.id: account for account in inventory.accounts}
    today = policy.day(now)
    wrong = dict.fromkeys(schedule_tag_violations(policy, inventory.accounts))
    decisions = _decide_all(
        policy, inventory.resources, accounts, _Known.by(policy, now, others, inventory.remembered, wrong)
    )
    decisions = decide_members(decisions, policy.members)

    linked = inventory.remembered.opt_outs
    unlinked = replace(inventory.remembered, opt_outs={}) if linked else inventory.remembered

    def decide_without(resource: Resource, account: Account) -> Decision:
        bare = replace(resource, tags=without_opt_outs(resource))
        return decide(policy, bare, account, now, others, unlinked)

    plain = without_announcements(decisions)
    up, down = [one.resource for one in plain], list[Resource]()
    if policy.starting_kinds:  # only for those what is down was read, which nobody asks for tags
        up, down = [one for one in up if not may_be_down(one)], [one for one in up if may_be_down(one)]
    compliance = violations(up, inventory.accounts, Asked.by(policy), today, down, linked)
    return Decisions(
        decisions,
        joined(compliance, wrong, malformed_notices(decisions)),
        register_opt_outs(policy, inventory.accounts, plain, now, decide_without, linked),
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
    return _decide_all(policy, resources, accounts, _Known.by(policy, now, others, remembered))


def _decide_all(
    policy: OrgPolicy, resources: Iterable[Resource], accounts: Mapping[AccountId, Account], known: _Known
) -> tuple[Decision, ...]:
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
    return _decide(policy, resource, account, _Known.by(policy, now, others, remembered))


def _owned_by_two(policy: OrgPolicy, resource: Resource, account: Account, known: _Known, rule: Rule) -> Reason | None:
    return why_two_own(policy, rule, resource, account, known.now, known.others)


def _left_running(policy: OrgPolicy, own: OwnSchedule, resource: Resource, known: _Known, rule: Rule) -> Reason | None:
    return why_left_running(policy, rule, own, resource, known.remembered, known.now)


def _by_nobody_else(_: Rule) -> None:
    return None


class _Known(NamedTuple):
    """What decisions are made by, beside the policy, the resource and its account."""

    now: datetime
    today: date
    others: Sequence[CoOwner]
    remembered: Remembered
    wrong_tags: dict[Violation, None]
    """Grows by what is found wrong with tags that are to name a schedule, or its time zone; each is there once."""
    longest: timedelta
    """So long after the announcement of a stop a later day in its tag is honoured."""
    starting_kinds: frozenset[str]

    @classmethod
    def by(
        cls,
        policy: OrgPolicy,
        now: datetime,
        others: Sequence[CoOwner],
        remembered: Remembered,
        wrong_tags: dict[Violation, None] | None = None,
    ) -> _Known:
        wrong = {} if wrong_tags is None else wrong_tags
        return cls(now, policy.day(now), others, remembered, wrong, policy.max_notice, policy.starting_kinds)


def _decide(policy: OrgPolicy, resource: Resource, account: Account, known: _Known) -> Decision:
    """Where it is unknown who opted out by a link, nothing is done, and what is kept anyway says why as ever."""
    decision = _decide_by_what_is_known(policy, resource, account, known)
    decision = with_restarts_told(decision, policy, known.remembered, known.now)
    unread = known.remembered.opt_outs_unread
    if not unread or decision.verdict is Verdict.KEEP:
        return decision
    text = f"Whether a link opted it out is not known: {unread}."
    return replace(decision, verdict=Verdict.KEEP, reason_code=ReasonCode.UNREADABLE_LEDGER, reason=text)


def _decide_by_what_is_known(policy: OrgPolicy, resource: Resource, account: Account, known: _Known) -> Decision:
    now = known.now
    owner = owner_of(policy, resource, account, now)
    rule = owner.rule
    used = rule.where.facts_used(resource, account, now) if rule else None
    tags = tags_of_people(resource, rule, known.remembered)
    opt_outs = read_opt_outs(tags, RESOURCE, resource.resource_id, known.today)
    if linked := known.remembered.opt_outs.get(resource.arn):
        opt_outs += read_linked(linked, resource.resource_id, known.today)
    exemption = most_protective(opt_outs) if opt_outs else None
    own_schedule = _NO_SCHEDULE
    if rule and not policy.ignores_schedules:
        own_schedule = schedule_of(policy, rule, resource, account)
    if own_schedule.violation is not None:
        known.wrong_tags[own_schedule.violation] = None

    owned_by_two = partial(_owned_by_two, policy, resource, account, known) if known.others else _by_nobody_else
    only_tags = rule is not None and rule.action in _STOPS_NOTHING
    if resource.kind in known.starting_kinds and not only_tags and may_be_down(resource):
        start = _decide_start(policy, resource, exemption, owner, own_schedule, known, owned_by_two)
        return replace(start, facts={**start.facts, **used} if used else start.facts)
    left_running = partial(_left_running, policy, own_schedule, resource, known)
    keep = _reason_to_keep(resource, exemption, owner, own_schedule, now, owned_by_two, left_running)
    reason = keep or _and_starts_again(_reason_to_stop(rule, own_schedule, now), resource, policy.effects)
    decision = Decision(
        resource=resource,
        verdict=Verdict.STOP if keep is None else Verdict.KEEP,
        reason_code=reason.code,
        reason=reason.sentence,
        rule=rule.name if rule else None,
        action=rule.action if rule else Action.STOP,
        exemption=exemption,
        facts={**resource.facts, **used} if used else resource.facts,
        inside=_inside(own_schedule, now) if reason.code is ReasonCode.SCHEDULE else None,
    )
    if policy.ignores_schedules:  # a person asked for the stop itself, and no notice is given of it
        return without_notice(decision, rule)
    return with_notice_and_tags(decision, rule, known.remembered, known.today, known.longest)


def _decide_start(
    policy: OrgPolicy,
    resource: Resource,
    exemption: Exemption | None,
    owner: Owner,
    own_schedule: OwnSchedule,
    known: _Known,
    owned_by_two: Callable[[Rule], Reason | None],
) -> Decision:
    """Of what is down, and is of a kind of which the policy starts something: start or keep."""
    rule, now = owner.rule, known.now
    kept = Decision(
        resource,
        Verdict.KEEP,
        *_not_running(resource),
        rule=rule.name if rule else None,
        action=rule.action if rule else Action.STOP,
        exemption=exemption,
        facts=resource.facts,
    )
    reason = _kept_down(resource, exemption, owner, own_schedule, now, owned_by_two)
    if reason is not None or rule is None or own_schedule.schedule is None:
        return replace(kept, reason_code=reason.code, reason=reason.sentence) if reason else kept
    answer = own_schedule.schedule.at(now)
    evidence = policy.evidence.get(resource.kind, StopEvidence())
    return decide_in_running_time(kept, rule, own_schedule.schedule.name, answer, known.remembered, evidence)


def _kept_down(
    resource: Resource,
    exemption: Exemption | None,
    owner: Owner,
    own_schedule: OwnSchedule,
    now: datetime,
    owned_by_two: Callable[[Rule], Reason | None],
) -> Reason | None:
    """Why it is left down; None where its rule starts it, unless it was stopped by others. What opts out is left alone,
    in either direction.
    """
    rule = owner.rule
    if exemption is not None:
        return Reason(ReasonCode.EXEMPT, exemption_sentence(exemption))
    if rule is None:
        return _not_running(resource)
    if owner.unknown is not None:
        return _kept_by_its_owner(owner)
    if rule.start is StartForm.NEVER:
        return _not_running(resource)
    by_schedule = None
    if own_schedule.unknown:
        by_schedule = Reason(ReasonCode.UNKNOWN_SCHEDULE, own_schedule.unknown)
    elif own_schedule.schedule is None or own_schedule.schedule.state_at(now) is not ScheduleState.RUNNING:
        by_schedule = _not_running(resource)
    return _obstacle_to(resource) or owned_by_two(rule) or _without_a_turn(resource) or by_schedule


def _reason_to_keep(
    resource: Resource,
    exemption: Exemption | None,
    owner: Owner,
    own_schedule: OwnSchedule,
    now: datetime,
    owned_by_two: Callable[[Rule], Reason | None],
    left_running: Callable[[Rule], Reason | None],
) -> Reason | None:
    """The first that there is; None where it is to be stopped, or tagged, which needs no state."""
    if owner.rule is not None and owner.rule.action in _STOPS_NOTHING:
        exempt = Reason(ReasonCode.EXEMPT, exemption_sentence(exemption)) if exemption is not None else None
        return exempt or _kept_by_its_owner(owner) or owned_by_two(owner.rule)
    keep = _kept_by_itself(resource, exemption)
    if keep is not None or owner.rule is None:
        return keep or _kept_by_its_owner(owner)
    rule = owner.rule
    if owner.unknown is not None:
        return _kept_unmeasured(rule, own_schedule, resource, now) or _kept_by_its_owner(owner)
    by_itself = _without_a_turn(resource) or _kept_by_schedule(rule, own_schedule, resource, now)
    kept = owned_by_two(rule) or by_itself or left_running(rule)
    return kept or _losses_reason_to_keep(rule, resource.losses)


def _kept_unmeasured(rule: Rule, own: OwnSchedule, resource: Resource, now: datetime) -> Reason | None:
    """CloudWatch is not asked about what is kept whatever it says: then that keeps it, and not what was not asked."""
    if resource.measured is not None or not any(True for _ in rule.where.metrics()):
        return None
    by_itself = _without_a_turn(resource) or _kept_by_schedule(rule, own, resource, now)
    keep = by_itself or _losses_reason_to_keep(rule, resource.losses)
    if keep is None:
        return None
    may_own = f"Rule {rule.name} may own it, by metrics that were not read, and would keep it all the same"
    text = f"{may_own}: {keep.sentence.removeprefix(f'Rule {rule.name} owns it, but ')}"
    return Reason(ReasonCode.UNKNOWN_CONDITION, text)


def _kept_by_itself(resource: Resource, exemption: Exemption | None) -> Reason | None:
    if resource.state is ResourceState.STOPPING:
        return _still_stopping(resource)
    if exemption is not None:
        return Reason(ReasonCode.EXEMPT, exemption_sentence(exemption))
    if resource.state is not ResourceState.RUNNING:
        return _not_running(resource)
    return _obstacle_to(resource)


def _not_running(resource: Resource) -> Reason:
    return Reason(ReasonCode.NOT_RUNNING, f"It is {resource.aws_state}, not running; the next sweep looks again.")


def _obstacle_to(resource: Resource) -> Reason | None:
    if resource.obstacle is None:
        return None
    return Reason(ReasonCode(resource.obstacle.code), resource.obstacle.sentence)


def _without_a_turn(resource: Resource) -> Reason | None:
    """Whoever wrote the tag meant it to be stopped, or started, before or after something else: it is not guessed."""
    wrong = malformed_order(resource.tags)
    return Reason(ReasonCode.MALFORMED_ORDER, f"When its turn is, is unknown: the tag {wrong}.") if wrong else None


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


def _kept_by_schedule(rule: Rule, own: OwnSchedule, resource: Resource, now: datetime) -> Reason | None:
    """After what two policies own: that is so at any hour, and a preview by day shows it."""
    if own.unknown:
        return Reason(own.code, own.unknown)
    if own.schedule is None:
        return None
    answer = own.schedule.at(now)
    if answer.state is ScheduleState.STOPPED:
        return started_by_hand(rule, own, answer, resource, now)
    until = _until(own.schedule, answer)
    if answer.state is ScheduleState.EITHER:
        return _either(rule.name, own.label, until)
    return _scheduled(rule.name, own.label, until)


def _until(schedule: Schedule, answer: ScheduleAnswer) -> str:
    return local_text(answer.until, schedule.timezone) if answer.until is not None else ""


def _inside(own: OwnSchedule, now: datetime) -> InsideSchedule | None:
    if own.schedule is None:
        return None
    answer = own.schedule.at(now)
    return _inside_until(own.schedule.name, answer.until, _until(own.schedule, answer))


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


def _reason_to_stop(rule: Rule | None, own: OwnSchedule, now: datetime) -> Reason:
    assert rule is not None, "a resource without a rule is always kept"
    if own.schedule is None:
        return _any_time(rule.name)
    return _stopped(rule.name, own.label, _until(own.schedule, own.schedule.at(now)))


def _and_starts_again(reason: Reason, resource: Resource, effects: Mapping[str, StopEffects]) -> Reason:
    """With what starts it again, by its own facts and by what is so of its kind."""
    own, of_kind = resource.facts.get(STARTS_AGAIN), effects.get(resource.kind)
    of_each = started_again(of_kind, 1) if of_kind is not None else ()
    return _and(reason, *((str(own),) if own else ()), *of_each) if own or of_each else reason


# One sentence for all that a rule decides alike, and not one for each of ten thousand resources.


@lru_cache(maxsize=4096)
def _and(reason: Reason, *sentences: str) -> Reason:
    return reason._replace(sentence=" ".join((reason.sentence, *sentences)))


@lru_cache(maxsize=4096)
def _scheduled(rule: str, schedule: str, until: str) -> Reason:
    text = f"Rule {rule} owns it, but its schedule {schedule} says that it should run now"
    return Reason(ReasonCode.SCHEDULE, f"{text}, until {until}." if until else f"{text}.")


@lru_cache(maxsize=4096)
def _either(rule: str, schedule: str, until: str) -> Reason:
    text = f"Rule {rule} owns it, and its schedule {schedule} asks neither that it runs nor that it is stopped"
    return Reason(ReasonCode.EITHER_BY_SCHEDULE, f"{text}, until {until}." if until else f"{text}.")


@lru_cache(maxsize=4096)
def _stopped(rule: str, schedule: str, until: str) -> Reason:
    text = f"Rule {rule} owns it and its schedule {schedule} is outside of its running hours"
    return Reason(ReasonCode.OUTSIDE_SCHEDULE, f"{text}, until {until}." if until else f"{text}.")


@lru_cache
def _any_time(rule: str) -> Reason:
    return Reason(ReasonCode.ANY_TIME, f"Rule {rule} owns it and may stop it at any time.")


@lru_cache(maxsize=4096)
def _inside_until(schedule: str, until: datetime | None, until_text: str) -> InsideSchedule:
    return InsideSchedule(schedule, until, until_text)


_NO_SCHEDULE = OwnSchedule(None)
_STOPS_NOTHING = (Action.TAG, Action.NOTIFY)
_NO_RULE = Reason(ReasonCode.NO_RULE, "No rule of the policy matches it.")
