"""The order within an account: services before databases when stopping, databases first when starting; accounts by
themselves; and whatever ends a sweep, what was not begun is not attempted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.core.model import Halt, HaltCause, Mode, Outcome, OutcomeStatus, Resource, Target
from orchestrator.core.model.marks import ORDER_TAG
from orchestrator.core.report.document import Row
from orchestrator.core.report.plan_file import PLAN_FILE, plan_from
from orchestrator.errors import LedgerError
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.rds.description import RDS
from orchestrator.ports import NoProgress
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.stored_plan import open_plan
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import AT, SWEEP_ID, a_policy, a_resource, in_state
from tests.support.fake_kind import FakeKind
from tests.support.fake_world import ONE, REGIONS, TWO, FakeWorld, a_world, outcomes
from tests.support.memory_store import Died
from tests.support.parts import Machine

BOTH = "rules: [{name: all, kinds: [ec2, rds], where: everything}]"
BACKWARDS = f"{BOTH}\norder: {{ec2: 30, rds: 10}}"
UNDO_ID, APPLY_ID = "20261124T070000Z-000001", "20261124T070000Z-000002"
KILLED = Halt(HaltCause.KILL_SWITCH, "the kill switch was pulled")
OVER = Halt(HaltCause.OUT_OF_TIME, "the time was up")
MORNING = AT + timedelta(hours=12)


def a_resource_of(kind: str, name: str, account: str, region: str = REGIONS[0]) -> Resource:
    made = a_resource(name, account, region)
    return replace(made, kind=kind, arn=made.arn.replace("ec2", kind), state=made.state)


def services_and_databases(*accounts: str) -> FakeWorld:
    """Each account has the instance i-0 and the database db-0 (i-1, db-1), which the instance uses."""
    fake = a_world(*accounts, kinds=(EC2, RDS))
    fake.resources = {}
    for number, account in enumerate(accounts):
        some = (a_resource_of("rds", f"db-{number}", account), a_resource_of("ec2", f"i-{number}", account))
        fake.resources[some[0].target] = some
    return fake


@pytest.fixture
def fake() -> FakeWorld:
    return services_and_databases(ONE, TWO)


def enforced(fake: FakeWorld, policy: str = BOTH) -> Row:
    run_sweep(fake.world(), a_policy(policy), SWEEP_ID, Mode.ENFORCE)
    return fake.written()


def swept(*accounts: str, policy: str = BOTH) -> FakeWorld:
    """It is the morning after; AWS accepts each start of a database and shows it later."""
    fake = services_and_databases(*accounts)
    enforced(fake, policy)
    fake.stops = {f"db-{number}": OutcomeStatus.STARTING for number in range(len(accounts))}
    fake.starts_end = dict(fake.stops)
    fake.asked.clear()
    fake.at = MORNING
    return fake


def undone(fake: FakeWorld, policy: str = BOTH) -> dict[str, str]:
    undo_sweep(fake.world(), a_policy(policy), UNDO_ID, SWEEP_ID, UndoFilter())
    return outcomes(fake.written(UNDO_ID))


def resumed(fake: FakeWorld, policy: str = BOTH, sweep_id: str = UNDO_ID) -> dict[str, str]:
    fake.life.before, fake.life.dies_after = (lambda _: None), None
    summary = fake.ledger.sweep(sweep_id)
    assert summary is not None
    resume_sweep(fake.world(), a_policy(policy), summary)
    return outcomes(fake.written(sweep_id))


def dying_before(fake: FakeWorld, word: str) -> Callable[[str], None]:
    def before(event: str) -> None:
        if event.startswith(word):
            fake.life.dies_after = len(fake.life.events)
            raise Died

    return before


class _UpAfter(NoProgress):
    """So many seconds after the morning these are up, as far as anybody looks."""

    def __init__(self, fake: FakeWorld, **seconds: int) -> None:
        self._fake, self._seconds = fake, seconds

    def phase(self, _: str) -> None:
        for name, after in self._seconds.items():
            # A look comes 30 s after its phase at the latest, and sees what is up by then.
            if self._fake.at >= MORNING + timedelta(seconds=after):
                self._fake.starts_end[name.replace("_", "-")] = OutcomeStatus.STARTED


def started_at(fake: FakeWorld, name: str) -> float:
    [row] = [one for one in fake.ledger.actions(UNDO_ID) if one.resource_id == name]
    return (type(MORNING).fromisoformat(row.requested_at) - MORNING).total_seconds()


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_an_instance_is_stopped_before_the_database_of_its_account_and_nothing_is_waited_for(fake: FakeWorld) -> None:
    report = enforced(fake)
    assert set(outcomes(report).values()) == {"stopped"}
    for number in (0, 1):
        assert fake.stopped.index(f"i-{number}") < fake.stopped.index(f"db-{number}")
    assert fake.slept == []


def test_the_policy_says_otherwise_by_kind_and_a_tag_by_resource(fake: FakeWorld) -> None:
    fake.change("db-1", lambda one: replace(one, tags={ORDER_TAG: "31"}))
    enforced(fake, BACKWARDS)
    assert fake.stopped.index("db-0") < fake.stopped.index("i-0")
    assert fake.stopped.index("i-1") < fake.stopped.index("db-1")


def test_no_account_waits_for_another(fake: FakeWorld) -> None:
    """The instance of one is stopped last of all."""
    both_of_two, calls = threading.Event(), []

    def before_stop(target: Target) -> None:
        calls.append(target.account_id)
        if target.account_id == ONE and calls.count(ONE) == 1:
            assert both_of_two.wait(10)
        elif calls.count(TWO) == 2:
            both_of_two.set()

    fake.before_stop = before_stop
    assert set(outcomes(enforced(fake)).values()) == {"stopped"}
    assert fake.stopped[-1] == "db-0"


def test_what_could_not_be_stopped_does_not_keep_the_next_step_from_beginning(fake: FakeWorld) -> None:
    fake.stops = {"i-0": OutcomeStatus.FAILED, "i-1": RuntimeError("no")}
    found = outcomes(enforced(fake))
    assert found == {"i-0": "failed", "i-1": "unknown", "db-0": "stopped", "db-1": "stopped"}


def test_what_was_kept_after_all_does_not_either(fake: FakeWorld) -> None:
    fake.before_look = lambda _: fake.change("i-0", lambda one: in_state(one, "stopping"))
    assert outcomes(enforced(fake)) == dict.fromkeys(("i-1", "db-0", "db-1"), "stopped")


def test_a_kill_switch_pulled_between_two_steps_lets_the_later_one_not_begin(fake: FakeWorld) -> None:
    fake.workers = 1
    fake.halt = lambda: KILLED if len(fake.stopped) >= 2 else None
    report = enforced(fake)
    assert sorted(outcomes(report).values()) == ["not_attempted", "not_attempted", "stopped", "stopped"]
    assert (report["status"], report["error"]) == ("aborted", "Aborted: the kill switch was pulled")
    assert fake.states() == outcomes(report)


def test_a_ledger_that_fails_ends_all_and_nothing_more_is_begun(fake: FakeWorld) -> None:
    def before(event: str) -> None:
        if event.startswith("intend"):
            raise LedgerError("the table is gone")

    fake.life.before = before
    found = outcomes(enforced(fake))
    assert set(found.values()) == {"not_attempted"}
    assert fake.stopped == []


def test_each_wave_has_its_own_steps(fake: FakeWorld) -> None:
    enforced(fake, f"{BOTH}\nwaves: [{{accounts: 1}}]")
    assert sorted(fake.stopped[:2]) in (["db-0", "i-0"], ["db-1", "i-1"])
    assert [name.partition("-")[0] for name in fake.stopped] == ["i", "db", "i", "db"]


def test_a_plan_freezes_the_order_and_keeps_it_when_it_is_applied_or_resumed(fake: FakeWorld) -> None:
    """Whatever the kinds' own numbers are in the release that does that."""
    run_sweep(fake.world(), a_policy(BACKWARDS), SWEEP_ID, Mode.PLAN)
    stored = plan_from(fake.files.read(SWEEP_ID, PLAN_FILE), None)
    assert stored.order == {"ec2": 30, "rds": 10}
    forgetful = replace(a_policy(BACKWARDS), order={"ec2": 1, "rds": 2})
    fake.life.before = dying_before(fake, "stop db")
    fake.workers = 1
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    with pytest.raises(Died):
        apply_plan(fake.world(), forgetful, APPLY_ID, source)
    fake.life.before, fake.life.dies_after = (lambda _: None), None
    summary = fake.ledger.sweep(APPLY_ID)
    assert summary is not None
    resume_sweep(fake.world(), forgetful, summary)
    assert [name.partition("-")[0] for name in fake.stopped] == ["db", "i", "db", "i"]


def test_a_plan_of_one_number_has_no_order_and_the_hash_that_it_had() -> None:
    fake = a_world(ONE, TWO)
    enforced(fake, "rules: [{name: all, where: everything}]\norder: {ec2: 7}")
    stored = plan_from(fake.files.read(SWEEP_ID, PLAN_FILE), None)
    assert stored.order == {}


def test_the_parts_of_a_state_machine_keep_it_too(fake: FakeWorld, machine: Machine) -> None:
    machine(BACKWARDS, accounts_a_part=2)({"mode": "enforce"})
    assert len(fake.stopped) == 4
    for number in (0, 1):
        assert fake.stopped.index(f"db-{number}") < fake.stopped.index(f"i-{number}")


# --- starting ---------------------------------------------------------------------------------------------------------


def test_an_instance_is_started_when_the_database_of_its_account_was_seen_running() -> None:
    fake = swept(ONE, TWO)
    fake.progress = _UpAfter(fake, db_0=5, db_1=30)
    assert set(undone(fake).values()) == {"started"}
    assert [name for name in fake.started if name.startswith("db")] == fake.started[:2]
    first, second = started_at(fake, "i-0"), started_at(fake, "i-1")
    assert (5 <= first <= 20, 30 <= second <= 50) == (True, True), "each account by itself"
    assert {one.resource_id for one in fake.ledger.held_by(SWEEP_ID)} == set()


def test_when_the_time_of_a_database_is_over_the_instance_is_started_and_the_database_not_waited_for_again() -> None:
    fake = swept(ONE)
    assert undone(fake, f"{BOTH}\nmax_start_wait: 90s") == {"db-0": "starting", "i-0": "started"}
    assert (started_at(fake, "i-0"), sum(fake.slept)) == (90, 90)
    assert {one.resource_id for one in fake.ledger.held_by(SWEEP_ID)} == {"db-0"}


def test_each_number_waits_for_its_own_time_and_no_longer() -> None:
    fake = swept(ONE)
    fake.stops["i-0"] = fake.starts_end["i-0"] = OutcomeStatus.STARTING
    assert set(undone(fake).values()) == {"starting"}
    assert sum(fake.slept) == 120


@pytest.mark.parametrize("end", [OutcomeStatus.FAILED, OutcomeStatus.STARTED])
def test_a_database_that_fell_back_is_waited_for_no_longer_than_one_that_runs(end: OutcomeStatus) -> None:
    fake = swept(ONE)
    fake.starts_end["db-0"] = end
    assert undone(fake) == {"db-0": end.value, "i-0": "started"}
    assert fake.slept == [2.0]


def test_a_database_that_runs_at_once_costs_neither_a_wait_nor_a_look() -> None:
    fake = swept(ONE)
    fake.stops = {}
    assert set(undone(fake).values()) == {"started"}
    assert fake.slept == []
    assert not any(one.startswith("see ") for one in fake.asked)
    assert fake.started == ["db-0", "i-0"]


def test_what_is_waited_for_is_looked_at_while_other_accounts_are_acted_on() -> None:
    fake = swept(ONE, TWO)
    fake.stops.pop("db-1")
    fake.starts_end["db-0"] = OutcomeStatus.STARTED
    started, calls = threading.Event(), []

    def before_stop(target: Target) -> None:
        calls.append(target.account_id)
        if target.account_id == ONE and calls.count(ONE) == 2:
            started.set()
        elif target.account_id == TWO and calls.count(TWO) == 1:
            for _ in range(200):  # time passes while its call takes
                fake.at += timedelta(seconds=1)
                if started.wait(0.05):
                    return
            pytest.fail("the instance of the other account was not started meanwhile")

    fake.before_stop = before_stop
    assert set(undone(fake).values()) == {"started"}
    assert fake.slept == []


@pytest.mark.parametrize(("halt", "status"), [(KILLED, "aborted"), (OVER, "incomplete")])
def test_a_halt_while_a_database_is_waited_for_leaves_the_instance_not_attempted(halt: Halt, status: str) -> None:
    fake = swept(ONE)
    fake.halt = lambda: halt if fake.at >= MORNING + timedelta(seconds=10) else None
    assert undone(fake) == {"db-0": "starting", "i-0": "not_attempted"}
    assert sum(fake.slept) == 10
    assert fake.written(UNDO_ID)["status"] == status
    assert "i-0" not in fake.started


def test_a_sweep_that_is_handed_over_while_it_waits_goes_on_waiting_for_what_is_left_of_the_time() -> None:
    """Else one whose databases take longer than a Lambda lasts would be handed over for ever."""
    fake = swept(ONE)
    fake.halt = lambda: OVER if fake.at >= MORNING + timedelta(seconds=40) else None
    fake.hand_over = lambda: True
    undo_sweep(fake.world(), a_policy(BOTH), UNDO_ID, SWEEP_ID, UndoFilter())
    assert fake.started == ["db-0"]
    assert not fake.has_file("report.json", UNDO_ID)
    fake.halt = lambda: None
    before = sum(fake.slept)
    assert resumed(fake) == {"db-0": "starting", "i-0": "started"}
    assert fake.started == ["db-0", "i-0"], "nothing is started twice"
    assert sum(fake.slept) - before == 20
    assert started_at(fake, "i-0") == 60


@pytest.mark.parametrize("word", ["intend db", "start db", "intend i", "start i"])
def test_an_undo_that_died_anywhere_keeps_the_order_when_it_is_resumed(word: str) -> None:
    fake = swept(ONE, TWO)
    fake.starts_end = dict.fromkeys(("db-0", "db-1"), OutcomeStatus.STARTED)
    fake.life.before = dying_before(fake, word)
    with pytest.raises(Died):
        undone(fake)
    assert set(resumed(fake).values()) == {"started"}
    assert sorted(fake.started) == ["db-0", "db-1", "i-0", "i-1"], "nothing is started twice"
    for number in (0, 1):
        assert fake.started.index(f"db-{number}") < fake.started.index(f"i-{number}")


def test_a_rule_starts_databases_first_too() -> None:
    office = 'schedules: {office: {timezone: UTC, running: ["daily 07:00-19:00"]}}\n'
    rule = "rules: [{name: all, kinds: [ec2, rds], where: everything, schedule: office, start: what_was_stopped}]"
    fake = swept(ONE, policy=f"{office}{rule}")
    fake.at = MORNING + timedelta(minutes=15)
    run_sweep(fake.world(), a_policy(f"{office}{rule}"), UNDO_ID, Mode.ENFORCE)
    assert outcomes(fake.written(UNDO_ID)) == {"db-0": "starting", "i-0": "started"}
    assert fake.started == ["db-0", "i-0"]
    assert sum(fake.slept) == 60


@pytest.mark.parametrize(("tag", "first"), [("first", "db-0"), ("29", "db-0"), ("31", "i-0")])
def test_an_undo_goes_by_the_tag_of_now_and_starts_what_has_a_malformed_one_by_its_kind(tag: str, first: str) -> None:
    fake = swept(ONE)
    fake.stops = {}
    fake.change("i-0", lambda one: replace(one, tags={**one.tags, ORDER_TAG: tag}))
    assert set(undone(fake).values()) == {"started"}
    assert fake.started[0] == first


def test_an_interruption_while_a_database_is_waited_for_is_noted_before_the_end_is_written() -> None:
    """So that nobody resumes what a person ended, where the process dies after it."""
    fake = swept(ONE)
    interrupted = Halt(HaltCause.INTERRUPTED, "interrupted")

    def is_interrupted() -> bool:
        return fake.at >= MORNING + timedelta(seconds=10)

    fake.halt = lambda: interrupted if is_interrupted() else None
    world = replace(fake.world(), interrupted=is_interrupted)
    undo_sweep(world, a_policy(BOTH), UNDO_ID, SWEEP_ID, UndoFilter())
    assert outcomes(fake.written(UNDO_ID)) == {"db-0": "starting", "i-0": "not_attempted"}
    assert "update interrupted_at" in fake.life.events


class _Blind(FakeKind):
    def see_starts(self, *_: object) -> tuple[Outcome, ...]:
        raise RuntimeError("no answer")


def test_what_cannot_be_looked_at_is_waited_for_until_its_time_is_over() -> None:
    fake = swept(ONE)
    world = replace(fake.world(), kinds={**fake.world().kinds, "rds": _Blind(fake, RDS)})
    undo_sweep(world, a_policy(BOTH), UNDO_ID, SWEEP_ID, UndoFilter())
    assert outcomes(fake.written(UNDO_ID)) == {"db-0": "starting", "i-0": "started"}
    assert sum(fake.slept) == 60
