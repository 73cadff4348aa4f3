"""Run by `make e2e`, not by `make test`: it needs the emulator in .venv-e2e and the zip in dist.

E2E_WITHOUT=ec2:StopInstances takes that permission away from the templates; the run fails and names it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, say
from tests.e2e.expectations import Swept, swept
from tests.e2e.organization import founded
from tests.e2e.rendering import NAMES, allows
from tests.e2e.server import running

Deployer = Callable[[str], AbstractContextManager[Deployment]]
collect_ignore_glob = [] if "E2E_PACKAGE" in os.environ else ["test_*.py"]
WITHOUT = os.environ.get("E2E_WITHOUT", "")


@pytest.fixture(scope="session")
def deployed_without(tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    """Deploys everything on an emulator of its own, without one permission."""
    package = Path(os.environ["E2E_PACKAGE"])

    @contextmanager
    def deployed(action: str) -> Iterator[Deployment]:
        if action and not any(allows(name, action) for name in NAMES):
            pytest.exit(f"no template grants {action}, so there is nothing to take away", 2)
        say(f"starting ministack{f', without {action}' if action else ''}")
        with running(tmp_path_factory.mktemp("ministack") / "server") as emulator:
            deployment = Deployment(emulator, founded(emulator), package, action)
            deployment.deploy()
            yield deployment

    return deployed


@pytest.fixture(scope="session")
def deployment(deployed_without: Deployer) -> Iterator[Deployment]:
    with deployed_without(WITHOUT) as one:
        yield one


@pytest.fixture(scope="session")
def alone(deployment: Deployment) -> dict[str, Swept]:
    """By mode, what the single Lambda did."""
    return {mode: swept(deployment, mode) for mode in ("plan", "enforce")}


@pytest.fixture(scope="session")
def scaled_out(deployment: Deployment, alone: dict[str, Swept]) -> dict[str, Swept]:
    """The same organization again, by the state machine."""
    deployment.organization.start_again()
    deployment.scale_out()
    return {mode: swept(deployment, mode) for mode in ("plan", "enforce")}
