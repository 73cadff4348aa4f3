"""How the embedded AWS speaks HTTP: connections are kept, as AWS keeps them.

werkzeug's own handler ends each connection after one answer: another connection, and another thread, for each request.
"""

from __future__ import annotations

import io
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import InternalServerError
from werkzeug.test import run_wsgi_app

_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class QuietRequestHandler(MotoRequestHandler):
    """One connection, request after request, until the client closes it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one piece: the second would wait for the acknowledgement of the first
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Says nothing: a sweep makes thousands of requests."""

    def handle_expect_100(self) -> bool:
        """The client waits for this before it sends the body."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def run_wsgi(self) -> None:
        """Answers one request. Its body is read whole, whether it is wanted or not: the next request comes after it."""
        self.environ = environ = self.make_environ()
        stream = environ["wsgi.input"]
        is_chunked = environ.get("wsgi.input_terminated", False)
        environ["wsgi.input"] = io.BytesIO(stream.read() if is_chunked else stream.read(self._length()))
        try:
            chunks, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
        except ConnectionError:
            self.close_connection = True  # nothing is to be said
            return
        except Exception:  # noqa: BLE001 - the boundary of a server's thread
            chunks, status, headers = run_wsgi_app(InternalServerError(), environ, buffered=True)
        body = b"".join(chunks)
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if "Content-Length" not in headers and self.command != "HEAD" and int(code) not in _NO_BODY:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _length(self) -> int:
        return int(self.headers.get("Content-Length") or 0)
