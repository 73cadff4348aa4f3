"""A lease goes to another process: from a dead holder, to a continuation, and to one of many that want it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.errors import BusyError, LedgerError
from orchestrator.ledger.lease import EXECUTION, EXECUTION_LASTS, HANDED_OVER, Lease, Leases, Times
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import LeaseRecord
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.builders import AT
from tests.support.item_tables import unanswered
from tests.support.leases import POLICY, World, refused, taken
from tests.support.local_aws import in_threads

# --- taking over


def test_a_dead_holder_is_watched_for_as_long_as_a_lease_lasts_and_then_replaced(world: World) -> None:
    dead = taken(world.leases().take(POLICY, "first"))
    began = world.monotonic
    mine = taken(world.leases().take_over(POLICY, "second"))
    assert world.monotonic - began == 20
    assert set(world.slept) == {1.0}
    assert (dead.lost, mine.lost) == (True, False)


def test_a_holder_that_lives_is_left_alone_at_its_first_sign_of_life(world: World) -> None:
    holder = taken(world.leases().take(POLICY, "first"))

    def sleep(seconds: float) -> None:
        world.sleep(seconds)
        if len(world.slept) == 3:
            holder.renew()

    leases = Leases(world.ledger, world.now, Times(), world.clock, sleep)
    assert refused(leases.take_over(POLICY, "second")).sweep_id == "first"
    assert len(world.slept) == 3
    assert not holder.lost


def test_a_holder_that_wakes_up_at_the_last_moment_keeps_it(world: World) -> None:
    holder = taken(world.leases().take(POLICY, "first"))

    def sleep(seconds: float) -> None:
        world.sleep(seconds)
        if len(world.slept) == 19:
            holder.renew()

    leases = Leases(world.ledger, world.now, Times(), world.clock, sleep)
    refused(leases.take_over(POLICY, "second"))
    assert not holder.lost


def test_a_lease_that_is_given_back_meanwhile_is_taken_without_waiting_on(world: World) -> None:
    holder = taken(world.leases().take(POLICY, "first"))

    def sleep(seconds: float) -> None:
        world.sleep(seconds)
        with holder.held():
            pass

    leases = Leases(world.ledger, world.now, Times(), world.clock, sleep)
    taken(leases.take_over(POLICY, "second"))
    assert len(world.slept) == 1


def test_a_lease_that_nobody_has_is_taken_over_without_waiting(world: World) -> None:
    taken(world.leases().take_over(POLICY, "first"))
    assert world.slept == []


def test_whoever_was_faster_is_named(world: World) -> None:
    taken(world.leases().take(POLICY, "dead"))

    def sleep(seconds: float) -> None:
        world.sleep(seconds)
        if len(world.slept) == 20:
            taken(world.leases().take_over(POLICY, "faster"))

    leases = Leases(world.ledger, world.now, Times(), world.clock, sleep)
    assert refused(leases.take_over(POLICY, "second")).sweep_id == "faster"


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(hours=1), timedelta(days=400)])
def test_a_clock_that_jumps_takes_nobodys_lease(world: World, jump: timedelta) -> None:
    holder = taken(world.leases().take(POLICY, "first"))
    world.wall += jump
    refused(world.leases().take(POLICY, "second"))
    began = world.monotonic

    def sleep(seconds: float) -> None:
        world.sleep(seconds)
        world.wall += jump if abs(world.wall - AT) < timedelta(days=800) else timedelta()
        if len(world.slept) % 5 == 0:
            holder.renew()

    leases = Leases(world.ledger, world.now, Times(), world.clock, sleep)
    refused(leases.take_over(POLICY, "second"))
    assert world.monotonic - began == 5
    assert not holder.lost


# --- handing over


def test_a_lease_that_is_handed_over_waits_for_the_same_sweep_only(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    assert lease.hand_over()
    assert lease.lost
    assert world.nonce().startswith(HANDED_OVER)
    assert refused(world.leases().take(POLICY, "second")).sweep_id == "first"
    continuation = taken(world.leases().take(POLICY, "first"))
    assert not continuation.lost
    refused(world.leases().take(POLICY, "first"))  # once


def test_a_lease_that_is_handed_over_is_not_given_back(world: World) -> None:
    with taken(world.leases().take(POLICY, "first")).held() as lease:
        assert lease.hand_over()
    refused(world.leases().take(POLICY, "second"))
    taken(world.leases().take(POLICY, "first"))


def test_a_lease_that_was_handed_over_is_not_renewed_any_more(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    lease.hand_over()
    lease.renew()
    assert world.nonce().startswith(HANDED_OVER)


def test_a_continuation_that_never_comes_is_a_dead_holder(world: World) -> None:
    taken(world.leases().take(POLICY, "first")).hand_over()
    began = world.monotonic
    taken(world.leases().take_over(POLICY, "second"))
    assert world.monotonic - began == 20


def test_a_continuation_that_waits_takes_it_when_it_is_handed_over(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))

    def sleep(seconds: float) -> None:
        world.sleep(seconds)
        lease.hand_over()

    leases = Leases(world.ledger, world.now, Times(), world.clock, sleep)
    taken(leases.take_over(POLICY, "first"))
    assert len(world.slept) == 1


def test_a_lease_that_nobody_wanted_is_taken_back_and_given_back_at_the_end(world: World) -> None:
    with taken(world.leases().take(POLICY, "first")).held() as lease:
        lease.hand_over()
        assert lease.take_back()
        assert not lease.lost
        refused(world.leases().take(POLICY, "first"))
    taken(world.leases().take(POLICY, "second"))


def test_a_lease_that_a_continuation_took_is_not_taken_back(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    lease.hand_over()
    continuation = taken(world.leases().take(POLICY, "first"))
    assert not lease.take_back()
    assert lease.lost
    assert not continuation.lost


def test_a_lease_that_is_lost_cannot_be_handed_over(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    world.ledger.take_lease(POLICY, LeaseRecord("second", "theirs", "x", "y"), world.ledger.lease(POLICY))
    assert not lease.hand_over()
    assert world.nonce() == "theirs"


def test_a_ledger_that_does_not_answer_leaves_it_to_run_out(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    world.table.before = unanswered
    assert not lease.hand_over()
    world.table.before = lambda _: None
    taken(world.leases().take_over(POLICY, "first"))


def test_a_lease_of_a_process_that_ended_for_certain_is_taken_over_at_once(world: World) -> None:
    taken(replace(world.leases(), holder="here 7 1").take(POLICY, "first"))
    known = replace(world.leases(), is_dead=lambda holder: holder == "here 7 1")
    slept = len(world.slept)
    taken(known.take_over(POLICY, "first"))
    assert len(world.slept) == slept


# --- many at once


@pytest.mark.parametrize("way", ["take", "take_over"])
def test_of_many_contenders_one_gets_it_and_all_others_are_told_its_name(tmp_path: Path, way: str) -> None:
    ledger = Ledger(SqliteItems(tmp_path), lambda: AT)
    if way == "take_over":
        taken(Leases(ledger, lambda: AT).take(POLICY, "dead"))
    answers: dict[int, Lease | LeaseRecord] = {}
    all_saw_the_dead_one = threading.Barrier(16)

    def contend(number: int) -> None:
        passed = [0.0]

        def sleep(_: float) -> None:
            all_saw_the_dead_one.wait(30)
            passed[0] += 20

        leases = Leases(ledger, lambda: AT, Times(), lambda: passed[0], sleep)
        answers[number] = getattr(leases, way)(POLICY, f"sweep-{number}")

    in_threads(16, contend)
    winners = [number for number, answer in answers.items() if isinstance(answer, Lease)]
    assert len(winners) == 1
    assert {one.sweep_id for one in answers.values() if isinstance(one, LeaseRecord)} == {f"sweep-{winners[0]}"}


def test_never_two_at_a_time_hold_it_while_many_take_and_give_back(tmp_path: Path) -> None:
    ledger = Ledger(SqliteItems(tmp_path), lambda: AT)
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            lease = Leases(ledger, lambda: AT).take(POLICY, f"sweep-{number}")
            if isinstance(lease, Lease):
                with lease.held():
                    inside.append(number)
                    most.append(len(inside))
                    inside.remove(number)

    in_threads(8, work)
    assert set(most) == {1}
    assert len(most) >= 8


# --- generations


def test_each_that_takes_the_lease_has_a_higher_generation_and_renewals_have_the_same(world: World) -> None:
    first = taken(world.leases().take(POLICY, "first"))
    first.renew()
    first.give_back()
    again = taken(world.leases().take(POLICY, "first"))
    again.hand_over()
    resumed = taken(world.leases().take(POLICY, "first"))
    world.pass_by(20)
    second = taken(world.leases().take_over(POLICY, "second"))
    assert [one.generation for one in (first, again, resumed, second)] == [1, 2, 3, 4]
    found = world.ledger.lease(POLICY)
    assert found is not None
    assert found.generation == 4


def of(world: World, execution: str, *, final: bool = False) -> Leases:
    return replace(world.leases(), holder=f"{EXECUTION}{execution}", final=final)


def test_the_steps_of_one_execution_share_a_generation_until_another_has_the_lease(world: World) -> None:
    steps = [taken(of(world, "one").take(POLICY, "first")) for _ in range(3)]
    assert [one.generation for one in steps] == [1, 1, 1]
    world.pass_by(EXECUTION_LASTS + 1)
    assert taken(of(world, "two").take_over(POLICY, "first")).generation == 2
    world.pass_by(EXECUTION_LASTS + 1)
    assert taken(of(world, "one").take_over(POLICY, "first")).generation == 3


# --- the steps of an execution: each has the lease, and none of them renews it


def test_a_step_holds_the_lease_while_others_of_its_execution_take_it_too(world: World) -> None:
    steps = [taken(of(world, "one").take(POLICY, "first")) for _ in range(2)]
    assert [one.is_held() for one in steps] == [True, True]


def test_from_its_last_step_on_no_other_one_holds_the_lease_or_takes_it(world: World) -> None:
    part = taken(of(world, "one").take(POLICY, "first"))
    last = taken(of(world, "one", final=True).take(POLICY, "first"))
    assert (last.generation, last.is_held(), part.is_held(), part.lost) == (2, True, False, True)
    assert refused(of(world, "one").take(POLICY, "first")).sweep_id == "first"
    retried = taken(of(world, "one", final=True).take(POLICY, "first"))
    assert (retried.generation, last.is_held()) == (3, False)


@pytest.mark.parametrize(
    "change",
    [
        {"held_until": ""},
        {"generation": 2},
        {"sweep_id": "second"},
        {"sweep_id": "second", "generation": 2, "holder": ""},
    ],
)
def test_a_step_holds_no_lease_that_was_given_back_or_is_anothers(world: World, change: dict[str, object]) -> None:
    step = taken(of(world, "one").take(POLICY, "first"))
    seen = world.ledger.lease(POLICY)
    assert seen is not None
    assert world.ledger.take_lease(POLICY, replace(seen, nonce="other", **change), seen)  # type: ignore[arg-type]  # by name
    assert not step.is_held()
    assert step.lost
    step.give_back()
    assert world.nonce() == "other"


def test_a_step_that_cannot_ask_announces_nothing_and_loses_nothing(world: World) -> None:
    step = taken(of(world, "one").take(POLICY, "first"))
    found = world.table.get
    world.table.get = unanswered  # type: ignore[method-assign, assignment]  # a table that fails
    with pytest.raises(LedgerError):
        step.is_held()
    world.table.get = found  # type: ignore[method-assign]  # its own again
    assert step.is_held()


def test_a_process_that_renews_its_lease_by_itself_asks_for_nothing_more(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    world.table.get = unanswered  # type: ignore[method-assign, assignment]  # a table that fails
    assert lease.is_held()
    world.pass_by(20)
    assert not lease.is_held()


# --- how long a lease lasts: as long as its holder said


@pytest.mark.parametrize("recorded", [True, False])
def test_an_execution_takes_over_from_a_dead_process_after_the_time_of_that_ones_lease(
    world: World, *, recorded: bool
) -> None:
    taken(world.leases().take(POLICY, "first"))
    if not recorded:  # by a release before
        del world.table.items["LEASE", POLICY]["lasts"]
    began = world.monotonic
    mine = taken(of(world, "one").take_over(POLICY, "second"))
    assert world.monotonic - began == 20
    world.pass_by(EXECUTION_LASTS - 1)
    assert not mine.lost
    world.pass_by(1)
    assert mine.lost


@pytest.mark.parametrize(("theirs", "mine"), [(60.0, 20.0), (20.0, 60.0)])
def test_a_dead_process_is_watched_for_as_long_as_its_own_lease_lasts(world: World, theirs: float, mine: float) -> None:
    dead = taken(replace(world.leases(), times=Times(lasts=theirs)).take(POLICY, "first"))
    began = world.monotonic
    taken(replace(world.leases(), times=Times(lasts=mine)).take_over(POLICY, "second"))
    assert world.monotonic - began == theirs
    assert dead.lost


def test_a_process_waits_for_the_time_of_an_executions_lease(world: World) -> None:
    taken(of(world, "one").take(POLICY, "first"))
    began = world.monotonic
    taken(world.leases().take_over(POLICY, "second"))
    assert world.monotonic - began == EXECUTION_LASTS


def test_who_has_no_time_to_wait_for_a_lease_comes_again(world: World) -> None:
    taken(world.leases().take(POLICY, "first"))
    leases = replace(world.leases(), out_of_time=lambda: len(world.slept) == 3)
    with pytest.raises(BusyError, match="first has the lease of policy nonprod and may be dead"):
        leases.take_over(POLICY, "second")
    assert len(world.slept) == 3
    taken(world.leases().take_over(POLICY, "second"))


def test_no_time_is_no_reason_to_leave_a_lease_that_is_free(world: World) -> None:
    taken(replace(world.leases(), out_of_time=lambda: True).take_over(POLICY, "first"))
