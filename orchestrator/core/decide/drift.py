"""Is a planned stop still right? Rechecked just before it, on fresh data: what changed since the plan is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import (
    Account,
    Decision,
    Reason,
    ReasonCode,
    Resource,
    ResourceKey,
    Tags,
    Verdict,
    time_text,
)
from orchestrator.core.model.marks import MARKS
from orchestrator.core.policy.org_policy import OrgPolicy

_CHANGED = "Changed since the plan:"


def kept_since(
    planned: Decision, fresh: Resource | None, policy: OrgPolicy, account: Account, now: datetime
) -> Reason | None:
    """Why the resource is kept although the plan would stop it; None when the plan still holds.

    `fresh` is the resource as it is now, None when AWS does not know it any more; `account` with its tags as of now.
    """
    reason = next(_changes(planned, fresh, policy, account, now), None)
    return changed(reason) if reason else None


def still_in_state(planned: Decision, fresh: Resource | None) -> Reason | None:
    """For a start: why it is kept although it was planned; its state has to be the one that it was planned in."""
    if fresh is not None and fresh.state is planned.resource.state:
        return None
    return changed(f"it is {fresh.aws_state if fresh else 'gone'}.")


def changed(what: str) -> Reason:
    """The reason for what is not as it was planned; `what` goes on in the middle of the sentence."""
    return Reason(ReasonCode.CHANGED, f"{_CHANGED} {what}")


def keep_after_all(decisions: Iterable[Decision], kept: Mapping[ResourceKey, Reason]) -> tuple[Decision, ...]:
    """The same decisions, but for what was kept right before its action: those say so, and why."""
    return tuple(
        replace(decision, verdict=Verdict.KEEP, reason_code=reason.code, reason=reason.sentence)
        if (reason := kept.get(decision.resource.key)) is not None
        else decision
        for decision in decisions
    )


def _changes(
    planned: Decision, fresh: Resource | None, policy: OrgPolicy, account: Account, now: datetime
) -> Iterator[str]:
    before = planned.resource
    if fresh is None:
        yield "it is gone."
        return
    if fresh.aws_state != before.aws_state:
        yield f"it was {before.aws_state} and is {fresh.aws_state}."
    if fresh.started_at != before.started_at:
        yield f"it was started again at {time_text(fresh.started_at)}."
    decision = decide(policy, fresh, account, now)
    if decision.verdict is Verdict.KEEP:
        yield f"{decision.reason[0].lower()}{decision.reason[1:]}"
    if (decision.rule, decision.action) != (planned.rule, planned.action):
        yield f"rule {decision.rule} owns it now, with the action {decision.action.value}."
    changes = "; ".join(_tag_changes(before.tags, fresh.tags))
    if changes:
        yield f"its tags are others ({changes})."


def _tag_changes(before: Tags, after: Tags) -> Iterator[str]:
    """Our own marks are no change: a process that died may have written them before it asked for the stop."""
    for key in sorted({*before, *after} - {*MARKS}):
        if before.get(key) != after.get(key):
            yield f"{key}: {_shown(before, key)} -> {_shown(after, key)}"


def _shown(tags: Mapping[str, str], key: str) -> str:
    return repr(tags[key]) if key in tags else "absent"
