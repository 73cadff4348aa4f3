"""Notice before the stop, over several days: announced, kept, stopped; withdrawn; the tag deleted, or moved."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.core.model import Action, Mode, OutcomeStatus, Resource, ResourceKey, Verdict
from orchestrator.core.model.marks import STOP_AFTER_TAG
from orchestrator.core.report.document import Row
from orchestrator.errors import LedgerError, PlanError
from orchestrator.sweep.recover import recover_from_records
from orchestrator.sweep.run import apply_plan, resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.stored_plan import open_plan
from orchestrator.sweep.undo import UndoFilter
from tests.support.builders import AT, a_policy
from tests.support.fake_world import ONE, THREE, TWO, FakeWorld, a_world, outcomes
from tests.support.memory_store import Died
from tests.support.parts import Machine

OWNERLESS = "rules: [{name: ownerless, where: {not: {tag: {Owner: '*'}}}, notice: {days: 3}}]"
AT_NIGHT = """
    schedules:
      office: {timezone: UTC, running: ["mon-sun 07:00-18:00"]}
    rules: [{name: nights, where: everything, schedule: office, notice: {days: 3}}]
"""
LAST_DAY = "2026-11-26"
"""Three days after AT."""


@pytest.fixture
def fake() -> FakeWorld:
    """For the state machine's fixture."""
    return a_world(ONE, TWO, THREE, workers=1)


def sweep(fake: FakeWorld, day: int, mode: Mode = Mode.ENFORCE, policy: str = OWNERLESS, hour: int = 19) -> Row:
    """That many days after the first one."""
    fake.at = AT.replace(hour=hour) + timedelta(days=day)
    sweep_id = f"{fake.at:%Y%m%dT%H%M%SZ}-{day:06x}"
    run_sweep(fake.world(), a_policy(policy), sweep_id, mode)
    return fake.written(sweep_id)


def one_world() -> FakeWorld:
    """Of one instance."""
    fake = a_world(ONE)
    fake.resources = {target: found for target, found in fake.resources.items() if found[0].resource_id == "i-0"}  # type: ignore[index]  # no exception
    return fake


def the_instance(fake: FakeWorld) -> Resource:
    [instance] = [one for found in fake.resources.values() if not isinstance(found, Exception) for one in found]
    return instance


def tag(fake: FakeWorld) -> str | None:
    return the_instance(fake).tags.get(STOP_AFTER_TAG)


def write_tag(fake: FakeWorld, **tags: str) -> None:
    fake.change("i-0", lambda one: replace(one, tags={**one.tags, **tags}))


def write_day(fake: FakeWorld, text: str) -> None:
    fake.change("i-0", lambda one: replace(one, tags={**one.tags, STOP_AFTER_TAG: text}))


def delete_tag(fake: FakeWorld) -> None:
    fake.change("i-0", lambda one: replace(one, tags={key: one.tags[key] for key in one.tags if key != STOP_AFTER_TAG}))


def announced(fake: FakeWorld) -> list[str]:
    return [str(one.stop_after) for one in fake.ledger.notices("nonprod").values()]


def reason(report: Row) -> tuple[str, str]:
    [decision] = report["decisions"]
    return decision["verdict"], decision["reason_code"]


def test_the_first_sweep_announces_a_sweep_meanwhile_keeps_and_only_one_after_the_day_stops() -> None:
    fake = one_world()
    first = sweep(fake, 0)
    assert outcomes(first) == {"i-0": "tagged"}
    assert first["decisions"][0]["tag_changes"] == {STOP_AFTER_TAG: LAST_DAY}
    assert first["decisions"][0]["reason"] == (
        "Rule ownerless would stop it, and announces that first: it is kept until the end of 2026-11-26."
    )
    assert (tag(fake), announced(fake), fake.stopped) == (LAST_DAY, [LAST_DAY], [])
    for day in (0, 2, 3):
        assert reason(sweep(fake, day, hour=20)) == ("keep", "notice")
    assert fake.stopped == []
    last = sweep(fake, 4)
    assert outcomes(last) == {"i-0": "stopped"}
    assert last["decisions"][0]["reason"].endswith("; the notice of its stop ended on 2026-11-26.")
    assert fake.stopped == ["i-0"]


def test_a_plan_says_that_it_would_announce_and_remembers_nothing() -> None:
    fake = one_world()
    assert outcomes(sweep(fake, 0, Mode.PLAN)) == {"i-0": "would_tag"}
    assert (tag(fake), announced(fake)) == (None, [])
    sweep(fake, 0, hour=20)
    assert outcomes(sweep(fake, 4, Mode.PLAN)) == {"i-0": "would_stop"}


def test_what_its_owner_mended_is_unmarked_and_announced_anew_when_it_matches_again() -> None:
    fake = one_world()
    sweep(fake, 0)
    write_tag(fake, Owner="ann")
    report = sweep(fake, 2)
    assert (outcomes(report), reason(report)) == ({"i-0": "untagged"}, ("untag", "notice_withdrawn"))
    assert (tag(fake), announced(fake)) == (None, [])
    fake.change("i-0", lambda one: replace(one, tags={}))
    assert outcomes(sweep(fake, 5)) == {"i-0": "tagged"}
    assert (tag(fake), fake.stopped) == ("2026-12-01", [])


def test_inside_its_running_window_a_notice_stays() -> None:
    fake = one_world()
    sweep(fake, 0, policy=AT_NIGHT)
    assert reason(sweep(fake, 1, policy=AT_NIGHT, hour=12)) == ("keep", "schedule")
    assert (tag(fake), announced(fake)) == (LAST_DAY, [LAST_DAY])


def test_a_tag_that_was_deleted_is_written_again_with_the_day_of_the_ledger() -> None:
    fake = one_world()
    sweep(fake, 0)
    delete_tag(fake)
    assert outcomes(sweep(fake, 2)) == {"i-0": "tagged"}
    assert (tag(fake), announced(fake)) == (LAST_DAY, [LAST_DAY])
    delete_tag(fake)
    assert outcomes(sweep(fake, 4)) == {"i-0": "stopped"}


def test_an_earlier_day_in_the_tag_shortens_nothing() -> None:
    fake = one_world()
    sweep(fake, 0)
    write_day(fake, "2026-11-20")
    assert reason(sweep(fake, 3)) == ("keep", "notice")
    assert outcomes(sweep(fake, 4)) == {"i-0": "stopped"}


def test_a_later_day_in_the_tag_is_honoured_but_for_no_longer_than_ninety_days() -> None:
    fake = one_world()
    sweep(fake, 0)
    write_day(fake, "2026-12-10")
    assert reason(sweep(fake, 17)) == ("keep", "notice")
    write_day(fake, "2099-01-01")
    assert reason(sweep(fake, 90)) == ("keep", "notice")
    assert outcomes(sweep(fake, 91)) == {"i-0": "stopped"}


def test_a_tag_that_is_no_day_keeps_and_is_reported() -> None:
    fake = one_world()
    sweep(fake, 0)
    write_day(fake, "after christmas")
    report = sweep(fake, 30)
    assert reason(report) == ("keep", "notice_unknown")
    assert [row["violation"] for row in report["compliance"]] == ["malformed_stop_after"]


def test_a_tag_without_a_word_of_the_ledger_stops_nothing_however_old_its_day() -> None:
    fake = one_world()
    write_day(fake, "2020-01-01")
    assert outcomes(sweep(fake, 0)) == {"i-0": "tagged"}
    assert tag(fake) == LAST_DAY


def test_where_no_rule_announces_a_persons_tag_spares_as_any_misspelt_one() -> None:
    fake = one_world()
    write_day(fake, "2027-01-01")
    report = sweep(fake, 0, policy="rules: [{name: all, where: everything}]")
    assert reason(report) == ("keep", "exempt")


def test_without_the_notice_in_its_rule_it_is_unmarked_first_and_stopped_by_the_next_sweep() -> None:
    fake = one_world()
    sweep(fake, 0)
    plain = OWNERLESS.replace(", notice: {days: 3}", "")
    assert outcomes(sweep(fake, 1, policy=plain)) == {"i-0": "untagged"}
    assert outcomes(sweep(fake, 2, policy=plain)) == {"i-0": "stopped"}


def test_another_rule_announces_anew() -> None:
    fake = one_world()
    sweep(fake, 0)
    assert outcomes(sweep(fake, 4, policy=OWNERLESS.replace("ownerless", "nameless"))) == {"i-0": "tagged"}
    assert announced(fake) == ["2026-11-30"]


def test_an_opt_out_keeps_and_leaves_the_notice_as_it_is() -> None:
    fake = one_world()
    sweep(fake, 0)
    write_tag(fake, **{"stop-orchestrator:opt-out": "true"})
    assert reason(sweep(fake, 4)) == ("keep", "exempt")
    assert (tag(fake), announced(fake)) == (LAST_DAY, [LAST_DAY])


def test_a_ledger_that_cannot_be_read_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = one_world()
    sweep(fake, 0)

    def refuse(*_: object) -> dict[ResourceKey, object]:
        raise LedgerError("throttled")

    monkeypatch.setattr("orchestrator.ledger.ledger.Ledger.notices", refuse)
    report = sweep(fake, 4)
    assert reason(report) == ("keep", "notice_unknown")
    assert "throttled" in report["decisions"][0]["reason"]


def test_a_refused_tag_is_a_failure_in_aws_words_and_no_notice_begins() -> None:
    fake = one_world()
    fake.stops = {"i-0": OutcomeStatus.FAILED}
    assert outcomes(sweep(fake, 0)) == {"i-0": "failed"}
    assert announced(fake) == []
    fake.stops = {}
    assert outcomes(sweep(fake, 4)) == {"i-0": "tagged"}
    assert fake.stopped == []


def test_what_changed_its_owner_right_before_the_tag_is_kept() -> None:
    fake = one_world()
    fake.before_look = lambda _: write_tag(fake, Owner="ann")
    assert reason(sweep(fake, 0)) == ("keep", "changed")
    assert (tag(fake), announced(fake)) == (None, [])


def test_a_stop_after_its_notice_is_looked_at_afresh_by_the_same_notice_when_a_plan_is_applied() -> None:
    fake = one_world()
    sweep(fake, 0)
    plan = sweep(fake, 4, Mode.PLAN)
    world = fake.world()
    _, stored = open_plan(world.store, world.ledger, plan["sweep_id"], world.now(), "")
    apply_plan(world, a_policy(OWNERLESS), "20261127T193000Z-0000aa", stored)
    assert outcomes(fake.written("20261127T193000Z-0000aa")) == {"i-0": "stopped"}


def test_a_plan_that_is_applied_on_a_later_day_announces_no_day_that_is_nearer_than_promised() -> None:
    fake = one_world()
    plan = sweep(fake, 0, Mode.PLAN)
    fake.at += timedelta(hours=6)
    world = fake.world()
    _, stored = open_plan(world.store, world.ledger, plan["sweep_id"], world.now(), "")
    apply_plan(world, a_policy(OWNERLESS), "20261124T010000Z-0000aa", stored)
    assert reason(fake.written("20261124T010000Z-0000aa")) == ("keep", "changed")


def test_undoing_the_sweep_that_announced_deletes_the_tag_and_what_a_person_wrote_stays() -> None:
    fake = one_world()
    first = sweep(fake, 0)
    undo_sweep(fake.world(), a_policy(OWNERLESS), "20261123T200000Z-0000aa", first["sweep_id"], UndoFilter())
    assert outcomes(fake.written("20261123T200000Z-0000aa")) == {"i-0": "untagged"}
    assert (tag(fake), announced(fake)) == (None, [])
    second = sweep(fake, 1)
    write_day(fake, "2026-12-20")
    undo_sweep(fake.world(), a_policy(OWNERLESS), "20261124T200000Z-0000aa", second["sweep_id"], UndoFilter())
    assert outcomes(fake.written("20261124T200000Z-0000aa")) == {}
    assert tag(fake) == "2026-12-20"


def test_wherever_the_process_dies_a_resumed_sweep_announces_once_and_stops_nothing_before_its_day() -> None:
    fake = one_world()
    sweep(fake, 0)
    for after in range(1, len(fake.life.events) + 1):
        fake = one_world()
        fake.life.dies_after = after
        with suppress(Died):
            sweep(fake, 0)
        fake.life.dies_after = None
        for summary in fake.ledger.sweeps():
            if summary.status == "running":
                resume_sweep(fake.world(), a_policy(OWNERLESS), summary)
        assert (tag(fake), announced(fake)) in ((LAST_DAY, [LAST_DAY]), (None, [])), fake.life.events
        sweep(fake, 3, hour=20)
        assert fake.stopped == [], fake.life.events
        sweep(fake, 7, hour=20)
        assert fake.stopped == ["i-0"], fake.life.events


def test_the_steps_of_the_state_machine_announce_and_stop_as_one_process_does(
    fake: FakeWorld, machine: Machine
) -> None:
    machine(OWNERLESS)({"mode": "enforce"})
    assert set(outcomes(fake.written()).values()) == {"tagged"}
    assert announced(fake) == [LAST_DAY] * 6
    fake.at += timedelta(days=4)
    report = sweep(fake, 4)
    assert set(outcomes(report).values()) == {"stopped"}
    assert len(fake.stopped) == 6


TAG_RULE = "rules: [{name: ownerless, where: {not: {tag: {Owner: '*'}}}, action: tag, tags: {Owner-missing: reported}}]"


def test_a_rule_that_tags_writes_once_in_whatever_state_and_stops_nothing() -> None:
    fake = one_world()
    fake.change("i-0", lambda one: replace(one, state=one.state.STARTING, aws_state="pending"))
    assert outcomes(sweep(fake, 0, policy=TAG_RULE)) == {"i-0": "tagged"}
    assert the_instance(fake).tags == {"Owner-missing": "reported"}
    assert fake.ledger.held_since_before("9") == ()
    assert reason(sweep(fake, 1, policy=TAG_RULE)) == ("keep", "has_tags")
    assert fake.stopped == []


def test_what_was_announced_loses_that_tag_before_another_rule_writes_its_own() -> None:
    fake = one_world()
    sweep(fake, 0)
    assert outcomes(sweep(fake, 1, policy=TAG_RULE)) == {"i-0": "untagged"}
    assert (tag(fake), announced(fake)) == (None, [])
    assert outcomes(sweep(fake, 2, policy=TAG_RULE)) == {"i-0": "tagged"}


def test_a_persons_other_value_stays() -> None:
    fake = one_world()
    write_tag(fake, **{"Owner-missing": "I know"})
    report = sweep(fake, 0, policy=TAG_RULE)
    assert reason(report) == ("keep", "has_tags")
    assert "It keeps Owner-missing=I know" in report["decisions"][0]["reason"]


def test_a_rule_that_notifies_does_nothing_and_says_so() -> None:
    fake = one_world()
    report = sweep(fake, 0, policy="rules: [{name: look, where: everything, action: notify}]")
    assert (reason(report), report["outcomes"]) == (("keep", "only_reported"), [])


def test_a_limit_of_tags_holds_the_plan_and_limits_of_stops_do_not_count_them() -> None:
    fake = a_world(ONE)
    within = sweep(fake, 0, Mode.PLAN, TAG_RULE + "\nguardrails: {max_stops: 0, max_tags: 2}")
    assert outcomes(within) == {"i-0": "would_tag", "i-1": "would_tag"}
    beyond = sweep(fake, 0, Mode.ENFORCE, TAG_RULE + "\nguardrails: {max_tags: 1}", hour=20)
    assert (beyond["status"], outcomes(beyond)) == ("held", {"i-0": "held", "i-1": "held"})


def test_what_an_undo_did_not_tag_is_no_stop_to_an_undo() -> None:
    """A tag that AWS refused, or of which it is unknown whether it came to be, starts nothing."""
    fake = one_world()
    fake.stops = {"i-0": OutcomeStatus.UNKNOWN}
    first = sweep(fake, 0, policy=TAG_RULE)
    undo_sweep(fake.world(), a_policy(TAG_RULE), "20261123T200000Z-0000aa", first["sweep_id"], UndoFilter())
    [decision] = fake.written("20261123T200000Z-0000aa")["decisions"]
    assert (decision["verdict"], fake.started) == ("keep", [])


def test_deleting_a_tag_is_nothing_that_an_undo_takes_back_whatever_came_of_it() -> None:
    fake = one_world()
    sweep(fake, 0)
    write_tag(fake, Owner="ann")
    fake.stops = {"i-0": OutcomeStatus.UNKNOWN}
    untagged = sweep(fake, 1)
    with pytest.raises(PlanError, match="stopped nothing"):
        undo_sweep(fake.world(), a_policy(OWNERLESS), "20261124T200000Z-0000aa", untagged["sweep_id"], UndoFilter())


def test_where_the_plan_cannot_be_read_a_change_of_tags_is_told_by_its_row_and_taken_for_no_stop() -> None:
    fake = one_world()
    first = sweep(fake, 0, policy=TAG_RULE)
    decisions, _ = recover_from_records(fake.world(), first["sweep_id"], Action.STOP)
    assert [(one.verdict, one.action) for one in decisions] == [(Verdict.TAG, Action.TAG)]
