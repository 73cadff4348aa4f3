"""One holder for each policy, by whatever clock and with lost answers."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.items import Condition, Item
from orchestrator.ledger.lease import Leases, Times
from orchestrator.ledger.records import LeaseRecord
from tests.support.builders import AT
from tests.support.item_tables import MemoryItems, unanswered
from tests.support.leases import POLICY, World, refused, taken


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


# --- a machine that slept: its monotonic clock stood still


def sleep_as_a_suspended_machine(world: World, seconds: float = 60) -> None:
    world.wall += timedelta(seconds=seconds)


def test_a_suspended_machine_whose_lease_was_taken_meanwhile_knows_before_it_does_anything(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    sleep_as_a_suspended_machine(world)
    assert world.ledger.take_lease(POLICY, LeaseRecord("second", "theirs", "x", "y"), world.ledger.lease(POLICY))
    assert lease.lost
    assert world.nonce() == "theirs"


def test_a_suspended_machine_whose_lease_is_still_its_own_renews_it_first(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    before = world.nonce()
    sleep_as_a_suspended_machine(world)
    assert not lease.lost
    renewed = world.nonce()
    assert renewed != before
    assert not lease.lost
    assert world.nonce() == renewed  # once


def test_a_suspended_machine_that_cannot_ask_holds_no_lease_until_it_can(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    sleep_as_a_suspended_machine(world)
    world.table.before = unanswered
    assert lease.lost
    world.table.before = lambda _: None
    assert not lease.lost


@pytest.mark.parametrize(("seconds", "asks"), [(19, False), (20, True)])
def test_a_nap_that_is_shorter_than_a_lease_asks_nothing(world: World, seconds: int, *, asks: bool) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    before = world.nonce()
    sleep_as_a_suspended_machine(world, seconds)
    assert not lease.lost
    assert (world.nonce() != before) is asks


def test_a_renewal_that_was_taken_for_a_long_sleep_hands_over_all_the_same(world: World) -> None:
    lease = taken(world.leases().take(POLICY, "first"))
    sleep_as_a_suspended_machine(world)
    assert lease.hand_over()
    assert lease.lost


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


@pytest.mark.parametrize(
    ("seconds", "ended"), [(-1, True), (0, True), (1, False), (19, False), (79, False), (3600, True)]
)
def test_a_lease_has_ended_when_it_ran_out_or_is_held_for_longer_than_any_is(
    world: World, seconds: int, *, ended: bool
) -> None:
    record = LeaseRecord("first", "nonce", (AT + timedelta(seconds=seconds)).isoformat(), "")
    assert replace(world.leases(), now=lambda: AT).has_ended(record) is ended
