"""How a sweep ends: who writes its report, when it is still running, and what a late process may still stop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.core.model import Halt, HaltCause, Mode
from orchestrator.core.report.document import Row
from orchestrator.errors import LeaseLostError, LedgerError, OrganizationError, PlanError
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep
from orchestrator.sweep.stored_plan import open_plan
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.fake_world import EVERYTHING, HUB, ONE, Breaking, FakeWorld, a_world, outcomes
from tests.support.memory_store import Died

LOST = Halt(HaltCause.LEASE_LOST, "another process has the lease")
AT_NIGHT = """
schedules: {office-hours: {timezone: UTC, running: ["mon-sun 20:00-21:00"]}}
rules: [{name: all, where: everything, schedule: office-hours}]
"""
APPLIED = "20261123T200000Z-000001"


def resumed(fake: FakeWorld, policy: str = EVERYTHING) -> Row:
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    assert begun.status == "running"
    fake.life.dies_after = None
    document, _ = resume_sweep(fake.world(), a_policy(policy), begun)
    return document


def died_after(fake: FakeWorld, event: str, policy: str = EVERYTHING) -> None:
    """The process is killed right after the first event of that name."""
    rehearsal = a_world(ONE, workers=1)
    run_sweep(rehearsal.world(), a_policy(policy), SWEEP_ID, Mode.ENFORCE)
    fake.life.dies_after = next(n for n, one in enumerate(rehearsal.life.events, 1) if one.startswith(event))
    with pytest.raises(Died):
        run_sweep(fake.world(), a_policy(policy), SWEEP_ID, Mode.ENFORCE)


@pytest.mark.parametrize("event", ["begin", "file plan.json"])
def test_a_sweep_that_is_resumed_when_its_schedule_says_so_no_more_stops_nothing(event: str) -> None:
    fake = a_world(ONE, workers=1)
    died_after(fake, event, AT_NIGHT)
    fake.at += timedelta(hours=1, minutes=1)
    report = resumed(fake, AT_NIGHT)
    assert fake.stopped == []
    assert {row["verdict"] for row in report["decisions"]} == {"keep"}


def test_a_process_that_lost_its_lease_after_its_last_stop_writes_no_report() -> None:
    fake = a_world(ONE, workers=1)
    fake.halt = lambda: LOST if len(fake.stopped) == 2 else None
    with pytest.raises(LeaseLostError, match="another process"):
        run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert not fake.has_file("report.json")
    fake.halt = lambda: None
    assert outcomes(resumed(fake)) == {"i-0": "stopped", "i-1": "stopped"}
    assert fake.stopped == ["i-0", "i-1"]


def test_a_process_that_lost_its_lease_writes_no_report_of_an_error_either() -> None:
    fake = a_world(ONE, workers=1, progress=Breaking(ValueError("a bug"), stops=1))
    fake.halt = lambda: LOST if fake.stopped else None
    with pytest.raises(LeaseLostError):
        run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert not fake.has_file("report.json")


def test_a_plan_is_not_used_up_by_an_organization_that_cannot_be_listed() -> None:
    fake = a_world(ONE, workers=1)
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.PLAN)
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    fake.organization_error = OrganizationError("not now")
    with pytest.raises(OrganizationError):
        apply_plan(fake.world(), a_policy(EVERYTHING), APPLIED, source)
    open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    assert fake.stopped == []


def test_a_ledger_that_cannot_be_read_leaves_a_resumed_sweep_running(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = a_world(ONE, workers=1)
    died_after(fake, "stop i-0")

    def unread(_: str, _account_id: str = "") -> None:
        raise LedgerError("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(fake.ledger, "actions", unread)
        with pytest.raises(LedgerError):
            resumed(fake)
    assert not fake.has_file("report.json")
    assert outcomes(resumed(fake)) == {"i-0": "stopped", "i-1": "stopped"}


def test_a_resumed_sweep_whose_plan_was_altered_ends_as_failed_and_stops_nothing_more() -> None:
    fake = a_world(ONE, workers=1)
    died_after(fake, "stop i-0")
    fake.files.files[SWEEP_ID, "plan.json"] += b" "
    with pytest.raises(PlanError, match="altered"):
        resumed(fake)
    assert fake.written()["status"] == "failed"
    assert "altered" in fake.written()["error"]
    assert fake.stopped == ["i-0"]
    assert fake.states() == {"i-0": "intent"}


def test_a_plan_of_which_nobody_could_be_told_waits_all_the_same_and_a_warning_says_so() -> None:
    fake = a_world(ONE, workers=1)
    fake.undelivered[f"{HUB} approval"] = "sns:Publish: NotFound: no such topic"
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.APPROVE)
    summary = fake.ledger.sweep(SWEEP_ID)
    assert summary is not None
    assert summary.status == "awaiting_approval"
    assert summary.warning == (f"1 of 1 messages were not delivered: {HUB}: sns:Publish: NotFound: no such topic")
    assert fake.warned == [f"{SWEEP_ID}: {summary.warning}"]
    assert fake.undelivered_counts == [1]


def test_who_may_approve_is_told_when_the_sweep_is_resumed_whose_process_died_before() -> None:
    fake = a_world(ONE, workers=1)

    def kill(event: str) -> None:
        if event.startswith("tell"):
            raise Died

    fake.life.before = kill
    with pytest.raises(Died):
        run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.APPROVE)
    fake.life.before = lambda _event: None
    assert resumed(fake)["status"] == "awaiting_approval"
    [(subject, text)] = fake.told
    assert subject == "Stop Orchestrator: 2 resources wait for your approval"
    assert f"stop-orchestrator apply {SWEEP_ID}" in text
