"""Requests to the ledger over a light transport: a sweep that acts makes four for each stop, a third of its calls.

All of a call but its way over the wire stays botocore's: endpoint, signature, retries, events, and how an answer is
read. botocore asks for an answer in `before-send`, and sends by itself where it is given none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from orchestrator.aws.light_transport import Connections, message
from orchestrator.aws.signing import host_of

_LENGTH = "Content-Length"


@dataclass(frozen=True, slots=True)
class _Content:
    """What botocore reads an answer's content from."""

    content: bytes

    def stream(self) -> Iterator[bytes]:
        yield self.content


class LedgerTransport:
    """Sends what is posted to the root of an endpoint without a proxy, of calls that may be made twice.

    They may: botocore tries again where no answer came, so each write of the ledger holds where it was made before.
    `count` is told the operation of each request, of those too that botocore sends.
    """

    def __init__(self, client: Any, count: Callable[[str], None]) -> None:
        self._session = client._endpoint.http_session  # noqa: SLF001 - botocore offers no public way to it
        self._count = count
        self._routes: dict[str, tuple[str, Connections] | None] = {}
        """The first lines of a request and the connections, by URL; None for what botocore has to send."""
        client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", self.send)

    def send(self, request: AWSPreparedRequest, event_name: str, **_more: Any) -> AWSResponse | None:
        """The answer, or None where botocore has to send it. Raises botocore's exceptions."""
        operation, url, body = event_name.rpartition(".")[2], str(request.url), request.body
        if url not in self._routes:
            self._routes[url] = self._route(url)
        route = self._routes[url]
        if route is None or request.method != "POST" or not isinstance(body, bytes) or _is_own(request):
            self._count(operation)
            return None
        head, connections = route
        headers = {name: _text(value) for name, value in request.headers.items() if name != _LENGTH}
        raw = connections.post(message(head, headers, body), lambda: self._count(operation))
        return AWSResponse(url, raw.status, raw.headers, _Content(raw.content))  # type: ignore[arg-type]  # any mapping

    def _route(self, url: str) -> tuple[str, Connections] | None:
        parts = urlsplit(url)
        is_proxied = self._session._proxy_config.proxy_url_for(url) is not None  # noqa: SLF001 - no public way
        if is_proxied or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
            return None
        head = f"POST / HTTP/1.1\r\nhost: {host_of(url)}\r\naccept-encoding: identity\r\n"
        return head, Connections(self._session, url)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _is_own(request: Any) -> bool:
    """Whether it has a time-out or a framing of its own."""
    return (
        (getattr(request, "context", None) or {}).get("read_timeout") is not None
        or "Transfer-Encoding" in request.headers
        or _text(request.headers.get(_LENGTH, "")) != str(len(request.body))
    )
