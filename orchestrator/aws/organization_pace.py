"""The pace of AWS Organizations' calls: five a second at first, more while AWS takes them, less once it refuses some.

AWS names no rate that holds for every operation, and whatever else runs in the management account shares it
(https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html). So it is found out, as TCP does
it: by a slow start that doubles about every two seconds, up to the first refusal; from there on one call a second more
in each second, and half of it after each refusal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.aws.failures import THROTTLED_CODES

FIRST_PER_SECOND = 5.0
LEAST_PER_SECOND = 1.0
MOST_PER_SECOND = 40.0
"""Twice of what one list can use, whose pages of 50 ms follow one another. Only tags that are read one by one use more,
10,000 of them in four minutes: half of what a Lambda has. Beyond that, others would be refused for little.
"""
_SLOW_START = 0.35
"""For each call that had to wait and was answered: the natural logarithm of 2, over two seconds."""
_CUT_COUNTS_SECONDS = 1.0
"""What is refused so shortly after a refusal had its turn before it."""


class OrganizationPace:
    """One for all threads of a process. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._rate = FIRST_PER_SECOND
        self._most = max(FIRST_PER_SECOND, MOST_PER_SECOND)
        self._next_at = clock()
        self._cut_until: float | None = None
        self._held_back = 0
        """Calls that had to wait and are not answered yet: only they prove that a higher rate would be used."""

    @property
    def per_second(self) -> float:
        """The rate of now."""
        return self._rate

    def attach(self, client: Any) -> None:
        """Every request of the client waits for its turn, and each answer is heard; botocore's own tries too."""
        client.meta.events.register("before-send.organizations", lambda **_: self.wait())
        client.meta.events.register("response-received.organizations", self._hear)

    def wait(self) -> None:
        """Returns when it is the next call's turn."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next_at)
            self._next_at = at + 1 / self._rate
            self._held_back += at > now
        if at > now:
            self._sleep(at - now)

    def answered(self) -> None:
        """AWS took a call: faster, where it had to wait for its turn."""
        with self._lock:
            if not self._held_back:
                return
            self._held_back -= 1
            more = _SLOW_START if self._cut_until is None else 1 / self._rate
            self._rate = min(self._most, self._rate + more)

    def refused(self) -> None:
        """AWS had too many calls: half as fast, once for all that were under way."""
        with self._lock:
            now = self._clock()
            self._held_back = max(0, self._held_back - 1)
            if self._cut_until is not None and now < self._cut_until:
                return
            self._rate = max(LEAST_PER_SECOND, self._rate / 2)
            self._cut_until = now + _CUT_COUNTS_SECONDS
            self._next_at = max(self._next_at, now + 1 / self._rate)

    def _hear(self, parsed_response: Mapping[str, Any] | None, **_more: Any) -> None:
        error = (parsed_response or {}).get("Error")
        if parsed_response is not None and error is None:
            self.answered()
        elif error is not None and error.get("Code") in THROTTLED_CODES:
            self.refused()
