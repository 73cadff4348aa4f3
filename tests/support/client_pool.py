"""Clients that one test after the other borrows: making them, and their sessions, is a third of what a test over HTTP
costs.

Whoever borrows one gets it as new: what was registered with it is gone, and it may try again as often as at first.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.retries.standard import RetryHandler

from orchestrator.aws import clients
from orchestrator.aws.clients import Answers, Operations

_make_sessions = clients._sessions


@dataclass(slots=True)
class _Lent:
    client: Any
    registered: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        events = self.client.meta.events
        register = events.register

        def remember(event_name: str, handler: Any, *rest: Any, **more: Any) -> None:
            register(event_name, handler, *rest, **more)
            self.registered.append((event_name, handler))

        events.register = remember

    def make_as_new(self) -> None:
        for event_name, handler in self.registered:
            self.client.meta.events.unregister(event_name, handler)
        self.registered.clear()
        service = self.client.meta.service_model.service_id.hyphenize()
        for handler in self.client.meta.events._emitter._handlers.prefix_search(f"needs-retry.{service}"):
            owner = getattr(handler, "__self__", None)
            if isinstance(owner, RetryHandler):
                quota = owner._retry_quota._quota
                quota.release(quota._max_capacity)


class ClientPool:
    """For one process. Clients are the same to it where the environment, the session, the service, the region and the
    configuration are.
    """

    def __init__(self) -> None:
        self._sessions: dict[Hashable, tuple[Any, Any]] = {}
        self._free: defaultdict[Hashable, list[_Lent]] = defaultdict(list)
        self._lent: list[tuple[Hashable, _Lent]] = []
        self._lock = threading.Lock()

    def sessions(self, operations: Operations, answers: Answers) -> tuple[Any, Any]:
        """In place of those of orchestrator.aws.clients."""
        environment = sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
        around = (
            tuple(environment),
            tuple(sorted((name, *sorted(some)) for name, some in operations.items())),
            tuple(sorted((name, *sorted(some)) for name, some in answers.items())),
        )
        with self._lock:
            if around not in self._sessions:
                self._sessions[around] = _make_sessions(operations, answers)
        hub, member = self._sessions[around]
        return _Lending(self, hub, ("hub", around)), _Lending(self, member, ("member", around))

    def borrow(self, session: Any, key: Hashable, service: str, **arguments: Any) -> Any:
        with self._lock:
            lent = self._free[key].pop() if self._free[key] else _Lent(session.client(service, **arguments))
            self._lent.append((key, lent))
        return lent.client

    def take_back(self) -> None:
        """Whatever is lent."""
        with self._lock:
            for key, lent in self._lent:
                lent.make_as_new()
                self._free[key].append(lent)
            self._lent.clear()


@dataclass(frozen=True, slots=True)
class _Lending:
    """As much of a session as orchestrator.aws.clients wants of one."""

    pool: ClientPool
    session: Any
    key: Hashable

    def client(self, service: str, region_name: str, config: Config) -> Any:
        key = (self.key, service, region_name, repr(config._user_provided_options))
        return self.pool.borrow(self.session, key, service, region_name=region_name, config=config)

    @property
    def region_name(self) -> str | None:
        return self.session.region_name  # type: ignore[no-any-return]  # a plain str

    def get_credentials(self) -> Any:
        return self.session.get_credentials()

    def get_partition_for_region(self, region: str) -> str:
        return str(self.session.get_partition_for_region(region))
