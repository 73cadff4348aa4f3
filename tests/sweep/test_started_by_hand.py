"""An evening, a night, a day and another evening, swept every 15 minutes: who starts by hand keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from orchestrator.core.model import ConsentHow, Mode, Question
from orchestrator.core.report.document import Row
from orchestrator.sweep.run import run_sweep, undo_sweep
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import AT, SWEEP_ID, a_policy, in_state
from tests.support.consent import say_yes
from tests.support.fake_world import ONE, FakeWorld, a_world, reasons

HOURS = "schedules: {office: {timezone: UTC, running: ['mon-fri 07:00-19:00']}}\n"
BY_DEFAULT = HOURS + "rules: [{name: dev, where: everything, schedule: office}]"
QUARTER = timedelta(minutes=15)
START_AT = AT.replace(hour=22)
NEXT_END = AT + timedelta(days=1)


def with_how(started_by_hand: str) -> str:
    return HOURS + f"rules: [{{name: dev, where: everything, schedule: office, started_by_hand: {started_by_hand}}}]"


def sweep_id(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S}Z-7f3a9c"


def swept_until(fake: FakeWorld, end: datetime, policy: str = BY_DEFAULT) -> Iterator[tuple[datetime, Row]]:
    """A sweep that enforces every 15 minutes, from the world's time on."""
    while fake.at <= end:
        at = fake.at
        run_sweep(fake.world(), a_policy(policy), sweep_id(at), Mode.ENFORCE)
        yield at, fake.written(sweep_id(at))
        fake.at = at + QUARTER


def start_by_hand(fake: FakeWorld, resource_id: str, at: datetime) -> None:
    """As somebody does in the console: the marks stay."""
    fake.change(resource_id, lambda one: in_state(one, "running", started_at=at, changed_at=None))


def up(fake: FakeWorld) -> set[str]:
    found = [one for target in fake.resources for one in fake.instances(target).values()]
    return {one.resource_id for one in found if one.state == "running"}


@pytest.fixture
def evening() -> FakeWorld:
    """Two instances that ran all day, stopped by the sweep at 19:00; it is 22:00, and somebody just started i-0."""
    fake = a_world(ONE)
    [(_, report)] = swept_until(fake, AT, BY_DEFAULT)
    assert (report["status"], up(fake)) == ("complete", set())
    fake.at = START_AT
    start_by_hand(fake, "i-0", START_AT - timedelta(minutes=1))
    return fake


def test_a_manual_start_at_22_stays_up_until_the_next_window_ends_and_then_it_is_stopped(evening: FakeWorld) -> None:
    for at, report in swept_until(evening, NEXT_END + QUARTER):
        if at < NEXT_END:
            assert up(evening) == {"i-0"}, at
            assert report["totals"]["planned_stops"] == 0
        else:
            assert up(evening) == set(), at
        if at < NEXT_END.replace(hour=7):
            assert reasons(report)["i-0"].endswith("through its next running hours, until Tue 2026-11-24 19:00 UTC.")


def test_keep_for_keeps_it_for_so_long_after_its_start(evening: FakeWorld) -> None:
    stopped_at = next(at for at, _ in swept_until(evening, NEXT_END, with_how("{keep_for: 4h}")) if not up(evening))
    assert stopped_at == (START_AT + timedelta(hours=4))


def test_stop_stops_it_at_the_next_sweep(evening: FakeWorld) -> None:
    assert [bool(up(evening)) for _ in swept_until(evening, START_AT, with_how("stop"))] == [False]


def test_what_an_undo_started_after_the_running_hours_was_asked_for_by_a_person(evening: FakeWorld) -> None:
    undo_id = "20261123T220000Z-000001"
    undo_sweep(evening.world(), a_policy(BY_DEFAULT), undo_id, sweep_id(AT), UndoFilter())
    assert up(evening) == {"i-0", "i-1"}
    for at, _ in swept_until(evening, NEXT_END):
        assert up(evening) == ({"i-0", "i-1"} if at < NEXT_END else set())


def test_what_is_started_by_hand_while_the_prompt_is_open_is_kept() -> None:
    fake = a_world(ONE)
    fake.at = START_AT

    def confirm(question: Question) -> ConsentHow | None:
        fake.change("i-0", lambda one: replace(one, started_at=START_AT))
        return say_yes(question)

    fake.confirm = confirm
    run_sweep(fake.world(), a_policy(BY_DEFAULT), SWEEP_ID, Mode.ENFORCE)
    assert up(fake) == {"i-0"}
