"""As much of HTTP/1.1 as AWS's clients speak: lengths and chunks, `Expect: 100-continue`, keep-alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

_HEAD_END = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_WORDS = {200: "OK", 204: "No Content", 206: "Partial Content", 400: "Bad Request", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` by their names in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def response(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """As it is sent; a Content-Length among the headers stands for a body that is not sent."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    length = "" if "Content-Length" in headers else f"Content-Length: {len(body)}\r\n"
    return f"HTTP/1.1 {status} {_WORDS.get(status, 'Refused')}\r\n{lines}{length}\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One client's: each of its requests is answered after the latency, while those of others are."""

    def __init__(self, answer: Callable[[Request], bytes], latency: float) -> None:
        self._answer = answer
        self._latency = latency
        self._buffer = bytearray()
        self._head: tuple[str, str, dict[str, str]] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (request := self._take()) is not None:
            answer = self._answer(request)
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(answer)

    def _take(self) -> Request | None:
        """The next request, once all of it is there."""
        if self._head is None:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return None
            first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            del self._buffer[: end + len(_HEAD_END)]
            method, path, _ = first.split(" ", 2)
            pairs = (line.split(":", 1) for line in lines)
            self._head = method, path, {name.strip().lower(): value.strip() for name, value in pairs}
            if self._head[2].get("expect", "").lower() == "100-continue":
                self._send(_CONTINUE)
        method, path, headers = self._head
        body = self._body(headers)
        if body is None:
            return None
        self._head = None
        return Request(method, path, headers, body)

    def _body(self, headers: dict[str, str]) -> bytes | None:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            end = self._buffer.find(b"0\r\n\r\n") if self._buffer.endswith(b"0\r\n\r\n") else -1
            if end < 0:
                return None
            body, self._buffer = unchunked(bytes(self._buffer)), bytearray()
        else:
            length = int(headers.get("content-length", "0"))
            if len(self._buffer) < length:
                return None
            body = bytes(self._buffer[:length])
            del self._buffer[:length]
        return unchunked(body) if "aws-chunked" in headers.get("content-encoding", "") else body


def unchunked(content: bytes) -> bytes:
    """What is in the chunks, without their sizes, signatures and trailers."""
    parts, place = [], 0
    while place < len(content):
        end = content.index(b"\r\n", place)
        size = int(content[place:end].split(b";")[0], 16)
        if not size:
            break
        parts.append(content[end + 2 : end + 2 + size])
        place = end + 2 + size + 2
    return b"".join(parts)
