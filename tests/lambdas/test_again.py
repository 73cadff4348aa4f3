"""A schedule that finds another sweep running is tried again for an hour, and then it is missed, and says so."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from orchestrator import app
from orchestrator.core.model import Mode
from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import TABLE
from orchestrator.errors import BusyError, StopOrchestratorError
from orchestrator.ledger.lease import Lease, Times
from orchestrator.ledger.records import SweepSummary
from orchestrator.settings import Settings
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Run
from tests.support.lambdas import PLENTY, SWEEP_ID, Lines, dev_accounts, invoked, target_states, written_report
from tests.support.suites import only_in_full
from tests.support.time import set_time

ENFORCE = {"mode": "enforce", "id": "execution-1"}
OTHER = "20261123T185900Z-0000aa"
REAL_NOW = app.SYSTEM_TIME.now


class Clock:
    """Time passes by waiting alone; at each wait something may happen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waited = 0.0
        self.happens: Callable[[float], object] = lambda _waited: None
        set_time(monkeypatch, now=self.now, clock=lambda: self.waited, sleep=self.sleep)

    def now(self) -> datetime:
        return REAL_NOW() + timedelta(seconds=self.waited)

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        self.happens(self.waited)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr("orchestrator.lambdas.again._EVERY_SECONDS", 150.0)  # each try takes some of a test's time
    return Clock(monkeypatch)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the function invokes itself with."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr("orchestrator.lambdas.again.invoke_again", lambda _clients, _arn, event: found.append(event))
    return found


@contextmanager
def another_acts(mode: Mode = Mode.APPLY) -> Iterator[Lease]:
    """A sweep of another process that acts, and lives for as long as it is not given back."""
    made = Settings.from_env(os.environ)
    stores = app.make_stores(made, app.make_clients(made))
    at = "2026-11-23T18:59:00Z"
    stores.ledger.begin(SweepSummary(OTHER, "running", mode.value, "test", at, asked_by="ann"))
    lasting = replace(stores.leases, times=Times(lasts=100_000.0))
    lease = lasting.take("test", OTHER, f"{mode.value} aa")
    assert isinstance(lease, Lease)
    yield lease
    end(lease, stores.ledger)


def end(lease: Lease, ledger: Any) -> None:
    ledger.amend(OTHER, status="complete")
    lease.give_back()


def round_after_round(clock: Clock, events: list[dict[str, Any]]) -> None:
    """Each invocation with fifteen minutes of its own; most of the hour passes between the first and the second."""
    event = dict(ENFORCE)
    while True:
        clock.waited += 2400 if len(events) == 1 else 0
        began = clock.waited
        invoked(event, lambda began=began: 900_000 - int((clock.waited - began) * 1000))  # type: ignore[misc]  # its default is a number
        event = events[-1]


def rows(hub: OrganizationBuilder) -> dict[str, dict[str, str]]:
    """The sweeps of the ledger, by id."""
    keys = {":pk": {"S": "SWEEPS"}}
    found = hub.client("dynamodb").query(
        TableName=TABLE, KeyConditionExpression="PK = :pk", ExpressionAttributeValues=keys
    )["Items"]
    text = [{name: value["S"] for name, value in item.items() if "S" in value} for item in found]
    return {item["SK"]: item for item in text if item["SK"] != OTHER}


def test_a_schedule_that_meets_a_sweep_that_acts_sweeps_as_soon_as_that_has_ended(
    hub: OrganizationBuilder, clock: Clock, events: list[dict[str, Any]]
) -> None:
    places = dev_accounts(hub, 1)
    with another_acts() as lease:
        ledger = lease._leases.ledger
        clock.happens = lambda waited: end(lease, ledger) if waited == 300 else None
        answer = invoked(ENFORCE)
    assert (answer["status"], answer["totals"]["stopped"]) == ("complete", len(places))
    assert round(clock.waited, 3) == 300  # and what the pace of Organizations waits
    assert events == []
    assert invoked(ENFORCE) == answer


def test_before_its_time_is_up_it_passes_the_event_on_to_a_fresh_invocation_which_is_the_same_sweep(
    hub: OrganizationBuilder, clock: Clock, events: list[dict[str, Any]]
) -> None:
    dev_accounts(hub, 1)
    with another_acts():
        answer = invoked(ENFORCE, lambda: 900_000 - int(clock.waited * 1000))
        assert (answer["status"], answer["sweep_id"]) == ("waiting", None)
        assert 600 <= clock.waited <= 750  # with five minutes left, which a sweep needs to begin
        assert events == [ENFORCE]
    answer = invoked(events[0])
    assert answer["status"] == "complete"
    assert list(rows(hub)) == [answer["sweep_id"]]


def test_after_an_hour_it_is_missed_the_ledger_says_so_and_lambda_gives_the_event_to_the_dead_letters(
    hub: OrganizationBuilder, clock: Clock, events: list[dict[str, Any]], run: Run
) -> None:
    dev_accounts(hub, 1)
    with another_acts():
        with pytest.raises(BusyError, match=f"was missed: it did not begin: {OTHER} is running by the same policy"):
            round_after_round(clock, events)
        assert 3500 <= clock.waited <= 3750
        [missed] = rows(hub).values()
        assert (missed["status"], missed["mode"], missed["policy_name"]) == ("missed", "enforce", "test")
        assert missed.get("finished_at", "") == ""
        for _ in range(2):  # Lambda's own retries
            with pytest.raises(BusyError, match="was missed"):
                invoked(events[-1])
        assert len(rows(hub)) == 1
    shown = run("history")
    assert (shown.exit_code, f"{missed['SK']} was missed: it did not begin: {OTHER}" in shown.stdout) == (0, True)
    told = run("report", missed["SK"])
    assert (told.exit_code, "it was missed" in told.stderr) == (1, True)
    assert hub.front.calls["ec2:StopInstances"] == 0


def test_what_was_missed_and_is_tried_once_more_by_lambda_sweeps_where_it_may_by_then(
    hub: OrganizationBuilder, clock: Clock, events: list[dict[str, Any]]
) -> None:
    dev_accounts(hub, 1)
    with another_acts():
        clock.happens = lambda waited: clock.__setattr__("waited", waited + 3600)
        with pytest.raises(BusyError, match="was missed"):
            invoked(ENFORCE)
        clock.happens = lambda _: None
    assert invoked(ENFORCE)["status"] == "complete"
    assert sorted(row["status"] for row in rows(hub).values()) == ["complete", "missed"]


@pytest.mark.parametrize("event", [{"mode": "enforce"}, *only_in_full({"mode": "plan"})])
def test_an_event_without_an_id_may_be_a_persons_who_waits_for_the_answer_and_is_told_at_once(
    hub: OrganizationBuilder, clock: Clock, event: dict[str, str]
) -> None:
    dev_accounts(hub, 1)
    with another_acts(), pytest.raises(BusyError, match=f"{OTHER} is running by the same policy"):
        invoked(event)
    assert (clock.waited, rows(hub)) == (0, {})


def test_where_lambda_refuses_the_fresh_invocation_the_event_is_left_to_lambdas_own_retries(
    hub: OrganizationBuilder, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StopOrchestratorError("TooManyRequestsException: Rate Exceeded.")

    monkeypatch.setattr("orchestrator.lambdas.again.invoke_again", refuse)
    dev_accounts(hub, 1)
    with another_acts(), pytest.raises(StopOrchestratorError, match="Rate Exceeded"):
        invoked(ENFORCE, lambda: 900_000 - int(clock.waited * 1000))
    assert rows(hub) == {}


def test_a_preview_that_meets_a_sweep_that_acts_is_tried_again_too(hub: OrganizationBuilder, clock: Clock) -> None:
    dev_accounts(hub, 1)
    with another_acts() as lease:
        ledger = lease._leases.ledger
        clock.happens = lambda waited: end(lease, ledger) if waited == 150 else None
        assert invoked({"mode": "plan", "id": "preview-1"}, lambda: PLENTY)["status"] == "complete"
    assert round(clock.waited, 3) == 150


# --- a preview that is met


@pytest.mark.usefixtures("first_id")
def test_an_enforce_that_meets_a_preview_has_its_turn_at_once_and_both_are_reported(
    hub: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_LEASE_SECONDS", "8")
    monkeypatch.setenv("STOP_ORCHESTRATOR_WORKERS", "1")
    places = dev_accounts(hub, 2)
    arrived, knows = threading.Event(), threading.Event()
    look = Lease.look_for_wish

    def noting(lease: Lease) -> None:
        look(lease)
        if lease.wanted_by:
            knows.set()

    def hold(_: object) -> None:
        arrived.set()
        assert knows.wait(20)

    monkeypatch.setattr(Lease, "look_for_wish", noting)
    hub.front.faults.add(Fault(operation="ec2:DescribeInstances", times=1, effect=hold))
    with ThreadPoolExecutor(1) as pool:
        preview = pool.submit(invoked, {"mode": "plan", "id": "preview-1"})
        assert arrived.wait(20)
        enforced = invoked(ENFORCE)
        yielded = preview.result(20)
    assert (enforced["status"], enforced["totals"]["stopped"]) == ("complete", len(places))
    assert (yielded["sweep_id"], yielded["status"]) == (SWEEP_ID, "incomplete")
    report = written_report(hub)
    assert report["error"].startswith(f"Yielded: it yielded to sweep {enforced['sweep_id']} (mode enforce)")
    assert set(target_states(report).values()) == {"scanned", "not_attempted"}
    measured = [line for line in lines() if "_aws" in line]
    assert [("CoveragePercent" in line, line["sweep_id"]) for line in measured] == [
        (False, SWEEP_ID),  # it says nothing of what could be read, and no alarm is to tell of it
        (True, enforced["sweep_id"]),
    ]
