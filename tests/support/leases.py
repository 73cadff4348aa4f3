"""A table in memory, and processes with clocks of their own that hold leases there."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.ledger.lease import Lease, Leases, Times
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import LeaseRecord
from tests.support.builders import AT
from tests.support.item_tables import MemoryItems

POLICY = "nonprod"


class World:
    """A table, and processes with clocks of their own that look at it."""

    def __init__(self) -> None:
        self.table = MemoryItems()
        self.monotonic = 1000.0
        self.wall = AT
        self.slept: list[float] = []
        self.meanwhile: list[tuple[float, object]] = []

    def now(self) -> datetime:
        return self.wall

    def clock(self) -> float:
        return self.monotonic

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += timedelta(seconds=seconds)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.table, self.now)

    def leases(self) -> Leases:
        return Leases(self.ledger, self.now, Times(), self.clock, self.sleep)

    def nonce(self) -> str:
        found = self.ledger.lease(POLICY)
        assert found is not None
        return found.nonce


def taken(lease: Lease | LeaseRecord) -> Lease:
    assert isinstance(lease, Lease)
    return lease


def refused(lease: Lease | LeaseRecord) -> LeaseRecord:
    assert isinstance(lease, LeaseRecord)
    return lease
