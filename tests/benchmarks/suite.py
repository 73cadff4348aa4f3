"""What `make benchmark` measures: the sweeps of the table, a bare loop over the same, c7n-org where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from orchestrator.kinds.registry import DESCRIPTIONS
from tests.benchmarks import c7n_org
from tests.benchmarks.endpoint.server import Asked as Endpoint
from tests.benchmarks.endpoint.shape import REGIONS
from tests.benchmarks.processes import sweep

SWEEP, BARE, C7N = "sweep", "bare loop", "c7n-org"
MAIN = 1000
"""Accounts of the sweeps that the table is about."""
SMALL, LARGE = 100, 5000
SCALING = (100, 300, 1000, 3000)
ALL_KINDS = ",".join(one.name for one in DESCRIPTIONS)
_C7N_ACCOUNTS = 5
"""It takes half a second of CPU for each target."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One process that is measured."""

    side: str
    mode: str
    accounts: int
    instances: bool = True
    tls: bool = False
    pacing: str = "on"
    regions: int = len(REGIONS)
    latency_ms: float = 50.0
    workers: int = 0
    organizations_rate: float = 0.0
    kinds: str = "ec2"
    """What the policy names, with commas between."""

    @property
    def text(self) -> str:
        words = [f"{self.side}, {self.mode}, {self.accounts:,} x {self.regions}"]
        words += [] if self.instances else ["empty"]
        words += ["all kinds"] if self.kinds == ALL_KINDS else [self.kinds] if self.kinds != "ec2" else []
        words += ["TLS" if self.tls else "HTTP"]
        words += [] if self.pacing == "on" or self.side != SWEEP else ["pacing off"]
        return ", ".join(words)


def table(main: int = MAIN, small: int = SMALL) -> list[Measurement]:
    """Of the comparison in docs/performance.md. What a bare loop costs does not depend on the latency."""
    plan, quick = Measurement(SWEEP, "plan", main), Measurement(BARE, "plan", main, latency_ms=0.0)
    return [
        *(Measurement(SWEEP, mode, small) for mode in ("plan", "enforce") if small < main),
        plan,
        Measurement(SWEEP, "enforce", main, pacing="off"),
        Measurement(SWEEP, "enforce", main),
        replace(plan, instances=False),
        replace(plan, instances=False, tls=True),
        replace(plan, accounts=small, instances=False),
        every_kind(small),
        quick,
        replace(quick, mode="enforce"),
        replace(quick, instances=False),
        replace(quick, instances=False, tls=True),
        *([Measurement(C7N, "plan", _C7N_ACCOUNTS, latency_ms=0.0)] if c7n_org.command() else []),
    ]


def every_kind(accounts: int = SMALL) -> Measurement:
    """What a target costs that has nothing of any kind, where a policy names all of them."""
    return Measurement(SWEEP, "plan", accounts, instances=False, kinds=ALL_KINDS)


def scaling() -> list[Measurement]:
    """Whose CPU for each account has to be one and the same."""
    return [Measurement(SWEEP, "plan", accounts, pacing="off") for accounts in SCALING]


def large() -> list[Measurement]:
    """From one process, as from one Lambda."""
    return [Measurement(SWEEP, "plan", LARGE)]


def measure(wanted: list[Measurement]) -> Iterator[dict[str, Any]]:
    """Each one's figures, as soon as they are there."""
    for one in wanted:
        try:
            figures = _figures(one)
        except c7n_org.UnusableError as failure:
            sys.stderr.write(f"{one.text} is left out: {failure}\n")
            continue
        yield {**asdict(one), "text": one.text, **figures}


def _figures(one: Measurement) -> dict[str, Any]:
    rate = one.organizations_rate
    endpoint = Endpoint(one.accounts, one.regions, one.instances, one.latency_ms / 1000, organizations_rate=rate)
    if one.side == C7N:
        return c7n_org.measure(endpoint, tls=one.tls)
    settings = {"pacing": one.pacing, **({"workers": str(one.workers)} if one.workers else {})}
    return sweep(endpoint, one.mode, tls=one.tls, settings=settings, bare=one.side == BARE, kinds=one.kinds)
