"""Why no more work is handed out: the time, an interruption, the kill switch, a lost lease. Asked from every thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.core.model import Halt, HaltCause
from orchestrator.ports import KillSwitchUnreadableError

STOP = "stop"
_LOOK_EVERY_SECONDS = 0.5


class KillSwitch:
    """A text outside of the process that says `stop`; re-read when the last look is older than a second.

    `read` gives the text and raises KillSwitchUnreadableError; `unreadable_stops` is the policy's word for that.
    """

    def __init__(
        self,
        read: Callable[[], str],
        *,
        unreadable_stops: bool,
        clock: Callable[[], float] = time.monotonic,
        fresh_for_seconds: float = 1.0,
    ) -> None:
        self._read = read
        self._unreadable_stops = unreadable_stops
        self._clock = clock
        self._fresh_for = fresh_for_seconds
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._seen: Halt | None = None

    def halt(self) -> Halt | None:
        """Why the kill switch halts this sweep, None while it does not. Once pulled it stays pulled for the sweep."""
        with self._lock:
            now = self._clock()
            if self._seen is None and (self._looked_at is None or now - self._looked_at >= self._fresh_for):
                self._seen = self._look()
                self._looked_at = self._clock()
            return self._seen

    def _look(self) -> Halt | None:
        try:
            text = self._read()
        except KillSwitchUnreadableError as failure:
            if not self._unreadable_stops:
                return None
            text = f"the kill switch cannot be read, which the policy counts as pulled: {failure}"
            return Halt(HaltCause.KILL_SWITCH, text)
        return Halt(HaltCause.KILL_SWITCH, "the kill switch was pulled") if text.strip().lower() == STOP else None


@dataclass(frozen=True, slots=True)
class Halting:
    """Everything that can halt a sweep, the most urgent first."""

    lease_lost: Callable[[], bool] = lambda: False
    kill_switch: KillSwitch | None = None
    interrupted: Callable[[], bool] = lambda: False
    out_of_time: Callable[[], bool] = lambda: False
    pause: Callable[[float], None] = time.sleep

    def sleep(self, seconds: float) -> None:
        """Sleeps so many seconds, or until there is a halt: pacing may wait for minutes, a deadline may not."""
        left = seconds
        while left > 0 and self.halt() is None:
            step = min(left, _LOOK_EVERY_SECONDS)
            self.pause(step)
            left -= step

    def halt(self) -> Halt | None:
        """The most urgent reason to hand out no more work; None while there is none."""
        if self.lease_lost():
            return Halt(HaltCause.LEASE_LOST, "another process holds this policy's lease and resumes the sweep")
        if self.interrupted():
            return Halt(HaltCause.INTERRUPTED, "interrupted before it was its turn")
        if self.out_of_time():
            return Halt(HaltCause.OUT_OF_TIME, "the time was up before it was its turn")
        return self.kill_switch.halt() if self.kill_switch else None
