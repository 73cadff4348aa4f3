"""Run by `make e2e`, not by `make test`: it needs the emulator in .venv-e2e and the zip in dist.

E2E_WITHOUT=ec2:StopInstances takes that permission away from the templates; the run fails and names it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.e2e.command import HubCommand
from tests.e2e.deployment import Deployment, Report, Upgrade, say
from tests.e2e.expectations import Swept, swept
from tests.e2e.organization import founded
from tests.e2e.rendering import NAMES, allows
from tests.e2e.server import running

Deployer = Callable[[str], AbstractContextManager[Deployment]]
collect_ignore_glob = [] if "E2E_PACKAGE" in os.environ else ["test_*.py"]
WITHOUT = os.environ.get("E2E_WITHOUT", "")


@pytest.fixture(scope="session")
def started_without(tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    """An emulator of its own with the organization, and templates without one permission that can be deployed there."""
    package = Path(os.environ["E2E_PACKAGE"])

    @contextmanager
    def started(action: str) -> Iterator[Deployment]:
        if action and not any(allows(name, action) for name in NAMES):
            pytest.exit(f"no template grants {action}, so there is nothing to take away", 2)
        say(f"starting ministack{f', without {action}' if action else ''}")
        with running(tmp_path_factory.mktemp("ministack") / "server") as emulator:
            command = HubCommand(emulator, tmp_path_factory.mktemp("operator"))
            yield Deployment(emulator, founded(emulator), package, command, action)

    return started


@pytest.fixture(scope="session")
def deployed_without(started_without: Deployer) -> Deployer:
    """Everything deployed, without one permission."""

    @contextmanager
    def deployed(action: str) -> Iterator[Deployment]:
        with started_without(action) as one:
            one.deploy()
            yield one

    return deployed


@pytest.fixture(scope="session")
def started(started_without: Deployer) -> Iterator[Deployment]:
    with started_without(WITHOUT) as one:
        yield one


@pytest.fixture(scope="session")
def upgrade(started: Deployment) -> Upgrade:
    return started.upgrade()


@pytest.fixture(scope="session")
def deployment(started: Deployment, upgrade: Upgrade) -> Deployment:
    """What every sweep runs on: upgraded from the version before."""
    return started


@pytest.fixture(scope="session")
def alone(deployment: Deployment) -> dict[str, Swept]:
    """By mode, what the single Lambda did."""
    return {mode: swept(deployment, mode) for mode in ("plan", "enforce")}


@pytest.fixture(scope="session")
def met(deployment: Deployment, alone: dict[str, Swept]) -> dict[str, Report]:
    """The same organization again, by a preview and an enforce that meet."""
    deployment.organization.start_again()
    return deployment.met()


@pytest.fixture(scope="session")
def scaled_out(deployment: Deployment, alone: dict[str, Swept]) -> dict[str, Swept]:
    """The same organization again, by the state machine."""
    deployment.organization.start_again()
    deployment.scale_out()
    return {mode: swept(deployment, mode) for mode in ("plan", "enforce")}
