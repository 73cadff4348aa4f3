"""The console's HTTP server: GET and HEAD on 127.0.0.1, one thread for each request, nothing kept between them.

It is the standard library's: a few readers on one machine need no more, and the command line gets no dependency by it
(werkzeug, which comes with the demo, has the same server behind its own).
"""

from __future__ import annotations

import socketserver
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from orchestrator.console.answers import Answer, text_answer
from orchestrator.console.hosts import is_for_us
from orchestrator.errors import StopOrchestratorError

LOOPBACK_ADDRESS = "127.0.0.1"
_METHODS = ("GET", "HEAD")
_SECONDS_TO_WAIT = 30
"""For a client that says nothing, or takes nothing."""
_GONE = (ConnectionError, TimeoutError)


class ConsoleServer(ThreadingHTTPServer):
    """Serves until `shutdown`. Port 0: a free one, which `url` tells."""

    daemon_threads = True
    block_on_close = False
    """A client that takes its time does not hold up the end."""

    def __init__(
        self, port: int, public_name: str, answer: Callable[[str], Answer], warn: Callable[[str], None]
    ) -> None:
        self.public_name = public_name
        self.answer = answer
        self.warn = warn
        super().__init__((LOOPBACK_ADDRESS, port), _Handler)

    def server_bind(self) -> None:
        """Without asking name servers what this machine is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK_ADDRESS, self.server_address[1]

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        return f"http://{LOOPBACK_ADDRESS}:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - by the library's names
        """What a request's thread dies of, in one line; a client that left is nothing to tell."""
        failure = sys.exception()
        if not isinstance(failure, _GONE):
            self.warn(f"a request failed: {type(failure).__name__}: {failure}")


class _Handler(BaseHTTPRequestHandler):
    """One connection has one request: what else a client sends on it is never read as another one."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"
    """Of what does not tell: to HTTP 0.9 no header would be sent."""
    timeout = _SECONDS_TO_WAIT
    server: ConsoleServer

    def version_string(self) -> str:
        return "stop-orchestrator"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: addresses of pages have names of resources in them."""

    def parse_request(self) -> bool:
        """False where it was answered already: before anything else is looked at, for whom it is and what it does."""
        if not super().parse_request():
            return False
        if not is_for_us(self.headers.get_all("Host", []), self.server.public_name):
            own = f", and {self.server.public_name}" if self.server.public_name else "; --host NAME names another"
            self._send(
                text_answer(HTTPStatus.MISDIRECTED_REQUEST, f"This console answers for 127.0.0.1 and localhost{own}.")
            )
            return False
        if self.command not in _METHODS:
            text = "This console only reads: GET and HEAD."
            self._send(text_answer(HTTPStatus.METHOD_NOT_ALLOWED, text, Allow=", ".join(_METHODS)))
            return False
        return True

    def do_GET(self) -> None:
        try:
            answer = self.server.answer(self.path)
        except Exception as failure:  # noqa: BLE001 - whatever a damaged report does, the client is told
            self.server.warn(f"a page could not be made: {type(failure).__name__}: {failure}")
            answer = text_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "The page could not be made; the terminal says why.")
        self._send(answer)

    do_HEAD = do_GET  # noqa: N815 - the same

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - the library's page would quote the request
        """What is no request of HTTP."""
        self._send(text_answer(HTTPStatus(code), f"{HTTPStatus(code).phrase}."))

    def _send(self, answer: Answer) -> None:
        self.close_connection = True
        in_pieces = self.request_version == "HTTP/1.1"
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if in_pieces:
            self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(answer.body, in_pieces=in_pieces)

    def _send_body(self, body: Iterable[bytes], *, in_pieces: bool) -> None:
        """Piece by piece. One that breaks off has no last piece, by which the client sees that it is not whole."""
        try:
            for piece in filter(None, body):
                self.wfile.write(b"%X\r\n%b\r\n" % (len(piece), piece) if in_pieces else piece)
        except StopOrchestratorError as failure:
            self.server.warn(f"a page broke off: {failure}")
            return
        if in_pieces:
            self.wfile.write(b"0\r\n\r\n")
