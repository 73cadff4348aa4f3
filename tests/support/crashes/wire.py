"""The wire to AWS, by which the commands come: it notes what they change, and kills them at one of their calls."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from orchestrator.demo.calls import Call
from orchestrator.demo.server import EmbeddedAws
from tests.support.crashes.boundaries import Boundary

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Changes = list[tuple[str, tuple[str, ...]]]
"""Operation and instance ids of each call that changed instances, and that AWS carried out."""


class Wire:
    """Between a server and its front: notes what changes instances, and kills the caller at one of its calls."""

    def __init__(self, front: WSGIApplication, changes: Changes) -> None:
        self._front = front
        self.changes = changes
        self._lock = threading.Lock()
        self._underway = 0
        self.expect(None)

    def expect(self, boundary: Boundary | None) -> None:
        """A new caller, to be killed there; its pid is to be told."""
        self.changes.clear()
        self._boundary = boundary
        self._killed = False
        self.pid: Future[int] = Future()
        self.operations: list[str] = []
        self.killed_at = ""

    def is_quiet(self) -> bool:
        """What the caller had underway when it was killed has come to its end."""
        return not self._underway

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        call = Call(environ)
        with self._lock:
            if self._killed:
                raise ConnectionAbortedError
            self.operations.append(_named(call))
            kills = self._boundary is not None and self._boundary.number == len(self.operations)
            self._underway += 1
        try:
            if kills and not self._boundary.after:
                self._kill(call)
            answer = self._carried_out(call, start_response)
            if kills:
                self._kill(call)
            return answer
        finally:
            with self._lock:
                self._underway -= 1

    def _kill(self, call: Call) -> NoReturn:
        with self._lock:
            self._killed = True
            self.killed_at = f"{self._boundary}: {_named(call)}"
            os.kill(self.pid.result(10), signal.SIGKILL)
        raise ConnectionAbortedError  # by which the server knows that there is nothing to say

    def _carried_out(self, call: Call, start_response: StartResponse) -> Iterable[bytes]:
        def noting(status: str, *rest: Any) -> Any:
            if call.action in {"StopInstances", "StartInstances"} and status.startswith("2"):
                self.changes.append((call.action, tuple(call.form_list("InstanceId"))))
            return start_response(status, *rest)

        return self._front(call.environ, noting)


def _named(call: Call) -> str:
    """Such as `ec2:StopInstances`, or `s3:PUT report.json`."""
    if call.service == "s3":
        return f"s3:{call.environ['REQUEST_METHOD']} {call.action.rpartition('/')[2]}"
    return f"{call.service}:{call.action}"


@contextmanager
def wire(changes: Changes) -> Iterator[tuple[Wire, dict[str, str]]]:
    """Another way to the same AWS, with the environment that leads there."""
    with EmbeddedAws() as aws:
        tapped = Wire(aws.front, changes)
        aws._server.app = tapped
        yield tapped, aws.environment
