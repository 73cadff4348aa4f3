"""The steps of the state machine over a world in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator import app
from orchestrator.core.model import ConsentHow
from orchestrator.lambdas import steps
from orchestrator.lambdas.wiring import Wiring
from orchestrator.ledger.lease import Leases, Times
from orchestrator.ports import Stores, World
from orchestrator.settings import Settings
from orchestrator.sweep.halt import Halting
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.consent import activate
from tests.support.fake_world import EVERYTHING, FakeWorld
from tests.support.machines import StateMachine
from tests.support.policies import load

ONE_BY_ONE = f"{EVERYTHING}\nwaves: [{{accounts: 1}}, {{accounts: 2}}, {{percent: 100}}]"
"""Three accounts in three waves."""

Machine = Callable[..., StateMachine]


@pytest.fixture
def machine(fake: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Of a test's own world: by a policy, with so many accounts in a part."""

    def wired(policy: str = ONE_BY_ONE, accounts_a_part: int = 1) -> StateMachine:
        here = {"policy": "memory", "report_bucket": "memory", "table": "memory", "accounts_a_part": accounts_a_part}

        def clock() -> float:
            return fake.at.timestamp()

        leases = Leases(fake.ledger, lambda: fake.at, Times(), clock, fake.sleep)

        def world(*asked: Any) -> World:
            lease = asked[-1]
            ledger = fake.ledger.fenced(lease.generation, lease.is_held)
            halting = Halting(wanted_by=lambda: lease.wanted_by)
            return replace(fake.world(), ledger=ledger, halt=lambda: fake.halt() or halting.halt())

        stores = Stores(fake.files, fake.ledger, leases, world, load, lambda _mode: None)
        patched = {
            "wire": lambda **wanted: Wiring(Settings.from_env({}, (), **here, mode=wanted.get("mode")), None, stores),
            "once": lambda _wiring, begin, trigger, _context: begin(trigger),
        }
        for name, instead in patched.items():
            monkeypatch.setattr(steps, name, instead)
        activate(fake.ledger, a_policy(policy))
        fake.confirm = lambda _: ConsentHow.STANDING
        monkeypatch.setattr(app, "read_policy", lambda *_, **__: a_policy(policy))
        monkeypatch.setattr(app, "new_sweep_id", lambda _: SWEEP_ID)
        return StateMachine(lambda _, key: fake.files.read(*key.split("/", 1)))

    return wired
