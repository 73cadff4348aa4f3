"""A sweep in parts: the steps of the state machine, one after the other, over a world in memory."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.core.model import Halt, HaltCause, OrganizationalUnit, OutcomeStatus, Resource
from orchestrator.core.report.document import Row, document_exit_code
from orchestrator.core.report.manifest import SEALED
from orchestrator.core.report.stored_files import added_files
from orchestrator.errors import BusyError, ExecutionFailedError, LeaseLostError, OrganizationError, ReportStoreError
from orchestrator.lambdas.wiring import WAITING_RESERVED_MILLISECONDS
from orchestrator.ledger.lease import Lease, Leases, Times
from orchestrator.ledger.records import LeaseRecord
from orchestrator.sweep.dead_sweeps import abandon_sweep
from orchestrator.sweep.inventory_file import inventory_from
from orchestrator.sweep.parts import LISTING
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.consent import activate
from tests.support.fake_world import (
    EVERYTHING,
    ONE,
    REGIONS,
    THREE,
    TWO,
    FakeWorld,
    a_world,
    coverage,
    outcomes,
    reasons,
)
from tests.support.interleavings import elsewhere
from tests.support.lambdas import PLENTY
from tests.support.machines import Answer, StateMachine
from tests.support.parts import ONE_BY_ONE, Machine

OPT_OUT = "stop-orchestrator:opt-out"
ENFORCE = {"mode": "enforce"}


@pytest.fixture
def fake() -> FakeWorld:
    return a_world(ONE, TWO, THREE, workers=1)


def in_wave(number: int, event: Answer) -> bool:
    return event["step"] == "act" and event["Items"][0]["wave"] == number


def opted_out(one: Resource) -> Resource:
    return replace(one, tags={**one.tags, OPT_OUT: "true"})


def of_account(fake: FakeWorld, account_id: str) -> list[str]:
    return [one for target in fake.resources if target.account_id == account_id for one in fake.instances(target)]


def test_the_parts_together_are_the_sweep_that_one_process_makes(fake: FakeWorld, machine: Machine) -> None:
    answer = machine()(ENFORCE)
    report = fake.written()
    assert (answer["status"], report["status"]) == ("complete", "complete")
    assert coverage(report) == {(account, region): "scanned" for account in (ONE, TWO, THREE) for region in REGIONS}
    assert outcomes(report) == dict.fromkeys((f"i-{number}" for number in range(6)), "stopped")
    assert sorted(fake.stopped) == sorted(outcomes(report))


@pytest.mark.parametrize("step", ["read", "decide", "act"])
def test_a_list_of_accounts_that_was_altered_is_refused_and_the_report_says_so(
    fake: FakeWorld, machine: Machine, step: str
) -> None:
    """Here, the date of an opt-out in it."""
    fake.accounts = (replace(fake.accounts[0], tags={OPT_OUT: "2026-11-01"}), *fake.accounts[1:])

    def before(event: Answer) -> None:
        if event["step"] == step:
            key = (SWEEP_ID, LISTING)
            fake.files.files[key] = fake.files.files[key].replace(b"2026-11-01", b"2025-11-01")

    parts = machine()
    parts.before = before
    with pytest.raises(ReportStoreError, match=f"{LISTING} was altered"):
        parts(ENFORCE)
    report = fake.written()
    assert (report["status"], fake.stopped) == ("failed", [])
    assert f"{LISTING} was altered since this sweep wrote it" in report["error"]
    assert set(outcomes(report).values()) <= {"not_attempted"}


def test_the_list_of_accounts_says_how_old_its_tags_are_at_most(fake: FakeWorld, machine: Machine) -> None:
    begun_at = fake.at
    machine()(ENFORCE)
    listing = inventory_from(fake.files.read(SWEEP_ID, LISTING)).listing
    assert listing.listed_at == begun_at


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_is_kept_after_all_in_any_wave_is_in_the_report_with_its_reason(
    fake: FakeWorld, machine: Machine, number: int
) -> None:
    kept: list[str] = []

    def before(event: Answer) -> None:
        if in_wave(number, event):
            [account_id] = event["Items"][0]["accounts"]
            kept.extend(of_account(fake, account_id))
            for one in kept:
                fake.change(one, opted_out)

    parts = machine()
    parts.before = before
    parts(ENFORCE)
    report = fake.written()
    assert len(kept) == 2
    assert set(reasons(report)) == set(kept)
    assert {reason.partition(":")[0] for reason in reasons(report).values()} == {"Changed since the plan"}
    assert set(outcomes(report)) == set(fake.stopped) == {f"i-{number}" for number in range(6)} - set(kept)


def test_every_account_is_in_one_part_and_no_part_is_larger_than_was_asked_for(
    fake: FakeWorld, machine: Machine
) -> None:
    parts = machine(EVERYTHING, accounts_a_part=2)
    parts(ENFORCE)
    for step in ("read", "act"):
        items = [event["Items"][0] for event in parts.invoked if event["step"] == step]
        assert [len(one["accounts"]) for one in items] == [2, 1]
        assert sorted(account for one in items for account in one["accounts"]) == [ONE, TWO, THREE]


def test_a_step_that_is_tried_again_reads_and_stops_nothing_twice(fake: FakeWorld, machine: Machine) -> None:
    parts = machine()
    once = parts.step

    def twice(event: Answer) -> Answer:
        first = once(event)
        assert once(event) == first
        return first

    parts.step = twice  # type: ignore[method-assign]  # as Step Functions' Retry does
    assert parts(ENFORCE)["status"] == "complete"
    assert set(Counter(one for one in fake.asked if one.startswith("read ")).values()) == {1}
    assert set(Counter(fake.stopped).values()) == {1}


def test_the_accounts_of_a_part_that_was_not_read_were_not_attempted(fake: FakeWorld, machine: Machine) -> None:
    def before(event: Answer) -> None:
        if event["step"] == "read" and event["Items"][0]["accounts"] == [TWO]:
            raise MemoryError("killed")

    parts = machine()
    parts.before = before
    assert parts(ENFORCE)["status"] == "incomplete"
    report = fake.written()
    assert coverage(report)[TWO, "*"] == "not_attempted"
    assert set(outcomes(report)) == {*of_account(fake, ONE), *of_account(fake, THREE)}


def test_the_stops_of_a_part_that_was_not_acted_on_were_not_attempted(fake: FakeWorld, machine: Machine) -> None:
    def before(event: Answer) -> None:
        if event["step"] == "act" and event["Items"][0]["accounts"] == [TWO]:
            raise MemoryError("killed")

    parts = machine()
    parts.before = before
    assert parts(ENFORCE)["status"] == "incomplete"
    left = {one for one, status in outcomes(fake.written()).items() if status == "not_attempted"}
    assert left == set(of_account(fake, TWO))
    assert sorted(fake.stopped) == sorted({*of_account(fake, ONE), *of_account(fake, THREE)})


def test_too_many_failures_by_the_end_of_a_wave_let_no_further_one_begin(fake: FakeWorld, machine: Machine) -> None:
    def before(event: Answer) -> None:
        if in_wave(2, event):
            failed = of_account(fake, event["Items"][0]["accounts"][0])
            fake.stops.update(dict.fromkeys(failed, OutcomeStatus.FAILED))

    parts = machine(f"{ONE_BY_ONE}\nabort_if_failures_percent: 40")
    parts.before = before
    assert parts(ENFORCE)["status"] == "aborted"
    report = fake.written()
    assert Counter(outcomes(report).values()) == {"stopped": 2, "failed": 2, "not_attempted": 2}
    assert "50 % of the actions failed by the end of wave 2" in report["error"]


def test_a_kill_switch_that_is_pulled_in_one_part_holds_for_all_that_follow(fake: FakeWorld, machine: Machine) -> None:
    def before(event: Answer) -> None:
        fake.halt = (lambda: Halt(HaltCause.KILL_SWITCH, "pulled")) if in_wave(2, event) else lambda: None

    parts = machine()
    parts.before = before
    assert parts(ENFORCE)["status"] == "aborted"
    report: Row = fake.written()
    assert Counter(outcomes(report).values()) == {"stopped": 2, "not_attempted": 4}
    assert report["error"] == "Aborted: pulled"


def test_a_kill_switch_that_cannot_be_read_in_one_part_ends_the_execution_after_its_wave(
    fake: FakeWorld, machine: Machine
) -> None:
    def before(event: Answer) -> None:
        halt = Halt(HaltCause.KILL_SWITCH_UNREADABLE, "unreadable")
        fake.halt = (lambda: halt) if in_wave(2, event) else lambda: None

    parts = machine()
    parts.before = before
    assert parts(ENFORCE)["status"] == "incomplete"
    report: Row = fake.written()
    assert Counter(outcomes(report).values()) == {"stopped": 2, "not_attempted": 4}
    assert report["error"] == "Halted: unreadable"


@pytest.mark.parametrize("cause", [HaltCause.KILL_SWITCH, HaltCause.KILL_SWITCH_UNREADABLE])
def test_a_halt_of_one_part_holds_for_the_others_of_its_wave_and_for_itself_when_it_is_tried_again(
    fake: FakeWorld, machine: Machine, cause: HaltCause
) -> None:
    """Also where it is over by then: the switch says `go` again."""
    acts: list[Answer] = []

    def before(event: Answer) -> None:
        if event["step"] == "act":
            fake.halt = (lambda: None) if acts else lambda: Halt(cause, "pulled")
            acts.append(event)

    parts = machine(EVERYTHING)
    once = parts.step
    parts.before = before
    parts.step = lambda event: (once(event), once(event))[1] if event["step"] == "act" else once(event)  # type: ignore[method-assign]  # tried again
    parts(ENFORCE)
    assert (len(acts), fake.stopped) == (6, [])
    report = fake.written()
    assert {(row["status"], row["message"]) for row in report["outcomes"]} == {("not_attempted", "pulled")}


def test_a_halt_of_one_part_ends_another_that_is_at_work_before_its_next_batch(
    fake: FakeWorld, machine: Machine
) -> None:
    fake.batch_size = 1
    nested: list[Answer] = []
    parts = machine(EVERYTHING, accounts_a_part=1)
    waiting: list[Answer] = []

    def before(event: Answer) -> None:
        if event["step"] == "act" and not nested:
            waiting.append(event)

    def another_part_meets_it() -> None:
        if nested:
            return
        [mine] = waiting
        nested.append(mine)
        acts = json.loads(fake.files.read(SWEEP_ID, "work/acts-1.json"))
        fake.halt = lambda: Halt(HaltCause.KILL_SWITCH, "pulled")
        parts.step({"step": "act", "Items": [one for one in acts if [one] != mine["Items"]][:1]})
        fake.halt = lambda: None

    parts.before = before
    fake.before_stop = lambda _: another_part_meets_it()
    assert parts(ENFORCE)["status"] == "aborted"
    assert len(fake.stopped) == 1
    report = fake.written()
    left = [row for row in report["outcomes"] if row["resource_id"] not in fake.stopped]
    assert {(row["status"], row["message"]) for row in left} == {("not_attempted", "pulled")}


def test_the_end_says_what_ended_the_state_machine_before_there_was_a_plan(fake: FakeWorld, machine: Machine) -> None:
    def before(event: Answer) -> None:
        if event["step"] == "decide":
            raise MemoryError("killed")

    parts = machine()
    parts.before = before
    with pytest.raises(Exception, match="MemoryError: killed"):
        parts(ENFORCE)
    report = fake.written()
    assert (report["status"], set(coverage(report).values())) == ("failed", {"scanned"})
    assert fake.stopped == []


# --- delivered twice, and without consent


@pytest.mark.parametrize("stop", [1, 2])
def test_a_part_that_is_delivered_again_while_it_acts_stops_each_once_and_undo_finds_them(
    fake: FakeWorld, machine: Machine, stop: int
) -> None:
    """As by Step Functions when a call of its got no answer: both run, here one inside the other."""
    parts, events, stops = machine(EVERYTHING, accounts_a_part=3), list[Answer](), list[object]()

    def before(event: Answer) -> None:
        events.append(event)

    def before_stop(target: object) -> None:
        stops.append(target)
        if len(stops) == stop:
            elsewhere(lambda: parts.step(events[-1]))

    parts.before, fake.before_stop = before, before_stop
    parts(ENFORCE)
    every = {f"i-{number}" for number in range(6)}
    assert events[-1]["step"] == "end"
    assert set(fake.stopped) == every
    report = fake.written()
    assert outcomes(report) == dict.fromkeys(every, "stopped")
    assert {one.resource_id: one.status for one in fake.ledger.actions(SWEEP_ID)} == dict.fromkeys(every, "stopped")
    assert {one.resource_id for one in fake.ledger.held_by(SWEEP_ID)} == every


# --- still at work when the sweep is over


def ended_early(parts: StateMachine) -> None:
    """The state machine goes to its end while a part of it is still at work, or hangs."""
    state = {"sweep_id": SWEEP_ID, "error": {"Error": "States.Timeout", "Cause": "no answer"}}
    elsewhere(lambda: parts.step({"step": "end", "sweep_id": SWEEP_ID, "state": state}))


def taken_by_another_sweep(fake: FakeWorld) -> None:
    """Which ended the one that had it, or waited until its lease ran out."""
    [policy_name] = [sk for pk, sk in fake.items.items if pk == "LEASE"]
    seen = fake.ledger.lease(policy_name)
    assert fake.ledger.take_lease(policy_name, LeaseRecord("another", "theirs", "2027-01-01T00:00:00Z", ""), seen)


def nth(number: int, happens: Callable[[], None]) -> Callable[[object], None]:
    """It happens at that call."""
    calls: list[object] = []

    def called(what: object) -> None:
        calls.append(what)
        if len(calls) == number:
            happens()

    return called


def at_event(fake: FakeWorld, begins: str, happens: Callable[[], None]) -> None:
    """It happens right before the next write, or other event, of that name."""

    def before(event: str) -> None:
        if event.startswith(begins):
            fake.life.before = lambda _event: None
            happens()

    fake.life.before = before


def assert_all_agree_that_only(fake: FakeWorld, stopped: set[str]) -> None:
    expected = {f"i-{number}": "stopped" if f"i-{number}" in stopped else "not_attempted" for number in range(6)}
    assert set(fake.stopped) == stopped
    assert outcomes(fake.written()) == expected
    assert fake.states() == expected


@pytest.mark.parametrize("look", [1, 2, 6])
def test_a_part_that_hangs_in_its_look_until_its_sweep_was_ended_stops_nothing_more(
    fake: FakeWorld, machine: Machine, look: int
) -> None:
    parts = machine(EVERYTHING, accounts_a_part=3)
    fake.before_look = nth(look, lambda: ended_early(parts))
    parts(ENFORCE)
    assert len(fake.stopped) == look - 1
    assert_all_agree_that_only(fake, set(fake.stopped))


def test_a_part_that_hangs_in_its_look_until_another_sweep_has_the_lease_stops_nothing_more(
    fake: FakeWorld, machine: Machine
) -> None:
    parts, acted = machine(EVERYTHING, accounts_a_part=3), list[BaseException]()
    fake.before_look = nth(2, lambda: taken_by_another_sweep(fake))
    step = parts.step

    def told(event: Answer) -> Answer:
        try:
            return step(event)
        except LeaseLostError as lost:
            acted.append(lost)
            raise

    parts.step = told  # type: ignore[method-assign]  # heard of in between
    with pytest.raises(LeaseLostError, match="another has the lease"):
        parts(ENFORCE)
    assert len(fake.stopped) == 1
    assert "lease" in str(acted[0])
    assert not fake.has_file("report.json")


def test_a_part_that_is_about_to_announce_when_the_end_begins_announces_nothing(
    fake: FakeWorld, machine: Machine
) -> None:
    """It asked for the lease before: then the rows tell."""
    parts = machine(EVERYTHING, accounts_a_part=3)
    at_event(fake, "intend", lambda: ended_early(parts))
    parts(ENFORCE)
    assert_all_agree_that_only(fake, set())


@pytest.mark.parametrize("event", ["file report.json", "settle"])
def test_a_part_that_is_about_to_announce_while_the_end_is_at_work_announces_nothing(
    fake: FakeWorld, machine: Machine, event: str
) -> None:
    """The end takes the lease from it first."""
    parts, hangs, goes_on = machine(EVERYTHING, accounts_a_part=3), threading.Event(), threading.Event()
    done = threading.Event()

    def hang() -> None:
        hangs.set()
        assert goes_on.wait(10)

    def release() -> None:
        goes_on.set()
        assert done.wait(10)

    def act() -> None:
        try:
            with suppress(LeaseLostError):
                parts.step(acts[0])
        finally:
            done.set()

    acts: list[Answer] = []

    def before(asked: Answer) -> None:
        if asked["step"] == "act" and not acts:
            acts.append(asked)
            fake.before_look = nth(1, hang)
            thread = threading.Thread(target=act)
            thread.start()
            assert hangs.wait(10)
            at_event(fake, event, release)
            ended_early(parts)
            thread.join()

    parts.before = before
    parts(ENFORCE)
    assert_all_agree_that_only(fake, set())


@pytest.mark.parametrize("how", ["ended", "abandoned"])
def test_who_closes_a_sweep_leaves_nothing_that_a_process_before_could_announce_yet(
    fake: FakeWorld, machine: Machine, how: str
) -> None:
    """One that asked for the lease in time, and writes its intents now."""

    def before(asked: Answer) -> None:
        if asked["step"] in ("act", "end"):
            raise MemoryError("killed")

    parts, late = machine(EVERYTHING), list[object]()
    parts.before = before
    with pytest.raises(MemoryError):
        parts(ENFORCE)
    parts.before = lambda _event: None
    begun, dead = fake.ledger.sweep(SWEEP_ID), fake.ledger.fenced(1)
    assert begun is not None
    resources = [one for target in fake.resources for one in fake.instances(target).values()][:1]
    at_event(fake, "file report.json", lambda: late.append(dead.intend(SWEEP_ID, resources, "1")))
    if how == "ended":
        ended_early(parts)
    else:
        world = replace(fake.world(), ledger=fake.ledger.fenced(2))
        abandon_sweep(world, a_policy(EVERYTHING), begun, "its process died")
    assert late == [{}]
    assert_all_agree_that_only(fake, set())


@pytest.mark.parametrize(
    ("minutes", "told", "by_now"), [(0, "unknown", "stopped"), (16, "not_attempted", "not_attempted")]
)
def test_what_a_part_has_announced_and_may_still_ask_for_when_its_sweep_is_ended_is_unknown(
    fake: FakeWorld, machine: Machine, minutes: int, told: str, by_now: str
) -> None:
    """As long as a Lambda may be at work; the ledger learns what came of it. After that nothing is asked for."""
    parts = machine(EVERYTHING, accounts_a_part=3)

    def end() -> None:
        later(fake, minutes=minutes)
        ended_early(parts)

    fake.before_stop = nth(2, end)
    parts(ENFORCE)
    assert fake.stopped == (["i-0", "i-1"] if by_now == "stopped" else ["i-0"])
    assert outcomes(fake.written()) == {
        **dict.fromkeys((f"i-{number}" for number in range(2, 6)), "not_attempted"),
        "i-0": "stopped",
        "i-1": told,
    }
    assert fake.states()["i-1"] == by_now
    assert {one.resource_id for one in fake.ledger.held_by(SWEEP_ID)} == set(fake.stopped)


@pytest.mark.parametrize("event", ["put LEASE", "file report.json"])
def test_a_part_that_begins_late_does_nothing(fake: FakeWorld, machine: Machine, event: str) -> None:
    """While the end is at work, or after it though it had read the sweep's summary before."""
    parts, lost = machine(EVERYTHING, accounts_a_part=3), list[str]()

    def late(asked: Answer) -> None:
        with pytest.raises(LeaseLostError, match="this step does nothing") as refusal:
            parts.step(asked)
        lost.append(str(refusal.value))

    def before(asked: Answer) -> None:
        if asked["step"] != "act":
            return
        parts.before = lambda _event: None
        if event == "put LEASE":
            at_event(fake, event, lambda: ended_early(parts))
            elsewhere(lambda: late(asked))
        else:
            at_event(fake, event, lambda: elsewhere(lambda: late(asked)))
            ended_early(parts)

    parts.before = before
    parts(ENFORCE)
    assert len(lost) == 1
    assert_all_agree_that_only(fake, set())


@pytest.mark.parametrize("step", ["decide", "act"])
def test_a_release_of_another_format_that_is_deployed_meanwhile_only_writes_the_report(
    fake: FakeWorld, machine: Machine, step: str
) -> None:
    def before(event: Answer) -> None:
        if event["step"] == step:
            fake.ledger.amend(SWEEP_ID, format=99)

    parts = machine()
    parts.before = before
    with suppress(ExecutionFailedError):
        parts(ENFORCE)
    assert (fake.stopped, fake.written()["sweep_id"]) == ([], SWEEP_ID)


# --- a lease that a dead process left


def a_process_died(fake: FakeWorld) -> None:
    """With the lease, which has run out by the wall clock since."""
    times = Times()
    assert isinstance(Leases(fake.ledger, lambda: fake.at, times).take(a_policy(EVERYTHING).name, "dead"), Lease)
    later(fake, seconds=times.lasts + 1)


def test_an_execution_begins_after_the_time_of_an_ordinary_lease_where_a_process_died_with_it(
    fake: FakeWorld, machine: Machine
) -> None:
    parts = machine(EVERYTHING)
    a_process_died(fake)
    assert parts(ENFORCE)["status"] == "complete"
    assert sum(fake.slept) == Times().lasts


def test_an_execution_that_has_no_time_to_wait_for_a_dead_process_is_tried_again(
    fake: FakeWorld, machine: Machine
) -> None:
    parts = machine(EVERYTHING)
    a_process_died(fake)
    begun_at = fake.at
    parts.remaining = lambda: WAITING_RESERVED_MILLISECONDS + 5000 - int((fake.at - begun_at).total_seconds() * 1000)
    with pytest.raises(BusyError, match=r"dead has the lease .* try again"):
        parts(ENFORCE)
    assert 5 <= sum(fake.slept) <= 6
    assert not fake.has_file("report.json")
    parts.remaining = lambda: PLENTY
    assert parts(ENFORCE)["status"] == "complete"


def said_of_what_was_left(report: Row) -> set[bool]:
    """Whether each says that the consent is over."""
    return {"expired" in row["message"] for row in report["outcomes"] if row["status"] == "not_attempted"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_part_whose_consent_is_over_by_its_turn_stops_nothing(fake: FakeWorld, machine: Machine, number: int) -> None:
    def before(event: Answer) -> None:
        if in_wave(number, event):
            later(fake, hours=6)

    parts = machine()
    parts.before = before
    parts(ENFORCE)
    report = fake.written()
    assert len(fake.stopped) == 2 * (number - 1)
    assert Counter(outcomes(report).values()) == Counter(stopped=2 * (number - 1), not_attempted=6 - 2 * (number - 1))
    assert report["status"] == "incomplete"
    assert said_of_what_was_left(report) == {True}


def test_a_part_whose_consent_runs_out_while_it_acts_asks_for_nothing_more(fake: FakeWorld, machine: Machine) -> None:
    stops: list[object] = []

    def before_stop(target: object) -> None:
        stops.append(target)
        if len(stops) == 2:
            later(fake, hours=6)

    parts = machine(EVERYTHING, accounts_a_part=3)
    fake.before_stop = before_stop
    parts(ENFORCE)
    report = fake.written()
    assert Counter(outcomes(report).values()) == {"stopped": 1, "not_attempted": 5}
    assert said_of_what_was_left(report) == {True}


def test_a_version_that_is_replaced_before_the_decision_is_reported_as_missing_consent_by_which_an_alarm_tells(
    fake: FakeWorld, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Row] = []
    monkeypatch.setattr("orchestrator.lambdas.answers.measure", measured.append)

    def before(event: Answer) -> None:
        if event["step"] == "decide":
            activate(fake.ledger, a_policy(EVERYTHING + "\n# another text"))

    parts = machine()
    parts.before = before
    assert parts(ENFORCE)["status"] == "incomplete"
    [report] = measured
    assert report == fake.written()
    assert "is not its active version" in report["consent_missing"]
    assert (fake.stopped, {row["status"] for row in report["outcomes"]}) == ([], {"not_attempted"})
    assert "is not its active version" in report["outcomes"][0]["message"]


# --- the organization as of now


def later(fake: FakeWorld, **seconds: float) -> None:
    fake.at += timedelta(**seconds)


def asked_of_the_organization(fake: FakeWorld) -> list[str]:
    return [one for one in fake.asked if one.startswith(("organization", "tags"))]


def test_what_was_listed_a_moment_ago_is_not_listed_again_by_the_parts(fake: FakeWorld, machine: Machine) -> None:
    machine(EVERYTHING)(ENFORCE)
    assert len(fake.stopped) == 6
    assert asked_of_the_organization(fake) == ["organization"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_account_that_opted_out_since_it_was_listed_is_kept_in_whichever_wave(
    fake: FakeWorld, machine: Machine, number: int
) -> None:
    kept: list[str] = []

    def before(event: Answer) -> None:
        if in_wave(number, event):
            [account_id] = event["Items"][0]["accounts"]
            kept.extend(of_account(fake, account_id))
            fake.accounts = tuple(
                replace(one, tags={OPT_OUT: "true"}) if one.id == account_id else one for one in fake.accounts
            )
            later(fake, minutes=6)

    parts = machine()
    parts.before = before
    parts(ENFORCE)
    assert len(kept) == 2
    assert set(reasons(fake.written())) == set(kept)
    assert set(fake.stopped) == {f"i-{number}" for number in range(6)} - set(kept)


def test_what_is_older_when_a_wave_begins_is_read_once_for_all_of_its_parts(fake: FakeWorld, machine: Machine) -> None:
    parts = machine(f"{EVERYTHING}\nwaves: [{{accounts: 1}}]")

    def before(event: Answer) -> None:
        if event["step"] in ("decide", "next_wave"):
            later(fake, minutes=6)

    parts.before = before
    parts(ENFORCE)
    assert len(fake.stopped) == 6
    canary, *others = [one.removeprefix("tags ") for one in fake.asked if one.startswith("tags")]
    assert sorted([canary, *others]) == [ONE, TWO, THREE]
    assert fake.asked.count("organization") == 3  # the list, and once for each of the two waves


def test_an_organization_that_cannot_be_listed_again_keeps_what_its_parts_were_to_stop(
    fake: FakeWorld, machine: Machine
) -> None:
    parts = machine(EVERYTHING)

    def before(event: Answer) -> None:
        if event["step"] == "decide":
            fake.organization_error = OrganizationError("it is gone")
            later(fake, minutes=6)

    parts.before = before
    parts(ENFORCE)
    assert fake.stopped == []
    assert set(reasons(fake.written()).values()) == {"It could not be looked at again: it is gone"}


@pytest.mark.parametrize("rule", [False, True])
def test_a_name_that_matches_nothing_holds_the_parts_as_it_holds_one_process(
    fake: FakeWorld, machine: Machine, rule: bool
) -> None:
    policy = f"{EVERYTHING}\norganization: {{exclude: [/Production]}}"
    if rule:
        policy = "rules: [{name: all, where: {not: {organizational_unit: /Production}}}]"
    answer = machine(policy)(ENFORCE)
    report = fake.written()
    assert fake.stopped == []
    assert (answer["status"], report["status"]) == (("complete", "complete") if rule else ("held", "held"))
    assert [(one["name"], one["effect"]) for one in report["unresolved_names"]] == [
        ("/Production", "unknown" if rule else "holds")
    ]
    assert [(one["name"], one["passed"]) for one in report["guardrails"]] == [("names_resolved", rule)]


PROD = OrganizationalUnit("ou-a1b2-00000001", "/Prod")


def renaming_prod(fake: FakeWorld, when: Callable[[Answer], bool]) -> Callable[[Answer], None]:
    """The last account is in /Prod, which has another name from the first such step on; every tag is too old then."""
    others, last = fake.accounts[:-1], replace(fake.accounts[-1], organizational_units=(PROD,))
    fake.accounts = (*others, last)
    renamed: list[Answer] = []

    def before(event: Answer) -> None:
        if when(event) and not renamed:
            renamed.append(event)
            fake.accounts = (*others, replace(last, organizational_units=(replace(PROD, path="/Production"),)))
            fake.at += timedelta(minutes=6)

    return before


def assert_held_by_names(report: Row) -> None:
    assert (report["status"], document_exit_code(report)) == ("held", 4)
    [row] = report["guardrails"]
    assert (row["name"], row["passed"]) == ("names_resolved", False)
    assert "organization.exclude[0]" in row["detail"]
    assert [(one["name"], one["effect"]) for one in report["unresolved_names"]] == [("/Prod", "holds")]


@pytest.mark.parametrize("wave", [1, 2])
def test_an_excluded_ou_that_is_renamed_before_a_wave_holds_what_is_left(
    fake: FakeWorld, machine: Machine, wave: int
) -> None:
    parts = machine(f"{ONE_BY_ONE}\norganization: {{exclude: [/Prod]}}")
    parts.before = renaming_prod(fake, lambda event: event["step"] == ("decide" if wave == 1 else "next_wave"))
    answer = parts(ENFORCE)
    report = fake.written()
    assert answer["status"] == "held"
    assert_held_by_names(report)
    assert len(fake.stopped) == len(REGIONS) * (wave - 1)
    assert [*outcomes(report).values()].count("held") == 4 - len(fake.stopped)
    assert not [one for one in fake.asked if one.startswith("tags") and THREE in one]


def test_an_excluded_ou_that_is_renamed_before_a_part_acts_holds_it_and_the_waves_after(
    fake: FakeWorld, machine: Machine
) -> None:
    parts = machine(f"{ONE_BY_ONE}\norganization: {{exclude: [/Prod]}}")
    parts.before = renaming_prod(fake, lambda event: event["step"] == "act")
    parts(ENFORCE)
    report = fake.written()
    assert fake.stopped == []
    assert_held_by_names(report)
    kept = reasons(report).values()
    assert len(kept) == len(REGIONS)
    assert all("'/Prod' is no OU of the organization" in reason for reason in kept)
    assert [*outcomes(report).values()] == ["held"] * len(REGIONS)
    files = [name for sweep_id, name in fake.files.files if sweep_id == SWEEP_ID]
    assert "work/names-1-1.json" in files
    assert list(added_files(SWEEP_ID, files, SEALED)) == []


def test_an_ou_under_not_that_is_renamed_before_a_wave_keeps_what_its_rule_could_own_in_the_waves_after_too(
    fake: FakeWorld, machine: Machine
) -> None:
    waves = ONE_BY_ONE.removeprefix(EVERYTHING)
    parts = machine(f"rules: [{{name: all, where: {{not: {{organizational_unit: /Prod}}}}}}]{waves}")
    parts.before = renaming_prod(fake, lambda event: event["step"] == "decide")
    parts(ENFORCE)
    report = fake.written()
    assert (fake.stopped, report["status"]) == ([], "complete")
    kept = [reason for reason in reasons(report).values() if reason.startswith("Changed since the plan")]
    assert len(kept) == 2 * len(REGIONS)
    assert all("'/Prod' is unresolved" in reason for reason in kept)
    assert [(one["name"], one["effect"]) for one in report["unresolved_names"]] == [("/Prod", "unknown")]
    assert [(one["name"], one["passed"]) for one in report["guardrails"]] == [("names_resolved", True)]
