"""Retries for calls with botocore's own turned off: one failing account must not use up another one's tries.

With a client that all accounts share, botocore's retry quota and adaptive limiter would let one throttled account
starve the rest, so each call retries by itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import tenacity
from tenacity.stop import stop_base

from orchestrator.aws.failures import AWS_FAILURES, Failure, classify

T = TypeVar("T")

_AGAIN = frozenset({Failure.THROTTLED, Failure.TRANSIENT, Failure.EXPIRED, Failure.UNAUTHENTICATED})
RENEWED_AFTER = frozenset({Failure.EXPIRED, Failure.UNAUTHENTICATED})
"""What other credentials may cure."""
UNAUTHENTICATED_TRIES = 5
"""Each costs new credentials, and most of the causes do not pass; by chance, 76 of a million calls fail at 15 %."""


def _never() -> bool:
    return False


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long to try. Times in seconds; the wait is random up to a bound that doubles (full jitter).

    Short at first: EC2's buckets get 5 to 20 requests back in a second, and a call takes some 0.1 s, so a target of
    which AWS throttles 30 % of the calls takes 1.8 times as long as undisturbed (3.8 times with 0.5 s). Often, so that
    ten tries last 7 s on average, and 6 of a million calls fail at 30 % (6 tries: 700).
    """

    attempts: int = 10
    first_wait: float = 0.05
    longest_wait: float = 4.0
    longest_total: float = 90.0
    sleep: Callable[[float], None] = time.sleep
    out_of_time: Callable[[], bool] = _never
    on_expired: Callable[[], None] = _nothing
    """Called before a call is retried because its credentials had expired, or were not accepted."""
    again_after: frozenset[Failure] = _AGAIN
    """What is retried at all."""

    @property
    def without_faults(self) -> Retries:
        """The same, but a server's passing fault is not retried."""
        return replace(self, again_after=self.again_after - {Failure.TRANSIENT})

    def call(self, function: Callable[[], T]) -> T:
        """The function's result; after throttling or a passing fault it is retried. Raises the last failure."""
        began = time.monotonic()
        try:
            return function()
        except AWS_FAILURES as failure:
            if classify(failure) not in self.again_after:
                raise
            first = failure
        # Most calls never come here, and what counts and waits costs more to make than they do.
        return self._retrying(time.monotonic() - began)(_Resumed(first, function))

    def _retrying(self, elapsed: float) -> tenacity.Retrying:
        """Its first attempt is the one that failed already, after so many seconds."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._is_worth_another_try),
            wait=tenacity.wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self.attempts),
                tenacity.stop_after_delay(self.longest_total - elapsed),
                _OutOfTime(self.out_of_time),
                _RefusedCredentials(),
            ),
            sleep=self.sleep,
            before_sleep=self._renew_if_expired,
            reraise=True,
        )

    def wait(self, attempt: int) -> None:
        """Sleeps as long as `call` would after that many failed attempts."""
        longest = min(self.longest_wait, self.first_wait * 2 ** (attempt - 1))
        self.sleep(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret

    def _is_worth_another_try(self, failure: BaseException) -> bool:
        return isinstance(failure, AWS_FAILURES) and classify(failure) in self.again_after

    def _renew_if_expired(self, state: tenacity.RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, AWS_FAILURES) and classify(failure) in RENEWED_AFTER:
            self.on_expired()


def after_pauses(
    pauses: Sequence[float], retry: tenacity.retry_base, sleep: Callable[[float], None]
) -> tenacity.Retrying:
    """Repeats a function as long as `retry` says so, once after each of these pauses, in seconds.

    The last try's failure is raised as it is. RetryError is raised where the last try had a result to be retried.
    """
    return tenacity.Retrying(
        retry=retry,
        wait=tenacity.wait_chain(*(tenacity.wait_fixed(pause) for pause in pauses)),
        stop=tenacity.stop_after_attempt(len(pauses) + 1),
        sleep=sleep,
        reraise=True,
    )


class _Resumed(Generic[T]):
    """A function of which one call failed already: called first, it raises that failure."""

    def __init__(self, failure: Exception, function: Callable[[], T]) -> None:
        self._failure: Exception | None = failure
        self._function = function

    def __call__(self) -> T:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return self._function()


class _OutOfTime(stop_base):
    def __init__(self, out_of_time: Callable[[], bool]) -> None:
        self._out_of_time = out_of_time

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        del retry_state
        return self._out_of_time()


class _RefusedCredentials(stop_base):
    """For one call: it counts. What is expired however new it is has another cause, such as a clock that is wrong."""

    def __init__(self) -> None:
        self._refusals = 0

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        failure = retry_state.outcome.exception() if retry_state.outcome else None
        self._refusals += isinstance(failure, AWS_FAILURES) and classify(failure) in RENEWED_AFTER
        return self._refusals >= UNAUTHENTICATED_TRIES
