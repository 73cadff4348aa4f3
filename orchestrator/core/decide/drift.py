"""Is a planned stop or start still right? Rechecked just before it, on fresh data: what changed since is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.members import Members, decide_members
from orchestrator.core.decide.notice import planned_notices
from orchestrator.core.decide.other_policies import CoOwner
from orchestrator.core.model import (
    Account,
    Decision,
    Reason,
    ReasonCode,
    Resource,
    ResourceKey,
    ResourceState,
    Tags,
    Verdict,
    time_text,
)
from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.marks import MARKS, STOPPED_BY_TAG
from orchestrator.core.model.remembered import NOTHING_REMEMBERED, Remembered
from orchestrator.core.model.tagging import tagging_of
from orchestrator.core.model.units import instances_text, units_of
from orchestrator.core.policy.org_policy import OrgPolicy

_CHANGED = "Changed since the plan:"
_ON_ITS_WAY = {
    ResourceState.STOPPING: ReasonCode.STILL_STOPPING,
    ResourceState.STARTING: ReasonCode.IN_TRANSITION,
    ResourceState.UNKNOWN: ReasonCode.IN_TRANSITION,
}
"""Of what was to be started: why it is kept for now, so that another undo is due."""


def kept_since(
    planned: Decision,
    fresh: Resource | None,
    policy: OrgPolicy,
    account: Account,
    now: datetime,
    others: Sequence[CoOwner] = (),
    remembered: Remembered = NOTHING_REMEMBERED,
) -> Reason | None:
    """Why the resource is kept although the plan would stop it; None when the plan still holds.

    `fresh` is the resource as it is now, None when AWS does not know it any more; `account` with its tags as of now,
    `others` the other active policies; `remembered` has who opted out by a link since, and what sweeps hold down.
    """
    if fresh is None:
        return changed("it is gone.")
    known = replace(remembered, notices=planned_notices(planned).notices)
    decision = decide(policy, fresh, account, now, others, known)
    if decision.reason_code is ReasonCode.UNREADABLE_LEDGER:
        return not_seen_again(_within_sentence(decision))
    if decision.reason_code is ReasonCode.OWNED_BY_TWO_POLICIES:  # not only now: until one of them excludes it
        return changed(_within_sentence(decision))._replace(code=decision.reason_code)
    evidence = policy.evidence.get(fresh.kind, StopEvidence())
    reason = next(_changes(planned, fresh, decision, evidence.start_needs), None)
    return changed(reason) if reason else None


def start_kept_since(
    planned: Decision,
    fresh: Resource | None,
    policy: OrgPolicy,
    account: Account,
    now: datetime,
    others: Sequence[CoOwner],
    remembered: Remembered,
) -> Reason | None:
    """The same for a start that a rule asks for: it is decided again, by what is remembered of it as of now too.

    It has to be down as it was, with the same tags: then nobody touched it since.
    """
    touched = next(_touched(planned.resource, fresh), None)
    if touched is not None or fresh is None:
        return changed(touched or "it is gone.")
    decision = decide(policy, fresh, account, now, others, remembered)
    if decision.reason_code is ReasonCode.OWNED_BY_TWO_POLICIES:
        return changed(_within_sentence(decision))._replace(code=decision.reason_code)
    if decision.reason_code is ReasonCode.UNREADABLE_LEDGER:
        return not_seen_again(_within_sentence(decision))
    reason = next(_start_changes(planned, fresh, decision), None)
    return changed(reason) if reason else None


def _start_changes(planned: Decision, fresh: Resource, decision: Decision) -> Iterator[str]:
    if decision.verdict is not Verdict.START:
        yield _within_sentence(decision)
    if decision.rule != planned.rule:
        yield f"rule {decision.rule} owns it now."
    changes = "; ".join(_tag_changes(planned.resource.tags, fresh.tags))
    if changes:
        yield f"its tags are others ({changes})."


def kept_down_since(planned: Decision, fresh: Resource | None, max_fact_age: timedelta, now: datetime) -> Reason | None:
    """For the start of an undo: why it is kept although it was planned; None when the plan still holds.

    It has to be down as it was when it was planned, with the same marks, or with none where the start writes its mark
    again: then nobody touched it since. A tag that spares a resource forbids no start.
    """
    reason = next(_touched(planned.resource, fresh), None)
    if reason is not None:
        state = fresh.state if fresh is not None else ResourceState.GONE
        code = _ON_ITS_WAY.get(state) if state is not planned.resource.state else None
        return changed(reason)._replace(code=code or ReasonCode.CHANGED)
    read_at = planned.facts_read_at
    if read_at is None or timedelta() <= now - read_at <= max_fact_age:
        return None
    text = f"What made it be started was read at {time_text(read_at)}, which is too long ago to count by now."
    return Reason(ReasonCode.NOT_SEEN_AGAIN, text)


def tagged_since(planned: Decision, fresh: Resource | None) -> Reason | None:
    """For an undo of tags: why they are kept although they were to be deleted; None when they are as they were."""
    if fresh is None:
        return changed("it is gone.")
    others = [key for key, value in tagging_of(planned.resource.restore).items() if fresh.tags.get(key) != value]
    return changed(f"its tag {' and '.join(others)} is another, or is gone.") if others else None


def may_be_behind(planned: Resource, fresh: Resource | None) -> bool:
    """For a start: whether what is seen now may be from before what was planned, as AWS answers from several places.

    Nobody started it since, by its times, and it is not down as it was.
    """
    if fresh is None or fresh.state is planned.state:
        return False
    return fresh.state is ResourceState.STOPPING or is_from_before(planned, fresh)


def is_from_before(planned: Resource, fresh: Resource) -> bool:
    """Of what was planned to be started: whether it is shown running as it was before it was down.

    A start changes when it was started; kinds of which AWS does not say that are believed.
    """
    is_up = fresh.state is ResourceState.RUNNING is not planned.state and fresh.started_at is not None
    return is_up and fresh.started_at == planned.started_at


def not_seen_again(why: object) -> Reason:
    """The reason for what could not be looked at right before its action."""
    return Reason(ReasonCode.NOT_SEEN_AGAIN, f"It could not be looked at again: {why}")


def changed(what: str) -> Reason:
    """The reason for what is not as it was planned; `what` goes on in the middle of the sentence."""
    return Reason(ReasonCode.CHANGED, f"{_CHANGED} {what}")


def keep_after_all(
    decisions: Iterable[Decision], kept: Mapping[ResourceKey, Reason], members: Members
) -> tuple[Decision, ...]:
    """The same decisions, but for what was kept right before its action: those say so, and why; what belongs to one of
    them stays with it.
    """
    found = tuple(
        replace(decision, verdict=Verdict.KEEP, reason_code=reason.code, reason=reason.sentence)
        if (reason := kept.get(decision.resource.key)) is not None
        else decision
        for decision in decisions
    )
    return decide_members(found, members) if kept else found


def _changes(planned: Decision, fresh: Resource, decision: Decision, needed: Collection[str]) -> Iterator[str]:
    """`decision` is the one of now, about `fresh`; `needed`: what a later start takes of it, such as sizes.

    What else a start gives back has to be as it was planned too, where the kind tells it of what is there now.
    """
    before = planned.resource
    if fresh.aws_state != before.aws_state:
        yield f"it was {before.aws_state} and is {fresh.aws_state}."
    if fresh.started_at != before.started_at:
        yield f"it was started again at {time_text(fresh.started_at)}."
    if decision.verdict is Verdict.KEEP:
        yield _within_sentence(decision)
    if (decision.rule, decision.action) != (planned.rule, planned.action):
        yield f"rule {decision.rule} owns it now, with the action {decision.action.value}."
    for name in sorted({*needed, *fresh.restore}):
        if fresh.restore.get(name) != before.restore.get(name):
            yield f"its {name} was {before.restore.get(name)} and is {fresh.restore.get(name)}."
    if units_of(fresh) > units_of(before):  # the guardrails passed what it ran then
        yield f"it runs {instances_text(units_of(fresh))}, and ran {units_of(before):,}."
    if tagging_of(decision.resource.restore) != tagging_of(before.restore):
        yield "other tags are due than those that were planned."
    changes = "; ".join(_tag_changes(before.tags, fresh.tags))
    if changes:
        yield f"its tags are others ({changes})."


def _within_sentence(decision: Decision) -> str:
    return f"{decision.reason[0].lower()}{decision.reason[1:]}"


def _touched(before: Resource, fresh: Resource | None) -> Iterator[str]:
    if fresh is None or fresh.state is not before.state:
        yield f"it is {fresh.aws_state if fresh else 'gone'}."
        return
    if fresh.started_at != before.started_at:
        yield f"it was started at {time_text(fresh.started_at)}, and stopped again."
    if fresh.changed_at != before.changed_at:
        yield f"it was stopped again at {time_text(fresh.changed_at)}."
    by, vouched_for = fresh.tags.get(STOPPED_BY_TAG), before.restore.get(STOPPED_BY_TAG)
    if vouched_for and (not by or by == vouched_for):
        return
    for key in MARKS:
        if fresh.tags.get(key) != before.tags.get(key):
            yield f"its mark is another ({key}: {_shown(before.tags, key)} -> {_shown(fresh.tags, key)})."


def _tag_changes(before: Tags, after: Tags) -> Iterator[str]:
    """Our own marks are no change: a process that died may have written them before it asked for the stop."""
    for key in sorted({*before, *after} - {*MARKS}):
        if before.get(key) != after.get(key):
            yield f"{key}: {_shown(before, key)} -> {_shown(after, key)}"


def _shown(tags: Mapping[str, str], key: str) -> str:
    return repr(tags[key]) if key in tags else "absent"
