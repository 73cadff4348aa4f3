"""Application Auto Scaling, which ministack lacks, as it answers where nothing is scaled: it has no scalable targets.

Without it no sweep could read a running ECS service. `test_5_known_gaps.py` fails as soon as ministack has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_ONLY = "AnyScaleFrontendService.DescribeScalableTargets"


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_known = self.headers.get("X-Amz-Target") == _ONLY
        body = b'{"ScalableTargets": []}' if is_known else b'{"__type": "UnknownOperationException"}'
        self.send_response(200 if is_known else 400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Nothing: what asked is in ministack's log."""


@contextmanager
def no_scaling() -> Iterator[str]:
    """Its endpoint, on a free port of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
