"""Pacing under AWS's published rates: a token bucket for each account, region and API, slowed down by throttling.

EC2 counts requests (and, for stops and starts, instances) per account, region and API:
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_SLOWER = 0.7
"""As AWS's own SDKs slow down in their adaptive mode. With a half, four throttled stops in a row wait for 1.5 s."""
_SLOWEST_SHARE = 1 / 16
_RECOVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket's size, and how many tokens come back in a second."""

    size: float
    per_second: float


REQUESTS: Mapping[str, Rate] = {
    "StopInstances": Rate(50, 5),
    "StartInstances": Rate(5, 2),
    "CreateTags": Rate(100, 10),
    "DescribeInstances": Rate(100, 20),
}
INSTANCES: Mapping[str, Rate] = {
    "StopInstances": Rate(1000, 20),
    "StartInstances": Rate(1000, 2),
}


class Bucket:
    """Tokens that come back with time. What is throttled though it was empty fills more slowly for a minute."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = rate.size
        self._share = 1.0
        self._at = now

    def take(self, tokens: float, now: float) -> float:
        """Takes them and says for how many seconds the caller has to wait first; debts are paid by waiting."""
        self._refill(now)
        self._tokens -= tokens
        return max(0.0, -self._tokens / (self._rate.per_second * self._share))

    def throttled(self, now: float) -> bool:
        """AWS sees less than one token, half a one as far as anybody can tell. True when we thought so already.

        Then others take from it too, and less of what comes back is ours; a bucket that was merely fuller in our books
        than in AWS's is no slower for that.
        """
        self._refill(now)
        was_empty = self._tokens < 1
        self._tokens = min(self._tokens + 1, 0.5)  # a refused call took nothing
        if was_empty:
            self._share = max(_SLOWEST_SHARE, self._share * _SLOWER)
        return was_empty

    def _refill(self, now: float) -> None:
        elapsed = max(0.0, now - self._at)
        self._at = max(self._at, now)
        self._tokens = min(self._rate.size, self._tokens + elapsed * self._rate.per_second * self._share)
        self._share = min(1.0, self._share + elapsed / _RECOVERY_SECONDS)


class Pacing:
    """Every bucket of one process. Each waits by itself, so one throttled target does not slow down another."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str, str, str], Bucket] = {}

    def wait(self, account_id: str, region: str, operation: str, instances: int = 0) -> None:
        """Returns when AWS's published rates allow this call; operations without a rate are not held back."""
        now = self._clock()
        with self._lock:
            seconds = max(
                self._take(account_id, region, operation, "requests", REQUESTS, 1, now),
                self._take(account_id, region, operation, "instances", INSTANCES, instances, now),
            )
        if seconds > 0:
            self._sleep(seconds)

    def throttled(self, account_id: str, region: str, operation: str) -> None:
        """Tells the buckets of this call what AWS answered.

        AWS does not say which bucket it was. Requests come first; the instances' one, whose refill takes many seconds
        for a batch, is emptied when requests cannot have been the reason, or not alone.
        """
        now = self._clock()
        with self._lock:
            for counted, rates in (("requests", REQUESTS), ("instances", INSTANCES)):
                if operation not in rates:
                    return
                bucket = self._bucket(account_id, region, operation, counted, rates[operation], now)
                if not bucket.throttled(now):
                    return

    def _take(
        self, account_id: str, region: str, operation: str, counted: str, rates: Mapping[str, Rate], n: int, now: float
    ) -> float:
        rate = rates.get(operation)
        if rate is None or n == 0:
            return 0.0
        return self._bucket(account_id, region, operation, counted, rate, now).take(n, now)

    def _bucket(self, account_id: str, region: str, operation: str, counted: str, rate: Rate, now: float) -> Bucket:
        key = (account_id, region, operation, counted)
        if key not in self._buckets:
            self._buckets[key] = Bucket(rate, now)
        return self._buckets[key]
