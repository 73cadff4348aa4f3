"""Where the URLs of webhooks are kept: a parameter of SSM, or a secret of Secrets Manager.

Whoever has such a URL can write to its channel: it is in no message of an error, and in nothing that is logged.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.notify.channel import NotDeliveredError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class WebhookUrls:
    """Reads each once, however many messages go there."""

    def __init__(self, clients: Clients, *, loopback: bool = False) -> None:
        """`loopback`: plain HTTP is taken to this machine itself, as tests have it."""
        self._clients = clients
        self._loopback = loopback
        self._found: dict[str, str] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def read(self, source: str) -> str:
        """The URL that is kept at `ssm:/name` or `secretsmanager:NAME`. Raises NotDeliveredError."""
        with self._lock:
            mine = self._locks.setdefault(source, threading.Lock())
        with mine:  # one that hangs delays none of another source
            if source not in self._found:
                self._found[source] = self._checked(source, self._text(source).strip())
            return self._found[source]

    def _text(self, source: str) -> str:
        where, _, name = source.partition(":")
        operations: dict[str, tuple[str, Callable[[], str]]] = {
            "ssm": ("ssm:GetParameter", lambda: self._parameter(name)),
            "secretsmanager": ("secretsmanager:GetSecretValue", lambda: self._secret(name)),
        }
        operation, ask = operations[where]
        try:
            return ask()
        except AWS_FAILURES as failure:
            raise NotDeliveredError(f"{operation} {name}: {error_of(failure)}") from failure

    def _parameter(self, name: str) -> str:
        return str(self._clients.messages("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])

    def _secret(self, name: str) -> str:
        """Its text; of a secret that is a JSON object, as the console makes them, what is at `url`."""
        text = str(self._clients.messages("secretsmanager").get_secret_value(SecretId=name).get("SecretString", ""))
        if not text.lstrip().startswith("{"):
            return text
        try:
            return str(json.loads(text).get("url", ""))
        except ValueError:
            return ""

    def _checked(self, source: str, url: str) -> str:
        """Nothing of it is quoted, nor is the exception that would quote it."""
        try:
            parts = urlsplit(url)
            is_right = self._is_right(parts) and url.isprintable() and " " not in url
        except ValueError:
            is_right = False
        if not is_right:
            raise NotDeliveredError(f"what is kept at {source} is no https:// URL (nor JSON with one as `url`)")
        return url

    def _is_right(self, parts: SplitResult) -> bool:
        plain = self._loopback and parts.scheme == "http" and parts.hostname in _LOOPBACK
        return bool(parts.hostname) and (parts.scheme == "https" or plain)
