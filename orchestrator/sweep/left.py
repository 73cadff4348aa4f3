"""What an undo that ended early left, in words, and the command that does it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.core.model import Coverage, Outcome, OutcomeStatus, TargetStatus

_OPTIONS = (("accounts", "--account"), ("regions", "--region"), ("resources", "--resource"))
_FLAGS = (("failed_health", "--only-failed-health"), ("outside_schedule", "--outside-schedule"))


def undo_command(source_sweep_id: str, only: Mapping[str, Any]) -> str:
    """The command line of an undo of that sweep; `only` narrows it, as of UndoFilter.as_item."""
    words = ["stop-orchestrator", "undo", source_sweep_id]
    for name, option in _OPTIONS:
        words += [word for value in only.get(name, ()) for word in (option, str(value))]
    return shlex.join([*words, *(option for name, option in _FLAGS if only.get(name))])


def what_is_left(coverage: Iterable[Coverage], outcomes: Iterable[Outcome], what: str = "starts") -> str:
    """What was not looked at, not attempted, or is unknown; empty where nothing is left. `what` the outcomes are of."""
    statuses = [one.status for one in outcomes]
    rows = list(coverage)
    targets = {(row.account_id, row.region) for row in rows}
    unread = {(row.account_id, row.region) for row in rows if row.status is TargetStatus.NOT_ATTEMPTED}
    counts = (
        ("not looked at", len(unread), len(targets), "accounts x regions"),
        ("not attempted", statuses.count(OutcomeStatus.NOT_ATTEMPTED), len(statuses), what),
        ("unknown", statuses.count(OutcomeStatus.UNKNOWN), len(statuses), what),
    )
    return ", ".join(f"{how}: {count} of {every} {each}" for how, count, every, each in counts if count)
