"""Undo starts what the sweep stopped and nobody touched since; for anything else it says why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.core.decide.undo import decide_undo
from orchestrator.core.model import Action, AwsError, ReasonCode, Resource, Verdict
from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.marks import STOPPED_BY_TAG
from tests.support.builders import AT, SWEEP_ID, a_resource

STOPPED_AT = datetime(2026, 11, 23, 19, 0, 12, tzinfo=UTC)
STARTED_AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
NOTED_WITHIN = timedelta(minutes=5)


def stopped(state: str = "stopped", by: str | None = SWEEP_ID, **fields: Any) -> Resource:
    fields = {"changed_at": STOPPED_AT, "started_at": STARTED_AT, **fields}
    return a_resource(state=state, tags={} if by is None else {STOPPED_BY_TAG: by}, **fields)


def undone(
    fresh: Resource | None,
    requested_at: datetime | None = AT,
    noted_within: timedelta = NOTED_WITHIN,
    *,
    accepted: bool = True,
) -> tuple[Verdict, str]:
    decision = decide_undo(a_resource(), fresh, SWEEP_ID, requested_at, StopEvidence(noted_within), accepted=accepted)
    assert decision.action is Action.START
    assert replace(decision.resource, restore={}) == (fresh or a_resource())
    return decision.verdict, decision.reason


def test_what_the_sweep_stopped_and_nobody_touched_is_started() -> None:
    assert undone(stopped()) == (Verdict.START, f"Sweep {SWEEP_ID} stopped it and nobody touched it since.")


def test_its_facts_are_those_of_now() -> None:
    fresh = stopped()
    assert (
        decide_undo(a_resource(), fresh, SWEEP_ID, AT, StopEvidence(NOTED_WITHIN), accepted=True).facts == fresh.facts
    )


@pytest.mark.parametrize(
    ("fresh", "reason"),
    [
        (None, "It is gone."),
        (stopped("terminated"), "It is terminated: it is gone."),
        (stopped("shutting-down"), "It is shutting-down: it is gone."),
        (stopped("running"), "It is running: somebody started it since."),
        (stopped("pending"), "It is pending: it is being started. Undo again where it does not come up."),
        (stopped("odd"), "It is odd, neither running nor stopped; undo again when it is stopped."),
        (stopped("stopping"), "It is still stopping; undo again when it is stopped."),
        (stopped(by="another"), f"Its tag {STOPPED_BY_TAG} names 'another', not this sweep."),
        (
            stopped(changed_at=datetime(2026, 11, 24, 8, tzinfo=UTC)),
            "It was stopped at 2026-11-24T08:00:00Z, not by this sweep: somebody started it in between.",
        ),
        (
            stopped(started_at=datetime(2026, 11, 23, 19, 0, 10, tzinfo=UTC)),
            "It was started at 2026-11-23T19:00:10Z, after this sweep stopped it, and stopped again.",
        ),
    ],
)
def test_what_somebody_touched_since_is_kept_and_the_reason_says_what(fresh: Resource | None, reason: str) -> None:
    assert undone(fresh) == (Verdict.KEEP, reason)


# --- the mark and the ledger ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [None, ""])
def test_where_the_mark_was_removed_and_all_else_agrees_it_is_written_again_and_it_is_started(by: str | None) -> None:
    decision = decide_undo(a_resource(), stopped(by=by), SWEEP_ID, AT, StopEvidence(NOTED_WITHIN), accepted=True)
    assert decision.verdict is Verdict.START
    assert decision.reason == f"Sweep {SWEEP_ID} stopped it and nobody touched it since, but for its mark."
    assert decision.resource.restore == {STOPPED_BY_TAG: SWEEP_ID}


def test_what_a_start_needs_besides_stays_with_the_mark() -> None:
    fresh = stopped(by=None, restore={"desired": 3})
    decision = decide_undo(a_resource(), fresh, SWEEP_ID, AT, StopEvidence(NOTED_WITHIN), accepted=True)
    assert decision.resource.restore == {"desired": 3, STOPPED_BY_TAG: SWEEP_ID}


def test_where_the_ledger_knows_of_the_stop_the_start_knows_the_mark_to_write_should_it_be_gone_by_then() -> None:
    known = decide_undo(a_resource(), stopped(), SWEEP_ID, AT, StopEvidence(NOTED_WITHIN), accepted=True)
    unknown = decide_undo(a_resource(), stopped(), SWEEP_ID, AT, StopEvidence(NOTED_WITHIN), accepted=False)
    assert known.resource == replace(stopped(), restore={STOPPED_BY_TAG: SWEEP_ID})
    assert unknown.resource == stopped()


@pytest.mark.parametrize(
    "fresh",
    [
        stopped("running", by=None),
        stopped(by=None, changed_at=None),
        stopped(by=None, changed_at=datetime(2026, 11, 24, 8, tzinfo=UTC)),
        stopped(by=None, started_at=datetime(2026, 11, 23, 19, 0, 10, tzinfo=UTC)),
    ],
)
def test_without_its_mark_state_and_times_have_to_agree(fresh: Resource) -> None:
    assert undone(fresh)[0] is Verdict.KEEP


def test_where_the_ledger_does_not_know_of_the_stop_mark_state_and_times_have_to_agree() -> None:
    assert undone(stopped(), accepted=False)[0] is Verdict.START
    assert undone(stopped(changed_at=None), accepted=False)[0] is Verdict.KEEP
    text = f"It has no {STOPPED_BY_TAG} tag, and the ledger does not know that AWS accepted its stop."
    assert undone(stopped(by=None), accepted=False) == (Verdict.KEEP, text)


# --- times ------------------------------------------------------------------------------------------------------------


def test_a_stop_at_a_time_that_nobody_knows_is_not_undone() -> None:
    verdict, reason = undone(stopped(changed_at=None))
    assert (verdict, reason[:34]) == (Verdict.KEEP, "Nobody can say when it was stopped")


def test_a_stop_that_was_asked_for_at_a_time_that_nobody_knows_is_not_undone() -> None:
    assert undone(stopped(), requested_at=None)[0] is Verdict.KEEP


@pytest.mark.parametrize(("minutes", "verdict"), [(-6, "keep"), (-4, "start"), (9, "start"), (11, "keep")])
def test_two_clocks_may_differ_by_some_minutes_before_and_after_what_the_kind_takes(minutes: int, verdict: str) -> None:
    asked = datetime(2026, 11, 23, 19, 0, 12, tzinfo=UTC) - timedelta(minutes=minutes)
    assert undone(stopped(), asked)[0] == verdict


@pytest.mark.parametrize(("minutes", "verdict"), [(64, "start"), (66, "keep")])
def test_a_kind_that_takes_long_to_stop_may_note_its_stop_later(minutes: int, verdict: str) -> None:
    asked = STOPPED_AT - timedelta(minutes=minutes)
    assert undone(stopped(), asked, timedelta(hours=1))[0] == verdict


def test_a_start_at_a_time_that_nobody_knows_is_left_to_the_other_facts() -> None:
    assert undone(stopped(started_at=None))[0] is Verdict.START


@pytest.mark.parametrize(
    ("fresh", "code"),
    [
        (None, ReasonCode.GONE),
        (stopped("stopping"), ReasonCode.STILL_STOPPING),
        (stopped("running"), ReasonCode.STARTED_SINCE),
        (stopped(by="another"), ReasonCode.NOT_MARKED),
        (stopped(changed_at=None), ReasonCode.STOPPED_BY_OTHERS),
        (stopped(), ReasonCode.STOPPED_BY_SWEEP),
    ],
)
def test_each_reason_has_its_code(fresh: Resource | None, code: ReasonCode) -> None:
    assert decide_undo(a_resource(), fresh, SWEEP_ID, AT, StopEvidence(NOTED_WITHIN), accepted=True).reason_code is code


SECONDS = [-240, -1, 1, 20, 240]


@pytest.mark.parametrize("behind", SECONDS)
@pytest.mark.parametrize(("started", "verdict"), [(STARTED_AT, "start"), (STOPPED_AT, "keep")])
def test_where_the_start_before_the_stop_is_known_clocks_do_not_tell_whether_it_was_started_since(
    behind: int, started: datetime, verdict: str
) -> None:
    before, asked = stopped("running", started_at=STARTED_AT), STARTED_AT + timedelta(seconds=20 - behind)
    fresh = stopped(started_at=started, changed_at=STARTED_AT + timedelta(seconds=20))
    assert decide_undo(before, fresh, SWEEP_ID, asked, StopEvidence(NOTED_WITHIN), accepted=True).verdict == verdict


# --- a start that came to nothing -------------------------------------------------------------------------------------

START_ASKED_AT = AT + timedelta(hours=2)
FELL_BACK = {"changed_at": None, "started_at": START_ASKED_AT + timedelta(seconds=1)}


def undone_again(fresh: Resource, asked: datetime | None = START_ASKED_AT, *, held: bool = True) -> ReasonCode:
    return decide_undo(
        a_resource(), fresh, SWEEP_ID, AT, StopEvidence(NOTED_WITHIN), asked, accepted=True, held=held
    ).reason_code


@pytest.mark.parametrize(
    "fresh",
    [
        stopped(**FELL_BACK, start_failure=AwsError("Server.New", "x")),
        stopped(**FELL_BACK),
        stopped(changed_at=None, started_at=None),
        stopped(changed_at=STOPPED_AT),
        stopped(by=None, **FELL_BACK),
    ],
)
def test_what_is_down_after_the_start_of_an_earlier_undo_and_of_which_no_later_stop_is_known_is_started(
    fresh: Resource,
) -> None:
    assert undone_again(fresh) is ReasonCode.STOPPED_BY_SWEEP


@pytest.mark.parametrize(
    ("fresh", "code"),
    [
        (stopped(**{**FELL_BACK, "changed_at": START_ASKED_AT + timedelta(minutes=1)}), ReasonCode.STOPPED_BY_OTHERS),
        (stopped(changed_at=START_ASKED_AT, started_at=None), ReasonCode.STOPPED_BY_OTHERS),
        (stopped(changed_at=None, started_at=START_ASKED_AT + timedelta(hours=1)), ReasonCode.STOPPED_BY_OTHERS),
        (stopped(by="another", **FELL_BACK), ReasonCode.NOT_MARKED),
        (stopped("running", **FELL_BACK), ReasonCode.STARTED_SINCE),
    ],
)
def test_what_somebody_started_or_stopped_after_the_start_of_an_earlier_undo_is_kept(
    fresh: Resource, code: ReasonCode
) -> None:
    assert undone_again(fresh) is code


def test_what_shut_down_from_inside_at_an_unknown_time_may_have_come_up_and_is_kept() -> None:
    fresh = stopped(**FELL_BACK, start_failure=AwsError("Shutdown", "x"), may_have_run=True)
    assert undone_again(fresh) is ReasonCode.STOPPED_BY_OTHERS


def test_what_a_person_stopped_right_after_an_undo_that_came_right_after_the_sweep_is_kept() -> None:
    """Its time alone might be that of the sweep's stop."""
    asked = AT + timedelta(seconds=20)
    fresh = stopped(started_at=asked, changed_at=asked + timedelta(minutes=1))
    assert undone_again(fresh, asked) is ReasonCode.STARTED_SINCE


def test_without_a_start_that_an_undo_asked_for_a_stop_at_an_unknown_time_is_kept() -> None:
    assert undone_again(stopped(**FELL_BACK), None) is ReasonCode.STOPPED_BY_OTHERS


UNDATED = StopEvidence(is_dated=False, start_needs=frozenset({"desired"}))
SIZED = {"desired": 3}


@pytest.mark.parametrize(
    ("tags", "restore", "code"),
    [
        ({STOPPED_BY_TAG: SWEEP_ID}, SIZED, ReasonCode.STOPPED_BY_SWEEP),
        ({}, SIZED, ReasonCode.NOT_MARKED),
        ({STOPPED_BY_TAG: "a person"}, SIZED, ReasonCode.NOT_MARKED),
        ({STOPPED_BY_TAG: SWEEP_ID}, {}, ReasonCode.UNKNOWN_SIZE),
    ],
)
def test_where_aws_does_not_date_stops_the_mark_has_to_be_there_and_so_has_the_size_of_before(
    tags: dict[str, str], restore: dict[str, int], code: ReasonCode
) -> None:
    fresh = replace(stopped(), tags=tags, changed_at=None, restore=restore)
    found = decide_undo(a_resource(), fresh, SWEEP_ID, AT, UNDATED, accepted=True, held=True)
    assert found.reason_code is code
    if code is ReasonCode.STOPPED_BY_SWEEP:
        assert found.resource.restore["desired"] == 3


def test_an_undo_counts_as_many_units_as_the_ledger_has_of_its_size() -> None:
    evidence = UNDATED._replace(started_units="desired")
    for tags, units in (({STOPPED_BY_TAG: SWEEP_ID}, 3), ({}, 1)):
        fresh = a_resource(state="stopped", tags=tags, restore=SIZED)
        decision = decide_undo(a_resource(), fresh, SWEEP_ID, AT, evidence, accepted=True)
        assert (decision.verdict is Verdict.START, decision.resource.units) == (units == 3, units)
