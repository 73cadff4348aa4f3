"""In the morning exactly what was stopped by the orchestrator starts, as decisions of the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.core.model import Mode, Outcome, OutcomeStatus, Resource, ResourceState, Target
from orchestrator.core.model.marks import STOP_AFTER_TAG, STOPPED_BY_TAG
from orchestrator.core.policy.tag_keys import OPT_OUT_TAG, PROTECTED_TAG
from orchestrator.core.report.document import Row
from orchestrator.core.report.plan_file import PLAN_FILE, plan_from
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.stored_plan import open_plan
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import a_policy, a_resource, in_state
from tests.support.fake_kind import FakeKind
from tests.support.fake_world import ONE, REGIONS, TWO, FakeWorld, a_world, outcomes, reasons
from tests.support.memory_store import Died
from tests.support.parts import Machine

EVENING_ID = "20261123T193000Z-7f3a9c"
MORNING, MORNING_ID = datetime(2026, 11, 24, 7, 15, tzinfo=UTC), "20261124T071500Z-000001"
LATER_ID = "20261124T193000Z-00000a"
AGAIN_ID = "20261124T073000Z-000002"
POLICY = """
schedules: {office: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}}
rules: [{name: office, where: everything, schedule: office, start: what_was_stopped}]
"""
EVERYTHING = POLICY.replace("what_was_stopped", "everything")


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def add(fake: FakeWorld, resource_id: str, state: str = "running", **fields: Any) -> None:
    resource = a_resource(resource_id, ONE, REGIONS[0], state, **fields)
    found = fake.resources.get(resource.target, ())
    assert isinstance(found, tuple)
    fake.resources[resource.target] = (*found, resource)


def a_working_day(*ids: str) -> FakeWorld:
    """All of them were started in the morning and run."""
    fake = a_world(ONE)
    fake.resources = {}
    for one in ids:
        add(fake, one, started_at=at(7))
    return fake


def sweep(fake: FakeWorld, moment: datetime, sweep_id: str, mode: Mode = Mode.ENFORCE, policy: str = POLICY) -> Row:
    fake.at = moment
    fake.started.clear()
    fake.stopped.clear()
    run_sweep(fake.world(), a_policy(policy), sweep_id, mode)
    return fake.written(sweep_id)


def test_an_undo_of_the_evening_names_the_sweep_that_started_again_in_the_morning() -> None:
    fake = a_working_day("i-0", "i-1")
    sweep(fake, at(19, 30), EVENING_ID)
    sweep(fake, MORNING, MORNING_ID)
    assert sorted(fake.started) == ["i-0", "i-1"]
    fake.at = MORNING + timedelta(hours=2)
    undo_sweep(fake.world(), a_policy(POLICY), AGAIN_ID, EVENING_ID, UndoFilter())
    assert reasons(fake.written(AGAIN_ID)) == dict.fromkeys(
        ("i-0", "i-1"), f"It is running: started by sweep {MORNING_ID}."
    )


def instance(fake: FakeWorld, resource_id: str) -> Resource:
    return next(
        one for target in fake.resources for one in fake.instances(target).values() if one.resource_id == resource_id
    )


def person_stops(fake: FakeWorld, resource_id: str, moment: datetime) -> None:
    fake.change(resource_id, lambda one: in_state(one, "stopped", changed_at=moment))


def person_starts(fake: FakeWorld, resource_id: str, moment: datetime) -> None:
    fake.change(resource_id, lambda one: in_state(one, "running", started_at=moment, changed_at=None))


def test_in_the_morning_exactly_what_was_stopped_by_the_orchestrator_starts() -> None:
    fake = a_working_day("i-ours", "i-by-hand", "i-touched", "i-up")
    person_stops(fake, "i-by-hand", at(17))
    assert outcomes(sweep(fake, at(19, 30), EVENING_ID)) == dict.fromkeys(["i-ours", "i-touched", "i-up"], "stopped")
    person_starts(fake, "i-touched", at(21))
    person_stops(fake, "i-touched", at(22))
    person_starts(fake, "i-up", at(6, 30, 24))
    report = sweep(fake, MORNING, MORNING_ID)
    assert fake.started == ["i-ours"]
    assert (fake.stopped, outcomes(report)) == ([], {"i-ours": "started"})
    assert (report["totals"]["planned_starts"], report["totals"]["started"]) == (1, 1)
    assert STOPPED_BY_TAG not in instance(fake, "i-ours").tags
    assert "was stopped at 2026-11-23T22:00:00Z" in reasons(report)["i-touched"]
    assert "It has no" in reasons(report)["i-by-hand"]
    held = fake.ledger.held_by(EVENING_ID)
    assert [one.resource_id for one in held] == ["i-touched", "i-up"]


def test_before_the_running_time_begins_nothing_is_started() -> None:
    fake = a_working_day("i-ours")
    sweep(fake, at(19, 30), EVENING_ID)
    report = sweep(fake, at(6, 45, 24), MORNING_ID)
    assert (fake.started, report["totals"]["planned"]) == ([], 0)


def test_a_plan_says_what_would_start_and_its_apply_starts_it() -> None:
    fake = a_working_day("i-ours")
    sweep(fake, at(19, 30), EVENING_ID)
    report = sweep(fake, MORNING, MORNING_ID, Mode.PLAN)
    assert (fake.started, outcomes(report)) == ([], {"i-ours": "would_start"})
    fake.at = MORNING + timedelta(minutes=5)
    _, source = open_plan(fake.files, fake.ledger, MORNING_ID, fake.at)
    apply_plan(fake.world(), a_policy(POLICY), AGAIN_ID, source)
    assert fake.started == ["i-ours"]


def test_an_apply_after_the_running_time_starts_nothing() -> None:
    fake = a_working_day("i-ours")
    sweep(fake, at(19, 30), EVENING_ID)
    sweep(fake, at(18, 55, 24), MORNING_ID, Mode.PLAN)
    fake.at = at(19, 5, 24)
    _, source = open_plan(fake.files, fake.ledger, MORNING_ID, fake.at)
    apply_plan(fake.world(), a_policy(POLICY), AGAIN_ID, source)
    assert (fake.started, outcomes(fake.written(AGAIN_ID))) == ([], {})
    assert reasons(fake.written(AGAIN_ID))["i-ours"].startswith("Changed since the plan:")


@pytest.mark.parametrize(
    "change",
    [
        lambda one: in_state(one, "running", started_at=MORNING),
        lambda one: replace(one, changed_at=MORNING),
        lambda one: replace(one, tags={**one.tags, OPT_OUT_TAG: "true"}),
        lambda one: replace(one, tags={**one.tags, STOPPED_BY_TAG: "ann"}),
        lambda one: replace(one, tags={}),
        lambda one: replace(one, state=ResourceState.GONE, aws_state="terminated"),
    ],
)
def test_what_changed_since_the_plan_is_not_started(change: Any) -> None:
    fake = a_working_day("i-ours")
    sweep(fake, at(19, 30), EVENING_ID)
    fake.before_look = lambda _: fake.change("i-ours", change)
    report = sweep(fake, MORNING, MORNING_ID)
    assert (fake.started, outcomes(report)) == ([], {})
    assert reasons(report)["i-ours"].startswith("Changed since the plan:")


def test_what_the_ledger_holds_no_more_by_the_time_of_the_look_is_not_started() -> None:
    fake = a_working_day("i-ours")
    sweep(fake, at(19, 30), EVENING_ID)

    def forget(_: object) -> None:
        for key in [key for key in fake.items.items if key[0].startswith("HELD#")]:
            del fake.items.items[key]

    fake.before_look = forget
    report = sweep(fake, MORNING, MORNING_ID)
    assert (fake.started, outcomes(report)) == ([], {})


def test_a_ledger_that_cannot_be_read_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = a_working_day("i-ours")
    sweep(fake, at(19, 30), EVENING_ID)

    def refuse(*_: object) -> None:
        raise LedgerError("no answer")

    monkeypatch.setattr(Ledger, "held_at_each", refuse)
    report = sweep(fake, MORNING, MORNING_ID)
    assert (fake.started, report["status"]) == ([], "incomplete")
    assert "the ledger could not be read (no answer)" in reasons(report)["i-ours"]


def test_everything_starts_also_what_no_sweep_stopped_but_not_what_was_stopped_this_morning() -> None:
    fake = a_working_day("i-ours", "i-yesterday", "i-today")
    person_stops(fake, "i-yesterday", at(17))
    sweep(fake, at(19, 30), EVENING_ID, policy=EVERYTHING)
    person_starts(fake, "i-today", at(7, 5, 24))
    person_stops(fake, "i-today", at(7, 10, 24))
    report = sweep(fake, MORNING, MORNING_ID, policy=EVERYTHING)
    assert sorted(fake.started) == ["i-ours", "i-yesterday"]
    assert "within its running time" in reasons(report)["i-today"]


def test_a_start_that_failed_is_asked_for_again_by_the_next_sweep() -> None:
    fake = a_working_day("i-ours")
    sweep(fake, at(19, 30), EVENING_ID)
    fake.stops["i-ours"] = OutcomeStatus.FAILED
    assert outcomes(sweep(fake, MORNING, MORNING_ID)) == {"i-ours": "failed"}
    [held] = fake.ledger.held_by(EVENING_ID)
    assert held.start_asked_at == "2026-11-24T07:15:00Z"
    fake.stops.clear()
    assert outcomes(sweep(fake, at(7, 30, 24), AGAIN_ID)) == {"i-ours": "started"}
    assert fake.ledger.held_by(EVENING_ID) == ()


def test_guardrails_of_starts_hold_the_plan() -> None:
    fake = a_working_day("i-1", "i-2")
    sweep(fake, at(19, 30), EVENING_ID)
    report = sweep(fake, MORNING, MORNING_ID, policy=f"{POLICY}guardrails: {{max_stops: 0, max_starts: 1}}\n")
    assert (fake.started, report["status"]) == ([], "held")
    rows = {row["name"]: (row["limit"], row["actual"], row["passed"]) for row in report["guardrails"]}
    assert rows == {"max_stops": (0, 0, True), "max_starts": (1, 2, False)}


def test_an_account_that_opted_out_is_not_started_either() -> None:
    fake = a_working_day("i-ours")
    sweep(fake, at(19, 30), EVENING_ID)
    fake.accounts = tuple(replace(one, tags={OPT_OUT_TAG: "true"}) if one.id == ONE else one for one in fake.accounts)
    sweep(fake, MORNING, MORNING_ID)
    assert fake.started == []


def test_the_ledger_says_of_an_action_that_it_is_a_start() -> None:
    fake = a_working_day("i-ours")
    sweep(fake, at(19, 30), EVENING_ID)
    sweep(fake, MORNING, MORNING_ID)
    [stop], [start] = fake.ledger.actions(EVENING_ID), fake.ledger.actions(MORNING_ID)
    assert (stop.is_start, start.is_start, start.action) == (False, True, "start")


def test_stops_and_starts_are_decided_in_one_plan() -> None:
    policy = """
    schedules:
      day: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}
      night: {timezone: UTC, running: ["mon-fri 20:00-24:00"]}
    rules:
      - {name: day, where: {tag: {When: day}}, schedule: day, start: what_was_stopped}
      - {name: night, where: {tag: {When: night}}, schedule: night}
    """
    fake = a_world(ONE)
    fake.resources = {}
    add(fake, "i-day", tags={"When": "day"}, started_at=at(7))
    add(fake, "i-night", tags={"When": "night"}, started_at=at(20))
    sweep(fake, at(21), EVENING_ID, policy=policy)
    assert fake.stopped == ["i-day"]
    report = sweep(fake, MORNING, MORNING_ID, policy=policy)
    assert outcomes(report) == {"i-day": "started", "i-night": "stopped"}
    plan = plan_from(fake.files.read(MORNING_ID, PLAN_FILE), None)
    assert (plan.plan.counts.stops, plan.plan.counts.starts) == (1, 1)


# --- undoing a sweep that started something

UNDO_ID = "20261124T180000Z-000009"


ALL, OUTSIDE = UndoFilter(), UndoFilter(outside_schedule=True)


def undo(fake: FakeWorld, moment: datetime, only: UndoFilter = ALL, policy: str = POLICY) -> Row:
    fake.at = moment
    fake.started.clear()
    fake.stopped.clear()
    undo_sweep(fake.world(), a_policy(policy), UNDO_ID, MORNING_ID, only)
    return fake.written(UNDO_ID)


def a_started_morning(*ids: str, policy: str = POLICY) -> FakeWorld:
    fake = a_working_day(*ids)
    sweep(fake, at(19, 30), EVENING_ID, policy=policy)
    sweep(fake, MORNING, MORNING_ID, policy=policy)
    assert sorted(fake.started) == sorted(ids)
    return fake


def test_an_undo_of_a_start_keeps_what_is_inside_its_window_and_names_it() -> None:
    fake = a_started_morning("i-ours")
    report = undo(fake, at(8, 0, 24))
    assert (fake.stopped, fake.started, outcomes(report)) == ([], [], {})
    assert reasons(report)["i-ours"] == (
        f"Sweep {MORNING_ID} started it. Rule office owns it, but its schedule office says that it should run now, "
        "until Tue 2026-11-24 19:00 UTC. To stop it all the same: undo with --outside-schedule."
    )


def test_outside_its_window_what_the_sweep_started_is_stopped_by_its_undo() -> None:
    fake = a_started_morning("i-ours")
    report = undo(fake, at(19, 5, 24))
    assert (fake.stopped, outcomes(report)) == (["i-ours"], {"i-ours": "stopped"})
    assert [one.resource_id for one in fake.ledger.held_by(UNDO_ID)] == ["i-ours"]
    assert instance(fake, "i-ours").tags[STOPPED_BY_TAG] == UNDO_ID


def test_outside_schedule_stops_also_what_is_inside_its_window() -> None:
    fake = a_started_morning("i-ours")
    undo(fake, at(8, 0, 24), UndoFilter(outside_schedule=True))
    assert fake.stopped == ["i-ours"]


ANNOUNCING = POLICY.replace("rules: [{", "rules: [{notice: {days: 30}, ")


def test_an_undo_of_a_start_gives_no_notice_and_changes_none() -> None:
    fake = a_started_morning("i-ours")
    report = undo(fake, at(20, 0, 24), policy=ANNOUNCING)
    assert (fake.stopped, outcomes(report), fake.ledger.notices("nonprod")) == ([], {}, {})
    assert "only after a notice" in reasons(report)["i-ours"]
    assert STOP_AFTER_TAG not in instance(fake, "i-ours").tags


def test_an_undo_of_a_start_stops_nothing_before_the_day_of_its_notice_is_over() -> None:
    fake = a_started_morning("i-ours")
    sweep(fake, at(19, 30, 24), LATER_ID, policy=ANNOUNCING)
    notices = fake.ledger.notices("nonprod")
    fake.change("i-ours", lambda one: replace(one, tags={}))
    sooner = ANNOUNCING.replace("days: 30", "days: 1")
    report = undo(fake, at(20, 0, 24), policy=sooner)
    assert (fake.stopped, outcomes(report)) == ([], {})
    assert fake.ledger.notices("nonprod") == notices != {}


def test_outside_schedule_stops_what_its_rule_would_announce_first() -> None:
    fake = a_started_morning("i-ours")
    undo(fake, at(8, 0, 24), OUTSIDE, policy=ANNOUNCING)
    assert fake.stopped == ["i-ours"]
    assert fake.ledger.notices("nonprod") == {}


@pytest.mark.parametrize("only", [ALL, OUTSIDE], ids=["undo", "outside schedule"])
def test_an_undo_of_a_start_writes_no_tags_of_a_rule(only: UndoFilter) -> None:
    fake = a_started_morning("i-ours")
    tagging = "rules: [{name: tags, where: everything, action: tag, tags: {A: b}}]"
    report = undo(fake, at(20, 0, 24), only, policy=tagging)
    assert (fake.stopped, outcomes(report)) == ([], {})
    assert "A" not in instance(fake, "i-ours").tags


@pytest.mark.parametrize("tag", [OPT_OUT_TAG, PROTECTED_TAG])
def test_outside_schedule_never_stops_what_is_opted_out_or_protected(tag: str) -> None:
    fake = a_started_morning("i-ours", "i-spared")
    fake.change("i-spared", lambda one: replace(one, tags={**one.tags, tag: "true"}))
    report = undo(fake, at(8, 0, 24), UndoFilter(outside_schedule=True))
    assert (fake.stopped, outcomes(report)) == (["i-ours"], {"i-ours": "stopped"})


def test_an_account_that_opted_out_since_keeps_what_was_started_in_it() -> None:
    fake = a_started_morning("i-ours")
    fake.accounts = tuple(replace(one, tags={OPT_OUT_TAG: "true"}) for one in fake.accounts)
    report = undo(fake, at(8, 0, 24), UndoFilter(outside_schedule=True))
    assert fake.stopped == []
    assert reasons(report)["i-ours"].startswith("Its account is left alone")


def test_what_somebody_started_again_since_is_kept_by_an_undo_of_the_start() -> None:
    fake = a_started_morning("i-ours")
    person_starts(fake, "i-ours", at(12, 0, 24))
    report = undo(fake, at(19, 5, 24))
    assert (fake.stopped, outcomes(report)) == ([], {})
    assert reasons(report)["i-ours"].startswith("It was started at 2026-11-24T12:00:00Z, and not by")


def test_the_limit_of_stops_holds_an_undo_of_starts_and_the_shares_do_not() -> None:
    fake = a_started_morning("i-1", "i-2")
    report = undo(fake, at(19, 5, 24), policy=f"{POLICY}guardrails: {{max_stops: 1, max_stops_percent: 10}}\n")
    assert (fake.stopped, report["status"]) == ([], "held")
    assert [row["name"] for row in report["guardrails"]] == ["max_stops"]


def test_an_undo_takes_back_stops_and_starts_of_one_sweep() -> None:
    policy = """
    schedules:
      day: {timezone: UTC, running: ["mon-fri 07:00-19:00"]}
      night: {timezone: UTC, running: ["mon-fri 20:00-24:00"]}
    rules:
      - {name: day, where: {tag: {When: day}}, schedule: day, start: what_was_stopped}
      - {name: night, where: {tag: {When: night}}, schedule: night}
    """
    fake = a_world(ONE)
    fake.resources = {}
    add(fake, "i-day", tags={"When": "day"}, started_at=at(7))
    add(fake, "i-night", tags={"When": "night"}, started_at=at(20))
    sweep(fake, at(21), EVENING_ID, policy=policy)
    sweep(fake, MORNING, MORNING_ID, policy=policy)
    report = undo(fake, at(19, 30, 24), policy=policy)
    assert outcomes(report) == {"i-day": "stopped", "i-night": "started"}


def test_an_undo_that_looks_again_keeps_what_its_owner_opted_out_meanwhile() -> None:
    fake = a_started_morning("i-ours")
    looks: list[object] = []

    def opt_out(target: object) -> None:
        looks.append(target)
        if len(looks) == 2:
            fake.change("i-ours", lambda one: replace(one, tags={**one.tags, OPT_OUT_TAG: "true"}))

    fake.before_look = opt_out
    report = undo(fake, at(19, 5, 24))
    assert (fake.stopped, outcomes(report)) == ([], {})
    assert reasons(report)["i-ours"].startswith("Changed since the plan:")


def test_the_next_morning_starts_what_an_undo_stopped_and_the_same_day_does_not() -> None:
    fake = a_started_morning("i-ours")
    undo(fake, at(8, 0, 24), UndoFilter(outside_schedule=True))
    sweep(fake, at(8, 15, 24), "20261124T081500Z-00000a")
    assert fake.started == []
    sweep(fake, at(7, 15, 25), "20261125T071500Z-00000b")
    assert fake.started == ["i-ours"]


def test_what_comes_up_after_its_sweep_ended_loses_its_mark_at_the_next_one() -> None:
    """As databases do."""
    fake = a_working_day("i-ours", "i-by-hand")
    sweep(fake, at(19, 30), EVENING_ID)
    person_starts(fake, "i-by-hand", at(6, 0, 24))
    fake.stops["i-ours"] = fake.starts_end["i-ours"] = OutcomeStatus.STARTING
    marked = instance(fake, "i-ours").tags
    assert outcomes(sweep(fake, MORNING, MORNING_ID)) == {"i-ours": "starting"}
    fake.change("i-ours", lambda one: replace(one, tags=marked))
    assert [one.start_asked_at for one in fake.ledger.held_by(EVENING_ID)] == ["", "2026-11-24T07:15:00Z"]
    fake.stops.clear()
    fake.starts_end.clear()
    fake.asked.clear()
    sweep(fake, at(7, 30, 24), AGAIN_ID)
    assert [one.resource_id for one in fake.ledger.held_by(EVENING_ID)] == ["i-by-hand"]
    assert len([one for one in fake.asked if one.startswith("see ")]) == 1


def test_what_comes_up_late_is_looked_at_with_what_the_ledger_has_of_it_before_its_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What its stop changed beside it is given back by that, and not by what is there now."""
    fake = a_working_day("i-ours")
    fake.change("i-ours", lambda one: replace(one, restore={"is_scaled": True}))
    sweep(fake, at(19, 30), EVENING_ID)
    fake.stops["i-ours"] = fake.starts_end["i-ours"] = OutcomeStatus.STARTING
    marked = instance(fake, "i-ours").tags
    sweep(fake, MORNING, MORNING_ID)
    fake.change("i-ours", lambda one: replace(one, tags=marked, restore={"is_scaled": False}))
    fake.stops.clear()
    fake.starts_end.clear()
    asked: list[Outcome] = []
    see_starts = FakeKind.see_starts

    def see(self: FakeKind, target: Target, starts: Sequence[Outcome]) -> tuple[Outcome, ...]:
        asked.extend(starts)
        return see_starts(self, target, starts)

    monkeypatch.setattr(FakeKind, "see_starts", see)
    sweep(fake, at(7, 30, 24), AGAIN_ID)
    assert [one.resource.restore for one in asked] == [{"is_scaled": True}]


# --- wherever its process dies, and in parts


def a_death(number: int) -> tuple[FakeWorld, bool]:
    """A morning whose process dies after so many events; whether it did."""
    fake = a_working_day("i-1", "i-2", "i-3")
    fake.workers = 1
    fake.batch_size = 2
    sweep(fake, at(19, 30), EVENING_ID)
    fake.life.events.clear()
    fake.life.dies_after = number
    try:
        sweep(fake, MORNING, MORNING_ID)
    except Died:
        return fake, True
    return fake, False


@pytest.mark.full
def test_wherever_its_process_dies_each_is_started_once_and_the_ledger_holds_none_down_in_the_end() -> None:
    number, died = 1, True
    while died:
        fake, died = a_death(number)
        number += 1
        fake.life.dies_after = None
        summary = fake.ledger.sweep(MORNING_ID)
        if not died or summary is None:
            continue
        fake.at += timedelta(minutes=1)
        resume_sweep(fake.world(), a_policy(POLICY), summary)
        report = fake.written(MORNING_ID)
        if summary.consent is None and summary.plan_sha256:
            continue
        assert sorted(fake.started) == ["i-1", "i-2", "i-3"], fake.life.events
        assert outcomes(report) == dict.fromkeys(["i-1", "i-2", "i-3"], "started"), number
        assert fake.ledger.held_by(EVENING_ID) == ()
        assert all(one.is_start for one in fake.ledger.actions(MORNING_ID))
    assert number > 10


@pytest.mark.full
def test_wherever_an_undo_of_starts_dies_each_is_stopped_once_in_the_end() -> None:
    number, died = 1, True
    while died:
        fake = a_started_morning("i-1", "i-2", "i-3")
        fake.workers = 1
        fake.batch_size = 2
        fake.life.events.clear()
        fake.life.dies_after = number
        number += 1
        try:
            undo(fake, at(8, 0, 24), UndoFilter(outside_schedule=True))
            died = False
        except Died:
            pass
        fake.life.dies_after = None
        summary = fake.ledger.sweep(UNDO_ID)
        if not died or summary is None or (summary.consent is None and summary.plan_sha256):
            continue
        fake.at += timedelta(minutes=1)
        resume_sweep(fake.world(), a_policy(POLICY), summary)
        assert sorted(fake.stopped) == ["i-1", "i-2", "i-3"], number
        assert outcomes(fake.written(UNDO_ID)) == dict.fromkeys(["i-1", "i-2", "i-3"], "stopped")
        assert [one.resource_id for one in fake.ledger.held_by(UNDO_ID)] == ["i-1", "i-2", "i-3"]
    assert number > 10


def test_the_state_machine_starts_in_the_morning_what_a_sweep_stopped(fake: FakeWorld, machine: Machine) -> None:
    fake.at = at(19, 30)
    fake.resources = {
        key: tuple(replace(one, started_at=at(7)) for one in fake.instances(key).values()) for key in fake.resources
    }
    run_sweep(fake.world(), a_policy(POLICY), EVENING_ID, Mode.ENFORCE)
    fake.at = MORNING
    answer = machine(POLICY)({"mode": "enforce"})
    assert (answer["status"], set(outcomes(fake.written()).values())) == ("complete", {"started"})
    assert sorted(fake.started) == sorted(fake.stopped) != []


def test_the_state_machine_lets_go_of_what_came_up_after_its_sweep_ended(fake: FakeWorld, machine: Machine) -> None:
    fake.resources = {}
    add(fake, "i-ours", started_at=at(7))
    sweep(fake, at(19, 30), EVENING_ID)
    fake.stops["i-ours"] = fake.starts_end["i-ours"] = OutcomeStatus.STARTING
    marked = instance(fake, "i-ours").tags
    sweep(fake, MORNING, MORNING_ID)
    fake.change("i-ours", lambda one: replace(one, tags=marked))
    fake.stops.clear()
    fake.starts_end.clear()
    fake.at = at(7, 30, 24)
    assert machine(POLICY)({"mode": "enforce"})["status"] == "complete"
    assert fake.ledger.held_by(EVENING_ID) == ()


@pytest.fixture
def fake() -> FakeWorld:
    return a_world(ONE, TWO, workers=1)
