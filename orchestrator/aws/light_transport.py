"""One POST over a connection of botocore's own pool, without the machinery that botocore and urllib3 put around it.

Who opens a connection is urllib3, as botocore configured it: names, time-outs, certificates, socket options, keep-alive
and the number kept are botocore's, and a connection serves botocore's calls before and after. What is left out is
building the request header by header, a parser for e-mail, and two layers of response objects: 0.06 ms against 0.3 ms.
An answer is framed as http.client frames it, and whatever fails is botocore's own exception for it.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead, LineTooLong
from queue import Empty
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.exceptions import ConnectTimeoutError as NotConnectedInTime
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import ReadTimeoutError as NotReadInTime
from urllib3.exceptions import SSLError as BadTls
from urllib3.util import Timeout
from urllib3.util.connection import is_connection_dropped
from urllib3.util.ssl_match_hostname import CertificateError

_LONGEST_LINE, _MOST_HEADERS = 65536, 100
"""http.client's own."""
_PORTION = 65536
_JUST_USED = 1.0
"""Seconds: an idle connection is kept for longer by any server, so it is not looked at before it is used again."""
_KERNEL_WAITS = sys.platform == "linux"
"""Where a socket's time-outs are two C longs, seconds and microseconds."""
_CONTINUE, _FIRST_SUCCESS, _NO_CONTENT, _NOT_MODIFIED = 100, 200, 204, 304
_HTTP_1_0, _HTTP_1_1 = 10, 11
_USUAL_STATUS = re.compile(r"HTTP/1\.1 ([2-5][0-9][0-9])(?: [^\r\n]*)?")
_DROPPED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""http.client's RemoteDisconnected among them."""


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it came; the names of its headers in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def message(head: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole request. Raises HTTPClientError for a header that would be read as two."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\r") + lines.count("\n") != 2 * len(headers):
        raise HTTPClientError(error=ValueError("a header of the request has a line break in it"))
    return f"{head}{lines}content-length: {len(body)}\r\n\r\n".encode() + body


class Connections:
    """The pool of one of botocore's HTTP sessions for one URL, which no proxy applies to."""

    def __init__(self, session: Any, url: str) -> None:
        self._url = url
        # tests/aws/test_light_path.py holds what is used of botocore's session and of urllib3's pool.
        self._pool = session._manager.connection_from_url(url)  # noqa: SLF001 - no public way
        session._setup_ssl_cert(self._pool, url, session._verify)  # noqa: SLF001 - the same
        self._connect_timeout = Timeout.resolve_default_timeout(self._pool.timeout.connect_timeout)
        self._read_timeout = Timeout.resolve_default_timeout(self._pool.timeout.read_timeout)

    def post(self, message: bytes, count: Callable[[], None]) -> Raw:
        """The answer to a whole request, of a call that may be made twice; `count` is called before it is sent.

        A connection that was kept may be closed by the other side at any time. Where that came to light by sending on
        it, so that no answer began, the request is sent once more, on a new one. Raises botocore's exceptions.
        """
        try:
            connection = self._taken()
            if connection.sock is not None:
                with suppress(_Dropped):
                    return self._exchanged(connection, message, count)
                connection = self._pool._new_conn()  # noqa: SLF001 - the same
            return self._exchanged(self._opened(connection), message, count)
        except _Dropped as dropped:
            raise _as_botocore(dropped.__cause__ or dropped, self._url) from dropped.__cause__
        except (OSError, HTTPException, HTTPError, ValueError) as failure:
            raise _as_botocore(failure, self._url) from failure

    def _taken(self) -> Any:
        """A connection that is kept, or one that is not connected yet: urllib3's `_get_conn` that looks less often."""
        try:
            kept = self._pool.pool.get(block=False)
        except Empty:
            kept = None
        if kept is None:
            return self._pool._new_conn()  # noqa: SLF001 - no public way
        if time.monotonic() - getattr(kept, "light_used_at", 0.0) > _JUST_USED and is_connection_dropped(kept):
            kept.close()
        return kept

    def _opened(self, connection: Any) -> Any:
        connection.timeout = self._connect_timeout
        try:
            connection.connect()
        except TimeoutError as late:  # of the handshake: urllib3 calls that reading
            connection.close()
            raise NotReadInTime(self._pool, self._url, str(late)) from late
        except BaseException:
            connection.close()
            raise
        return connection

    def _exchanged(self, connection: Any, message: bytes, count: Callable[[], None]) -> Raw:
        kept = None
        try:
            _wait_at_most(connection, self._read_timeout)
            raw, is_over = _exchange(connection.sock, message, count)
            kept = None if is_over else connection
            connection.light_used_at = time.monotonic()
            return raw
        finally:
            if kept is None:
                connection.close()
            self._pool._put_conn(kept)  # noqa: SLF001 - no public way


class _Dropped(Exception):  # noqa: N818 - it is caught here, and no error of a caller's
    """Not a byte of an answer came, since the other side closed or reset the connection."""


def _wait_at_most(connection: Any, timeout: float | None) -> None:
    """Sets the time-out of each send and receive: the kernel's own where there is one.

    Python's means another system call before each of them, and in each one another thread takes the interpreter: with
    128 of them that costs more than all that is computed. urllib3 sets its own before each use of its own.
    """
    sock = connection.sock
    if not _KERNEL_WAITS or type(sock) is not socket.socket:
        # TLS of Python's asks again for as long as a socket without its own time-out has nothing to read.
        if sock.gettimeout() != timeout:
            sock.settimeout(timeout)
        return
    if sock.gettimeout() is not None:
        sock.settimeout(None)
    waits: Any = getattr(connection, "light_waits", None)
    if waits is None or waits[0] is not sock or waits[1] != timeout:
        seconds, part = divmod(timeout or 0.0, 1)
        least = 1 if timeout else 0  # 0 would be for ever
        value = struct.pack("ll", int(seconds), max(int(part * 1_000_000), 0 if seconds else least))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            sock.setsockopt(socket.SOL_SOCKET, option, value)
        connection.light_waits = (sock, timeout)


def _exchange(sock: Any, message: bytes, count: Callable[[], None]) -> tuple[Raw, bool]:
    """The answer, and whether the connection is of no use after it."""
    count()
    wire = _Wire(sock)
    answer = _Answer(wire, method="POST")  # type: ignore[arg-type]  # only its makefile is used
    try:
        try:
            wire.send(message)
            answer.begin()
        except _DROPPED as dropped:
            if answer.began:
                raise
            raise _Dropped from dropped
        content, is_whole = answer.whole()
        return Raw(answer.status, answer.fields, content), answer.will_close or not is_whole
    finally:
        answer.close()


class _Wire(io.RawIOBase):
    """A socket that waits as `_wait_at_most` says, as a file."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Large enough that most answers are received by one call."""
        return io.BufferedReader(self, _PORTION)

    def send(self, message: bytes) -> None:
        try:
            self._sock.sendall(message)
        except BlockingIOError as late:
            raise TimeoutError("timed out") from late

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        try:
            return int(self._sock.recv_into(into))
        except BlockingIOError as late:
            raise TimeoutError("timed out") from late


class _Answer(HTTPResponse):
    """http.client's, but for its parser of headers."""

    fields: Mapping[str, str]
    began = False

    def begin(self) -> None:
        """Reads the head."""
        version, status, fields = self._usual_head() or self._any_head()
        self.status = self.code = status
        self.fields = fields
        self.version = _HTTP_1_0 if version in ("HTTP/1.0", "HTTP/0.9") else _HTTP_1_1
        self.chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else _length(fields.get("content-length", ""))
        if status in (_NO_CONTENT, _NOT_MODIFIED) or _CONTINUE <= status < _FIRST_SUCCESS:
            self.length = 0
        self.will_close = self._is_last() or (not self.chunked and self.length is None)

    def _usual_head(self) -> tuple[str, int, dict[str, str]] | None:
        """The head where it came as a whole, and with nothing unusual in it, as almost every one does; else nothing is
        taken: line by line it takes three times as long.
        """
        came = self.fp.peek(1)
        head, end, _ = came.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        usual = _USUAL_STATUS.fullmatch(status)
        if not end or usual is None or len(lines) > _MOST_HEADERS or head.count(b"\n") != len(lines):
            return None
        self.began = True
        self.fp.read(len(head) + len(end))
        fields: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            fields.setdefault(name.lower(), value.strip())
        return "HTTP/1.1", int(usual[1]), fields

    def _any_head(self) -> tuple[str, int, dict[str, str]]:
        status = _CONTINUE
        while status == _CONTINUE:
            version, status, _reason = self._read_status()  # type: ignore[attr-defined]  # as botocore's own
            self.began = True
            fields = self._fields()
        return version, status, fields

    def whole(self) -> tuple[bytes, bool]:
        """The content, and whether there was as much as the head says: as botocore, which takes less for all."""
        try:
            return self.read(), True
        except IncompleteRead as short:
            if self.chunked:
                raise
            return short.partial, False

    def _fields(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        for _number in range(_MOST_HEADERS + 1):
            line = self.fp.readline(_LONGEST_LINE + 1)
            if line in (b"\r\n", b"\n", b""):
                return fields
            if len(line) > _LONGEST_LINE:
                raise LineTooLong("header line")
            name, _, value = line.decode("latin-1").partition(":")
            fields.setdefault(name.lower(), value.strip())
        raise HTTPException(f"got more than {_MOST_HEADERS} headers")

    def _is_last(self) -> bool:
        wish = self.fields.get("connection", "").lower()
        if self.version == _HTTP_1_1:
            return "close" in wish
        return "keep-alive" not in wish and "keep-alive" not in self.fields


def _length(text: str) -> int | None:
    try:
        length = int(text)
    except ValueError:
        return None
    return length if length >= 0 else None


def _as_botocore(failure: BaseException, url: str) -> BotoCoreError:
    """The exception that botocore's session raises for it: botocore.httpsession.URLLib3Session.send."""
    match failure:
        case ssl.SSLError() | CertificateError() | BadTls():
            return SSLError(endpoint_url=url, error=failure)
        case NewConnectionError() | socket.gaierror():
            return EndpointConnectionError(endpoint_url=url, error=failure)
        case NotConnectedInTime():
            return ConnectTimeoutError(endpoint_url=url, error=failure)
        case NotReadInTime() | TimeoutError():
            return ReadTimeoutError(endpoint_url=url, error=failure)
        case OSError() | HTTPException():
            return ConnectionClosedError(endpoint_url=url, error=failure, request=None)
        case _:
            return HTTPClientError(error=failure)
