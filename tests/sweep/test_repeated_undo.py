"""An undo again: it names the undo that started what runs by now, does what that one left, and says how to go on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.core.model import Halt, HaltCause, Mode, OutcomeStatus
from orchestrator.core.report.document import Row
from orchestrator.errors import LedgerError
from orchestrator.sweep.left import undo_command
from orchestrator.sweep.run import run_sweep, undo_sweep
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import AT, SWEEP_ID, a_policy, in_state
from tests.support.fake_world import (
    EVERYTHING,
    ONE,
    OUT_OF_TIME,
    TWO,
    Breaking,
    FakeWorld,
    a_world,
    halted_after,
    outcomes,
    reasons,
)

UNDO_ID, AGAIN_ID, LAST_ID = (f"2026112{day}T070000Z-00000{day}" for day in (4, 5, 6))
ALL = UndoFilter()
PULLED = Halt(HaltCause.KILL_SWITCH, "the kill switch was pulled")


def swept(*account_ids: str) -> FakeWorld:
    """A world in which a sweep stopped everything at 19:00; it is the next morning."""
    fake = a_world(*account_ids, workers=1)
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    fake.at = AT + timedelta(hours=12)
    return fake


def undone(fake: FakeWorld, undo_id: str = UNDO_ID, only: UndoFilter = ALL) -> Row:
    undo_sweep(fake.world(), a_policy(EVERYTHING), undo_id, SWEEP_ID, only)
    return fake.written(undo_id)


# --- who started it


def test_what_an_earlier_undo_started_is_kept_and_the_reason_names_that_undo() -> None:
    fake = swept(ONE)
    undone(fake)
    fake.at += timedelta(hours=1)
    again = undone(fake, AGAIN_ID)
    assert reasons(again) == dict.fromkeys(("i-0", "i-1"), f"It is running: started by undo {UNDO_ID}.")
    assert {row["reason_code"] for row in again["decisions"]} == {"started_since"}
    assert sorted(fake.started) == ["i-0", "i-1"]


def test_an_undo_that_began_in_the_second_of_the_sweep_is_named_whatever_its_id_ends_with() -> None:
    fake, same_second = swept(ONE), f"{SWEEP_ID.partition('-')[0]}-000000"
    assert same_second < SWEEP_ID
    undone(fake, same_second)
    fake.at += timedelta(hours=1)
    assert set(reasons(undone(fake, AGAIN_ID)).values()) == {f"It is running: started by undo {same_second}."}


def test_of_several_undos_the_one_that_started_it_is_named() -> None:
    fake = swept(ONE)
    undone(fake, UNDO_ID, UndoFilter(resources=frozenset({"i-0"})))
    undone(fake, AGAIN_ID)
    assert reasons(undone(fake, LAST_ID)) == {
        "i-0": f"It is running: started by undo {UNDO_ID}.",
        "i-1": f"It is running: started by undo {AGAIN_ID}.",
    }


def test_what_somebody_started_after_that_undo_is_somebodys() -> None:
    fake = swept(ONE)
    undone(fake)
    later = fake.at + timedelta(hours=1)
    fake.change("i-0", lambda one: in_state(one, "running", started_at=later))
    fake.at += timedelta(hours=2)
    assert reasons(undone(fake, AGAIN_ID)) == {
        "i-0": "It is running: somebody started it since.",
        "i-1": f"It is running: started by undo {UNDO_ID}.",
    }


def test_what_somebody_started_before_any_undo_is_somebodys() -> None:
    fake = swept(ONE)
    fake.change("i-0", lambda one: in_state(one, "running"))
    undone(fake)
    said = reasons(undone(fake, AGAIN_ID))["i-0"]
    assert said == "It is running: somebody started it since. Its marks were deleted."


def test_what_an_earlier_undo_asked_for_and_is_still_coming_up_names_it_too() -> None:
    fake = swept(ONE)
    fake.starts_end["i-0"] = OutcomeStatus.STARTING
    undone(fake)
    fake.change("i-0", lambda one: in_state(one, "pending"))
    said = reasons(undone(fake, AGAIN_ID))["i-0"]
    assert said == f"It is pending: it is being started by undo {UNDO_ID}. Undo again where it does not come up."


def test_what_came_up_after_the_end_of_the_undo_that_asked_for_it_is_that_undos() -> None:
    fake = swept(ONE)
    fake.starts_end["i-0"] = OutcomeStatus.STARTING
    undone(fake)
    assert reasons(undone(fake, AGAIN_ID))["i-0"].startswith(f"It is running: started by undo {UNDO_ID}.")


def test_what_was_stopped_again_after_an_undo_says_which_undo_had_started_it() -> None:
    fake = swept(ONE)
    undone(fake)
    tags = {"stop-orchestrator:stopped-by": SWEEP_ID}
    fake.change("i-0", lambda one: in_state(one, "stopped", tags=tags, started_at=None, changed_at=AT))
    assert reasons(undone(fake, AGAIN_ID))["i-0"] == (
        f"By the ledger undo {UNDO_ID} started it after this sweep had stopped it, so it was stopped again since."
    )


def test_a_ledger_that_does_not_tell_of_earlier_undos_costs_no_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = swept(ONE)
    undone(fake)

    def refuse(*_: object) -> None:
        raise LedgerError("no answer")

    monkeypatch.setattr(fake.ledger, "sweeps", refuse)
    assert set(reasons(undone(fake, AGAIN_ID)).values()) == {"It is running: somebody started it since."}


# --- what is left, and how to go on


@pytest.mark.parametrize(
    ("halt", "begins"),
    [(PULLED, "Aborted: the kill switch was pulled"), (OUT_OF_TIME, "Incomplete"), (None, "KeyboardInterrupt: Ctrl-C")],
)
def test_an_undo_that_ended_early_says_what_was_not_attempted_and_the_command_that_does_it(
    halt: Halt | None, begins: str
) -> None:
    fake = swept(ONE, TWO)
    if halt is not None:
        fake.halt = lambda: halt if len(fake.started) >= 2 else None
        report = undone(fake)
    else:
        fake.progress = Breaking(KeyboardInterrupt("Ctrl-C"), stops=2)
        with pytest.raises(KeyboardInterrupt):
            undone(fake)
        report = fake.written(UNDO_ID)
    left = sorted(one for one, status in outcomes(report).items() if status == "not_attempted")
    assert left
    where = f"not attempted: {len(left)} of 4 starts"
    assert report["error"] == f"{begins}; {where}. To go on: stop-orchestrator undo {SWEEP_ID}"
    fake.halt = lambda: None
    fake.progress = a_world(ONE).progress
    done = sorted(fake.started)
    again = undone(fake, AGAIN_ID)
    assert sorted(outcomes(again)) == left
    assert {reason for one, reason in reasons(again).items() if one in done} == {
        f"It is running: started by undo {UNDO_ID}."
    }
    assert again["error"] == ""


def test_what_was_not_even_looked_at_is_told_too() -> None:
    fake = swept(ONE, TWO)
    fake.halt = halted_after(2, OUT_OF_TIME)
    report = undone(fake)
    assert report["error"].startswith("Incomplete; ")
    assert "not looked at: 3 of 4 accounts x regions" in report["error"]
    assert report["error"].endswith(f"To go on: stop-orchestrator undo {SWEEP_ID}")


def test_the_command_asks_for_what_that_undo_was_asked_for() -> None:
    fake = swept(ONE, TWO)
    fake.halt = lambda: PULLED if fake.started else None
    report = undone(fake, only=UndoFilter(frozenset({TWO, ONE}), frozenset({"eu-west-1"})))
    assert report["error"].endswith(
        f"To go on: stop-orchestrator undo {SWEEP_ID} --account {ONE} --account {TWO} --region eu-west-1"
    )


def test_the_command_can_be_copied_into_a_shell() -> None:
    only = UndoFilter(resources=frozenset({"i-1", "a db; rm"}), failed_health=True)
    command = f"stop-orchestrator undo {SWEEP_ID} --resource 'a db; rm' --resource i-1 --only-failed-health"
    assert undo_command(SWEEP_ID, only.as_item()) == command


def test_an_undo_that_did_all_it_was_to_do_says_nothing_of_going_on() -> None:
    fake = swept(ONE)
    assert undone(fake)["error"] == ""
    assert undone(fake, AGAIN_ID)["error"] == ""
