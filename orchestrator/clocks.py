"""How long ago something was, by both clocks of a process.

A monotonic clock stands still while its machine is suspended, and a wall clock can be set back. What authority or a
look depends on is as old as either of them says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

_READ_APART_SECONDS = 0.1
"""The wall clock may run ahead of the monotonic one by so much before it counts: they are not read at the same time."""


@dataclass(frozen=True, slots=True)
class _Reading:
    wall: datetime
    elapsed: float
    set_back: float
    """By how many seconds the wall clock is behind what it would be by its most advanced setting."""


class Clocks:
    """The clocks of one process, for all its threads; `monotonic` is in seconds. It gets all its dates from `now`."""

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._began = now()
        self._slept = 0.0
        """By how much more the wall clock moved on than the monotonic one, in all; never less than before."""
        self._ahead = self._most_ahead = -monotonic()
        """How far the wall clock, from when this began, is ahead of the monotonic one, and was at most."""

    def now(self) -> datetime:
        """The time of day, to date something with, or to hold against a schedule."""
        return self._read().wall

    def elapsed(self) -> float:
        """In seconds. Between two calls at least as many are added as passed by either clock."""
        return self._read().elapsed

    def latest(self) -> datetime:
        """The latest that it can be by either clock: the age of what was dated by `now` is reckoned from this."""
        reading = self._read()
        return reading.wall + timedelta(seconds=reading.set_back)

    def _read(self) -> _Reading:
        with self._lock:
            wall = self._now()
            monotonic = self._monotonic()  # second: a thread that had to wait in between seems behind, never ahead
            ahead = (wall - self._began).total_seconds() - monotonic
            if ahead > self._ahead + _READ_APART_SECONDS:
                self._slept += ahead - self._ahead
                self._ahead = ahead
            self._ahead = min(self._ahead, ahead)
            self._most_ahead = max(self._most_ahead, ahead)
            return _Reading(wall, monotonic + self._slept, self._most_ahead - ahead)
