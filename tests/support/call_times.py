"""How long each target takes by a clock of its own: so many seconds for each call, and what it waits between them.

No time passes in fact, and nothing depends on how busy the machine is: two sweeps by the same faults take the same.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random

import pytest

from orchestrator.aws.credentials import MemberSessions
from orchestrator.core.model import Action, Outcome, Resource, Target
from orchestrator.demo.calls import Answer, Call
from orchestrator.kinds.ec2.kind import Ec2Instances
from orchestrator.ports import BatchGuard
from tests.support.time import set_time

Place = tuple[str, str]
"""Account and region; `*` for what an account does before its regions are known."""
_NOWHERE = ("", "")
_place: ContextVar[Place] = ContextVar("place", default=_NOWHERE)


class CallTimes:
    """One gate of the front, and the clock and the sleep of retries and pacing. Seconds by place."""

    def __init__(self, seconds_a_call: float, seed: int) -> None:
        self.took: dict[Place, float] = defaultdict(float)
        self.waited: dict[Place, list[float]] = defaultdict(list)
        self._seconds_a_call = seconds_a_call
        self._seed = seed
        self._chances: dict[Place, Random] = {}
        self._lock = threading.Lock()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("random.uniform", self._uniform)
        set_time(monkeypatch, clock=self._clock, sleep=self._sleep)
        monkeypatch.setattr("orchestrator.app.MemberSessions", _Placed)
        monkeypatch.setattr("orchestrator.kinds.registry.make_kinds", lambda *given: {"ec2": _PlacedInstances(*given)})

    def gate(self, call: Call) -> Answer | None:
        """Lets everything pass. Regions are asked for once by account, and types once by region: by no target."""
        if call.service == "ec2" and call.action not in {"DescribeRegions", "DescribeInstanceTypes"}:
            self._add((call.account_id, call.region), self._seconds_a_call)
        return None

    def _clock(self) -> float:
        with self._lock:
            return self.took[_place.get()]

    def _sleep(self, seconds: float) -> None:
        with self._lock:
            self.waited[_place.get()].append(seconds)
        self._add(_place.get(), seconds)

    def _add(self, place: Place, seconds: float) -> None:
        with self._lock:
            self.took[place] += seconds

    def _uniform(self, low: float, high: float) -> float:
        """Jitter from the seed, for each place by itself: threads run in any order."""
        with self._lock:
            place = _place.get()
            chance = self._chances.setdefault(place, Random(f"{self._seed} {place}"))
            return low + (high - low) * chance.random()


@contextmanager
def _at(account_id: str, region: str) -> Iterator[None]:
    token = _place.set((account_id, region))
    try:
        yield
    finally:
        _place.reset(token)


class _Placed(MemberSessions):
    @contextmanager
    def bind(self, account_id: str) -> Iterator[None]:
        with _at(account_id, "*"), super().bind(account_id):  # type: ignore[arg-type]  # a plain str
            yield


class _PlacedInstances(Ec2Instances):
    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        with _at(target.account_id, target.region):
            return super().read(target, with_stopped=with_stopped)

    def act(
        self, target: Target, actions: Sequence[tuple[Resource, Action]], sweep_id: str, guard: BatchGuard
    ) -> tuple[Outcome, ...]:
        with _at(target.account_id, target.region):
            return super().act(target, actions, sweep_id, guard)
