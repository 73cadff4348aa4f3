"""Undoing what a sweep started: stop only what its rule, its schedule and its opt-outs let stop now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.core.decide.whose import is_after
from orchestrator.core.model import Action, Decision, Reason, ReasonCode, Resource, ResourceState, Verdict, time_text
from orchestrator.core.model.tagging import without_tagging

_ALL_THE_SAME = "To stop it all the same: undo with --outside-schedule."


@dataclass(frozen=True, slots=True)
class AskedStart:
    """A start that a sweep asked for."""

    sweep_id: str
    asked_at: datetime | None
    seen_at: datetime | None
    """When it was seen to run; None: it was not by then."""


def decide_undo_of_start(asked: AskedStart, decided: Decision) -> Decision:
    """Stop or keep. `decided` is what a sweep would do with the resource now."""
    keep = _not_by_it(asked, decided.resource)
    if keep is not None:
        return replace(decided, verdict=Verdict.KEEP, reason_code=keep.code, reason=keep.sentence)
    if decided.action.tags and decided.verdict is not Verdict.KEEP:
        return _nothing_written(asked, decided)
    more = f" {_ALL_THE_SAME}" if decided.reason_code is ReasonCode.SCHEDULE else ""
    return replace(decided, reason=f"Sweep {asked.sweep_id} started it. {decided.reason}{more}")


def _nothing_written(asked: AskedStart, decided: Decision) -> Decision:
    """An undo gives no notice and writes no tags for a rule: that is a sweep's to do."""
    is_notice = decided.reason_code is ReasonCode.NOTICE_GIVEN
    if is_notice:
        why = f"rule {decided.rule} stops it only after a notice"
    elif decided.action is Action.UNTAG:
        why = "a stop that was announced is to be withdrawn first, which is the next sweep's to do"
    else:
        why = f"rule {decided.rule} only writes tags"
    more = f" {_ALL_THE_SAME}" if is_notice else ""
    return replace(
        decided,
        resource=replace(decided.resource, restore=without_tagging(decided.resource.restore)),
        verdict=Verdict.KEEP,
        action=Action.STOP,
        reason_code=ReasonCode.NOTICE if is_notice else ReasonCode.TAGGED_BY_RULE,
        reason=f"Sweep {asked.sweep_id} started it, and {why}.{more}",
    )


def _not_by_it(asked: AskedStart, fresh: Resource) -> Reason | None:
    if fresh.state is ResourceState.GONE:
        return Reason(ReasonCode.GONE, f"It is {fresh.aws_state}: it is gone.")
    if fresh.state is ResourceState.STOPPING:
        return Reason(ReasonCode.STILL_STOPPING, f"It is {fresh.aws_state} already.")
    if fresh.state in (ResourceState.STARTING, ResourceState.UNKNOWN):
        text = f"It is {fresh.aws_state}, neither running nor stopped; undo again when it runs."
        return Reason(ReasonCode.IN_TRANSITION, text)
    if fresh.state is not ResourceState.RUNNING:
        return Reason(ReasonCode.NOT_RUNNING, f"It is {fresh.aws_state} already.")
    up_by = asked.seen_at or asked.asked_at
    if fresh.started_at is not None and up_by is not None and is_after(fresh.started_at, up_by):
        text = f"It was started at {time_text(fresh.started_at)}, and not by sweep {asked.sweep_id}."
        return Reason(ReasonCode.STARTED_SINCE, text)
    return None
