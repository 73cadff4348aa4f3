"""A sweep that acts and finds one that only plans says that it waits, and has the lease when it was given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.errors import BusyError, LedgerError
from orchestrator.ledger.lease import EXECUTION, EXECUTION_LASTS, Lease
from orchestrator.ledger.records import LeaseRecord
from orchestrator.ledger.yielding import wait_for_yield
from tests.support.item_tables import unanswered
from tests.support.leases import POLICY, World, refused, taken

PLAN, APPROVE, ENFORCE, UNDO = "plan aa", "approve aa", "enforce aa", "undo 20261123T190000Z-7f3a9c aa"


def waited(
    world: World, happens: Callable[[int], object], interrupted: Callable[[], bool] = lambda: False
) -> Lease | LeaseRecord:
    """The second sweep, which acts; at each of its looks something happens."""

    def sleep(seconds: float) -> None:
        world.sleep(seconds)
        happens(len(world.slept))

    return wait_for_yield(replace(world.leases(), sleep=sleep), POLICY, "second", ENFORCE, interrupted)


@pytest.mark.parametrize("purpose", [PLAN, APPROVE, "plan without-consent aa"])
def test_a_holder_that_only_plans_is_told_which_sweep_waits_for_it_and_gives_the_lease_up(
    world: World, purpose: str
) -> None:
    holder = taken(world.leases().take(POLICY, "first", purpose))
    told: list[str] = []

    def happens(_: int) -> None:
        holder.look_for_wish()
        told.append(holder.wanted_by)
        holder.give_back()

    mine = taken(waited(world, happens))
    assert told == ["sweep second (mode enforce)"]
    assert (mine.sweep_id, holder.lost, world.slept) == ("second", True, [1.0])


@pytest.mark.parametrize("purpose", [ENFORCE, UNDO, "apply 20261123T190000Z-7f3a9c aa", ""])
def test_a_holder_that_acts_is_never_asked_to_yield(world: World, purpose: str) -> None:
    holder = taken(world.leases().take(POLICY, "first", purpose))
    assert refused(waited(world, pytest.fail)).sweep_id == "first"
    world.ledger.want_lease(POLICY, "first", "sweep second")
    holder.look_for_wish()
    assert (holder.wanted_by, holder.lost) == ("", False)


def test_a_wish_is_none_of_a_later_holder_which_is_asked_again(world: World) -> None:
    leases: list[Lease] = [taken(world.leases().take(POLICY, "first", PLAN))]
    asked: list[str] = []

    def happens(number: int) -> None:
        leases[-1].look_for_wish()
        asked.append(leases[-1].wanted_by)
        leases[-1].give_back()
        if number == 1:
            leases.append(taken(world.leases().take(POLICY, "another", PLAN)))
            leases[-1].look_for_wish()
            asked.append(leases[-1].wanted_by)

    taken(waited(world, happens))
    assert asked == ["sweep second (mode enforce)", "", "sweep second (mode enforce)"]


def test_one_that_acts_and_was_faster_keeps_the_lease(world: World) -> None:
    holder = taken(world.leases().take(POLICY, "first", PLAN))

    def happens(_: int) -> None:
        holder.give_back()
        taken(world.leases().take(POLICY, "faster", ENFORCE))

    assert refused(waited(world, happens)).sweep_id == "faster"


def test_a_plan_that_died_is_taken_over_from(world: World) -> None:
    dead = taken(world.leases().take(POLICY, "first", PLAN))
    assert taken(waited(world, lambda _: None)).sweep_id == "second"
    assert dead.lost


def test_a_plan_that_does_not_yield_is_waited_for_as_long_as_it_lives_and_there_is_time(world: World) -> None:
    """As one of the release before, which does not look for a wish."""
    holder = taken(world.leases().take(POLICY, "first", PLAN))
    leases = replace(
        world.leases(),
        sleep=lambda seconds: (world.sleep(seconds), holder.renew())[0],
        out_of_time=lambda: len(world.slept) == 100,
    )
    with pytest.raises(BusyError, match="first plans by the same policy and has not yielded yet; try again"):
        wait_for_yield(leases, POLICY, "second", ENFORCE, lambda: False)
    assert not holder.lost


def test_a_person_who_interrupts_the_waiting_ends_it(world: World) -> None:
    holder = taken(world.leases().take(POLICY, "first", PLAN))
    with pytest.raises(BusyError):
        waited(world, lambda _: holder.renew(), lambda: len(world.slept) == 3)
    assert len(world.slept) == 3


def test_a_ledger_that_does_not_tell_is_no_wish(world: World) -> None:
    holder = taken(world.leases().take(POLICY, "first", PLAN))
    world.ledger.want_lease(POLICY, "first", "sweep second (mode enforce)")
    found = world.table.get
    world.table.get = unanswered  # type: ignore[method-assign, assignment]  # a table that fails
    holder.look_for_wish()
    assert holder.wanted_by == ""
    world.table.get = found  # type: ignore[method-assign]  # its own again
    holder.look_for_wish()
    assert holder.wanted_by == "sweep second (mode enforce)"


# --- the steps of an execution renew the lease for each other


def steps(world: World, number: int) -> list[Lease]:
    leases = replace(world.leases(), holder=f"{EXECUTION}one")
    return [taken(leases.take(POLICY, "first", ENFORCE)) for _ in range(number)]


def test_a_step_that_runs_keeps_the_lease_for_all_of_its_execution(world: World) -> None:
    one, two = steps(world, 2)
    for _ in range(5):
        world.pass_by(EXECUTION_LASTS - 1)
        one.renew()
        two.renew()
    assert (one.lost, two.lost, one.is_held(), two.is_held()) == (False, False, True, True)
    assert refused(world.leases().take(POLICY, "second")).sweep_id == "first"


def test_a_step_whose_renewal_another_one_was_faster_with_holds_it_as_long(world: World) -> None:
    one, two = steps(world, 2)
    world.pass_by(200)
    put = world.table.put

    def after_the_other(*arguments: object) -> bool:
        world.table.put = put  # type: ignore[method-assign]  # its own again
        two.renew()
        return put(*arguments)  # type: ignore[arg-type]  # as it was called

    world.table.put = after_the_other  # type: ignore[method-assign, assignment]  # one that another is faster than
    one.renew()
    world.pass_by(200)
    assert (one.lost, two.lost) == (False, False)


def test_a_step_that_still_runs_when_the_last_one_ended_the_sweep_renews_nothing(world: World) -> None:
    [part] = steps(world, 1)
    last = taken(replace(world.leases(), holder=f"{EXECUTION}one", final=True).take(POLICY, "first", ENFORCE))
    part.renew()
    assert (part.lost, last.lost, last.is_held()) == (True, False, True)
    last.give_back()
    part.renew()
    taken(world.leases().take(POLICY, "second"))


def test_a_step_that_cannot_renew_holds_the_lease_until_it_runs_out(world: World) -> None:
    [step] = steps(world, 1)
    world.table.before = unanswered
    world.pass_by(EXECUTION_LASTS - 1)
    step.renew()
    assert not step.lost
    world.pass_by(1)
    assert step.lost


def test_the_lease_of_an_execution_of_which_no_step_runs_any_more_is_free_within_minutes(world: World) -> None:
    steps(world, 3)
    began = world.monotonic
    taken(world.leases().take_over(POLICY, "second"))
    assert world.monotonic - began == EXECUTION_LASTS <= 300


def test_an_execution_whose_lease_ran_out_long_ago_by_any_clock_is_not_watched(world: World) -> None:
    steps(world, 1)
    world.pass_by(EXECUTION_LASTS + 301)
    taken(world.leases().take_over(POLICY, "second"))
    assert world.slept == []


def test_a_clock_that_is_five_minutes_ahead_takes_no_lease_from_an_execution_that_lives(world: World) -> None:
    [step] = steps(world, 1)
    world.pass_by(1)
    ahead = replace(
        world.leases(),
        now=lambda: world.wall + timedelta(seconds=EXECUTION_LASTS),
        sleep=lambda seconds: (world.sleep(seconds), step.renew() if len(world.slept) % 20 == 0 else None)[0],
    )
    assert refused(ahead.take_over(POLICY, "second")).sweep_id == "first"
    assert not step.lost


def test_a_ledger_that_fails_while_it_is_asked_to_yield_is_an_error(world: World) -> None:
    taken(world.leases().take(POLICY, "first", PLAN))
    world.table.before = unanswered
    with pytest.raises(LedgerError):
        waited(world, lambda _: None)
