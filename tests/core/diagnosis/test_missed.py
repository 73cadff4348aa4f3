"""A sweep that was due and did not run is told, whatever else ran."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.diagnosis.missed import (
    TRIED_FOR,
    ActiveSchedules,
    DueSweep,
    SweepRun,
    began_since,
    last_due,
    with_runs,
)
from orchestrator.core.model import Mode
from orchestrator.core.policy.scheduled_sweeps import ScheduledSweep

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
WINDOW = timedelta(minutes=5)
NIGHTLY = ScheduledSweep("nightly", Mode.ENFORCE, "cron(0 20 ? * MON-FRI *)", ZoneInfo("UTC"), WINDOW)
NOON = ScheduledSweep("noon", Mode.PLAN, "cron(0 12 * * ? *)", ZoneInfo("UTC"), WINDOW)
DUE = MONDAY.replace(hour=20)
OVER = DUE + WINDOW + TRIED_FOR


def _run(
    began: datetime,
    mode: Mode = Mode.ENFORCE,
    status: str = "complete",
    minutes: int | None = 1,
    policy: str = "nonprod",
) -> SweepRun:
    ended = None if minutes is None else began + timedelta(minutes=minutes)
    return SweepRun(f"{began:%Y%m%dT%H%M%SZ}-7f3a9c", policy, mode.value, status, began, ended)


def _looked(
    now: datetime,
    *runs: SweepRun,
    sweep: ScheduledSweep = NIGHTLY,
    since: datetime = MONDAY - timedelta(days=30),
    limit: Mode = Mode.ENFORCE,
) -> DueSweep:
    [one] = with_runs(last_due([ActiveSchedules("nonprod", (sweep,), since)], now), runs, now, limit)
    return one


def test_a_week_with_previews_alone_misses_each_enforce_that_was_due() -> None:
    policy = ActiveSchedules("nonprod", (NIGHTLY, NOON), MONDAY)
    previews = [_run(MONDAY + timedelta(days=day, hours=12, minutes=3), Mode.PLAN) for day in range(7)]
    missed = set()
    for hour in range(24 * 7 + 3):
        now = MONDAY + timedelta(hours=hour, minutes=10)
        so_far = [one for one in previews if one.began_at <= now]
        nightly, noon = with_runs(last_due([policy], now), so_far, now, Mode.ENFORCE)
        assert not noon.is_missed
        assert nightly.is_missed is (now >= OVER)
        missed |= {nightly.due_at} if nightly.is_missed else set()
    assert missed == {DUE + timedelta(days=day) for day in range(5)}


@pytest.mark.parametrize("minutes", [0, 3, 64, 24 * 60 - 1])
def test_a_sweep_that_began_after_its_time_ran(minutes: int) -> None:
    run = _run(DUE + timedelta(minutes=minutes))
    looked = _looked(DUE + timedelta(days=1), run)
    assert (looked.run, looked.is_missed) == (run, False)
    assert looked.text == (
        f"enforce of nonprod (nightly): was due at 2026-11-23 20:00 UTC, and ran at {run.began_at:%Y-%m-%d %H:%M} UTC "
        f"({run.sweep_id})"
    )


@pytest.mark.parametrize(
    "run",
    [
        _run(DUE - timedelta(hours=1)),
        _run(DUE + timedelta(minutes=1), Mode.PLAN),
        _run(DUE + timedelta(minutes=1), Mode.UNDO),
        _run(DUE + timedelta(minutes=1), policy="prod"),
        _run(DUE + timedelta(minutes=1), status="failed"),
        _run(DUE + timedelta(minutes=1), status="abandoned"),
        _run(DUE + timedelta(minutes=1), status="missed"),
        _run(DUE - timedelta(days=1), status="running", minutes=None),
    ],
    ids=["before", "plan", "undo", "other policy", "failed", "abandoned", "unknown status", "dead"],
)
def test_what_is_no_run_of_it_leaves_it_missed(run: SweepRun) -> None:
    looked = _looked(OVER, run)
    assert looked.is_missed
    assert looked.text == "enforce of nonprod (nightly): was due at 2026-11-23 20:00 UTC, and did not run since"


def test_a_sweep_that_has_been_running_for_longer_than_any_can_is_dead() -> None:
    run = _run(DUE + timedelta(minutes=1), status="running", minutes=None)
    assert not _looked(OVER, run).is_missed
    assert _looked(DUE + timedelta(hours=7), run).is_missed


@pytest.mark.parametrize("status", ["incomplete", "held", "aborted", "awaiting_approval", "running"])
def test_how_it_ended_is_told_by_other_alarms(status: str) -> None:
    assert not _looked(OVER, _run(DUE + timedelta(minutes=1), status=status)).is_missed


def test_a_sweep_that_was_under_way_when_it_came_due_serves_it() -> None:
    assert not _looked(OVER, _run(DUE - timedelta(minutes=2), minutes=3)).is_missed
    assert _looked(OVER, _run(DUE - timedelta(minutes=2), minutes=1)).is_missed


def test_nothing_is_missed_while_it_may_still_begin() -> None:
    assert _looked(OVER - timedelta(seconds=1)).due_at == DUE - timedelta(days=3), "Friday's"
    assert _looked(OVER).due_at == DUE


def test_what_was_due_before_the_policy_was_active_is_not_missed() -> None:
    looked = _looked(OVER, since=DUE + timedelta(minutes=1))
    assert (looked.due_at, looked.is_missed) == (None, False)
    assert looked.text == "enforce of nonprod (nightly): not due yet"


def test_where_the_hub_may_only_plan_a_plan_is_what_is_due() -> None:
    plan = _run(DUE + timedelta(minutes=1), Mode.PLAN)
    assert not _looked(OVER, plan, limit=Mode.PLAN).is_missed
    assert _looked(OVER, plan, limit=Mode.APPROVE).is_missed
    assert _looked(OVER, limit=Mode.PLAN).is_missed
    assert not _looked(OVER, _run(DUE + timedelta(minutes=1), Mode.APPROVE), limit=Mode.APPROVE).is_missed


def test_a_plan_that_gave_way_to_an_enforce_is_not_missed_and_one_hours_before_it_is() -> None:
    due = MONDAY.replace(hour=12)
    gave_way = _run(due + timedelta(minutes=1), Mode.PLAN, "abandoned")
    over = due + WINDOW + TRIED_FOR
    assert not _looked(over, gave_way, _run(due + timedelta(minutes=4)), sweep=NOON).is_missed
    assert not _looked(over, _run(due - timedelta(minutes=4), minutes=9), sweep=NOON).is_missed
    assert _looked(over, _run(due + timedelta(hours=1)), sweep=NOON).is_missed


def test_of_a_rate_one_is_due_in_each_interval() -> None:
    hourly = ScheduledSweep("hourly", Mode.PLAN, "rate(1 hour)", ZoneInfo("UTC"), WINDOW)
    now = MONDAY + timedelta(hours=12)
    ago = timedelta(hours=1) + WINDOW + TRIED_FOR
    assert not _looked(now, _run(now - ago, Mode.PLAN), sweep=hourly).is_missed
    assert _looked(now, _run(now - ago - timedelta(minutes=2), Mode.PLAN), sweep=hourly).is_missed
    assert not _looked(now, sweep=hourly, since=now - ago + timedelta(minutes=1)).is_missed


@given(st.lists(st.tuples(st.integers(-3000, 3000), st.sampled_from(["plan", "enforce"]))), st.integers(0, 2000))
def test_no_sweep_that_began_earlier_than_is_read_would_change_the_answer(
    runs: list[tuple[int, str]], minutes: int
) -> None:
    now = DUE + timedelta(minutes=minutes)
    every = [_run(DUE + timedelta(minutes=at), Mode(mode), minutes=5) for at, mode in runs if minutes >= at]
    due = last_due([ActiveSchedules("nonprod", (NIGHTLY, NOON), MONDAY)], now)
    since = began_since(due)
    read = [one for one in every if since is not None and one.began_at >= since]
    assert with_runs(due, read, now, Mode.ENFORCE) == with_runs(due, every, now, Mode.ENFORCE)
