"""What is done to a resource."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What is done to a resource. Whether it goes down or up hangs on the action, not on the sweep."""

    STOP = "stop"
    HIBERNATE = "hibernate"
    START = "start"
    """Undoing a stop, or what a rule's `start` asks for; no rule has it as its action."""

    @property
    def starts(self) -> bool:
        """Whether the resource is running afterwards."""
        return self is Action.START


class StartForm(StrEnum):
    """What a rule starts in its running time."""

    NEVER = "never"
    WHAT_WAS_STOPPED = "what_was_stopped"
    """What a sweep stopped, by mark and ledger, and nobody touched since."""
    EVERYTHING = "everything"
    """Whatever the rule owns."""
