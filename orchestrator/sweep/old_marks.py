"""The marks of what runs by now: an undo before this one asked for its start, and ended before it was up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.model import (
    Decision,
    Decisions,
    Outcome,
    OutcomeStatus,
    ReasonCode,
    ResourceKey,
    ResourceState,
    Target,
)
from orchestrator.core.model.marks import MARKS, STOPPED_BY_TAG
from orchestrator.ports import World
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.read import Unread, read_unless_halted

_Left = dict[ResourceKey, str]
"""Why the marks are there yet; empty where they are not. Without what was not seen up."""


def delete_old_marks(world: World, source_sweep_id: str, decisions: Decisions) -> Decisions:
    """The same decisions, each of something whose marks of that sweep are old with what came of them.

    A change in AWS, so it comes after the person's word; what does not run after all keeps its marks.
    """
    groups: dict[tuple[Target, str], list[Decision]] = {}
    for one in decisions.decisions:
        if _carries_old_marks(one, source_sweep_id):
            groups.setdefault((one.resource.target, one.resource.kind), []).append(one)
    if not groups:
        return decisions
    left: _Left = {}
    with Pool[_Left](world.workers) as pool:
        for (target, kind), old in groups.items():
            pool.submit(_delete, world, target, kind, old)
        for found in pool.results():
            left.update(found)
    return replace(
        decisions, decisions=tuple(_told_of_marks(one, left.get(one.resource.key)) for one in decisions.decisions)
    )


def _carries_old_marks(decision: Decision, source_sweep_id: str) -> bool:
    """Also a half of them that names no sweep: each sweep writes both tags at once, so it is none of another's."""
    resource = decision.resource
    is_up = decision.reason_code is ReasonCode.STARTED_SINCE and resource.state is ResourceState.RUNNING
    by, some = resource.tags.get(STOPPED_BY_TAG), any(key in resource.tags for key in MARKS)
    return is_up and some and (not by or by == source_sweep_id)


def _delete(world: World, target: Target, kind: str, old: Sequence[Decision]) -> _Left:
    """A thread's boundary: nothing is raised past it."""

    def delete() -> _Left:
        asked = [Outcome(one.resource, OutcomeStatus.STARTING) for one in old]
        with world.accounts.bind(target.account_id):
            seen = world.kind(kind).see_starts(target, asked)
        # EC2's answers may be behind: one from before its start is no news of what was just seen running.
        up = (one for one in seen if one.warnings or one.status is OutcomeStatus.STARTED)
        return {one.resource.key: "; ".join(one.warnings) for one in up}

    result = read_unless_halted(world, delete)
    if isinstance(result, Unread):
        return {one.resource.key: f"its marks are still there: {result.detail}" for one in old}
    return result


def _told_of_marks(decision: Decision, left: str | None) -> Decision:
    if left is None:
        return decision
    if not left:
        return replace(decision, reason=f"{decision.reason} Its marks were deleted.")
    return replace(decision, reason_code=ReasonCode.MARKS_LEFT, reason=f"{decision.reason[:-1]}; {left}.")
