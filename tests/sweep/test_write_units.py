"""What a sweep that acts costs in write units of DynamoDB, by what they are for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.core.model import AccountId, ConsentHow, Mode, Region, Target
from orchestrator.ledger.items import Item
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import Runtime
from orchestrator.sweep import coordination
from tests.support.builders import AT, SWEEP_ID, an_account
from tests.support.fake_world import EVERYTHING, REGIONS, FakeWorld
from tests.support.interleavings import Instance, Process, Shared, load_once
from tests.support.write_units import MeteredItems, units_of_a_write

TEXT = f"version: 1\nname: nonprod\n{EVERYTHING}\n"
ACCOUNTS = [f"{number:012d}" for number in range(1, 21)]
TARGETS, STOPS = 32, 40


@pytest.fixture
def shared() -> Shared:
    shared = Shared(FakeWorld(accounts=tuple(map(an_account, ACCOUNTS)), workers=1), TEXT)
    targets = [Target(AccountId(account), Region(region)) for account in ACCOUNTS for region in REGIONS][:TARGETS]
    for number in range(STOPS):
        instance = f"i-{number:017x}"
        target = targets[number % TARGETS]
        shared.instances[instance] = Instance(instance, target, {"Environment": "dev"}, AT - timedelta(days=3))
    return shared


def test_a_stop_costs_five_write_units_and_an_account_one(shared: Shared) -> None:
    process = Process(shared)
    metered = MeteredItems(process.items)
    process.ledger = Ledger(metered, process.now)
    runtime = Runtime(confirm=lambda _: ConsentHow.TYPED)
    ended = coordination.sweep(process.stores(), load_once(TEXT), SWEEP_ID, Mode.ENFORCE, runtime)
    assert isinstance(ended, coordination.Ended)
    assert ended.document["totals"]["stopped"] == STOPS
    written = dict(metered.written)
    assert written.pop("intent") == STOPS
    assert written.pop("held") == 2 * STOPS, "with its place in the index"
    assert written.pop("outcome") == 2 * STOPS, "with its place in the index"
    assert written.pop("coverage") == len(ACCOUNTS)
    assert set(written) == {"lease", "sweeps", "listed", "chain"}, "nothing else grows with what is stopped"
    assert metered.read["held"] == TARGETS


INDEXED = {"GSI1PK": "a", "GSI1SK": "b"}


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, {"PK": "a"}, 1),
        (None, {"PK": "a", "text": "x" * 1023}, 2),
        ({"PK": "a", "text": "x" * 3000}, {"PK": "a"}, 3),
        ({"PK": "a"}, None, 1),
        ({"PK": "a"}, {"PK": "a"}, 1),
        (None, None, 1),
        (None, INDEXED, 2),
        (INDEXED, None, 2),
        (INDEXED, INDEXED, 1),
        (INDEXED, {**INDEXED, "status": "x"}, 2),
        (INDEXED, {**INDEXED, "GSI1SK": "c"}, 3),
        ({"PK": "a"}, {"PK": "a", **INDEXED}, 2),
    ],
)
def test_units_are_counted_by_awss_rules(before: Item | None, after: Item | None, units: int) -> None:
    assert units_of_a_write(before, after) == units
