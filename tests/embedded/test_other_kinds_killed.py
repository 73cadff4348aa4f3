"""A sweep of every kind that is killed in the middle: the next one carries on, and an undo gives all of it back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from orchestrator import app
from orchestrator.demo.faults import Fault
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.other_kinds import EVERY_KIND, KINDS, Watched, assert_down, seed, set_clocks, sized
from tests.support.sweeps import FRANKFURT

ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")


@pytest.mark.full
@pytest.mark.parametrize("operation", ["ecs:UpdateService", "rds:StopDBCluster"])
def test_what_was_killed_in_the_middle_is_carried_on_with_and_given_back_as_it_was(
    organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)
    account = organization.account("dev")
    keys = {seed(organization, account, FRANKFURT, kind, **sized(4).get(kind, {})) for kind in KINDS}
    watched = Watched(organization, [account])
    before = watched.everything()
    path = policy(EVERY_KIND, FRANKFURT)
    victims: list[subprocess.Popen[bytes]] = []

    def kill(_: Any) -> None:
        os.kill(victims[0].pid, signal.SIGKILL)

    organization.front.faults.add(Fault(operation=operation, times=1, effect=kill))
    victims.append(
        subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *ENFORCE, path],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    assert victims[0].wait() == -signal.SIGKILL
    now = app.SYSTEM_TIME.now
    set_clocks(monkeypatch, lambda: now() + timedelta(minutes=30))
    resumed = run(*ENFORCE, path)
    assert resumed.exit_code == 0, resumed.stderr
    assert_down(watched.everything(), keys)
    told: Any = run("history", "--format", "json").report
    for row in told:
        assert run("undo", row["sweep_id"], "--yes", "--format", "json").exit_code == 0
    assert watched.everything() == before
