"""Acting: wave by wave, batch by batch, never without the ledger, and never on when something halts the sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.core.decide.waves import accounts_in_order
from orchestrator.core.model import Halt, HaltCause, Listed, Mode, OutcomeStatus, Target
from orchestrator.core.report.document import Row
from orchestrator.errors import HaltedError, LeaseLostError, LedgerError
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep
from orchestrator.sweep.stored_plan import open_plan
from tests.support.builders import SWEEP_ID, a_decision, a_policy, a_resource
from tests.support.fake_world import EVERYTHING, ONE, REGIONS, THREE, TWO, FakeWorld, a_world, outcomes
from tests.support.memory_store import Died

CANARY = EVERYTHING + "\nwaves: [{accounts: 1}]"
BLIND = Halt(HaltCause.KILL_SWITCH_UNREADABLE, "the kill switch cannot be read any more")
KILLED = Halt(HaltCause.KILL_SWITCH, "the kill switch was pulled")
LEASE_LOST = Halt(HaltCause.LEASE_LOST, "another process has the lease")
ACCOUNTS = (ONE, TWO, THREE)


def enforced(fake: FakeWorld, policy: str = EVERYTHING) -> Row:
    run_sweep(fake.world(), a_policy(policy), SWEEP_ID, Mode.ENFORCE)
    return fake.written()


def a_full_target(size: int, batch_size: int = 1) -> FakeWorld:
    """One target with i-0, i-1, ..., in that order."""
    fake = a_world(ONE, batch_size=batch_size)
    resources = tuple(a_resource(f"i-{number}", ONE, REGIONS[0]) for number in range(size))
    fake.resources = {resources[0].target: resources}
    return fake


def canary_of(fake: FakeWorld) -> tuple[str, set[str]]:
    """The account of the first wave and what is in it."""
    found = {one.resource_id: one for target in fake.resources for one in fake.instances(target).values()}
    first = accounts_in_order([a_decision(one) for one in found.values()], SWEEP_ID)[0]
    return first, {name for name, one in found.items() if one.target.account_id == first}


def failing_at(word: str) -> Callable[[str], None]:
    """The ledger refuses the events that begin with this word."""

    def before(event: str) -> None:
        if event.startswith(word):
            raise LedgerError("the table is gone")

    return before


@pytest.mark.parametrize("dies_before", [None, "stop i-0"])
def test_an_intent_whose_answer_was_lost_is_closed_since_nothing_was_asked_for_by_it(dies_before: str | None) -> None:
    """Also where it takes the place of a dead process's."""
    fake = a_full_target(1)
    listed = Listed(frozenset(one.id for one in fake.accounts))
    fake.ledger.remember_listing("o-example", "nonprod", Listed(), listed)  # the intent is written first
    if dies_before:
        fake.life.before = dying_before(fake, dies_before)
        with pytest.raises(Died):
            enforced(fake)
        fake.life.before, fake.life.dies_after = (lambda _: None), None

    def lost(what: str) -> None:
        if what == "write all":
            fake.items.after = lambda _what: None
            raise LedgerError("no answer")

    fake.items.after = lost
    begun = fake.ledger.sweep(SWEEP_ID)
    report = resume_sweep(fake.world(), a_policy(EVERYTHING), begun)[0] if begun else enforced(fake)
    assert (fake.stopped, outcomes(report), fake.states()) == ([], {"i-0": "not_attempted"}, {"i-0": "not_attempted"})


def dying_before(fake: FakeWorld, word: str) -> Callable[[str], None]:
    def before(event: str) -> None:
        if event.startswith(word):
            fake.life.dies_after = len(fake.life.events)
            raise Died

    return before


def test_no_other_account_is_touched_before_the_canary_is_done() -> None:
    fake = a_world(*ACCOUNTS, workers=8)
    canary, in_canary = canary_of(fake)

    def before_stop(target: Target) -> None:
        assert target.account_id == canary or in_canary <= set(fake.stopped)

    fake.before_stop = before_stop
    assert set(outcomes(enforced(fake, CANARY)).values()) == {"stopped"}
    assert set(fake.stopped[:2]) == in_canary


def test_when_the_canary_fails_the_next_wave_is_not_begun() -> None:
    fake = a_world(*ACCOUNTS)
    _, in_canary = canary_of(fake)
    fake.stops = dict.fromkeys(in_canary, OutcomeStatus.FAILED)
    report = enforced(fake, CANARY + "\nabort_if_failures_percent: 10")
    assert report["status"] == "aborted"
    said = "100 % of the actions failed by the end of wave 1, and abort_if_failures_percent is 10"
    assert report["error"] == f"Aborted: {said}"
    left = {row["resource_id"]: row["message"] for row in report["outcomes"] if row["status"] == "not_attempted"}
    assert set(left) == {f"i-{number}" for number in range(6)} - in_canary
    assert set(left.values()) == {said}
    assert fake.stopped == []
    assert set(fake.states()) == set(outcomes(report))


@pytest.mark.parametrize(("limit", "goes_on"), [("50", True), ("49.9", False)])
def test_as_many_failures_as_the_limit_says_are_borne_and_no_more(limit: str, *, goes_on: bool) -> None:
    fake = a_world(*ACCOUNTS)
    _, in_canary = canary_of(fake)
    fake.stops = {min(in_canary): OutcomeStatus.FAILED}
    report = enforced(fake, f"{CANARY}\nabort_if_failures_percent: {limit}")
    assert (report["status"], len(fake.stopped)) == (("incomplete", 5) if goes_on else ("aborted", 1))


def test_failures_of_the_last_wave_abort_nothing_since_nothing_is_left() -> None:
    fake = a_world(*ACCOUNTS)
    later = {f"i-{number}" for number in range(6)} - canary_of(fake)[1]
    fake.stops = dict.fromkeys(later, OutcomeStatus.FAILED)
    report = enforced(fake, CANARY + "\nabort_if_failures_percent: 10")
    assert (report["status"], report["error"]) == ("incomplete", "")
    assert report["totals"]["failed"] == 4


def test_a_kill_switch_pulled_between_two_batches_lets_no_later_one_go_out() -> None:
    fake = a_full_target(4)
    fake.halt = lambda: KILLED if len(fake.stopped) >= 2 else None
    report = enforced(fake)
    assert fake.stopped == ["i-0", "i-1"]
    assert outcomes(report) == {"i-0": "stopped", "i-1": "stopped", "i-2": "not_attempted", "i-3": "not_attempted"}
    assert (report["status"], report["error"]) == ("aborted", "Aborted: the kill switch was pulled")
    assert report["outcomes"][-1]["message"] == KILLED.text
    assert fake.states() == outcomes(report)
    assert [event for event in fake.life.events if event.startswith("intend")] == ["intend i-0", "intend i-1"]


def test_a_kill_switch_pulled_after_the_intent_stops_the_call_itself() -> None:
    fake = a_full_target(2)
    pulled: list[Target] = []
    fake.before_stop = pulled.append
    fake.halt = lambda: KILLED if pulled else None
    report = enforced(fake)
    assert len(pulled) == 1
    assert fake.stopped == []
    assert fake.states() == outcomes(report) == {"i-0": "not_attempted", "i-1": "not_attempted"}
    assert report["status"] == "aborted"


@pytest.mark.parametrize("halt", [KILLED, BLIND])
def test_no_sweep_begins_while_the_kill_switch_is_pulled_or_cannot_be_read(halt: Halt) -> None:
    fake = a_world(ONE, halt=lambda: halt)
    with pytest.raises(HaltedError, match=halt.text):
        enforced(fake)
    assert (fake.asked, fake.ledger.sweeps()) == ([], ())


def test_one_that_cannot_be_read_any_more_between_two_batches_leaves_the_rest_to_be_resumed() -> None:
    fake = a_full_target(3)
    fake.leave, fake.halt = lambda: True, lambda: BLIND if len(fake.stopped) == 1 else None
    report, _ = run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert (report["status"], report["error"]) == ("running", "Halted: the kill switch cannot be read any more")
    assert sorted(outcomes(report).values()) == ["not_attempted", "not_attempted", "stopped"]
    assert not fake.has_file("report.json")
    fake.halt = lambda: None
    document, _ = resume_sweep(fake.world(), a_policy(EVERYTHING), fake.ledger.sweeps()[0])
    assert (document["status"], document["error"]) == ("complete", "")
    assert outcomes(document) == dict.fromkeys(("i-0", "i-1", "i-2"), "stopped")
    assert sorted(fake.stopped) == ["i-0", "i-1", "i-2"]


def test_one_that_cannot_be_read_any_more_ends_in_a_report_where_the_sweep_cannot_be_left() -> None:
    fake = a_full_target(3)
    fake.halt = lambda: BLIND if len(fake.stopped) == 1 else None
    report = enforced(fake)
    assert (report["status"], report["error"]) == ("incomplete", "Halted: the kill switch cannot be read any more")
    assert fake.has_file("report.json")


def test_the_ledger_knows_of_each_batch_before_its_call_and_of_its_outcome_before_the_next() -> None:
    fake = a_full_target(4, batch_size=2)
    seen: list[dict[str, str]] = []
    fake.before_stop = lambda _: seen.append(fake.states())
    report = enforced(fake)
    assert seen == [
        {"i-0": "intent", "i-1": "intent"},
        {"i-0": "stopping", "i-1": "stopping", "i-2": "intent", "i-3": "intent"},
    ]
    assert set(outcomes(report).values()) == set(fake.states().values()) == {"stopped"}


def test_what_the_ledger_cannot_announce_is_not_stopped_and_ends_the_sweep() -> None:
    fake = a_world(*ACCOUNTS, workers=8)
    fake.life.before = failing_at("intend")
    report = enforced(fake)
    assert fake.stopped == []
    assert set(outcomes(report).values()) == {"not_attempted"}
    assert (report["status"], report["error"]) == ("aborted", "Aborted: the table is gone")
    assert not [event for event in fake.life.events if event.startswith("stop")]


def test_an_outcome_that_the_ledger_does_not_take_is_reported_and_is_the_last_one() -> None:
    fake = a_full_target(3)
    fake.life.before = lambda event: None if fake.has_file("report.json") else failing_at("settle")(event)
    report = enforced(fake)
    assert fake.stopped == ["i-0"]
    assert outcomes(report) == {"i-0": "stopped", "i-1": "not_attempted", "i-2": "not_attempted"}
    assert (report["status"], report["error"]) == ("aborted", "Aborted: the table is gone")


def test_who_lost_the_lease_writes_no_report_and_stops_nothing_more() -> None:
    fake = a_full_target(3)
    fake.halt = lambda: LEASE_LOST if fake.stopped else None
    with pytest.raises(LeaseLostError, match="another process has the lease"):
        enforced(fake)
    assert fake.stopped == ["i-0"]
    assert not fake.has_file("report.json")
    assert fake.states() == {"i-0": "stopping"}
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    assert begun.status == "running"


def test_what_was_settled_before_a_target_broke_off_is_not_called_failed() -> None:
    fake = a_full_target(3)
    fake.stops["i-1"] = ZeroDivisionError("our own")
    report = enforced(fake)
    assert outcomes(report) == fake.states() == {"i-0": "stopping", "i-1": "unknown", "i-2": "failed"}
    assert {row["code"] for row in report["outcomes"] if row["status"] != "stopping"} == {"ZeroDivisionError"}


def test_of_a_plan_with_a_kind_that_this_release_does_not_know_each_action_fails_and_says_so() -> None:
    fake = a_full_target(2)
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.PLAN)
    _, source = open_plan(fake.files, fake.ledger, SWEEP_ID, fake.at)
    apply_plan(replace(fake.world(), kinds={}, actors={}), a_policy(EVERYTHING), "20261123T200000Z-000001", source)
    report = fake.written("20261123T200000Z-000001")
    assert [(row["status"], row["code"], row["message"]) for row in report["outcomes"]] == [
        ("failed", "UnknownKind", "this release does not know the kind ec2")
    ] * 2
    assert report["status"] == "incomplete"
    assert fake.stopped == []


def test_a_process_that_only_plans_fails_each_action_and_says_so() -> None:
    fake = a_full_target(2)
    run_sweep(replace(fake.world(), actors={}), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert [(row["status"], row["code"], row["message"]) for row in fake.written()["outcomes"]] == [
        ("failed", "MayNotAct", "this process only plans: nothing in it can act on the kind ec2")
    ] * 2
    assert fake.states() == {"i-0": "failed", "i-1": "failed"}
    assert fake.stopped == []
