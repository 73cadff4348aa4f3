"""moto's server for the tests of DynamoDB and S3: one for each module, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.moto_api._internal.models import moto_api_backend
from moto.server import ThreadedMotoServer

from orchestrator.aws.clients import Clients
from tests.support.local_aws import closing_clients


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    assert server._server is not None
    server._server.server_close()


@pytest.fixture
def hub(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """Clients of a hub account with nothing in it."""
    moto_api_backend.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    with closing_clients() as clients:
        yield clients
