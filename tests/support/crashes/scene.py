"""The organization in which commands are killed: what is in it, and what is to come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from moto.ec2.models import ec2_backends

from orchestrator import app
from orchestrator.core.model import Mode
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.ledger.lease import Leases, Times
from orchestrator.ports import Stores
from orchestrator.sweep import coordination
from tests.support.consent import CONSENTING
from tests.support.crashes.wire import Wire, wire
from tests.support.crashes.zygote import REGIONS, Zygote
from tests.support.embedded import MANAGEMENT, OrganizationBuilder
from tests.support.policies import load
from tests.support.sweeps import Sweeps

_POLICY = """\
version: 1
name: crash
regions: {include: [REGIONS]}
rules: [{name: dev, where: {tag: {Environment: dev}}}]
waves: [{accounts: 1}, {percent: 100}]
"""
_STOPPED_BY = "stop-orchestrator:stopped-by"
_LEASE_SECONDS = "120"
"""Of a victim: renewals would be calls more on a slow machine."""
_LATER = timedelta(minutes=5)
"""By when a dead process's lease has run out."""
Begin = Callable[[Stores, str], coordination.Result]
"""Begins a sweep with that id."""


class Instances:
    """Every instance of some accounts as it was when this was made, in moto's own memory, to be put back there."""

    def __init__(self, accounts: Sequence[str]) -> None:
        self._taken = [
            (one, vars(one._state).copy(), one._reason, one.state_reason, one.launch_time, backend.tags[one.id].copy())
            for backend in (ec2_backends[account][region] for account in accounts for region in REGIONS)
            for one in backend.all_instances()
        ]

    def put_back(self) -> None:
        for one, state, reason, state_reason, launch_time, tags in self._taken:
            vars(one._state).update(state)
            one._reason, one.state_reason, one.launch_time = reason, state_reason, launch_time
            one.ec2_backend.tags[one.id] = tags.copy()

    def down(self) -> list[str]:
        return [one.id for one, *_ in self._taken if one.state in {"stopping", "stopped"}]

    def marked(self) -> dict[str, str]:
        """Which sweep stopped it, by its tag."""
        tags = {one.id: one.ec2_backend.tags[one.id] for one, *_ in self._taken}
        return {one: pairs[_STOPPED_BY] for one, pairs in tags.items() if _STOPPED_BY in pairs}


@dataclass(frozen=True, slots=True)
class Scene:
    """A small organization with its hub, the way by which victims reach it, and what is to come of a sweep of it."""

    zygote: Zygote
    victim: Wire
    environment: Mapping[str, str]
    hub: Stores
    accounts: list[str]
    stopped: list[str]
    protected: str
    coverage: list[tuple[str, str, str]]
    idle: list[tuple[str, str, str]]
    """The rows of the targets in which nothing is to be stopped: an undo does not ask there."""
    policy: str

    def later(self) -> Stores:
        """The hub of a process that comes when the lease of a dead one has run out, and waits without waiting."""
        passed = [0.0]

        def sleep(seconds: float) -> None:
            passed[0] += seconds

        times = Times(renew_every=5, lasts=20, look_every=20)
        leases = Leases(self.hub.ledger, lambda: app.now() + _LATER, times, clock=lambda: passed[0], sleep=sleep)
        return replace(self.hub, leases=leases)

    def begin(self, mode: Mode) -> Begin:
        policy = load(self.policy)
        return lambda hub, sweep_id: coordination.sweep(hub, policy, sweep_id, mode, CONSENTING)

    def swept(self, mode: Mode) -> str:
        """The id of a sweep that nothing disturbed."""
        result = self.begin(mode)(self.later(), app.new_sweep_id(app.now()))
        assert isinstance(result, coordination.Ended)
        return result.sweep_id


@contextmanager
def scene(
    zygote: Zygote,
    organization: OrganizationBuilder,
    sweeps: Sweeps,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_small: bool,
) -> Iterator[Scene]:
    """Instances to stop in three of four targets of two accounts, and one that is stop-protected; one that opted out,
    and one of no rule; an account without the role. As small as that: each call more is two kills more. The small one
    has these in one region and without an OU: two targets, still one in each of two waves.
    """
    settings = organization.hub()
    with wire([]) as (victim, there), wire(victim.changes) as (_, here):
        monkeypatch.setenv("AWS_ENDPOINT_URL", here["AWS_ENDPOINT_URL"])
        hub = sweeps.hub(report_bucket=BUCKET, table=TABLE, workers=2)
        yield Scene(
            zygote,
            victim,
            {**there, **settings, "STOP_ORCHESTRATOR_LEASE_SECONDS": _LEASE_SECONDS},
            hub,
            *_launched(organization, REGIONS[:1] if is_small else REGIONS, "" if is_small else "/Dev"),
        )


def _launched(
    organization: OrganizationBuilder, regions: Sequence[str], ou: str
) -> tuple[list[str], list[str], str, list[tuple[str, str, str]], list[tuple[str, str, str]], str]:
    dev = {"Environment": "dev"}
    first, *others = regions
    last = regions[-1]
    one, two = organization.account("one", ou), organization.account("two")
    denied = organization.account("denied", role=False)
    stopped = organization.instances(one, first, 2, dev)
    for region in others:
        stopped += organization.instances(one, region, 1, dev)
    stopped += organization.instances(two, last, 2, dev)
    [protected] = organization.instances(one, first, 1, dev, DisableApiStop=True)
    organization.instances(one, first, 1, {**dev, "stop-orchestrator:opt-out": "true"})
    organization.instances(two, last, 1, {"Environment": "prod"})
    organization.instances(denied, first, 1, dev)
    coverage = [
        *((account, region, "scanned") for account in (one, two) for region in regions),
        (denied, "*", "denied"),
        (MANAGEMENT, "*", "excluded"),
    ]
    idle = [(two, region, "scanned") for region in regions if region != last]
    return [one, two, denied], stopped, protected, coverage, idle, _POLICY.replace("REGIONS", ", ".join(regions))
