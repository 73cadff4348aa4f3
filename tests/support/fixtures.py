"""Fixtures around one embedded AWS for each test process, emptied before each test; conftest files import them all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader
from moto import backends
from moto.core import responses
from moto.moto_api._internal.models import moto_api_backend
from typer.main import get_command
from typer.testing import CliRunner

from orchestrator.aws.organizations import Pacer
from orchestrator.cli.main import cli
from orchestrator.demo.server import EmbeddedAws
from tests.support.client_pool import ClientPool
from tests.support.embedded import OrganizationBuilder
from tests.support.lambdas import Lines, Stdout
from tests.support.sweeps import DEV, FRANKFURT, Sweeps

__all__ = [
    "_moto_looks_once",
    "_service_models_read_once",
    "client_pool",
    "healthy",
    "hub",
    "lines",
    "organization",
    "policy",
    "run",
    "server",
    "sweep",
    "terminal",
]


@pytest.fixture(scope="session", autouse=True)
def _service_models_read_once() -> Iterator[None]:
    """Each test has sessions of its own, and each of them would read botocore's service models from the disk again."""
    read_once = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read_once(path))
        yield


@pytest.fixture(scope="session", autouse=True)
def _moto_looks_once() -> Iterator[None]:
    """It lists its own folder twice for each request, and the methods of a class: a sixth of all the time."""
    modules = tuple(backends.list_of_moto_modules())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends, "list_of_moto_modules", lambda: modules)
        patch.setattr(responses, "method_names_from_class", cache(responses.method_names_from_class))
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
    monkeypatch.setattr("orchestrator.app.Pacer", lambda: Pacer(per_second=10_000))
    monkeypatch.setattr("orchestrator.aws.clients._sessions", client_pool.sessions)
    yield OrganizationBuilder(server)
    client_pool.take_back()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and its exit code."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.stdout)
        return parsed


Run = Callable[..., Ran]
_command_of = cache(get_command)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in this process, in an empty directory; reports go to `.stop-orchestrator` below it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("typer.testing._get_command", _command_of)

    def _run(*arguments: str, typed: str | None = None) -> Ran:
        result = CliRunner().invoke(cli, arguments, input=typed, catch_exceptions=False)
        return Ran(result.exit_code, result.stdout, result.stderr)

    return _run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard input of `run` says that it is a terminal; its standard output and error do not."""
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda self: self.name == "<stdin>", raising=False)


Policy = Callable[..., str]


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """Writes a policy from its rules and what follows them; gives back its path."""

    def write(body: str, *regions: str) -> str:
        path = tmp_path / "policy.yaml"
        included = ", ".join(regions or ("eu-central-1", "eu-west-1"))
        path.write_text(f"version: 1\nname: test\nregions: {{include: [{included}]}}\n{body}")
        return str(path)

    return write


@pytest.fixture
def sweep(organization: OrganizationBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sweeps]:
    """Sweeps the organization in this process, without waits."""
    sweeps = Sweeps(tmp_path / "reports", monkeypatch)
    yield sweeps
    sweeps.close()


@pytest.fixture
def hub(organization: OrganizationBuilder, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> OrganizationBuilder:
    """The organization, and the environment of a Lambda in its management account."""
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", policy("rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"))
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)
    return organization


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Every line that the Lambda wrote since it was last asked; one that is no JSON fails the test."""
    monkeypatch.setattr("orchestrator.lambdas.log.logger.registered_handler.stream", Stdout())
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def healthy(organization: OrganizationBuilder) -> str:
    """An account in which one instance in Frankfurt is to be stopped."""
    account = organization.account("healthy")
    organization.instances(account, FRANKFURT, 1, DEV)
    return account
