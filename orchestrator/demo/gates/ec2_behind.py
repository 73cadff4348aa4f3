"""EC2's answers that are behind: what DescribeInstances shows is, by chance, up to so many seconds old.

https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html; moto's answers are never behind, and nor are
these until `BEHIND.seconds` is set.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from random import Random
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance

from orchestrator.demo.calls import Answer, Call

_IDS = {
    "CreateTags": "ResourceId",
    "DeleteTags": "ResourceId",
    "StartInstances": "InstanceId",
    "StopInstances": "InstanceId",
}
_SEED = 7


@dataclass(frozen=True, slots=True)
class _View:
    """An instance as it was until then."""

    until: float
    values: dict[str, Any]
    tags: dict[str, str]

    @classmethod
    def of(cls, instance: Instance, until: float) -> _View:
        values = {**vars(instance), "_state": copy(instance._state)}  # noqa: SLF001 - moto's only place of it
        kept = ("_state", "_reason", "state_reason", "launch_time")
        return cls(until, {name: values[name] for name in kept}, dict(instance.ec2_backend.tags[instance.id]))

    def put_on(self, instance: Instance) -> None:
        vars(instance).update(self.values)
        instance.ec2_backend.tags[instance.id] = dict(self.tags)


@dataclass(slots=True)
class Behind:
    """How far answers may be behind, and what was before each change."""

    seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic
    lock: threading.RLock = field(default_factory=threading.RLock)
    _views: dict[str, list[_View]] = field(default_factory=dict)
    _random: Random = field(default_factory=lambda: Random(_SEED))  # noqa: S311 - no secret

    def clear(self) -> None:
        """Answers are up to date again."""
        self.seconds, self.clock = 0.0, time.monotonic
        self._random = Random(_SEED)  # noqa: S311 - no secret
        self._views.clear()

    def note(self, instance: Instance) -> None:
        """It is about to change."""
        if self.seconds:
            self._views.setdefault(instance.id, []).append(_View.of(instance, self.clock()))

    @contextmanager
    def as_it_was(self, call: Call) -> Iterator[None]:
        """Inside, each instance of the call's account and region is as it was a moment ago. Holds the lock."""
        since = self.clock() - self._random.uniform(0, self.seconds)
        now: list[tuple[Instance, _View]] = []
        for instance in ec2_backends[call.account_id][call.region].all_instances():
            view = next((one for one in self._views.get(instance.id, ()) if one.until > since), None)
            if view is not None:
                now.append((instance, _View.of(instance, 0.0)))
                view.put_on(instance)
        try:
            yield
        finally:
            for instance, view in now:
                view.put_on(instance)


BEHIND = Behind()


def note_gate(call: Call) -> Answer | None:
    """Remembers what is about to be changed."""
    if BEHIND.seconds and call.service == "ec2" and call.action in _IDS:
        ids = set(call.form_list(_IDS[call.action]))
        for instance in ec2_backends[call.account_id][call.region].all_instances():
            if instance.id in ids:
                BEHIND.note(instance)
    return None


GATES = (note_gate,)
