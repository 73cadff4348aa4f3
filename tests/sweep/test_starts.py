"""Watching what AWS accepted to start: for a bounded time, all targets at once, also after a process died."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import Mode, OutcomeStatus
from orchestrator.core.report.document import document_exit_code
from orchestrator.ports import NoProgress
from orchestrator.sweep.run import resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.starts import pauses
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import AT, SWEEP_ID, a_policy
from tests.support.fake_world import EVERYTHING, ONE, TWO, FakeWorld, a_world, outcomes
from tests.support.memory_store import Died

UNDO_ID = "20261124T070000Z-000001"
IDS = ("i-0", "i-1", "i-2", "i-3")


def swept(**ends: OutcomeStatus) -> FakeWorld:
    """Everything was stopped at 19:00; it is the next morning, and AWS accepts each start and shows it later."""
    fake = a_world(ONE, TWO)
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    fake.stops = dict.fromkeys(IDS, OutcomeStatus.STARTING)
    fake.starts_end = {name.replace("_", "-"): status for name, status in ends.items()}
    fake.asked.clear()
    fake.at = AT + timedelta(hours=12)
    return fake


def undo(fake: FakeWorld, policy: str = EVERYTHING) -> dict[str, str]:
    undo_sweep(fake.world(), a_policy(policy), UNDO_ID, SWEEP_ID, UndoFilter())
    return outcomes(fake.written(UNDO_ID))


class _Killed(NoProgress):
    """The process dies while it waits for what it started."""

    def __init__(self, fake: FakeWorld) -> None:
        self._life = fake.life

    def phase(self, text: str) -> None:
        if text.startswith("Looking whether"):
            self._life.dies_after = len(self._life.events)
            raise Died


def held(fake: FakeWorld) -> set[str]:
    return {one.resource_id for one in fake.ledger.held_by(SWEEP_ID)}


@given(st.integers(1, 3600))
def test_the_looks_are_bounded_and_their_pauses_are_the_whole_time(seconds: int) -> None:
    found = list(pauses(timedelta(seconds=seconds)))
    assert sum(found) == seconds
    assert len(found) <= 9 + seconds / 30


def test_what_is_seen_running_is_started_and_not_held_down_any_more() -> None:
    fake = swept()
    assert set(undo(fake).values()) == {"started"}
    assert (fake.slept, held(fake)) == ([2.0], set())
    assert document_exit_code(fake.written(UNDO_ID)) == 0


def test_what_still_starts_when_the_time_is_up_is_starting_stays_held_down_and_is_incomplete() -> None:
    fake = swept(i_1=OutcomeStatus.STARTING)
    assert undo(fake, f"{EVERYTHING}\nmax_start_wait: 90s") == {**dict.fromkeys(IDS, "started"), "i-1": "starting"}
    assert sum(fake.slept) == 90
    assert held(fake) == {"i-1"}
    report = fake.written(UNDO_ID)
    assert (report["status"], document_exit_code(report)) == ("incomplete", 3)
    assert sum(one.startswith("see ") for one in fake.asked) <= 4 + len(fake.slept), "only where something starts"


def test_what_fell_back_failed_and_stays_held_down() -> None:
    fake = swept(i_2=OutcomeStatus.FAILED)
    assert undo(fake) == {**dict.fromkeys(IDS, "started"), "i-2": "failed"}
    assert held(fake) == {"i-2"}
    assert document_exit_code(fake.written(UNDO_ID)) == 5


def test_all_targets_are_waited_for_at_once() -> None:
    fake = swept(**{one.replace("-", "_"): OutcomeStatus.STARTING for one in IDS})
    assert set(undo(fake).values()) == {"starting"}
    assert sum(fake.slept) == 60


@pytest.mark.parametrize(("end", "code"), [("started", 0), ("failed", 5), ("starting", 3)])
def test_an_undo_that_died_while_it_waited_sees_what_came_of_its_starts_when_it_is_resumed(end: str, code: int) -> None:
    fake = swept(i_0=OutcomeStatus(end))
    fake.progress = _Killed(fake)
    with pytest.raises(Died):
        undo(fake)
    fake.progress, fake.life.dies_after = NoProgress(), None
    fake.started.clear()
    summary = fake.ledger.sweep(UNDO_ID)
    assert summary is not None
    fake.at += timedelta(hours=1)
    resume_sweep(fake.world(), a_policy(EVERYTHING), summary)
    report = fake.written(UNDO_ID)
    assert outcomes(report) == {**dict.fromkeys(IDS, "started"), "i-0": end}
    assert document_exit_code(report) == code
    assert fake.started == [], "nothing is started twice"
    assert held(fake) == ({"i-0"} if end != "started" else set())


def test_a_sweep_without_starts_neither_waits_nor_looks() -> None:
    fake = a_world(ONE)
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    assert fake.slept == []
    assert not any(one.startswith("see ") for one in fake.asked)
