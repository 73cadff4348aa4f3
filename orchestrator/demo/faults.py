"""Faults on purpose: which calls of which account are refused, slowed down or throttled."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

from orchestrator.demo.calls import Answer, Call

_SEED = 7


@dataclass(slots=True)
class Fault:
    """Matches by globs. `times`: how many calls it hits (None: all); `share`: of those that match, by chance.

    With neither `code`, `body` nor `hangs_up` the call goes on to AWS after the delay.
    """

    code: str = ""
    message: str = "injected"
    status: int = 400
    account: str = "*"
    """The session's account; for AssumeRole the account of the role."""
    operation: str = "*"
    """Such as `ec2:StopInstances`."""
    region: str = "*"
    instance: str = "*"
    """Any text among the fields of the call, other than its filters: such as `InstanceId.1`."""
    times: int | None = None
    share: float = 1.0
    delay_seconds: float = 0.0
    body: str = ""
    """Answered as it is, such as a proxy's HTML page."""
    hangs_up: bool = False
    """The connection ends without an answer."""
    carried_out: bool = False
    """AWS does what was asked; only its answer is replaced by this fault."""
    effect: Callable[[Call], object] | None = None
    """What else happens in the world just then."""

    def fits(self, call: Call) -> bool:
        """Whether the call matches a fault that is not used up; chance aside."""
        return (
            self.times != 0
            and fnmatchcase(call.account_concerned, self.account)
            and fnmatchcase(f"{call.service}:{call.action}", self.operation)
            and fnmatchcase(call.region, self.region)
            and (self.instance == "*" or self._names_the_instance(call))
        )

    def answer(self, call: Call) -> Answer | None:
        """What replaces AWS's answer; None lets AWS answer."""
        if self.hangs_up:
            return call.hung_up()
        if self.body:
            return Answer(self.status, "text/html", self.body)
        return call.refused(self.code, self.message, self.status) if self.code else None

    def _names_the_instance(self, call: Call) -> bool:
        return any(fnmatchcase(value, self.instance) for value in call.texts)


class Faults:
    """The front's gate for faults; the first one that fits is used.

    Chances come from `seed` and from how many such calls there were before: the same in every run, whatever the order
    in which threads call.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self.seed = _SEED
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._drawn: Counter[str] = Counter()
        self._sleep = sleep

    def add(self, fault: Fault) -> None:
        """Adds a fault behind those that are there."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Removes every fault and forgets the counts of calls."""
        with self._lock:
            self._faults.clear()
            self._drawn.clear()
            self.seed = _SEED

    def __call__(self, call: Call) -> Answer | None:
        fault = self._take(call)
        if fault is None:
            return None
        if fault.effect is not None:
            fault.effect(call)
        if fault.delay_seconds:
            self._sleep(fault.delay_seconds)
        if not fault.carried_out:
            return fault.answer(call)
        call.afterwards = fault.answer(call)
        return None

    def _take(self, call: Call) -> Fault | None:
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.fits(call) and self._hits(fault, number, call):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def _hits(self, fault: Fault, number: int, call: Call) -> bool:
        if fault.share >= 1:
            return True
        what = call.action.rpartition("/")[2]  # a path in S3 has the sweep's id, which is new in every run
        alike = f"{number} {call.account_concerned} {call.region} {call.service}:{what}"
        self._drawn[alike] += 1
        return Random(f"{self.seed} {alike} {self._drawn[alike]}").random() < fault.share  # noqa: S311 - no secret
