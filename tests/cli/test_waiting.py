"""A command that meets another sweep by the same policy: it says which, and waits for its end where it is told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator import app
from orchestrator.core.model import Mode, people_time_of
from orchestrator.ledger.lease import Lease, Times
from orchestrator.ledger.records import SweepSummary
from orchestrator.settings import Settings
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV_RULE
from tests.support.time import set_time

OTHER = "20261123T185900Z-0000aa"
ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")


class Other:
    """Another sweep that acts, and time that passes by waiting alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waited = 0.0
        self.ends_after = 1e9
        self.happens: Callable[[], object] = lambda: None
        set_time(monkeypatch, clock=lambda: self.waited, sleep=self._sleep)
        settings = Settings.from_env({}, ())
        stores = app.make_stores(settings, app.make_clients(settings))
        self.ledger = stores.ledger
        at = "2026-11-23T18:59:00Z"
        self.ledger.begin(SweepSummary(OTHER, "running", Mode.APPLY.value, "test", at, asked_by="ann@laptop"))
        lease = replace(stores.leases, times=Times(lasts=100_000.0)).take("test", OTHER, "apply aa")
        assert isinstance(lease, Lease)
        self.lease = lease

    def _sleep(self, seconds: float) -> None:
        self.waited += seconds
        self.happens()
        if self.waited >= self.ends_after:
            self.ends_after = 1e9
            self.ledger.amend(OTHER, status="complete")
            self.lease.give_back()


@pytest.fixture
def other(run: Run, monkeypatch: pytest.MonkeyPatch) -> Other:
    return Other(monkeypatch)


def test_a_sweep_that_acts_is_named_with_what_it_does_since_when_and_for_whom_and_how_to_wait_for_it(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, other: Other
) -> None:
    ran = run(*ENFORCE, policy(DEV_RULE))
    record = other.ledger.lease("test")
    assert record is not None
    assert (ran.exit_code, ran.stdout, other.waited) == (1, "", 0)
    assert ran.stderr.strip() == (
        f"{OTHER} is running by the same policy (mode apply, since {people_time_of(record.started_at)}, asked for by "
        "ann@laptop); try "
        "again when `history` shows its end, or wait for it with --wait MINUTES"
    )


def test_it_waits_for_its_end_for_as_long_as_it_is_told_to(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, other: Other
) -> None:
    other.ends_after = 200
    ran = run(*ENFORCE, policy(DEV_RULE), "--wait", "5")
    assert (ran.exit_code, ran.report["status"]) == (0, "complete")
    assert 200 <= other.waited <= 210
    assert ran.stderr.count("asked for by ann@laptop); waiting for its end, for 5 minutes at most") == 1


def test_it_waits_no_longer_than_that(
    organization: OrganizationBuilder, healthy: str, run: Run, policy: Policy, other: Other
) -> None:
    ran = run(*ENFORCE, policy(DEV_RULE), "--wait", "1")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert 60 <= other.waited <= 66
    assert f"{OTHER} is running by the same policy" in ran.stderr.splitlines()[-1]
