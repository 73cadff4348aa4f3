"""The two directions of an action on EC2 instances, stopping and starting, as values: all in which they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.model import Action, OutcomeStatus

_UP = frozenset({"pending", "running"})
_DOWN = frozenset({"stopping", "stopped"})


@dataclass(frozen=True, slots=True)
class Goal:
    """Where instances are to be, by which call, and what each way of getting there is called in the report."""

    operation: str
    answer: str
    """The list in its answer."""
    there: Mapping[str, OutcomeStatus]
    """The states that were wanted, the passing one and the final one."""
    not_there: frozenset[str]
    """States from which it can still get there: a refusal because of one of them passes."""
    promised: OutcomeStatus
    """What it is when AWS has accepted it and nobody has looked yet."""
    already: OutcomeStatus
    verb: str
    done: str
    not_seen: str
    """The code for what AWS accepted and what did not happen."""


STOP = Goal(
    operation="StopInstances",
    answer="StoppingInstances",
    there={"stopping": OutcomeStatus.STOPPING, "stopped": OutcomeStatus.STOPPED},
    not_there=_UP,
    promised=OutcomeStatus.STOPPING,
    already=OutcomeStatus.ALREADY_STOPPED,
    verb="stop",
    done="stopped",
    not_seen="StillRunning",
)
START = Goal(
    operation="StartInstances",
    answer="StartingInstances",
    there={"pending": OutcomeStatus.STARTING, "running": OutcomeStatus.STARTED},
    not_there=_DOWN,
    promised=OutcomeStatus.STARTING,
    already=OutcomeStatus.ALREADY_RUNNING,
    verb="start",
    done="started",
    not_seen="StillStopped",
)


def goal_of(action: Action) -> Goal:
    return START if action is Action.START else STOP
