"""moto's server for the tests of DynamoDB and S3: one for all of them in a process, emptied before each."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer

from orchestrator.aws.clients import Clients
from orchestrator.demo.connections import QuietRequestHandler
from tests.support.local_aws import closing_clients

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class _OneAtATime:
    """DynamoDB tests a condition and writes in one step. moto does it in two, and where two threads take turns between
    them, both conditions hold.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            return list(self._application(environ, start_response))


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    assert server._server is not None
    server._server.app = _OneAtATime(server._server.app)
    server._server.RequestHandlerClass = QuietRequestHandler
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    server._server.server_close()


@pytest.fixture
def hub(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Clients of a hub account with nothing in it."""
    moto_api_backend.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    with closing_clients() as clients:
        yield clients
