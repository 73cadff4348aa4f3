"""The embedded AWS and what tests do with it, killed commands among it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.demo.organization import plant_canary
from tests.support.crashes.fixtures import place, zygote  # noqa: F401 - pytest finds fixtures by their names in this file
from tests.support.doctor import (
    DEV,
    FRANKFURT,
    RULES,
    Doctor,
    account_id,
)
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import *  # noqa: F403 - the same
from tests.support.fixtures import Policy, Ran, Run
from tests.support.suites import only_in_full
from tests.support.sweeps import Sweeps


@pytest.fixture(params=["on", *only_in_full("off")])
def light_path(request: pytest.FixtureRequest, sweep: Sweeps, monkeypatch: pytest.MonkeyPatch) -> str:
    """For suites that hold whichever way listings go: `pytestmark = pytest.mark.usefixtures("light_path")`."""
    sweep.light_path = request.param
    monkeypatch.setenv("STOP_ORCHESTRATOR_LIGHT_PATH", request.param)
    return sweep.light_path


@pytest.fixture
def enrolled(organization: OrganizationBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OrganizationBuilder:
    """Two accounts of an enrolled OU with an instance each, the hub's bucket and table, a kill switch and a canary."""
    plant_canary(organization.client("organizations"), organization.id)
    (tmp_path / "go").write_text("go")
    monkeypatch.setenv("STOP_ORCHESTRATOR_KILL_SWITCH", f"file:{tmp_path / 'go'}")
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)
    organization.account("sick", "/Dev", role=False)
    organization.account("well", "/Dev", role=False)
    organization.enrol("/Dev")
    for name in ("sick", "well"):
        organization.instances(account_id(organization, name), FRANKFURT, 1, DEV)
    return organization


@pytest.fixture
def doctor(run: Run, policy: Policy) -> Doctor:
    """As JSON, by a policy for two regions or for those that are named."""

    def _run(*arguments: str, regions: tuple[str, ...] = (), body: str = RULES) -> Ran:
        return run("doctor", "--policy", policy(body, *regions), "--format", "json", *arguments)

    return _run
