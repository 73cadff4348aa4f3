"""A week of a kind that AWS starts again by itself: by hand is kept, AWS's restart is stopped; the ledger tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from orchestrator.core.model import Mode, Question
from orchestrator.core.model.consent import ConsentHow
from orchestrator.core.model.kind import KindDescription
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import Row
from orchestrator.errors import LedgerError
from orchestrator.kinds.ec2.description import EC2
from orchestrator.ports import World
from orchestrator.sweep.run import resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import AT, SWEEP_ID, in_state
from tests.support.consent import say_yes
from tests.support.fake_kind import FakeKind
from tests.support.fake_world import ONE, FakeWorld, a_world, reasons
from tests.support.memory_store import Died
from tests.support.policies import load

RESTARTED: KindDescription = replace(EC2, tells_start=False, restarted_after=timedelta(days=7))
"""As databases are, under the name of the world's one kind."""
HOURS = "version: 1\nname: nonprod\nschedules: {office: {timezone: UTC, running: ['mon-fri 07:00-19:00']}}\n"
DAY = timedelta(days=1)


def a_rule(more: str = "") -> OrgPolicy:
    text = f"{HOURS}rules: [{{name: dev, where: everything, schedule: office{more}}}]"
    return load(text, kinds=(RESTARTED,))


def sweep_id(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S}Z-7f3a9c"


def world_of(fake: FakeWorld) -> World:
    kind = FakeKind(fake, RESTARTED)
    return replace(fake.world(), kinds={"ec2": kind}, actors={"ec2": kind})


def swept(fake: FakeWorld, at: datetime, policy: OrgPolicy | None = None) -> Row:
    fake.at = at
    run_sweep(world_of(fake), policy or a_rule(), sweep_id(at), Mode.ENFORCE)
    return fake.written(sweep_id(at))


def starts(fake: FakeWorld, resource_id: str) -> None:
    """Somebody, or AWS: nothing tells which, nor when. The marks stay."""
    fake.change(resource_id, lambda one: in_state(one, "running", started_at=None, changed_at=None))


def up(fake: FakeWorld) -> set[str]:
    found = [one for target in fake.resources for one in fake.instances(target).values()]
    return {one.resource_id for one in found if one.state == "running"}


@pytest.fixture
def evening() -> FakeWorld:
    """Two that ran all day, stopped by the sweep at 19:00."""
    fake = a_world(ONE)
    for one in ("i-0", "i-1"):
        fake.change(one, lambda found: replace(found, started_at=None))
    assert swept(fake, AT)["status"] == "complete"
    assert up(fake) == set()
    return fake


def test_by_hand_is_kept_until_the_seven_days_are_over_and_then_it_is_stopped_again(evening: FakeWorld) -> None:
    starts(evening, "i-0")
    for days in range(1, 7):
        report = swept(evening, AT + days * DAY)
        assert up(evening) == {"i-0"}, days
        assert reasons(report)["i-0"].startswith("It was started by hand: sweep ")
    report = swept(evening, AT + 7 * DAY)
    assert up(evening) == set()
    [stop] = [row for row in report["decisions"] if row["verdict"] == "stop"]
    assert "AWS started it again by itself" in stop["reason"]


def test_the_stop_after_a_restart_begins_seven_days_anew(evening: FakeWorld) -> None:
    starts(evening, "i-0")
    swept(evening, AT + 7 * DAY)
    starts(evening, "i-0")
    swept(evening, AT + 8 * DAY)
    assert up(evening) == {"i-0"}


def test_a_rule_that_keeps_aws_s_restarts_leaves_it_running(evening: FakeWorld) -> None:
    starts(evening, "i-0")
    report = swept(evening, AT + 7 * DAY, a_rule(", stop_again: false"))
    assert up(evening) == {"i-0"}
    [row] = [one for one in report["decisions"] if one["resource_id"] == "i-0"]
    assert row["reason_code"] == "restarted_by_aws"


def test_stop_stops_what_was_started_by_hand_at_the_next_sweep(evening: FakeWorld) -> None:
    starts(evening, "i-0")
    swept(evening, AT + timedelta(hours=1), a_rule(", started_by_hand: stop"))
    assert up(evening) == set()


def test_what_an_undo_started_and_was_seen_is_an_ordinary_running_resource(evening: FakeWorld) -> None:
    evening.at = AT + timedelta(hours=1)
    undo_sweep(world_of(evening), a_rule(), "20261123T200000Z-000001", sweep_id(AT), UndoFilter())
    assert up(evening) == {"i-0", "i-1"}
    swept(evening, AT + timedelta(hours=2))
    assert up(evening) == set()


def test_a_ledger_that_cannot_be_read_keeps_what_may_have_been_started_by_hand(
    evening: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts(evening, "i-0")

    def unread(_: object) -> object:
        raise LedgerError("the table is gone")

    monkeypatch.setattr(evening.ledger, "held_at_each", unread)
    report = swept(evening, AT + DAY, a_rule())
    assert up(evening) == {"i-0"}
    assert reasons(report)["i-0"] == "Who started it is unknown: the ledger could not be read (the table is gone)."


def test_the_ledger_is_asked_once_for_the_targets_that_have_some_and_not_at_all_without(
    evening: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    held_at_each = evening.ledger.held_at_each

    def counted(targets: list[object]) -> object:
        asked.append(len(targets))
        return held_at_each(targets)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(evening.ledger, "held_at_each", counted)
    swept(evening, AT + DAY)
    assert asked == []
    starts(evening, "i-0")
    swept(evening, AT + 2 * DAY)
    assert asked == [1]


def test_what_is_started_by_hand_after_the_plan_is_kept_by_the_look_before_its_stop() -> None:
    """The plan saw it running; another sweep stopped it meanwhile, and somebody started it."""
    fake = a_world(ONE)
    for one in ("i-0", "i-1"):
        fake.change(one, lambda found: replace(found, started_at=None))

    def confirm(question: Question) -> ConsentHow | None:
        fake.confirm = say_yes
        run_sweep(world_of(fake), a_rule(), sweep_id(AT - timedelta(minutes=1)), Mode.ENFORCE)
        starts(fake, "i-0")
        return say_yes(question)

    fake.confirm = confirm
    run_sweep(world_of(fake), a_rule(), SWEEP_ID, Mode.ENFORCE)
    assert up(fake) == {"i-0"}
    assert "started by hand" in reasons(fake.written())["i-0"]


def test_who_resumes_a_stop_of_what_aws_restarted_does_not_take_its_own_for_an_earlier_one(evening: FakeWorld) -> None:
    """The process died after it had written what it was about to hold down, and before it asked for the stop."""
    starts(evening, "i-0")
    again = AT + 7 * DAY

    def dies(event: str) -> None:
        if event == "hold i-0":
            evening.life.dies_after = len(evening.life.events) + 1

    evening.life.before = dies
    with pytest.raises(Died):
        swept(evening, again)
    assert up(evening) == {"i-0"}
    evening.life.before, evening.life.dies_after = lambda _: None, None
    begun = evening.ledger.sweep(sweep_id(again))
    assert begun is not None
    resume_sweep(world_of(evening), a_rule(), begun)
    assert up(evening) == set()
