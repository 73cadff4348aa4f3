"""What was to be started and is down: whether it came up meanwhile, and who stopped it again, by times and marks."""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.decide.whose import is_after, is_before
from orchestrator.core.model import Resource, ResourceState, time_text
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG, SWEEP_ID
from orchestrator.core.model.times import whole_second

STOPPED_AGAIN = "StoppedAgain"
"""The code of what was started, or may have been, and was stopped again since: that start did not fail."""
_DOWN = frozenset({ResourceState.STOPPING, ResourceState.STOPPED})


def stopped_again(planned: Resource, fresh: Resource, asked: datetime | None) -> str:
    """When and by whom it was stopped after that start was asked for; empty where nothing says that it was.

    `planned` is the resource as it was before, which was down; `fresh` as it is now. Either may be an older answer of
    AWS's than it should be: a mark that differs says nothing by itself.
    """
    if fresh.state not in _DOWN or fresh.start_failure is not None or asked is None:
        return ""
    by, marked_at = _another_sweep(planned, fresh), _marked_at(fresh)
    if _went_down_since(planned, fresh, asked):
        is_named = by and marked_at is not None and not is_before(marked_at, asked)
        return f"stopped again at {time_text(fresh.changed_at)} by {by if is_named else 'somebody else'}"
    return f"stopped again by {by}" if by and marked_at is not None and is_after(marked_at, asked) else ""


def _went_down_since(planned: Resource, fresh: Resource, asked: datetime) -> bool:
    """By AWS's own times; by the process's clock only where AWS does not say when it went down or was started before.

    A sweep's stop of before, shown late, was before the start.
    """
    down = fresh.changed_at
    if down is None:
        return False
    if planned.changed_at is not None:
        return down > planned.changed_at
    if planned.started_at is not None and fresh.started_at is not None:
        return fresh.started_at > planned.started_at and down >= whole_second(fresh.started_at)
    return is_after(down, asked)


def _another_sweep(planned: Resource, fresh: Resource) -> str:
    """Whose mark it has, where that is neither the sweep that is undone nor the one of the mark that it had.

    A sweep writes both tags.
    """
    if fresh.tags.get(STOPPED_AT_TAG) == planned.tags.get(STOPPED_AT_TAG):
        return ""
    known = {tags.get(STOPPED_BY_TAG) for tags in (planned.tags, planned.restore)}
    by = fresh.tags.get(STOPPED_BY_TAG, "")
    return f"sweep {by}" if known - {None, ""} and by not in known and SWEEP_ID.fullmatch(by) else ""


def _marked_at(fresh: Resource) -> datetime | None:
    """When it was marked by its tag; None for what is no time with a zone, as a person may have written it."""
    try:
        at = datetime.fromisoformat(fresh.tags.get(STOPPED_AT_TAG, ""))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
