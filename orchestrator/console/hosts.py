"""For which names the console answers: a page of another site that points its own name at this machine gets nothing.

Without this check the browser would let that page read what it fetches from here (DNS rebinding).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.errors import SettingsError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))(?::[0-9]{1,5})?")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*")
_LONGEST = 253


def checked_public_name(name: str) -> str:
    """The host name at which the operator's own proxy answers, in lower case. Raises SettingsError."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise SettingsError(
            f"--host: {name!r} is no host name, such as sweeps.example.com; it has no scheme and no port"
        )
    return name.lower()


def is_for_us(hosts: Sequence[str], public_name: str = "") -> bool:
    """Whether the values of a request's Host header name this machine, or the proxy before it. Ports do not matter: a
    tunnel or a proxy has its own.
    """
    if len(hosts) != 1:
        return False
    found = _HOST.fullmatch(hosts[0].strip())
    names = {*LOOPBACK, *([public_name] if public_name else [])}
    return found is not None and found[1].lower().removesuffix(".") in names
