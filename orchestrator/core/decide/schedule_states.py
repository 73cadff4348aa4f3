"""What a schedule says of one moment, worked out once for all of the resources that run by it."""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.policy.schedules.answer import ScheduleState
from orchestrator.core.policy.schedules.schedule import Schedule

_MOST_REMEMBERED = 1024
_remembered: dict[int, tuple[Schedule, datetime, ScheduleState]] = {}
"""By identity, which is sure as long as the schedule is kept here. Asked from every thread: at worst one works it out
again.
"""


def state_at(schedule: Schedule, now: datetime) -> ScheduleState:
    """As `schedule.state_at` says."""
    found = _remembered.get(id(schedule))
    if found is not None and found[0] is schedule and found[1] is now:
        return found[2]
    state = schedule.state_at(now)
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    _remembered[id(schedule)] = (schedule, now, state)
    return state
