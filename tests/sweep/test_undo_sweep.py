"""Undoing a sweep: starts what it stopped and nobody touched since; a sweep of its own, with its own report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.model import Halt, HaltCause, Mode, OutcomeStatus, Resource
from orchestrator.core.model.marks import STOPPED_AT_TAG, STOPPED_BY_TAG
from orchestrator.core.report.document import Row
from orchestrator.errors import LeaseLostError, PlanError
from orchestrator.sweep.run import run_sweep, undo_sweep
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import AT, SWEEP_ID, a_policy, a_resource, in_state
from tests.support.fake_world import (
    EVERYTHING,
    ONE,
    OUT_OF_TIME,
    REGIONS,
    TWO,
    Breaking,
    FakeWorld,
    a_world,
    coverage,
    halted_after,
    outcomes,
    reasons,
    unreadable,
)

UNDO_ID = "20261124T070000Z-000001"
OTHER_ID = "20261123T190500Z-0000ff"
ALL = UndoFilter()


def swept(*account_ids: str, failing: str = "") -> FakeWorld:
    """A world in which a sweep stopped everything at 19:00; it is the next morning."""
    fake = a_world(*account_ids)
    if failing:
        fake.stops[failing] = OutcomeStatus.FAILED
    run_sweep(fake.world(), a_policy(EVERYTHING), SWEEP_ID, Mode.ENFORCE)
    fake.stops.clear()
    fake.asked.clear()
    fake.at = AT + timedelta(hours=12)
    return fake


def undone(fake: FakeWorld, only: UndoFilter = ALL, policy: str = EVERYTHING) -> Row:
    undo_sweep(fake.world(), a_policy(policy), UNDO_ID, SWEEP_ID, only)
    return fake.written(UNDO_ID)


def running(fake: FakeWorld) -> set[str]:
    found = [one for target in fake.resources for one in fake.instances(target).values()]
    return {one.resource_id for one in found if one.state == "running"}


def test_what_the_sweep_stopped_is_started_and_nothing_else_is_read() -> None:
    fake = swept(ONE, TWO, failing="i-3")
    fake.change("i-3", lambda one: in_state(one, "stopped"))  # by somebody else
    report = undone(fake)
    assert sorted(fake.started) == ["i-0", "i-1", "i-2"]
    assert outcomes(report) == fake.states(UNDO_ID) == dict.fromkeys(["i-0", "i-1", "i-2"], "started")
    assert running(fake) == {"i-0", "i-1", "i-2"}
    assert {one.split()[0] for one in fake.asked} == {"organization", "look"}


def test_an_intent_that_was_left_in_an_ended_sweep_is_looked_at_and_holds_nothing_down_that_runs() -> None:
    fake = swept(ONE)
    resource = a_resource("i-9", ONE, REGIONS[0])
    fake.resources[resource.target] = (*fake.instances(resource.target).values(), resource)
    fake.ledger.intend(SWEEP_ID, [resource], "9", held_by="nonprod")
    report = undone(fake)
    assert reasons(report) == {"i-9": "It is running: it was not stopped, or somebody started it since."}
    assert sorted(fake.started) == ["i-0", "i-1"]
    assert fake.ledger.held_by(SWEEP_ID) == ()


def test_an_undo_has_a_report_of_its_own() -> None:
    fake = swept(ONE)
    before = fake.written()
    report = undone(fake)
    assert (report["sweep_id"], report["mode"], report["source_sweep_id"]) == (UNDO_ID, "undo", SWEEP_ID)
    assert (report["status"], report["organization_id"]) == ("complete", "o-example")
    assert coverage(report) == {(ONE, region): "scanned" for region in REGIONS}
    assert {(row["verdict"], row["action"]) for row in report["decisions"]} == {("start", "start")}
    assert (report["totals"]["planned"], report["totals"]["started"], report["totals"]["stopped"]) == (2, 2, 0)
    assert fake.written() == before
    assert fake.has_file("manifest.json", UNDO_ID)


HALVES = [
    {STOPPED_AT_TAG: "2026-11-23T19:00:00Z"},
    {STOPPED_BY_TAG: "", STOPPED_AT_TAG: "2026-11-23T19:00:00Z"},
    {STOPPED_BY_TAG: ""},
]
"""What people leave of a mark."""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: None, "It is gone."),
        (
            lambda one: in_state(one, "running"),
            "It is running: somebody started it since. Its marks were deleted.",
        ),
        (lambda one: in_state(one, "running", tags={}), "It is running: somebody started it since."),
        *(
            (
                lambda one, half=half: in_state(one, "running", tags=half),
                "It is running: somebody started it since. Its marks were deleted.",
            )
            for half in HALVES
        ),
        (
            lambda one: replace(one, changed_at=datetime(2026, 11, 23, 23, tzinfo=UTC)),
            "It was stopped at 2026-11-23T23:00:00Z, not by this sweep: somebody started it in between.",
        ),
    ],
    ids=["terminated", "started", "started and unmarked", "no sweep", "an empty sweep", "only that", "stopped again"],
)
def test_what_somebody_touched_since_is_kept_and_says_why(
    change: Callable[[Resource], Resource | None], reason: str
) -> None:
    fake = swept(ONE)
    fake.change("i-0", change)
    report = undone(fake)
    assert fake.started == ["i-1"]
    assert reasons(report) == {"i-0": reason}
    assert (outcomes(report), report["status"]) == ({"i-1": "started"}, "complete")


@pytest.mark.parametrize("is_held", [True, False])
def test_a_mark_of_another_sweep_counts_unless_the_ledger_has_it_held_down_by_this_one(is_held: bool) -> None:
    """As where a process that was overtaken wrote its marks late."""
    fake = swept(ONE)
    fake.change("i-0", lambda one: replace(one, tags={STOPPED_BY_TAG: OTHER_ID}))
    if not is_held:
        for key in [one for one in fake.items.items if one[0].startswith("HELD#") and "i-0" in one[1]]:
            del fake.items.items[key]
    report = undone(fake)
    assert sorted(fake.started) == (["i-0", "i-1"] if is_held else ["i-1"])
    names_it = f"Its tag {STOPPED_BY_TAG} names {OTHER_ID!r}, not this sweep."
    assert reasons(report) == ({} if is_held else {"i-0": names_it})


def test_what_lost_its_mark_is_started_and_the_ledger_says_which_mark_it_needed() -> None:
    fake = swept(ONE)
    fake.change("i-0", lambda one: replace(one, tags={}))
    report = undone(fake)
    assert sorted(fake.started) == ["i-0", "i-1"]
    assert [row["restore"] for row in report["outcomes"]] == [{STOPPED_BY_TAG: SWEEP_ID}] * 2
    assert [row["reason"].endswith("but for its mark.") for row in report["decisions"]] == [True, False]


@pytest.mark.parametrize(
    ("only", "started"),
    [
        (UndoFilter(accounts=frozenset({TWO})), ["i-2", "i-3"]),
        (UndoFilter(regions=frozenset({REGIONS[1]})), ["i-1", "i-3"]),
        (UndoFilter(resources=frozenset({"i-2"})), ["i-2"]),
        (UndoFilter(accounts=frozenset({ONE}), regions=frozenset({REGIONS[0]})), ["i-0"]),
    ],
)
def test_only_what_was_asked_for_is_started_or_looked_at(only: UndoFilter, started: list[str]) -> None:
    fake = swept(ONE, TWO)
    report = undone(fake, only)
    assert sorted(fake.started) == started
    assert sorted(row["resource_id"] for row in report["decisions"]) == started


def test_a_sweep_that_stopped_nothing_that_is_asked_for_cannot_be_undone() -> None:
    fake = swept(ONE)
    with pytest.raises(
        PlanError, match=f"{SWEEP_ID} stopped nothing of what is asked for here .accounts {TWO}. that could be"
    ):
        undone(fake, UndoFilter(accounts=frozenset({TWO})))
    assert fake.started == []
    assert fake.written(UNDO_ID)["status"] == "failed"


@pytest.mark.parametrize("limits", ["max_stops: 1", "per_account: {max_stops: 1}"])
def test_limits_by_count_hold_for_starts_too(limits: str) -> None:
    fake = swept(ONE)
    report = undone(fake, policy=f"{EVERYTHING}\nguardrails: {{{limits}}}")
    assert (report["status"], outcomes(report)) == ("held", {"i-0": "held", "i-1": "held"})
    assert fake.started == []


def test_limits_by_share_of_what_runs_say_nothing_about_starts() -> None:
    fake = swept(ONE)
    percents = "max_stops_percent: 10, per_account: {max_stops_percent: 10, max_stops: 2}"
    report = undone(fake, policy=f"{EVERYTHING}\nguardrails: {{{percents}}}")
    assert [row["name"] for row in report["guardrails"]] == ["per_account.max_starts"]
    assert sorted(fake.started) == ["i-0", "i-1"]


def test_a_target_that_cannot_be_looked_at_is_a_hole_in_the_coverage_and_nothing_is_started_there() -> None:
    fake = swept(ONE, TWO)
    fake.binds[ONE] = unreadable("AccessDenied", operation="sts:AssumeRole")
    report = undone(fake)
    assert sorted(fake.started) == ["i-2", "i-3"]
    assert coverage(report) == {
        (ONE, REGIONS[0]): "denied",
        (ONE, REGIONS[1]): "denied",
        (TWO, REGIONS[0]): "scanned",
        (TWO, REGIONS[1]): "scanned",
    }
    assert report["status"] == "incomplete"


def test_what_is_of_a_kind_that_this_release_does_not_know_is_a_hole_in_the_coverage_too() -> None:
    fake = swept(ONE)
    undo_sweep(replace(fake.world(), kinds={}, actors={}), a_policy(EVERYTHING), UNDO_ID, SWEEP_ID, ALL)
    report = fake.written(UNDO_ID)
    assert {(row["status"], row["detail"]) for row in report["coverage"]} == {
        ("failed", "UnknownKind: this release does not know the kind ec2")
    }
    assert fake.started == []


def test_a_bug_while_looking_is_coverage_too() -> None:
    fake = swept(ONE)
    fake.resources[next(iter(fake.resources))] = ZeroDivisionError("our own")
    report = undone(fake)
    assert [row["detail"] for row in report["coverage"]] == ["ZeroDivisionError: our own", ""]
    assert fake.started == ["i-1"]


def test_what_an_account_that_left_the_organization_had_is_looked_at_and_kept() -> None:
    fake = swept(ONE, TWO)
    fake.accounts = fake.accounts[1:]
    report = undone(fake)
    assert "(not in the organization any more)" in {row["account_name"] for row in report["coverage"]}
    assert sorted(fake.started) == ["i-2", "i-3"]
    left = "Changed since the plan: its account is not in the organization any more."
    assert reasons(report) == {"i-0": left, "i-1": left}


@pytest.mark.parametrize("looked", range(4))
def test_when_looking_breaks_off_every_target_has_a_state(looked: int) -> None:
    fake = swept(ONE, TWO)
    fake.progress = Breaking(KeyboardInterrupt("Ctrl-C"), targets=looked)
    if looked == 0:
        fake.progress = Breaking(KeyboardInterrupt("Ctrl-C"), phase="Acting")
    with pytest.raises(KeyboardInterrupt):
        undone(fake)
    rows = coverage(fake.written(UNDO_ID))
    assert set(rows) == {(account_id, region) for account_id in (ONE, TWO) for region in REGIONS}
    assert list(rows.values()).count("scanned") == (looked or 4)
    assert fake.started == []


@pytest.mark.parametrize("questions", range(1, 9))
def test_an_undo_that_is_halted_says_what_was_not_looked_at_and_what_was_not_started(questions: int) -> None:
    fake = swept(ONE)
    fake.workers = 1
    fake.halt = halted_after(questions, Halt(HaltCause.KILL_SWITCH, "the kill switch was pulled"))
    report = undone(fake)
    assert len(coverage(report)) == 2
    assert set(outcomes(report).values()) <= {"started", "not_attempted"}
    assert sorted(fake.started) == sorted(one for one, status in outcomes(report).items() if status == "started")
    assert report["status"] == "aborted"
    assert report["error"].startswith("Aborted: the kill switch was pulled; not ")
    assert report["error"].endswith(f". To go on: stop-orchestrator undo {SWEEP_ID}")


def test_an_undo_that_loses_its_lease_while_it_looks_writes_no_report() -> None:
    fake = swept(ONE)
    fake.halt = halted_after(1, Halt(HaltCause.LEASE_LOST, "another process has the lease"))
    with pytest.raises(LeaseLostError):
        undone(fake)
    assert not fake.has_file("report.json", UNDO_ID)
    assert fake.started == []


def test_an_undo_whose_time_is_up_is_incomplete_where_nobody_goes_on_with_it() -> None:
    fake = swept(ONE)
    fake.halt = halted_after(1, OUT_OF_TIME)
    report = undone(fake)
    assert (report["status"], set(coverage(report).values())) == ("incomplete", {"not_attempted"})
