"""Why no more work is handed out: the time, an interruption, a kill switch, a lost lease. Asked from every thread."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import tenacity

from orchestrator.core.model import Halt, HaltCause
from orchestrator.ports import KillSwitchUnreadableError

GO = "go"
LAST_GO_COUNTS_SECONDS = 60.0
FRESH_SECONDS = 5.0
SPREAD_SECONDS = 2.0
"""For the first reads of processes that begin together: 40 of them are 20 reads a second then, of the 40 that
https://docs.aws.amazon.com/general/latest/gr/ssm.html (GetParameter) gives an account in a region.
"""
_BLANKS = " \t\r\n"
_SHOWN = 40
_FIRST_TRIES, _TRIES = 8, 3
"""Before the first `go` a throttled read would keep a whole sweep from beginning; after it there is a minute."""
_FIRST_WAIT, _LONGEST_WAIT, _LONGEST_TOTAL = 0.1, 1.0, 10.0
_LOOK_EVERY_SECONDS = 0.5

Read = Callable[[], str | None]
"""What a kill switch says, None where there is none of that name. Raises KillSwitchUnreadableError."""


def says_go(text: str | None) -> bool:
    """Whether a kill switch lets a sweep act: by exactly this word, but for blanks and newlines around it."""
    return text is not None and text.strip(_BLANKS) == GO


def not_go(name: str, text: str | None) -> str:
    """What a kill switch says in place of `go`, in words for the report."""
    if text is None:
        what = "" if name.startswith("file:") else f": there is no SSM parameter {name} (a file is named file:PATH)"
        return f"the kill switch {name} does not exist, so it does not say {GO!r}{what}"
    shown = repr(text)
    return f"the kill switch {name} says {shown if len(shown) <= _SHOWN else f'{shown[:_SHOWN]}...'}, not {GO!r}"


def read_with_tries(read: Read, sleep: Callable[[float], None], tries: int = _TRIES) -> str | None:
    """What a kill switch says; one that cannot be read is tried again. Raises KillSwitchUnreadableError."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(KillSwitchUnreadableError),
        wait=tenacity.wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        stop=tenacity.stop_any(tenacity.stop_after_attempt(tries), tenacity.stop_after_delay(_LONGEST_TOTAL)),
        sleep=sleep,
        reraise=True,
    )(read)


class KillSwitch:
    """A text outside of the process that says `go`, or halts. One for all threads; what it said is kept for 5 s.

    While it cannot be read, its last `go` counts for `last_go_counts` seconds; before the first one nothing does.
    `elapsed` (seconds) goes on while the machine is suspended. `spread`: the first read waits up to so many seconds,
    for many processes that begin together would be more than the parameter store answers in a second.
    """

    def __init__(
        self,
        name: str,
        read: Read,
        *,
        elapsed: Callable[[], float],
        last_go_counts: float = LAST_GO_COUNTS_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        spread: float = 0.0,
    ) -> None:
        self._name = name
        self._read = read
        self._elapsed = elapsed
        self._last_go_counts = last_go_counts
        self._sleep = sleep
        self._spread = spread
        self._lock = threading.Lock()
        self._look_again_at = -math.inf
        self._went_at: float | None = None
        """When the read that said `go` last was begun."""
        self._halt: Halt | None = None

    def halt(self) -> Halt | None:
        """Why this kill switch halts the sweep, None while it does not. What it halted stays halted in this process."""
        with self._lock:
            if self._halt is None and self._elapsed() >= self._look_again_at:
                self._halt = self._look()
            return self._halt

    def forget_old_go(self) -> None:
        """From here on nothing is done by a `go` of more than 5 s ago, also while it cannot be read."""
        with self._lock:
            if self._went_at is not None and self._elapsed() - self._went_at > FRESH_SECONDS:
                self._went_at, self._look_again_at = None, -math.inf

    def _look(self) -> Halt | None:
        if self._spread:
            self._sleep(random.uniform(0.0, self._spread))  # noqa: S311 - jitter, not a secret
            self._spread = 0.0
        try:
            begun_at, text = self._said()
        except KillSwitchUnreadableError as failure:
            return self._unreadable(failure)
        if not says_go(text):
            return Halt(HaltCause.KILL_SWITCH, not_go(self._name, text))
        self._went_at, self._look_again_at = begun_at, begun_at + _fresh_seconds()
        return None

    def _said(self) -> tuple[float, str | None]:
        """With the time at which the read that succeeded was begun: it may have said something else since."""
        begun_at = self._elapsed()

        def read() -> str | None:
            nonlocal begun_at
            begun_at = self._elapsed()
            text = self._read()
            took = self._elapsed() - begun_at
            if says_go(text) and took >= LAST_GO_COUNTS_SECONDS:
                raise KillSwitchUnreadableError(f"its answer took {took:.0f} s, which is too long for it to count")
            return text

        text = read_with_tries(read, self._sleep, _FIRST_TRIES if self._went_at is None else _TRIES)
        return begun_at, text

    def _unreadable(self, failure: KillSwitchUnreadableError) -> Halt | None:
        cannot = f"the kill switch {self._name} cannot be read"
        if self._went_at is None:
            text = f"{cannot}, and nothing is done before it said {GO!r}: {failure}"
            return Halt(HaltCause.KILL_SWITCH_UNREADABLE, text)
        now, counts_until = self._elapsed(), self._went_at + self._last_go_counts
        if now >= counts_until:
            text = f"{cannot} any more, and its last {GO!r} counts for {self._last_go_counts:g} s: {failure}"
            return Halt(HaltCause.KILL_SWITCH_UNREADABLE, text)
        self._look_again_at = min(now + _fresh_seconds(), counts_until)
        return None


def _fresh_seconds() -> float:
    """Never longer than what was read counts; a little shorter by chance, so that many processes do not ask at once."""
    return FRESH_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311 - jitter, not a secret


@dataclass(frozen=True, slots=True)
class Halting:
    """Everything that can halt a sweep, the most urgent first."""

    lease_lost: Callable[[], bool] = lambda: False
    kill_switches: tuple[KillSwitch, ...] = ()
    """Any one of them halts."""
    interrupted: Callable[[], bool] = lambda: False
    out_of_time: Callable[[], bool] = lambda: False
    pause: Callable[[float], None] = time.sleep
    wanted_by: Callable[[], str] = lambda: ""
    """The sweep that waits for this one to yield; empty where none does."""

    def sleep(self, seconds: float) -> None:
        """Sleeps so many seconds, or until there is a halt: pacing may wait for minutes, a deadline may not."""
        left = seconds
        while left > 0 and self.halt() is None:
            step = min(left, _LOOK_EVERY_SECONDS)
            self.pause(step)
            left -= step

    def consent_was_given(self) -> None:
        """A person may have taken hours over it: the first action after it needs a kill switch that says `go` now."""
        for one in self.kill_switches:
            one.forget_old_go()

    def halt(self) -> Halt | None:
        """The most urgent reason to hand out no more work; None while there is none."""
        if self.lease_lost():
            return Halt(
                HaltCause.LEASE_LOST,
                "this process's lease of the policy ran out or was taken over; it asks for nothing more",
            )
        if self.interrupted():
            return Halt(HaltCause.INTERRUPTED, "interrupted before it was its turn")
        if wanted_by := self.wanted_by():  # before the time: a sweep that is handed over would keep the lease
            return Halt(HaltCause.YIELDED, f"it yielded to {wanted_by} before it was its turn")
        if self.out_of_time():
            return Halt(HaltCause.OUT_OF_TIME, "the time was up before it was its turn")
        return next((halt for one in self.kill_switches if (halt := one.halt()) is not None), None)
