"""What is older of an account is read again: once, for all threads that need it, and by whoever needs it first."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.core.model import Account, AccountId, Halt, HaltCause, Organization, Reason, ReasonCode
from orchestrator.errors import OrganizationError
from orchestrator.ports import Carrier, OrganizationPort
from orchestrator.sweep.fresh_accounts import FreshAccounts
from tests.support.builders import AT, a_unit
from tests.support.fake_world import ONE, THREE, TWO, FakeWorld, a_world
from tests.support.local_aws import in_threads

FIVE_MINUTES = timedelta(minutes=5)
STALE = timedelta(minutes=6)
OPTED_OUT = {"stop-orchestrator:opt-out": "true"}
HALT = Halt(HaltCause.KILL_SWITCH, "the kill switch was pulled")


class Slow:
    """Answers only when `go` is set; so whatever is asked for meanwhile is asked for at the same time."""

    def __init__(self, port: OrganizationPort) -> None:
        self._port = port
        self.waiting = 0
        self.failed = False
        self.go = threading.Event()
        self.asked = threading.Event()

    def read(self) -> Organization:
        return self._answer(self._port.read())

    def read_tags(self, accounts: Sequence[Account]) -> tuple[Account, ...]:
        return self._port.read_tags(accounts)

    def read_own_tags(self, carrier: Carrier) -> Carrier:
        self._answer(None)
        return self._port.read_own_tags(carrier)

    def _answer(self, answer: Organization | None) -> Organization:
        self.waiting += 1
        self.asked.set()
        self.failed |= not self.go.wait(10)
        assert not self.failed
        return answer or Organization("o-example", AccountId(ONE), ())


def listed(fake: FakeWorld) -> tuple[Account, ...]:
    """As a sweep lists them: with their tags, and with the times of that."""
    world = fake.world()
    accounts = world.organization.read_tags(world.organization.read().accounts)
    fake.asked.clear()
    return accounts


@pytest.fixture
def fake() -> FakeWorld:
    """Three accounts, two of them below one OU."""
    unit = (a_unit("/Dev"),)
    made = a_world(ONE, TWO, THREE)
    made.accounts = tuple(replace(one, organizational_units=unit if one.id != THREE else ()) for one in made.accounts)
    return made


def without_dates(one: Account) -> Account:
    units = tuple(replace(unit, tags_read_at=None) for unit in one.organizational_units)
    return replace(one, organizational_units=units, tags_read_at=None)


def fresh_accounts(fake: FakeWorld) -> FreshAccounts:
    return FreshAccounts(fake.world(), FIVE_MINUTES, listed(fake))


def account(fresh: FreshAccounts, account_id: str = ONE) -> Account:
    found = fresh.account(AccountId(account_id))
    assert isinstance(found, Account)
    return found


def test_what_is_young_enough_is_given_back_as_it_was_read(fake: FakeWorld) -> None:
    known = listed(fake)
    fresh = FreshAccounts(fake.world(), FIVE_MINUTES, known)
    fake.at = AT + FIVE_MINUTES
    assert account(fresh) == next(one for one in known if one.id == ONE)
    assert fake.asked == []


def test_what_nothing_is_known_of_is_read(fake: FakeWorld) -> None:
    fake.accounts = (replace(fake.accounts[0], tags=OPTED_OUT), *fake.accounts[1:])
    fresh = FreshAccounts(fake.world(), FIVE_MINUTES)
    assert account(fresh).tags == OPTED_OUT
    assert fake.asked == ["organization", "tags ou-dev", f"tags {ONE}"]


def test_many_threads_that_need_the_same_at_once_read_it_once(fake: FakeWorld) -> None:
    known = listed(fake)
    fake.at = AT + STALE
    slow = Slow(fake.world().organization)
    fresh = FreshAccounts(replace(fake.world(), organization=slow), FIVE_MINUTES, known)
    threading.Timer(0.05, slow.go.set).start()
    in_threads(12, lambda number: account(fresh, (ONE, TWO, THREE)[number % 3]))
    assert sorted(fake.asked) == ["organization", *sorted(f"tags {one}" for one in (ONE, TWO, THREE)), "tags ou-dev"]


def test_a_listing_that_takes_longer_than_it_counts_serves_all_who_waited_for_it(fake: FakeWorld) -> None:
    known = listed(fake)
    fake.at = AT + STALE
    waiting = threading.Barrier(4)

    class TakesLong(Slow):
        def read(self) -> Organization:
            organization = super().read()
            fake.at += STALE
            return organization

    slow = TakesLong(fake.world().organization)
    fresh = FreshAccounts(replace(fake.world(), organization=slow), FIVE_MINUTES, known)

    def need(_: int) -> None:
        waiting.wait(10)
        assert isinstance(fresh.place(AccountId(ONE)), Account)

    threading.Timer(0.1, slow.go.set).start()
    in_threads(4, need)
    assert fake.asked == ["organization"]


@pytest.mark.parametrize("newest_first", [True, False])
def test_of_a_unit_that_was_read_twice_the_later_tags_are_known(fake: FakeWorld, *, newest_first: bool) -> None:
    before = listed(fake)[0]
    fake.accounts = tuple(
        replace(one, organizational_units=(a_unit("/Dev", OPTED_OUT),)) if one.organizational_units else one
        for one in fake.accounts
    )
    fake.at += timedelta(minutes=1)
    after = listed(fake)[1]
    known = (after, before) if newest_first else (before, after)
    fresh = FreshAccounts(fake.world(), FIVE_MINUTES, known)
    assert account(fresh, ONE).organizational_units[0].tags == OPTED_OUT
    assert fake.asked == []


def test_what_was_read_again_after_the_wall_clock_was_set_back_is_as_old_as_the_time_since(fake: FakeWorld) -> None:
    fresh = fresh_accounts(fake)
    fake.monotonic, fake.at = STALE.total_seconds(), AT + timedelta(seconds=1)
    account(fresh)
    assert fake.asked == ["organization", "tags ou-dev", f"tags {ONE}"]
    fake.asked.clear()
    fake.monotonic += FIVE_MINUTES.total_seconds()
    account(fresh)
    assert fake.asked == []
    fake.monotonic += 1
    account(fresh)
    assert fake.asked == ["organization", "tags ou-dev", f"tags {ONE}"]


def test_tags_grow_old_one_by_one(fake: FakeWorld) -> None:
    fresh = fresh_accounts(fake)
    fake.at = AT + STALE
    account(fresh, ONE)
    fake.at += timedelta(minutes=3)
    account(fresh, THREE)
    fake.asked.clear()
    fake.at += timedelta(minutes=3)  # of what was read first only
    account(fresh, THREE)
    account(fresh, ONE)
    assert fake.asked == ["organization", "tags ou-dev", f"tags {ONE}"]


def test_an_organization_that_cannot_be_listed_is_asked_again_after_half_a_minute(fake: FakeWorld) -> None:
    fresh = fresh_accounts(fake)
    fake.at = AT + STALE
    fake.organization_error = OrganizationError("not now")
    for _ in range(3):
        kept = fresh.account(AccountId(ONE))
        assert kept == Reason(ReasonCode.NOT_SEEN_AGAIN, "It could not be looked at again: not now")
    assert fake.asked == ["organization"]
    with pytest.raises(OrganizationError, match="not now"):
        fresh.list_again([AccountId(ONE)])
    fake.organization_error = None
    fake.at += timedelta(seconds=31)
    assert account(fresh).id == ONE


def test_once_no_more_work_is_handed_out_nothing_is_read_for_it(fake: FakeWorld) -> None:
    fake.halt = lambda: HALT
    fresh = fresh_accounts(fake)
    account(fresh)
    fake.at = AT + STALE
    assert isinstance(fresh.account(AccountId(ONE)), Reason)
    assert isinstance(fresh.place(AccountId(ONE)), Reason)
    fresh.list_again([AccountId(ONE)])
    assert fake.asked == []


def test_a_place_costs_no_tags(fake: FakeWorld) -> None:
    fresh = fresh_accounts(fake)
    fake.at = AT + STALE
    assert isinstance(fresh.place(AccountId(ONE)), Account)
    assert fake.asked == ["organization"]


# --- ahead


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.sweep.fresh_accounts._AT_ONCE", 1)


@pytest.mark.usefixtures("one_at_a_time")
def test_what_will_be_needed_is_read_ahead_in_order(fake: FakeWorld) -> None:
    known = listed(fake)
    fake.at = AT + STALE
    fresh = FreshAccounts(fake.world(), FIVE_MINUTES, known)
    everything = threading.Event()
    wanted = [AccountId(one) for one in (THREE, ONE, ONE, TWO)]
    with fresh.read_ahead(wanted):
        while len(fake.asked) < 5 and not everything.wait(0.01):
            pass
    assert fake.asked == ["organization", f"tags {THREE}", "tags ou-dev", f"tags {ONE}", f"tags {TWO}"]
    account(fresh, TWO)
    assert len(fake.asked) == 5


def test_several_accounts_are_read_ahead_at_once_and_what_they_share_once(fake: FakeWorld) -> None:
    known = tuple(without_dates(one) for one in listed(fake))
    slow = Slow(fake.world().organization)
    fresh = FreshAccounts(replace(fake.world(), organization=slow), FIVE_MINUTES, known)
    everything = threading.Event()
    with fresh.read_ahead([AccountId(THREE), AccountId(ONE), AccountId(TWO)]):
        while slow.waiting < 2 and not everything.wait(0.01):  # those of THREE, and of the OU that the others share
            pass
        slow.go.set()
        while len(fake.asked) < 4 and not everything.wait(0.01):
            assert not slow.failed
    assert sorted(fake.asked) == [*(f"tags {one}" for one in (ONE, TWO, THREE)), "tags ou-dev"]


def test_tags_without_a_date_are_never_young(fake: FakeWorld) -> None:
    """They are of a listing in bulk."""
    known = tuple(without_dates(one) for one in listed(fake))
    fresh = FreshAccounts(fake.world(), FIVE_MINUTES, known)
    assert account(fresh, ONE).tags_read_at == AT
    assert fake.asked == ["tags ou-dev", f"tags {ONE}"]
    account(fresh, TWO)
    assert fake.asked == ["tags ou-dev", f"tags {ONE}", f"tags {TWO}"]


def test_nothing_is_read_ahead_of_what_is_young(fake: FakeWorld) -> None:
    fresh = fresh_accounts(fake)
    with fresh.read_ahead([AccountId(ONE)]):
        assert "tags" not in {thread.name for thread in threading.enumerate()}
    assert fake.asked == []


@pytest.mark.usefixtures("one_at_a_time")
def test_reading_ahead_ends_when_it_is_left(fake: FakeWorld) -> None:
    known = listed(fake)
    fake.at = AT + STALE
    slow = Slow(fake.world().organization)
    fresh = FreshAccounts(replace(fake.world(), organization=slow), FIVE_MINUTES, known)
    threading.Timer(0.05, slow.go.set).start()
    with fresh.read_ahead([AccountId(ONE), AccountId(TWO)]):
        assert slow.asked.wait(10)
    assert "tags" not in {thread.name for thread in threading.enumerate()}
    assert f"tags {TWO}" not in fake.asked


def test_for_others_is_read_what_is_older_and_nothing_when_all_is_young(fake: FakeWorld) -> None:
    fresh = fresh_accounts(fake)
    wanted = [AccountId(one) for one in (ONE, TWO)]
    assert fresh.for_others(wanted) == ()
    fake.at = AT + STALE
    fake.accounts = fake.accounts[1:]  # the first one left
    assert [one.id for one in fresh.for_others(wanted)] == [TWO]
