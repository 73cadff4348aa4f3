"""Each fault that AWS may have, alone and with all others: nothing is lost, nothing is stopped that was not planned.

Which calls are hit follows from the seed in a test's name; nothing waits in real time but for the plan's latency.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from moto.moto_api._internal import mock_random

from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.ledger.coverage import TARGET, targets_from
from orchestrator.ports import Stores
from orchestrator.sweep import verify as evidence
from tests.support import fault_plans
from tests.support.embedded import OrganizationBuilder
from tests.support.fault_plans import FaultPlan
from tests.support.sweeps import DEV, FRANKFURT, IRELAND, Sweeps, Swept
from tests.support.time import set_time

pytestmark = pytest.mark.usefixtures("light_path")

REGIONS = (FRANKFURT, IRELAND)
FAST = {("all at once", 1)}
"""All faults at once are all of them; what each does by itself to one call has its tests in tests/aws."""
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Estate:
    """What there was before the sweep."""

    healthy: tuple[str, ...]
    dead: str
    dev: dict[Place, set[str]]
    others: dict[Place, set[str]]


@pytest.fixture
def estate(organization: OrganizationBuilder) -> Estate:
    """The same ids in every run, since chances depend on them."""
    mock_random.seed(20261123)
    organization.hub()
    healthy = tuple(organization.account(name, "/Workloads") for name in ("web", "data", "labs"))
    dead = organization.account("dead", "/Workloads")
    places = [(account, region) for account in (*healthy, dead) for region in REGIONS]
    dev = {place: set(organization.instances(*place, 3 if place[1] == FRANKFURT else 1, DEV)) for place in places}
    others = {place: set(organization.instances(*place, 1, {"Environment": "prod"})) for place in places}
    return Estate(healthy, dead, dev, others)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits of botocore, the pacing and the stores: kept, and not waited."""
    kept: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=kept.append))
    set_time(monkeypatch, sleep=kept.append)
    return kept


@pytest.mark.parametrize(
    ("plan", "seed"),
    [
        pytest.param(
            plan, seed, id=f"{plan.name}, seed {seed}", marks=() if (plan.name, seed) in FAST else pytest.mark.full
        )
        for plan in (*fault_plans.EACH, fault_plans.ALL_AT_ONCE)
        for seed in ((1, 2) if plan.is_by_chance else (1,))
    ],
)
def test_whatever_fails_each_target_and_each_stop_has_one_state_and_it_is_the_truth(
    organization: OrganizationBuilder, sweep: Sweeps, estate: Estate, waits: list[float], plan: FaultPlan, seed: int
) -> None:
    hits = plan.install(organization.front, seed, estate.dead)
    swept = sweep(report_bucket=BUCKET, table=TABLE)
    organization.front.faults.clear()
    assert hits.total() > 0
    hub = sweep.hub(report_bucket=BUCKET, table=TABLE)
    assert_each_target_has_one_state(swept, estate, plan)
    assert_each_stop_has_one_outcome(swept)
    assert_the_report_is_the_truth(swept, organization, estate)
    assert_the_ledger_says_the_same(swept, hub)
    assert_nothing_of_the_report_is_lost(swept, hub)


def assert_each_target_has_one_state(swept: Swept, estate: Estate, plan: FaultPlan) -> None:
    rows = swept.document["coverage"]
    assert len(rows) == len(swept.coverage)
    alive = (*estate.healthy, *(() if plan.dead else (estate.dead,)))
    statuses = {place: row["status"] for place, row in swept.coverage.items() if row["status"] != "excluded"}
    scanned = {(account, region): "scanned" for account in alive for region in REGIONS}
    if not plan.dead:
        assert statuses == scanned
        return
    dead = swept.coverage[estate.dead, "*"]
    assert statuses == {**scanned, (estate.dead, "*"): dead["status"]}
    assert f"{dead['status']} {dead['detail']}" == plan.dead_is


def assert_each_stop_has_one_outcome(swept: Swept) -> None:
    planned = [row["resource_id"] for row in swept.document["decisions"] if row["verdict"] == "stop"]
    assert sorted(row["resource_id"] for row in swept.document["outcomes"]) == sorted(planned)


def assert_the_report_is_the_truth(swept: Swept, organization: OrganizationBuilder, estate: Estate) -> None:
    """Every planned stop of an account that was read is a stop of this sweep, in EC2 too, and nothing else is down."""
    read = {place for place, status in swept.statuses().items() if status == "scanned"}
    for place, ids in estate.dev.items():
        down = organization.down(*place)
        assert down == (ids if place in read else set())
        assert {one: swept.outcomes[one]["status"] for one in down} == dict.fromkeys(down, "stopped")
        tags = organization.tags(*place)
        untagged = {one for one in down if tags[one].get("stop-orchestrator:stopped-by") != swept.sweep_id}
        assert untagged == {one for one in down if swept.outcomes[one]["warnings"]}
    assert set(swept.outcomes) == {one for place in read for one in estate.dev.get(place, ())}


def assert_the_ledger_says_the_same(swept: Swept, hub: Stores) -> None:
    items = hub.ledger._items
    targets = targets_from(items.query(f"SWEEP#{swept.sweep_id}", TARGET))
    rows = {(one.account_id, one.region): (one.status, one.detail) for one in targets}
    assert rows == {place: (row["status"], row["detail"]) for place, row in swept.coverage.items()}
    actions = {one.resource_id: (one.status, one.code, one.message) for one in hub.ledger.actions(swept.sweep_id)}
    assert actions == {one: (row["status"], row["code"], row["message"]) for one, row in swept.outcomes.items()}
    summary = hub.ledger.sweep(swept.sweep_id)
    assert summary is not None
    assert (summary.status, summary.totals) == (swept.document["status"], swept.document["totals"])
    lease = hub.ledger.lease("test")
    assert lease is not None
    assert lease.held_until == ""


def assert_nothing_of_the_report_is_lost(swept: Swept, hub: Stores) -> None:
    written: dict[str, Any] = json.loads(hub.store.read(swept.sweep_id, "report.json"))
    assert written == json.loads(json.dumps(swept.document))
    assert hub.store.find(swept.sweep_id, "manifest.json") is not None
    assert evidence.verify(hub.store, hub.ledger, None, None).broken == ()
