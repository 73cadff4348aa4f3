"""Is a planned stop still right? Asked again just before it, with fresh eyes: what changed since the plan is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import Account, Decision, Resource, Tags, Verdict
from orchestrator.core.policy.org_policy import OrgPolicy

CHANGED = "Changed since the plan:"


def kept_since(
    planned: Decision, fresh: Resource | None, policy: OrgPolicy, account: Account, now: datetime
) -> str | None:
    """Why the resource is kept although the plan would stop it, as one sentence; None when the plan still holds.

    `fresh` is the resource as it is now, None when AWS does not know it any more; `account` with its tags as of now.
    """
    reason = next(_changes(planned, fresh, policy, account, now), None)
    return f"{CHANGED} {reason}" if reason else None


def _changes(
    planned: Decision, fresh: Resource | None, policy: OrgPolicy, account: Account, now: datetime
) -> Iterator[str]:
    before = planned.resource
    if fresh is None:
        yield "it is gone."
        return
    if fresh.state != before.state:
        yield f"it was {before.state} and is {fresh.state}."
    if fresh.facts.get("launched_at") != before.facts.get("launched_at"):
        yield f"it was started again at {fresh.facts.get('launched_at')}."
    decision = decide(policy, fresh, account, now)
    if decision.verdict is Verdict.KEEP:
        yield f"{decision.reason[0].lower()}{decision.reason[1:]}"
    if (decision.rule, decision.action) != (planned.rule, planned.action):
        yield f"rule {decision.rule} owns it now, with the action {decision.action.value}."
    if fresh.tags != before.tags:
        yield f"its tags are others ({'; '.join(_tag_changes(before.tags, fresh.tags))})."


def _tag_changes(before: Tags, after: Tags) -> Iterator[str]:
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield f"{key}: {_shown(before, key)} -> {_shown(after, key)}"


def _shown(tags: Mapping[str, str], key: str) -> str:
    return repr(tags[key]) if key in tags else "absent"
