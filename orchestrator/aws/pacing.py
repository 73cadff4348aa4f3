"""Pacing under AWS's rates: a token bucket for each account, region and API, slowed down by throttling.

AWS counts requests (and, for some operations, what they name) per account, region and API. Each kind declares its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.core.model.kind import OperationRates, Rate

_SLOWER = 0.7
"""As AWS's own SDKs slow down in their adaptive mode. With a half, four throttled stops in a row wait for 1.5 s."""
_SLOWEST_SHARE = 1 / 16
_RECOVERY_SECONDS = 60.0


Rates = Mapping[str, OperationRates]
"""By `service:Operation`, as IAM and the report's `calls` name them."""


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
        """AWS sees less than one token, half a one as a best guess. True when we thought so already.

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


@dataclass(frozen=True, slots=True)
class Pacing:
    """Every bucket of one process. Each waits by itself, so one throttled target does not slow down another."""

    rates: Rates
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _buckets: dict[tuple[str, str, str], tuple[Bucket, ...]] = field(default_factory=dict)

    def wait(self, account_id: str, region: str, operation: str, resources: int = 0) -> None:
        """Returns when the rates allow this call; operations without a rate are not held back."""
        now = self.clock()
        with self._lock:
            buckets = self._of(account_id, region, operation, now)
            taken = zip(buckets, (1, resources), strict=False)
            seconds = max((bucket.take(tokens, now) for bucket, tokens in taken if tokens), default=0.0)
        if seconds > 0:
            self.sleep(seconds)

    def throttled(self, account_id: str, region: str, operation: str) -> None:
        """Tells the buckets of this call what AWS answered.

        AWS does not say which bucket it was. Requests come first; the resources' one, whose refill takes many seconds
        for a batch, is emptied when requests cannot have been the reason, or not alone.
        """
        now = self.clock()
        with self._lock:
            for bucket in self._of(account_id, region, operation, now):
                if not bucket.throttled(now):
                    return

    def _of(self, account_id: str, region: str, operation: str, now: float) -> tuple[Bucket, ...]:
        """That of the requests and, where AWS counts them, that of the resources; none for an unknown operation."""
        rates = self.rates.get(operation)
        if rates is None:
            return ()
        key = (account_id, region, operation)
        if key not in self._buckets:
            counted = (rates.requests, rates.resources)
            self._buckets[key] = tuple(Bucket(rate, now) for rate in counted if rate is not None)
        return self._buckets[key]
