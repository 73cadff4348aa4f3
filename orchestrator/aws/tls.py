"""One SSL context for the connections of all clients: the CA bundle is read and parsed once, not for each connection.

botocore makes a context for each client, and urllib3 loads the bundle into it again at each new connection: 35 of the
49 ms of CPU that one costs. Which bundle that is, and all else about a context, stays botocore's own decision.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from ssl import SSLContext
from typing import Any

_lock = threading.Lock()
_shared: dict[tuple[object, ...], SSLContext] = {}
"""By what botocore configures connections with: the bundle, or whether to verify at all, and a client certificate."""


def share_context(client: Any) -> None:
    """From now on the client's direct connections have the process's one context; those through a proxy one a client.

    A proxy's context is not shared: botocore and urllib3 change it by where the proxy leads.
    """
    # botocore offers no public way to its HTTP session; tests/aws/test_tls.py holds what is used of it.
    session = client._endpoint.http_session  # noqa: SLF001 - no public way
    make, manager = session._get_ssl_context, session._manager  # noqa: SLF001 - the same
    key = (session._verify, session._cert_file, session._key_file)  # noqa: SLF001 - the same
    with _lock:
        made = manager.connection_pool_kw["ssl_context"]
        if _shared.get(key) is made:
            return
        manager.connection_pool_kw["ssl_context"] = _shared.get(key) or _shared.setdefault(key, load_once(made))
    session._get_ssl_context = lambda: load_once(make())  # noqa: SLF001 - the same


def load_once(context: SSLContext) -> SSLContext:
    """The same context; what it has loaded is not loaded again, unless the file is another one by now."""
    load: Callable[..., None] = context.load_verify_locations
    loaded: set[tuple[object, ...]] = set()
    lock = threading.Lock()

    def load_new(cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        if capath is not None or cadata is not None:
            load(cafile, capath, cadata)
            return
        key = (cafile, *_version(cafile))
        if key in loaded:
            return
        with lock:  # else every connection of a sweep's first second would read it
            if key not in loaded:
                load(cafile)
                loaded.add(key)

    context.load_verify_locations = load_new  # type: ignore[method-assign]  # what urllib3 calls at each connection
    return context


def _version(file: Any) -> tuple[object, ...]:
    """Nothing where there is no such file: then loading it fails, and is not remembered."""
    try:
        state = Path(file).stat()
    except (OSError, TypeError):
        return ()
    return state.st_mtime_ns, state.st_size
