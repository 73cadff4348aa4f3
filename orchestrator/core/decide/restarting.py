"""What AWS starts again by itself some time after its stop, as databases: who started what a sweep holds down?

AWS does not say when such a resource was started. By the ledger a sweep holds it down, and it is seen running: before
AWS's own restart is near somebody started it by hand, at a time that nothing tells; from then on AWS did. What the
ledger does not have is an ordinary running resource: no sweep stopped it, or its start by a rule or an undo was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.core.decide.local_times import local_text
from orchestrator.core.decide.owner import owner_of
from orchestrator.core.decide.whose import is_after
from orchestrator.core.decide.whose_schedule import OwnSchedule, schedule_of
from orchestrator.core.model import (
    Account,
    AccountId,
    Decision,
    Reason,
    ReasonCode,
    Resource,
    ResourceState,
    Verdict,
    time_text,
)
from orchestrator.core.model.remembered import Remembered, RememberedStop
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.answer import ScheduleState

_AT_MOST_EARLIER = timedelta(hours=1)
"""So much less than it says AWS may leave it down: the time of the stop is the sweep's own."""
_DOWN = frozenset({ResourceState.STOPPING, ResourceState.STOPPED})


def asking_about_restarts(
    policy: OrgPolicy, resources: Iterable[Resource], accounts: Mapping[AccountId, Account], now: datetime
) -> Iterator[Resource]:
    """Those whose stop hangs on what the ledger says: they run in the stopped time of a rule that may keep them."""
    kinds = policy.restarted_kinds
    for one in resources:
        if one.kind not in kinds or one.state is not ResourceState.RUNNING or one.obstacle is not None:
            continue
        account = accounts[one.target.account_id]
        owner = owner_of(policy, one, account, now)
        if owner.rule is None or owner.unknown is not None or not owner.rule.action.stops:
            continue
        own = schedule_of(policy, owner.rule, one, account)
        if own.unknown or not _hangs_on_the_ledger(owner.rule, own):
            continue
        if own.schedule is None or own.schedule.state_at(now) is ScheduleState.STOPPED:
            yield one


def why_left_running(
    policy: OrgPolicy, rule: Rule, own: OwnSchedule, resource: Resource, remembered: Remembered, now: datetime
) -> Reason | None:
    """Why it is kept although nothing else is in the way of its stop; None where it is stopped like any other."""
    after = policy.restarted_after(resource.kind)
    if after is None or policy.ignores_schedules or not _hangs_on_the_ledger(rule, own):
        return None
    if remembered.unread:
        text = f"Who started it is unknown: the ledger could not be read ({remembered.unread})."
        return Reason(ReasonCode.UNREADABLE_LEDGER, text)
    stop = _stop_before(resource, remembered)
    zone = own.schedule.timezone if own.schedule is not None else policy.timezone
    return _why_kept(rule, own, stop, after, zone, now) if stop is not None else None


def _why_kept(
    rule: Rule, own: OwnSchedule, stop: RememberedStop, after: timedelta, zone: ZoneInfo | None, now: datetime
) -> Reason | None:
    if stop.requested_at is None:
        text = f"Sweep {stop.sweep_id} stopped it, and the ledger does not say when: it may have been started by hand"
        return Reason(ReasonCode.UNKNOWN_START, f"{text}, or again by AWS; rule {rule.name} keeps it.")
    restart = stop.requested_at + after
    stopped = f"sweep {stop.sweep_id} had stopped it at {local_text(stop.requested_at, zone)}"
    if now < restart - _AT_MOST_EARLIER:
        is_kept = rule.started_by_hand.kept and own.schedule is not None
        return _by_hand(rule, stopped, restart, zone) if is_kept else None
    if rule.stop_again:
        return None
    text = f"AWS started it again by itself, {_days(after)} after {stopped}"
    return Reason(ReasonCode.RESTARTED_BY_AWS, f"{text}; rule {rule.name} keeps that (stop_again: false).")


def _by_hand(rule: Rule, stopped: str, restart: datetime, zone: ZoneInfo | None) -> Reason:
    """The start was no earlier than the stop, and may have been just now: no time to keep it for is surely over."""
    until, by_aws = local_text(restart - _AT_MOST_EARLIER, zone), local_text(restart, zone)
    text = (
        f"It was started by hand: {stopped}, and AWS would start it again by itself only at {by_aws}; "
        f"nothing says when it was started, so rule {rule.name} keeps it until {until}."
    )
    return Reason(ReasonCode.STARTED_BY_HAND, text)


def with_restarts_told(decision: Decision, policy: OrgPolicy, remembered: Remembered, now: datetime) -> Decision:
    """The same decision; its reason says when AWS starts by itself what is down, or that it did so before a stop."""
    resource, after = decision.resource, policy.restarted_after(decision.resource.kind)
    if after is None:
        return decision
    if decision.verdict is Verdict.KEEP and resource.state in _DOWN and resource.changed_at is not None:
        text = f"{decision.reason} AWS starts it again by itself at {time_text(resource.changed_at + after)}."
        return replace(decision, reason=text)
    stop = _stop_before(resource, remembered) if decision.verdict is Verdict.STOP else None
    if stop is None or stop.requested_at is None or now < stop.requested_at + after - _AT_MOST_EARLIER:
        return decision
    since = f"sweep {stop.sweep_id} stopped it at {time_text(stop.requested_at)}"
    return replace(decision, reason=f"{decision.reason} AWS started it again by itself, {_days(after)} after {since}.")


def _hangs_on_the_ledger(rule: Rule, own: OwnSchedule) -> bool:
    """Whether it matters who started it. Without a schedule there are no hours after which that would be by hand."""
    return not rule.stop_again or (rule.started_by_hand.kept and own.schedule is not None)


def _stop_before(resource: Resource, remembered: Remembered) -> RememberedStop | None:
    """What holds it down, unless a sweep's start of it is under way or came up, or it was made anew since."""
    stop = remembered.stops.get(resource.key)
    if stop is None:
        return None
    asked, failed = stop.start_asked_at, stop.start_failed_at
    if asked is not None and (failed is None or failed < asked):
        return None
    made, stopped = resource.created_at, stop.requested_at
    return None if made is not None and stopped is not None and is_after(made, stopped) else stop


def _days(after: timedelta) -> str:
    return f"{after.days} days"
