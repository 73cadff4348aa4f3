"""Fixtures of the embedded AWS by itself, without the command line: one in a test process, empty before each test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from botocore.loaders import JSONFileLoader
from moto.moto_api._internal.models import moto_api_backend

from orchestrator.demo.server import EmbeddedAws
from tests.support.client_pool import ClientPool
from tests.support.embedded import OrganizationBuilder
from tests.support.moto_speed import _moto_is_quick

__all__ = ["_moto_is_quick", "_service_models_read_once", "client_pool", "organization", "server"]


@pytest.fixture(scope="session", autouse=True)
def _service_models_read_once() -> Iterator[None]:
    """Each test has sessions of its own, and each of them would read botocore's service models from the disk again."""
    read_once = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read_once(path))
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as aws:
        yield aws


@pytest.fixture(scope="session")
def client_pool() -> ClientPool:
    return ClientPool()


@pytest.fixture
def organization(
    server: EmbeddedAws, client_pool: ClientPool, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OrganizationBuilder]:
    """An empty organization; the environment of the test talks to it. Organizations is not paced (tests/aws does)."""
    moto_api_backend.reset()
    server.front.clear()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("orchestrator.aws.organization_pace.FIRST_PER_SECOND", 1e6)
    monkeypatch.setattr("orchestrator.aws.clients._sessions", client_pool.sessions)
    yield OrganizationBuilder(server)
    client_pool.take_back()
