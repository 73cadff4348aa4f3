"""Handing over: where the time of one process does not do, a fresh one goes on from what was read or acted on."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestrator.core.model import Mode
from orchestrator.core.report.document import Row
from orchestrator.sweep.run import resume_sweep, run_sweep
from tests.support.builders import SWEEP_ID, a_policy
from tests.support.fake_world import (
    EVERYTHING,
    ONE,
    REGIONS,
    TWO,
    Breaking,
    FakeWorld,
    a_world,
    coverage,
    halted_after,
    outcomes,
    unreadable,
)
from tests.support.memory_store import Died


def a_handing_world(processes: int = 50) -> FakeWorld:
    """So many processes may go on with a sweep; each is counted in the ledger before the next one begins."""
    fake = a_world(ONE, TWO, workers=1)

    def hand_over() -> bool:
        begun = fake.ledger.sweep(SWEEP_ID)
        assert begun is not None
        if begun.continuations >= processes:
            return False
        fake.ledger.amend(SWEEP_ID, continuations=begun.continuations + 1)
        return True

    fake.hand_over = hand_over
    return fake


def first(fake: FakeWorld, questions: int, mode: Mode = Mode.ENFORCE) -> Row:
    """The first process; its time is up at that question."""
    fake.halt = halted_after(questions)
    report, location = run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, mode)
    assert (location == "") == (report["status"] == "running")
    return report


def then(fake: FakeWorld, questions: int | None = None) -> Row:
    """The next process."""
    fake.halt = halted_after(questions) if questions is not None else lambda: None
    begun = fake.ledger.sweep(SWEEP_ID)
    assert begun is not None
    assert begun.status == "running"
    document, _ = resume_sweep(fake.world(), a_policy(EVERYTHING), begun)
    return document


def undisturbed(mode: Mode = Mode.ENFORCE) -> Row:
    fake = a_handing_world()
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, mode)
    return fake.written()


def same(report: Row, mode: Mode = Mode.ENFORCE) -> bool:
    return {**report, "calls": {}} == {**undisturbed(mode), "calls": {}}


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.ENFORCE])
@pytest.mark.parametrize("questions", range(2, 8))
def test_when_the_time_is_up_while_reading_a_fresh_process_reads_the_rest_and_no_target_twice(
    questions: int, mode: Mode
) -> None:
    fake = a_handing_world()
    report = first(fake, questions, mode)
    assert report["status"] == "running"
    assert fake.stopped == []
    assert fake.has_file("inventory-1.json")
    assert not fake.has_file("plan.json")
    assert not fake.has_file("report.json")
    assert same(then(fake), mode)
    asked = Counter(fake.asked)
    assert set(asked.values()) == {1}
    assert fake.has_file("manifest.json")


def test_what_could_not_be_read_before_is_not_tried_again() -> None:
    fake = a_handing_world()
    fake.binds[ONE] = unreadable("AccessDenied", operation="sts:AssumeRole")
    assert first(fake, 4)["status"] == "running"
    fake.binds.clear()
    report = then(fake)
    assert coverage(report) == {(ONE, "*"): "denied", (TWO, REGIONS[0]): "scanned", (TWO, REGIONS[1]): "scanned"}
    assert sorted(fake.stopped) == ["i-2", "i-3"]


@pytest.mark.parametrize("questions", [9, 12, 13, 16])
def test_when_the_time_is_up_while_acting_a_fresh_process_acts_on_the_rest(questions: int) -> None:
    fake = a_handing_world()
    report = first(fake, questions)
    done = [*fake.stopped]
    assert len(done) < 4
    assert (report["status"], fake.has_file("plan.json"), fake.has_file("report.json")) == ("running", True, False)
    final = then(fake)
    assert fake.stopped[: len(done)] == done
    assert sorted(fake.stopped) == ["i-0", "i-1", "i-2", "i-3"]
    assert same(final)


@pytest.mark.parametrize("questions", [8, 9, 10])
def test_however_often_the_time_is_up_the_sweep_ends_with_the_same_report(questions: int) -> None:
    fake = a_handing_world()
    document: Row = {"status": first(fake, questions)["status"]}
    processes = 1
    while document["status"] == "running":
        document = then(fake, questions)
        processes += 1
    assert processes > 2
    assert same(document)
    assert Counter(fake.stopped) == Counter(["i-0", "i-1", "i-2", "i-3"])


def test_where_nobody_goes_on_the_report_says_what_was_not_attempted() -> None:
    fake = a_handing_world(processes=0)
    report = first(fake, 6)
    assert report["status"] == "incomplete"
    assert list(coverage(fake.written()).values()).count("not_attempted") == 2
    assert set(outcomes(fake.written()).values()) == {"not_attempted"}
    assert fake.stopped == []


def test_where_not_even_the_tags_were_read_nothing_is_handed_over() -> None:
    fake = a_handing_world()
    assert first(fake, 1)["status"] == "incomplete"
    assert set(coverage(fake.written()).values()) == {"not_attempted"}
    assert not fake.has_file("inventory-1.json")


def test_a_process_that_dies_between_storing_and_handing_over_does_not_stand_in_the_way_of_the_next() -> None:
    fake = a_handing_world()
    fake.life.dies_after = 3
    with pytest.raises(Died):
        first(fake, 6)
    assert [fake.life.events[0], fake.life.events[-1]] == ["begin", "file inventory-1.json"]
    fake.life.dies_after = None
    assert then(fake, 4)["status"] == "running"  # it reads from the beginning, and its time is up too
    assert fake.has_file("inventory-2.json")
    assert same(then(fake))


def test_the_next_process_goes_on_from_the_newest_inventory() -> None:
    fake = a_handing_world()
    first(fake, 4)
    fake.life.dies_after = len(fake.life.events) + 1
    with pytest.raises(Died):
        then(fake, 2)
    assert fake.life.events[-1] == "file inventory-2.json"
    fake.life.dies_after = None
    assert same(then(fake))
    assert set(Counter(one for one in fake.asked if one.startswith("read")).values()) == {1}


def test_when_the_next_process_breaks_off_at_once_every_target_has_a_state_all_the_same() -> None:
    fake = a_handing_world()
    first(fake, 5)
    fake.progress = Breaking(KeyboardInterrupt("Ctrl-C"), phase="Reading")
    with pytest.raises(KeyboardInterrupt):
        then(fake)
    rows = coverage(fake.written())
    assert set(rows) == {(account_id, region) for account_id in (ONE, TWO) for region in REGIONS}
    assert set(rows.values()) == {"scanned", "not_attempted"}


def test_when_handing_over_was_refused_while_reading_it_is_not_asked_for_again() -> None:
    fake = a_handing_world(0)
    asked: list[int] = []
    fake.hand_over = lambda: bool(asked.append(len(asked)))
    report = first(fake, 4)
    assert report["status"] == "incomplete"
    assert len(asked) == 1
