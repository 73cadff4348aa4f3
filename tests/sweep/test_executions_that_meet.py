"""Executions of the state machine that meet another sweep, or end without their last step: nothing of them is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from orchestrator import app
from orchestrator.core.model import ConsentHow, Halt, HaltCause
from orchestrator.core.report.document import Row
from orchestrator.errors import BusyError, LeaseLostError
from orchestrator.ledger.lease import EXECUTION_LASTS, Lease, Leases
from orchestrator.sweep.run import undo_sweep
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.fake_world import EVERYTHING, ONE, THREE, TWO, FakeWorld, a_world, coverage, outcomes
from tests.support.interleavings import elsewhere
from tests.support.machines import Answer, StateMachine
from tests.support.parts import ONE_BY_ONE, Machine

ENFORCE, PLAN = {"mode": "enforce"}, {"mode": "plan"}
SECOND = "20261123T191500Z-000002"
WAITS = f"sweep {SECOND} (mode enforce)"
YIELDED = f"it yielded to {WAITS} before it was its turn"


@pytest.fixture
def fake() -> FakeWorld:
    return a_world(ONE, TWO, THREE, workers=1)


def status(fake: FakeWorld, sweep_id: str = SWEEP_ID) -> str:
    found = fake.ledger.sweep(sweep_id)
    assert found is not None
    return found.status


def lease(fake: FakeWorld) -> str:
    """Until when it is held; empty: it is free."""
    found = fake.ledger.lease(a_policy(EVERYTHING).name)
    assert found is not None
    return found.held_until


# --- a plan yields, whatever step it is at


def wanted_at(fake: FakeWorld, step: str, number: int = 1) -> Callable[[Answer], None]:
    """A sweep that acts begins to wait right before that step."""
    seen: list[Answer] = []

    def before(event: Answer) -> None:
        seen.extend([event] if event["step"] == step else [])
        if event["step"] == step and len(seen) == number:
            fake.ledger.want_lease(a_policy(EVERYTHING).name, SWEEP_ID, WAITS)

    return before


@pytest.mark.parametrize(("step", "number", "read"), [("read", 1, 0), ("read", 2, 2), ("read", 3, 4)])
def test_an_execution_that_plans_yields_before_its_next_step_and_its_report_says_what_was_not_read(
    fake: FakeWorld, machine: Machine, step: str, number: int, read: int
) -> None:
    parts = machine(EVERYTHING)
    parts.before = wanted_at(fake, step, number)
    answer = parts(PLAN)
    report: Row = fake.written()
    assert answer["status"] == report["status"] == "incomplete"
    assert report["error"] == f"Yielded: {YIELDED}"
    states = coverage(report)
    assert {account for account, _ in states} == {ONE, TWO, THREE}
    assert Counter(states.values())["scanned"] == read
    left = {row["detail"] for row in report["coverage"] if row["status"] != "scanned"}
    assert left == {YIELDED}
    assert set(outcomes(report).values()) <= {"would_stop"}
    assert (fake.has_file("plan.json"), fake.stopped, lease(fake)) == (False, [], "")


def test_a_part_that_is_asked_to_yield_while_it_reads_tells_the_others(fake: FakeWorld, machine: Machine) -> None:
    parts = machine(EVERYTHING)
    halts: list[Halt | None] = [None] * 8

    def halt() -> Halt | None:
        return halts.pop() if halts else Halt(HaltCause.YIELDED, YIELDED)

    fake.halt = halt
    assert parts(PLAN)["status"] == "incomplete"
    report = fake.written()
    assert 0 < Counter(coverage(report).values())["scanned"] < 6
    assert {row["detail"] for row in report["coverage"] if row["status"] != "scanned"} == {YIELDED}
    assert (report["error"], fake.has_file("plan.json")) == (f"Yielded: {YIELDED}", False)


def test_an_execution_that_has_read_everything_ends_with_its_plan(fake: FakeWorld, machine: Machine) -> None:
    parts = machine(EVERYTHING)
    parts.before = wanted_at(fake, "decide")
    assert parts(PLAN)["status"] == "complete"
    assert (fake.written()["error"], fake.has_file("plan.json")) == ("", True)


def test_an_execution_that_acts_yields_to_none(fake: FakeWorld, machine: Machine) -> None:
    parts = machine(EVERYTHING)
    parts.before = wanted_at(fake, "read")
    assert parts(ENFORCE)["status"] == "complete"
    assert len(fake.stopped) == 6


# --- an execution that is turned away


def test_an_execution_that_found_another_sweep_running_for_an_hour_is_recorded_as_missed_once(
    fake: FakeWorld, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Leases(fake.ledger, lambda: fake.at, clock=fake.at.timestamp).take("nonprod", "other", "apply aa")
    assert isinstance(other, Lease)
    parts = machine(EVERYTHING)
    with pytest.raises(BusyError) as busy:
        parts(ENFORCE)
    cause = json.dumps({"errorMessage": str(busy.value), "errorType": "BusyError"})
    error: dict[str, Any] = {"Error": "BusyError", "Cause": cause}
    event = {"step": "missed", "event": ENFORCE, "execution": parts.execution, "state": {"error": error}}
    told = [parts.step(event) for _ in range(2)]  # tried again after a lost answer
    [missed] = fake.ledger.sweeps()
    assert (missed.status, missed.mode, missed.policy_name, missed.execution) == (
        "missed",
        "enforce",
        "nonprod",
        parts.execution,
    )
    assert missed.error == "it did not begin: other is running by the same policy"
    assert missed.finished_at == ""
    assert {one["sweep_id"] for one in told} == {SWEEP_ID}
    closed = parts.step({"step": "close", "execution": parts.execution, "state": {"error": {"Error": "FAILED"}}})
    assert closed == {"closed": False}
    assert status(fake) == "missed"
    other.give_back()
    monkeypatch.setattr(app, "new_sweep_id", lambda _: SECOND)
    assert StateMachine(parts.read, "arn:another")(ENFORCE)["status"] == "complete"


# --- an execution that a person stops


def closing(parts: StateMachine, how: str = "ABORTED") -> Answer:
    """As the rule of the template sends it."""
    cause = "the execution has ended without its last step"
    return {"step": "close", "execution": parts.execution, "state": {"error": {"Error": how, "Cause": cause}}}


class Aborted(BaseException):
    """The execution was stopped: no further step runs."""


def aborted_at(fake: FakeWorld, parts: StateMachine, step: str, number: int = 1) -> None:
    seen: list[Answer] = []

    def before(event: Answer) -> None:
        seen.extend([event] if event["step"] == step else [])
        if event["step"] == step and len(seen) == number:
            raise Aborted

    parts.before = before
    with pytest.raises(Aborted):
        parts(ENFORCE)
    parts.before = lambda _event: None


@pytest.mark.parametrize("how", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_an_execution_that_was_stopped_between_two_waves_is_reported_and_its_lease_is_free(
    fake: FakeWorld, machine: Machine, how: str
) -> None:
    parts = machine()
    aborted_at(fake, parts, "next_wave")
    assert (status(fake), lease(fake) > "2026") == ("running", True)
    assert parts.step(closing(parts, how)) == {"closed": True, "sweep_id": SWEEP_ID}
    report = fake.written()
    assert Counter(outcomes(report).values()) == {"stopped": 2, "not_attempted": 4}
    assert {row["message"] for row in report["outcomes"] if row["status"] == "not_attempted"} == {
        f"the state machine ended early: {how}: the execution has ended without its last step"
    }
    assert (report["status"], status(fake), lease(fake)) == ("incomplete", "incomplete", "")
    assert fake.states() == outcomes(report)
    stopped = list(fake.stopped)
    fake.confirm = lambda _: ConsentHow.YES
    undo_sweep(fake.world(), a_policy(ONE_BY_ONE), SECOND, SWEEP_ID, UndoFilter())
    assert sorted(fake.started) == sorted(stopped)


@pytest.mark.parametrize("step", ["read", "decide"])
def test_an_execution_that_was_stopped_before_it_had_a_plan_is_a_failed_report_and_the_next_one_begins(
    fake: FakeWorld, machine: Machine, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    parts = machine(EVERYTHING)
    aborted_at(fake, parts, step)
    assert parts.step(closing(parts))["closed"] is True
    report = fake.written()
    assert (report["status"], "ABORTED" in report["error"], lease(fake)) == ("failed", True, "")
    assert len(coverage(report)) >= 3
    monkeypatch.setattr(app, "new_sweep_id", lambda _: SECOND)
    assert StateMachine(parts.read, "arn:another")(ENFORCE)["status"] == "complete"
    assert len(fake.stopped) == 6


def test_a_part_that_is_still_at_work_when_its_execution_was_closed_stops_nothing_more(
    fake: FakeWorld, machine: Machine
) -> None:
    fake.batch_size = 1
    parts, lost = machine(EVERYTHING, accounts_a_part=3), list[str]()

    def close(_: object) -> None:
        if len(fake.stopped) == 1 and not lost:
            lost.append("closed")
            elsewhere(lambda: parts.step(closing(parts)))

    fake.before_look = close
    step = parts.step

    def losing(event: Answer) -> Answer:
        try:
            return step(event)
        except LeaseLostError as failure:
            lost.append(str(failure))
            raise

    parts.step = losing  # type: ignore[method-assign]  # notes what its steps raise
    with pytest.raises(LeaseLostError):
        parts._until_the_end(parts.step({"step": "begin", "event": ENFORCE, "execution": parts.execution}))
    assert len(fake.stopped) == 1
    assert len(lost) >= 2
    report = fake.written()
    assert Counter(outcomes(report).values()) == {"stopped": 1, "not_attempted": 5}
    assert fake.states() == outcomes(report)


def test_what_ended_by_itself_or_never_began_is_closed_by_nothing(fake: FakeWorld, machine: Machine) -> None:
    parts = machine(EVERYTHING)
    assert parts.step(closing(parts)) == {"closed": False}
    assert parts(ENFORCE)["status"] == "complete"
    before = fake.written()
    assert parts.step(closing(parts, "FAILED")) == {"closed": False}
    assert (fake.written(), status(fake)) == (before, "complete")


def test_where_nothing_tells_that_an_execution_was_stopped_the_next_sweep_has_its_lease_within_minutes(
    fake: FakeWorld, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = machine()
    aborted_at(fake, parts, "next_wave")
    monkeypatch.setattr(app, "new_sweep_id", lambda _: SECOND)
    fake.at += timedelta(seconds=1)
    another = StateMachine(parts.read, "arn:another")
    answer = another(ENFORCE)
    assert answer["status"] == "running"  # the same is wanted, and it may live
    fake.at += timedelta(seconds=EXECUTION_LASTS)
    fake.slept.clear()
    answer = replace(another, execution="arn:third")(ENFORCE)
    assert answer["status"] in ("complete", "incomplete")
    assert sum(fake.slept) <= EXECUTION_LASTS
    assert len(fake.stopped) == 6
    assert status(fake) != "running"
