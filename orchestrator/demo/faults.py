"""Faults on purpose: which calls of which account are refused, slowed down or throttled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

from orchestrator.demo.calls import Answer, Call


@dataclass(slots=True)
class Fault:
    """Matches by globs. `times`: how many calls it hits (None: all); `share`: of those that match, by chance."""

    code: str = ""
    """Empty: the call goes on to AWS after `delay_seconds`."""
    message: str = "injected"
    status: int = 400
    account: str = "*"
    operation: str = "*"
    """Such as `ec2:StopInstances`."""
    region: str = "*"
    times: int | None = None
    share: float = 1.0
    delay_seconds: float = 0.0

    def fits(self, call: Call) -> bool:
        return (
            self.times != 0
            and fnmatchcase(call.account_id, self.account)
            and fnmatchcase(f"{call.service}:{call.action}", self.operation)
            and fnmatchcase(call.region, self.region)
        )


class Faults:
    """The front's gate for faults; the first one that fits is used."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._random = Random(7)  # noqa: S311 - the same chances in every run
        self._sleep = sleep

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def __call__(self, call: Call) -> Answer | None:
        fault = self._take(call)
        if fault is None:
            return None
        if fault.delay_seconds:
            self._sleep(fault.delay_seconds)
        return call.refused(fault.code, fault.message, fault.status) if fault.code else None

    def _take(self, call: Call) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.fits(call) and self._random.random() < fault.share:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None
