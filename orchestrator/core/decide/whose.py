"""Whose was it: may AWS's time of a stop or a start be that of one that was asked for? The only place that tells.

AWS dates what it did by its own clock, in whole seconds; when it was asked for is by the clock of a process.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.core.model.times import whole_second

CLOCKS_DIFFER = timedelta(minutes=5)
"""At most, between AWS and a process: AWS refuses what is signed by a clock that is wrong by more."""


def is_before(at: datetime, asked: datetime) -> bool:
    """Whether it happened before that was asked for, whatever the clocks."""
    return at < whole_second(asked) - CLOCKS_DIFFER


def is_after(at: datetime, asked: datetime) -> bool:
    """Whether it happened after that was asked for, whatever the clocks."""
    return at > asked + CLOCKS_DIFFER


def may_be_of(at: datetime, asked: datetime, noted_within: timedelta) -> bool:
    """Whether it may be what was asked for. `noted_within`: AWS dates it so long after that at most, by one clock."""
    return not is_before(at, asked) and not is_after(at, asked + noted_within)


def is_nearer(at: datetime, one: datetime, other: datetime) -> bool:
    """Of two times at which the same was asked for: whether it is rather what was asked for at the first."""
    return abs(at - one) < abs(at - other)


def is_later_start(at: datetime | None, before: datetime | None, asked: datetime) -> bool:
    """Whether this start came after that stop was asked for; `before` is the start that it had ended.

    That one's time is AWS's own, as this is, so no clocks are in between; where it is not known, they are.
    """
    if at is None:
        return False
    return at > asked if before is None else whole_second(at) > whole_second(before)
