"""What a sweep may do."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What a sweep may do, and on whose word."""

    PLAN = "plan"
    ENFORCE = "enforce"
    APPROVE = "approve"
    """Plans, says what it would do, and waits for a person to apply it."""
    APPLY = "apply"
    UNDO = "undo"

    @property
    def acts(self) -> bool:
        """Whether something is stopped or started when the guardrails pass."""
        return self in (Mode.ENFORCE, Mode.APPLY, Mode.UNDO)

    def is_within(self, limit: Mode) -> bool:
        """Whether it does no more than the limit: plan < approve < enforce; `apply` and `undo` count as enforce."""
        order = (Mode.PLAN, Mode.APPROVE, Mode.ENFORCE)
        return order.index(Mode.ENFORCE if self.acts else self) <= order.index(Mode.ENFORCE if limit.acts else limit)
