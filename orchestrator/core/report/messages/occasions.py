"""Of what a sweep's report is news, and whether it is any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.model import Mode, SweepStatus
from orchestrator.core.model.notification import Occasion
from orchestrator.core.report.document import YIELDED
from orchestrator.core.report.endings import was_declined

_PLANS = (Mode.PLAN, Mode.APPROVE)
_HOLES = ("denied", "failed_targets", "not_attempted_targets")
_NOT_DONE = ("failed", "unknown", "not_attempted")


def occasion_of(document: Mapping[str, Any]) -> Occasion:
    """Which one it is. A plan is one even where not all was read; what an error ended, or was to act and had no
    consent, is incomplete.
    """
    status = document["status"]
    if status == SweepStatus.HELD:
        return Occasion.HELD
    if status in (SweepStatus.FAILED, SweepStatus.ABANDONED, SweepStatus.ABORTED) or document["consent_missing"]:
        return Occasion.INCOMPLETE
    if document["mode"] in _PLANS:
        return Occasion.PLANNED
    return Occasion.COMPLETED if status == SweepStatus.COMPLETE else Occasion.INCOMPLETE


def is_quiet(document: Mapping[str, Any]) -> bool:
    """Whether nothing happened: no action, no failure, nothing unread, nothing held. Nobody is told of it.

    Nor of what a person at a terminal declined, and of a plan that ended for a sweep that acts.
    """
    error = str(document["error"])
    if was_declined(error) or error.startswith(YIELDED):
        return True
    totals = document["totals"]
    happened = totals["planned"] or any(totals.get(name, 0) for name in _NOT_DONE)
    told = error or document["consent_missing"] or document["status"] == SweepStatus.HELD
    return not (happened or told or has_holes(document))


def has_holes(document: Mapping[str, Any]) -> bool:
    """Whether something in scope was not read."""
    return any(document["totals"].get(name, 0) for name in _HOLES)


def is_warning(document: Mapping[str, Any]) -> bool:
    """Whether it is a preview that warns owners (`notify_before`): decided for a later moment, and no what-if, which
    is in no store.
    """
    return bool(document.get("as_of"))
