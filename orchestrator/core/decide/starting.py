"""Starting in the morning: what is down in its running time, and is to run by a rule with a `start`.

What was stopped within the present running time was stopped by hand, and stays stopped; so does what nothing dates.
`what_was_stopped` starts only what mark, ledger and AWS's times agree on: a sweep stopped it, and nobody touched it
since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from orchestrator.core.decide.owner import owner_of
from orchestrator.core.decide.undo import fell_back, lacks_size, why_not_down_by, with_started_units
from orchestrator.core.decide.whose_schedule import schedule_of
from orchestrator.core.model import (
    Account,
    AccountId,
    Action,
    Decision,
    Reason,
    ReasonCode,
    Resource,
    ResourceState,
    Verdict,
    time_text,
)
from orchestrator.core.model.action import StartForm
from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.core.model.remembered import Remembered, RememberedStop
from orchestrator.core.policy.org_policy import OrgPolicy, Rule
from orchestrator.core.policy.schedules.answer import ScheduleAnswer, ScheduleState

_NO_CAPACITY = "capacity"
"""In AWS's codes of a start that came to nothing because AWS had no room for it, and of no other:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
"""


def may_be_down(resource: Resource) -> bool:
    """Whether it is down: stopped, or in a state in which a start that came to nothing left it."""
    left_by_a_start = resource.state is ResourceState.UNKNOWN and resource.start_failure is not None
    return resource.state is ResourceState.STOPPED or left_by_a_start


def decide_in_running_time(
    kept: Decision,
    rule: Rule,
    schedule: str,
    answer: ScheduleAnswer,
    remembered: Remembered,
    evidence: StopEvidence,
) -> Decision:
    """Start or keep for what is down although its schedule says that it should run now; nothing else is in the way.

    `kept` is the decision to keep it.
    """
    resource = kept.resource
    stop = remembered.stops.get(resource.key)
    seen = resource
    if stop is not None:
        seen = replace(resource, restore={**stop.restore, **resource.restore})
        if stop.start_failed_at is not None and stop.start_asked_at is not None:
            # The sweep that asked for the start saw it down again: nobody else shut it down.
            saw_it_down = stop.start_failed_at > stop.start_asked_at
            seen = replace(seen, may_have_run=seen.may_have_run and not saw_it_down)
    facts = {
        **resource.facts,
        "stopped_at": time_text(resource.changed_at),
        "running_time_since": time_text(answer.since),
        "stopped_by": stop.sweep_id if stop is not None else None,
    }
    stopped_at = seen.changed_at
    if not evidence.is_dated and stop is not None and seen.tags.get(STOPPED_BY_TAG) == stop.sweep_id:
        stopped_at = stop.requested_at
    reason = next(_reasons_to_keep(seen, rule, answer, stop, remembered.unread, stopped_at), None)
    reason = reason or next(lacks_size(seen, evidence), None)
    if reason is not None:
        return replace(kept, reason_code=reason.code, reason=reason.sentence, facts=facts)
    by = f"sweep {stop.sweep_id} stopped it" if stop and rule.start is StartForm.WHAT_WAS_STOPPED else "it is stopped"
    return replace(
        kept,
        resource=with_started_units(seen, evidence),
        verdict=Verdict.START,
        action=Action.START,
        reason_code=ReasonCode.IN_RUNNING_TIME,
        reason=f"Rule {rule.name} starts it: {by}, and its schedule {schedule} says that it should run now.",
        facts=facts,
    )


def asking_the_ledger(
    policy: OrgPolicy, resources: Iterable[Resource], accounts: Mapping[AccountId, Account], now: datetime
) -> Iterator[Resource]:
    """Those whose start hangs on what the ledger says: down and marked, in the running time of their rule.

    Of what AWS does not date the ledger has the time of the stop, whatever form the start has.
    """
    kinds = policy.starting_kinds
    for one in resources:
        if one.kind not in kinds or not one.tags.get(STOPPED_BY_TAG) or not may_be_down(one):
            continue
        account = accounts[one.target.account_id]
        owner = owner_of(policy, one, account, now)
        if owner.rule is None or owner.unknown is not None or owner.rule.start is StartForm.NEVER:
            continue
        is_dated = policy.evidence.get(one.kind, StopEvidence()).is_dated
        if owner.rule.start is StartForm.EVERYTHING and is_dated:
            continue
        own = schedule_of(policy, owner.rule, one, account)
        if not own.unknown and own.schedule and own.schedule.state_at(now) is ScheduleState.RUNNING:
            yield one


def _reasons_to_keep(
    seen: Resource,
    rule: Rule,
    answer: ScheduleAnswer,
    stop: RememberedStop | None,
    unread: str,
    stopped_at: datetime | None,
) -> Iterator[Reason]:
    if rule.start is StartForm.WHAT_WAS_STOPPED:
        yield from _not_by_us(seen, stop, unread)
    if not _came_to_nothing(seen, stop):
        yield from _by_hand(stopped_at, answer)
    if rule.start is StartForm.WHAT_WAS_STOPPED and stop is not None:
        reason = why_not_down_by(seen, stop)
        if reason is not None and reason.code is ReasonCode.UNKNOWN_SIZE:
            yield reason
        elif reason is not None:
            text = reason.sentence.replace("this sweep", f"sweep {stop.sweep_id}")
            yield Reason(ReasonCode.NOT_STOPPED_BY_US, text)


def _not_by_us(seen: Resource, stop: RememberedStop | None, unread: str) -> Iterator[Reason]:
    by = seen.tags.get(STOPPED_BY_TAG)
    if not by:
        text = f"It has no {STOPPED_BY_TAG} tag: no sweep stopped it, or somebody removed the mark."
        yield Reason(ReasonCode.NOT_STOPPED_BY_US, text)
    if unread:
        text = f"Whether a sweep stopped it is unknown: the ledger could not be read ({unread})."
        yield Reason(ReasonCode.UNREADABLE_LEDGER, text)
    if stop is None:
        yield Reason(ReasonCode.NOT_STOPPED_BY_US, f"Its mark names {by!r}; by the ledger no sweep holds it down.")
    elif by != stop.sweep_id:
        text = f"Its mark names {by!r}, and by the ledger sweep {stop.sweep_id} holds it down."
        yield Reason(ReasonCode.NOT_STOPPED_BY_US, text)


def _came_to_nothing(seen: Resource, stop: RememberedStop | None) -> bool:
    """Whether it is down because its last start did not last, which nobody did by hand; it is asked for again.

    Without a word of the ledger only for want of capacity, which nothing but a start can meet.
    """
    if seen.start_failure is None or seen.may_have_run:
        return False
    is_known = stop is not None and fell_back(seen, stop.start_asked_at)
    return is_known or _NO_CAPACITY in seen.start_failure.code.lower()


def _by_hand(stopped_at: datetime | None, answer: ScheduleAnswer) -> Iterator[Reason]:
    if stopped_at is None:
        text = (
            "Nothing says when it was stopped, so it may have been by hand within its running time: it stays stopped."
        )
        yield Reason(ReasonCode.STOP_UNDATED, text)
    elif answer.since is None or stopped_at >= answer.since:
        since = f" since {time_text(answer.since)}" if answer.since is not None else ""
        text = f"It was stopped at {time_text(stopped_at)}, within its running time{since}: it stays stopped."
        yield Reason(ReasonCode.STOPPED_BY_HAND, text)
