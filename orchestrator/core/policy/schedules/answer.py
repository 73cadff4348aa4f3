"""What a schedule says of one instant, and since when and until when it says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ScheduleState(StrEnum):
    """What should be at an instant. `either`: it asks for nothing, so nothing is stopped and nothing started."""

    RUNNING = "running"
    STOPPED = "stopped"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class ScheduleAnswer:
    """The state at an instant, from `since` until right before `until`; both in UTC.

    None: as far back, or as far ahead, as was looked, it was and will be the same.
    """

    state: ScheduleState
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """That a schedule asks for another state from this instant (UTC) on."""

    at: datetime
    state: ScheduleState
