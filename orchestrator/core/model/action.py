"""What is done to a resource."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What is done to a resource. Whether it goes down or up hangs on the action, not on the sweep."""

    STOP = "stop"
    HIBERNATE = "hibernate"
    START = "start"
    """Undoing a stop, or what a rule's `start` asks for; no rule has it as its action."""
    TAG = "tag"
    """Writing tags, and nothing else."""
    UNTAG = "untag"
    """Deleting tags that a sweep wrote; no rule can ask for it."""
    NOTIFY = "notify"
    """Only reporting: nothing is done to the resource."""

    @property
    def starts(self) -> bool:
        """Whether the resource is running afterwards."""
        return self is Action.START

    @property
    def tags(self) -> bool:
        """Whether only its tags are changed, whatever its state."""
        return self in (Action.TAG, Action.UNTAG)

    @property
    def stops(self) -> bool:
        """Whether the resource is down afterwards."""
        return self in (Action.STOP, Action.HIBERNATE)


class StartForm(StrEnum):
    """What a rule starts in its running time."""

    NEVER = "never"
    WHAT_WAS_STOPPED = "what_was_stopped"
    """What a sweep stopped, by mark and ledger, and nobody touched since."""
    EVERYTHING = "everything"
    """Whatever the rule owns."""
