"""Calls in one target: each waits for its turn under AWS's rates, and a throttling answer is told to the pacing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of, has_no_endpoint
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.partitions import lacks_service
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Target
from orchestrator.ports import NotOfferedError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Paced:
    """The rates of one service in one target's account and region.

    An operation of another service is named with it, such as `application-autoscaling:RegisterScalableTarget`.
    """

    service: str
    target: Target
    pacing: Pacing
    retries: Retries

    @property
    def without_faults(self) -> Paced:
        """The same, but `call` does not retry a server's passing fault."""
        return replace(self, retries=self.retries.without_faults)

    @property
    def hasty(self) -> Paced:
        """The same, but `call` tries once."""
        return replace(self, retries=replace(self.retries, attempts=1))

    def call(self, operation: str, function: Callable[[], T]) -> T:
        """The function's result, retried as `Retries.call` does, each try in its turn. Raises the last failure."""
        return self.retries.call(lambda: self.once(operation, function))

    def once(self, operation: str, function: Callable[[], T]) -> T:
        """The function's result, tried once, in its turn. Raises its failure."""
        self.wait(operation)
        return self.now(operation, function)

    def wait(self, operation: str, resources: int = 0) -> None:
        """`resources`: how many the call stops or starts, where AWS counts them beside requests."""
        self.pacing.wait(self.target.account_id, self.target.region, self._full_name(operation), resources)

    def now(self, operation: str, function: Callable[[], T]) -> T:
        """The function's result, tried once, after `wait`. Raises its failure; where AWS does not offer the service
        there NotOfferedError, as no other try would change that.
        """
        try:
            return function()
        except AWS_FAILURES as failure:
            if has_no_endpoint(failure) and lacks_service(self.service, self.target.region):
                raise NotOfferedError(error_of(failure), f"{self.service}:{operation}") from failure
            if classify(failure) is Failure.THROTTLED:
                self.pacing.throttled(self.target.account_id, self.target.region, self._full_name(operation))
            raise

    def _full_name(self, operation: str) -> str:
        return operation if ":" in operation else f"{self.service}:{operation}"
