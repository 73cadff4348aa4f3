"""How a sweep ended, for people: a report's status and `error` in, words without the names of our exceptions out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator import errors
from orchestrator.core.model import Mode, OutcomeStatus, Verdict

DECLINED = "Declined: nobody confirmed it, and nothing was done."
DONE = {
    Verdict.STOP: frozenset({OutcomeStatus.STOPPED, OutcomeStatus.STOPPING}),
    Verdict.START: frozenset({OutcomeStatus.STARTED}),
}
"""What was seen of an action that came to its end; of a start only that it runs."""
FAILED = frozenset({OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN})


def was_declined(error: str) -> bool:
    """Whether the person at the terminal did not confirm it: nothing was agreed to that is left undone."""
    return error.startswith(f"{errors.NotConfirmedError.__name__}:")


def ended_by(error: str) -> str:
    """Of an exception of ours its message alone; of any other its name may be all that there is."""
    name, _, message = error.partition(": ")
    kind = getattr(errors, name, None)
    return message if isinstance(kind, type) and issubclass(kind, errors.StopOrchestratorError) else error


def status_of(document: Mapping[str, Any]) -> str:
    """Its status for people: what was declined is no failure."""
    return "declined" if was_declined(document["error"]) else str(document["status"])


def acted(document: Mapping[str, Any]) -> bool:
    """Whether it was there to act, and nobody declined that."""
    return Mode(document["mode"]).acts and not was_declined(document["error"])
