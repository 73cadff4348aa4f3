"""One holder for each policy: by whatever clock, with lost answers, dead holders and many contenders."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Condition, Item
from orchestrator.ledger.lease import HANDED_OVER, Lease, Leases, Times
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import LeaseRecord
from orchestrator.local.sqlite_items import SqliteItems
from tests.support.builders import AT
from tests.support.item_tables import MemoryItems, unanswered
from tests.support.local_aws import in_threads

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


@pytest.fixture
def world() -> World:
    return World()


def taken(lease: Lease | LeaseRecord) -> Lease:
    assert isinstance(lease, Lease)
    return lease


def refused(lease: Lease | LeaseRecord) -> LeaseRecord:
    assert isinstance(lease, LeaseRecord)
    return lease


def test_a_lease_that_nobody_had_is_taken_and_the_second_is_told_who_has_it(world: World) -> None:
    mine = taken(world.leases().take(POLICY, "first"))
    other = refused(world.leases().take(POLICY, "second"))
    assert (other.sweep_id, other.held_until) == ("first", "2026-11-23T19:00:20Z")
    assert not mine.lost


def test_each_policy_has_a_lease_of_its_own(world: World) -> None:
    taken(world.leases().take(POLICY, "first"))
    taken(world.leases().take("another", "second"))


def test_the_same_sweep_id_does_not_open_a_lease_that_is_held(world: World) -> None:
    taken(world.leases().take(POLICY, "first"))
    refused(world.leases().take(POLICY, "first"))


def test_a_lease_that_was_given_back_is_free(world: World) -> None:
    with taken(world.leases().take(POLICY, "first")).held() as lease:
        refused(world.leases().take(POLICY, "second"))
    assert lease.lost
    taken(world.leases().take(POLICY, "second"))


def test_a_lease_is_given_back_when_the_work_breaks_off(world: World) -> None:
    with pytest.raises(KeyError), taken(world.leases().take(POLICY, "first")).held():
        raise KeyError
    taken(world.leases().take(POLICY, "second"))


def test_a_lease_is_renewed_by_itself_while_it_is_held(world: World) -> None:
    leases = Leases(world.ledger, world.now, Times(renew_every=0.001), world.clock, world.sleep)
    renewed = threading.Event()
    with taken(leases.take(POLICY, "first")).held():
        first = world.nonce()
        world.table.after = lambda _: renewed.set()
        assert renewed.wait(10)
        assert world.nonce() != first


def test_a_renewal_makes_it_last_as_long_as_a_fresh_one(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    world.pass_by(15)
    lease.renew()
    world.pass_by(19)
    assert not lease.lost
    world.pass_by(1)
    assert lease.lost


def test_a_lease_lasts_from_before_the_write_that_took_it(world: World) -> None:
    world.table.after = lambda _: world.pass_by(12)  # a slow answer
    lease = taken(world.leases().take(POLICY, "first"))
    world.table.after = lambda _: None
    world.pass_by(8)
    assert lease.lost


def test_a_renewal_counts_from_before_its_write(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    world.table.after = lambda _: world.pass_by(12)
    lease.renew()
    world.table.after = lambda _: None
    world.pass_by(8)
    assert lease.lost


def test_a_lease_that_ran_out_stays_lost(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    world.pass_by(20)
    lease.renew()
    assert lease.lost
    assert not taken(world.leases().take_over(POLICY, "second")).lost
    lease.renew()
    assert lease.lost


def test_a_holder_that_was_overtaken_knows_at_its_next_renewal(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    seen = world.ledger.lease(POLICY)
    assert world.ledger.take_lease(POLICY, LeaseRecord("second", "theirs", "x", "y"), seen)
    lease.renew()
    assert lease.lost
    assert world.nonce() == "theirs"


def test_a_holder_that_was_overtaken_gives_nothing_back(world: World) -> None:
    with taken(world.leases().take(POLICY, "first")).held():
        world.ledger.take_lease(POLICY, LeaseRecord("second", "theirs", "x", "y"), world.ledger.lease(POLICY))
    assert refused(world.leases().take(POLICY, "third")).nonce == "theirs"


# --- lost answers


def test_a_ledger_that_does_not_answer_is_asked_until_the_lease_runs_out(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    world.table.before = unanswered
    world.pass_by(19)
    lease.renew()
    assert not lease.lost
    world.pass_by(1)
    assert lease.lost


def test_a_renewal_whose_answer_was_lost_is_no_other_holder(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    world.table.after = unanswered
    lease.renew()  # written, and nobody said so
    world.table.after = lambda _: None
    world.pass_by(15)
    lease.renew()
    assert not lease.lost
    world.pass_by(15)
    assert not lease.lost


def test_a_lease_is_given_back_after_a_renewal_whose_answer_was_lost(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    world.table.after = unanswered
    lease.renew()
    world.table.after = lambda _: None
    with lease.held():
        pass
    taken(world.leases().take(POLICY, "second"))


def test_a_write_that_the_client_sent_twice_is_still_the_holders(world: World) -> None:
    class Twice(MemoryItems):
        def put(self, item: Item, condition: Condition | None = None) -> bool:
            super().put(item, condition)
            return super().put(item, condition)

    world.table = Twice()
    lease = taken(world.leases().take(POLICY, "first"))
    lease.renew()
    assert not lease.lost


def test_a_ledger_that_does_not_answer_the_first_write_is_an_error(world: World) -> None:
    world.table.before = unanswered
    with pytest.raises(LedgerError):
        world.leases().take(POLICY, "first")


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


def test_a_lease_of_a_process_that_ended_for_certain_is_taken_over_at_once(world: World) -> None:
    taken(replace(world.leases(), holder="here 7 1").take(POLICY, "first"))
    known = replace(world.leases(), is_dead=lambda holder: holder == "here 7 1")
    slept = len(world.slept)
    taken(known.take_over(POLICY, "first"))
    assert len(world.slept) == slept


@pytest.mark.parametrize(
    ("seconds", "ended"), [(-1, True), (0, True), (1, False), (19, False), (79, False), (3600, True)]
)
def test_a_lease_has_ended_when_it_ran_out_or_is_held_for_longer_than_any_is(
    world: World, seconds: int, *, ended: bool
) -> None:
    record = LeaseRecord("first", "nonce", (AT + timedelta(seconds=seconds)).isoformat(), "")
    assert replace(world.leases(), now=lambda: AT).has_ended(record) is ended
