"""What was to be started and is down: whether it came up meanwhile, and who stopped it again, by times and marks."""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.model import Resource, ResourceState, time_text
from orchestrator.core.model.marks import STOPPED_BY_TAG, SWEEP_ID

STOPPED_AGAIN = "StoppedAgain"
"""The code of what was started, or may have been, and was stopped again since: that start did not fail."""
_DOWN = frozenset({ResourceState.STOPPING, ResourceState.STOPPED})


def stopped_again(planned: Resource, fresh: Resource, asked: datetime | None) -> str:
    """When and by whom it was stopped after that start was asked for; empty where nothing says that it was.

    `planned` is the resource as it was before, which was down; `fresh` as it is now.
    """
    if fresh.state not in _DOWN or fresh.start_failure is not None:
        return ""
    by = _another_sweep(planned, fresh)
    if _went_down_since(planned, fresh, asked):
        return f"stopped again at {time_text(fresh.changed_at)} by {by or 'somebody else'}"
    return f"stopped again by {by}" if by else ""


def _went_down_since(planned: Resource, fresh: Resource, asked: datetime | None) -> bool:
    """AWS tells whole seconds."""
    if fresh.changed_at is None:
        return False
    if planned.changed_at is not None:
        return fresh.changed_at > planned.changed_at
    return asked is not None and fresh.changed_at >= asked.replace(microsecond=0)


def _another_sweep(planned: Resource, fresh: Resource) -> str:
    """Whose mark it has in place of the one that it had: a sweep marks what runs, and stops it then."""
    before = planned.tags.get(STOPPED_BY_TAG) or planned.restore.get(STOPPED_BY_TAG)
    by = fresh.tags.get(STOPPED_BY_TAG, "")
    return f"sweep {by}" if before and by != before and SWEEP_ID.fullmatch(by) else ""
