"""Lambda's Runtime API on 127.0.0.1: hands out events in order, keeps what the runtime client posts.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FUNCTION_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:stop-orchestrator"


class RuntimeApi:
    """`address` is what AWS_LAMBDA_RUNTIME_API holds."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.events: queue.Queue[Any] = queue.Queue()
        self.posted: queue.Queue[tuple[str, Any]] = queue.Queue()

    def invoke(self, event: Any, seconds: float = 60) -> tuple[str, Any]:
        """`response` or `error`, and the body; raises queue.Empty when nothing is posted in time."""
        self.events.put(event)
        return self.posted.get(timeout=seconds)


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.block_on_close = False  # the client is always waiting for another event
    api = RuntimeApi(f"127.0.0.1:{server.server_port}")
    server.api = api  # type: ignore[attr-defined]  # a server of ours  # how a handler gets at anything
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.events.put(None)
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def api(self) -> RuntimeApi:
        api: RuntimeApi = self.server.api  # type: ignore[attr-defined]  # set on it where it is made
        return api

    def do_GET(self) -> None:
        event = self.api.events.get()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "11111111-2222-3333-4444-555555555555",
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 900) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
            "Lambda-Runtime-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        }
        self._answer(200, json.dumps(event).encode(), headers)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.api.posted.put((self.path.rpartition("/")[2], body))
        self._answer(202, b"{}", {})

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the library
        """Quiet."""

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
