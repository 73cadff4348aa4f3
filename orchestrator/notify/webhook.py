"""One POST of JSON to a webhook: over TLS, without redirects; no error has a word of its URL or of its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from urllib3 import PoolManager, ProxyManager
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Timeout

from orchestrator.notify.channel import NotDeliveredError

CONNECT_SECONDS, READ_SECONDS = 2.0, 4.0
"""Within the five that all messages of a sweep have."""
_TOO_MANY = 429
_MAY_PASS = range(500, 600)
_LATER_SECONDS = 1.0


def post(url: str, payload: Mapping[str, Any]) -> None:
    """Once it returns the webhook answered with a status that says yes. Raises NotDeliveredError.

    A redirect is no yes, and is not followed: the message would go to a host that nobody named.
    """
    body = json.dumps(payload).encode()
    timeout = Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    try:
        answer = _pool(url).request(
            "POST",
            url,
            body=body,
            headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "stop-orchestrator"},
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        status, later = answer.status, answer.headers.get("Retry-After", "")
        answer.close()
    except (HTTPError, OSError, ValueError) as failure:
        raise NotDeliveredError(_words(failure)) from None  # its text has the URL
    if not 200 <= status < 300:  # noqa: PLR2004 - what HTTP calls a success
        raise NotDeliveredError(f"it answered with HTTP status {status}", _again_after(status, later))


def _again_after(status: int, later: str) -> float | None:
    if status != _TOO_MANY and status not in _MAY_PASS:
        return None
    return float(later) if later.isascii() and later.isdigit() else _LATER_SECONDS


def _pool(url: str) -> PoolManager:
    """Through the proxy that the environment names for that host."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme, "")
    if not proxy or proxy_bypass(parts.hostname or ""):
        return PoolManager(num_pools=1)
    return ProxyManager(proxy if "://" in proxy else f"http://{proxy}", num_pools=1)


def _words(failure: Exception) -> str:
    for kinds, text in _WORDS:
        if isinstance(failure, kinds):
            return text
    return f"it was not reached ({type(failure).__name__})"


_WORDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((NameResolutionError,), "its host has no address"),  # before what it is a kind of, as the next one
    ((NewConnectionError,), "the connection was refused"),
    ((ConnectTimeoutError,), f"no connection within {CONNECT_SECONDS:g} s"),
    ((ReadTimeoutError,), f"no answer within {READ_SECONDS:g} s"),
    ((SSLError,), "its certificate was not accepted, or TLS failed"),
    ((ProxyError,), "the proxy was not reached"),
)
