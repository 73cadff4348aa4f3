"""What is done to a resource."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What is done to a resource. Whether it goes down or up hangs on the action, not on the sweep."""

    STOP = "stop"
    HIBERNATE = "hibernate"
    START = "start"
    """Undoing a stop; no rule can ask for it."""

    @property
    def starts(self) -> bool:
        """Whether the resource is running afterwards."""
        return self is Action.START
