"""Fixtures around one embedded AWS for each test process, emptied before each test; conftest files import them all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from moto.dynamodb.models import dynamodb_backends
from typer.main import get_command
from typer.testing import CliRunner

from orchestrator import app
from orchestrator.aws.clients import Clients
from orchestrator.cli.root import cli
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.demo.organization import TABLE, active_policy
from tests.support.embedded import MANAGEMENT, OrganizationBuilder
from tests.support.embedded_aws import _service_models_read_once, client_pool, organization, server
from tests.support.lambdas import SWEEP_ID, Lines, Stdout
from tests.support.moto_speed import _moto_is_quick
from tests.support.sweeps import DEV, FRANKFURT, Sweeps

__all__ = [
    "_moto_is_quick",
    "_service_models_read_once",
    "client_pool",
    "first_id",
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
    """The command line in this process, in an empty directory; reports go to `.stop-orchestrator` below it.

    As wide as a terminal, although it writes to none.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("typer.testing._get_command", _command_of)

    def _run(*arguments: str, typed: str | bytes | None = None) -> Ran:
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
    """The organization, and the environment of a Lambda in its management account that may enforce."""
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "enforce")
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", policy("rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"))
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("orchestrator.app.read_policy", _activating())
    return organization


def activate(text: str) -> None:
    """As deploying the hub with this policy does; in the emulator's memory, since the hub itself may not."""
    dynamodb_backends[MANAGEMENT][FRANKFURT].put_item(TABLE, active_policy(text, "ann"))


def _activating() -> Callable[..., OrgPolicy]:
    """What a Lambda reads is the active version, as if each policy had been deployed."""
    read = app.read_policy

    def read_policy(source: str, clients: Callable[[], Clients], **more: Any) -> OrgPolicy:
        policy = read(source, clients, **more)
        activate(policy.text)
        return policy

    return read_policy


@pytest.fixture
def first_id(monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of the next new sweep; those of later ones are made as ever."""
    ids, make = iter((SWEEP_ID,)), app.new_sweep_id
    monkeypatch.setattr(app, "new_sweep_id", lambda at: next(ids, None) or make(at))
    return SWEEP_ID


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
