"""The two directions of an action, stopping and starting, as values: all in which they differ, whatever the kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.model import Action, OutcomeStatus, ResourceState

_UP = frozenset({ResourceState.STARTING, ResourceState.RUNNING})
_DOWN = frozenset({ResourceState.STOPPING, ResourceState.STOPPED})


@dataclass(frozen=True, slots=True)
class Transition:
    """Where resources are to be, and what each way of getting there is called in the report."""

    reached_states: Mapping[ResourceState, OutcomeStatus]
    """The states that are wanted, the passing one and the final one."""
    done_before: frozenset[ResourceState]
    """What was in such a state before it was asked for got there by someone else. A start that passes may fall back."""
    earlier_states: frozenset[ResourceState]
    """States from which it can still get there."""
    accepted_status: OutcomeStatus
    """The status of an action that AWS accepted, before the resource was described afterwards."""
    already_status: OutcomeStatus
    verb: str
    done: str
    not_seen_code: str
    """For what AWS accepted and what did not happen."""


STOP = Transition(
    reached_states={ResourceState.STOPPING: OutcomeStatus.STOPPING, ResourceState.STOPPED: OutcomeStatus.STOPPED},
    done_before=_DOWN,
    earlier_states=_UP,
    accepted_status=OutcomeStatus.STOPPING,
    already_status=OutcomeStatus.ALREADY_STOPPED,
    verb="stop",
    done="stopped",
    not_seen_code="StillRunning",
)
START = Transition(
    reached_states={ResourceState.STARTING: OutcomeStatus.STARTING, ResourceState.RUNNING: OutcomeStatus.STARTED},
    done_before=frozenset({ResourceState.RUNNING}),
    earlier_states=_DOWN,
    accepted_status=OutcomeStatus.STARTING,
    already_status=OutcomeStatus.ALREADY_RUNNING,
    verb="start",
    done="started",
    not_seen_code="StillStopped",
)


def transition_of(action: Action) -> Transition:
    """The direction of the action."""
    return START if action.starts else STOP
