"""How long ago something was, by both clocks of a process.

A monotonic clock stands still while its machine is suspended, and a wall clock can be set back. What authority or a
look depends on is as old as either of them says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

_READ_APART_SECONDS = 0.1
"""The wall clock may run ahead of the monotonic one by so much before it counts: they are not read at the same time."""


class Clocks:
    """The clocks of one process, for all its threads; `monotonic` is in seconds. It gets all its dates from `now`."""

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._began = now()
        self._began_at = monotonic()
        self._ahead = 0.0
        """How far the wall clock is ahead of the monotonic one, from when this began; less after it was set back."""
        self._slept = 0.0
        """By how much more the wall clock moved on than the monotonic one, in all; never less than before."""

    def now(self) -> datetime:
        """The time of day, to date something with, or to hold against a schedule."""
        return self._read()[0]

    def elapsed(self) -> float:
        """Seconds since this began. Between two calls at least as many are added as passed by either clock."""
        return self._read()[1]

    def latest(self) -> datetime:
        """The latest that it can be by either clock: the age of what was dated by `now` is reckoned from this."""
        wall, elapsed = self._read()
        return max(wall, self._began + timedelta(seconds=elapsed))

    def _read(self) -> tuple[datetime, float]:
        with self._lock:
            wall = self._now()
            passed = self._monotonic() - self._began_at  # second: a thread that waited in between seems behind
            ahead = (wall - self._began).total_seconds() - passed
            if ahead > self._ahead + _READ_APART_SECONDS:
                self._slept += ahead - self._ahead
                self._ahead = ahead
            self._ahead = min(self._ahead, ahead)
            return wall, passed + self._slept
