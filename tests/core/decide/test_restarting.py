"""What AWS starts again by itself: by hand before that, which is kept; by AWS from then on, which is stopped again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.drift import kept_since
from orchestrator.core.decide.restarting import asking_about_restarts
from orchestrator.core.model import Decision, Obstacle, ObstacleCode, ReasonCode, Resource, ResourceState, Verdict
from orchestrator.core.model.remembered import Remembered, RememberedStop
from orchestrator.core.policy.org_policy import OrgPolicy
from tests.support.builders import SWEEP_ID, a_policy, a_resource, an_account
from tests.support.strategies import quick

STOPPED_AT = datetime(2026, 11, 16, 18, tzinfo=UTC)
RESTART = STOPPED_AT + timedelta(days=7)
NIGHT = STOPPED_AT + timedelta(days=2, hours=3)
AFTER = RESTART + timedelta(hours=2)
SCHEDULE = "schedules: {office: {timezone: UTC, running: ['mon-fri 07:00-18:00']}}\n"
DATABASE = replace(a_resource(), kind="rds", started_at=None, aws_state="available")
ACCOUNT = an_account()


def policy(more: str = "", kinds: str = "rds", schedule: str = ", schedule: office") -> OrgPolicy:
    rule = f"{{name: nights, kinds: [{kinds}], where: everything{schedule}{more}}}"
    return a_policy(f"{SCHEDULE if schedule else ''}rules: [{rule}]")


DEFAULT, KEEPS_RESTARTS = policy(), policy(", stop_again: false")


def held(**fields: object) -> Remembered:
    stop = RememberedStop(SWEEP_ID, "nonprod", STOPPED_AT, accepted=False)
    return Remembered({DATABASE.key: replace(stop, **fields)})  # type: ignore[arg-type]  # as the test says


def decided(
    now: datetime, by: OrgPolicy = DEFAULT, remembered: Remembered | None = None, resource: Resource = DATABASE
) -> Decision:
    return decide(by, resource, ACCOUNT, now, (), held() if remembered is None else remembered)


def test_what_runs_again_before_aws_restarts_it_was_started_by_hand_and_is_kept() -> None:
    kept = decided(NIGHT)
    assert (kept.verdict, kept.reason_code) == (Verdict.KEEP, ReasonCode.STARTED_BY_HAND)
    assert kept.reason == (
        f"It was started by hand: sweep {SWEEP_ID} had stopped it at Mon 2026-11-16 18:00 UTC, and AWS would start it "
        "again by itself only at Mon 2026-11-23 18:00 UTC; nothing says when it was started, so rule nights keeps it "
        "until Mon 2026-11-23 17:00 UTC."
    )


def test_from_an_hour_before_the_seven_days_are_over_it_is_aws_s_restart_and_is_stopped_again() -> None:
    always = policy(schedule="", more=", stop_again: false")
    edge = RESTART - timedelta(hours=1)
    assert decided(edge - timedelta(seconds=1), always).verdict is Verdict.STOP, "no hours after which it is by hand"
    assert decided(edge, always).reason_code is ReasonCode.RESTARTED_BY_AWS
    again = decided(AFTER)
    assert (again.verdict, again.reason_code) == (Verdict.STOP, ReasonCode.OUTSIDE_SCHEDULE)
    assert again.reason.endswith(
        f" AWS started it again by itself, 7 days after sweep {SWEEP_ID} stopped it at 2026-11-16T18:00:00Z."
    )


def test_a_rule_may_keep_what_aws_started_again() -> None:
    kept = decided(AFTER, KEEPS_RESTARTS)
    assert (kept.verdict, kept.reason_code) == (Verdict.KEEP, ReasonCode.RESTARTED_BY_AWS)
    assert kept.reason == (
        f"AWS started it again by itself, 7 days after sweep {SWEEP_ID} had stopped it at Mon 2026-11-16 18:00 UTC; "
        "rule nights keeps that (stop_again: false)."
    )


@pytest.mark.parametrize("how", ["stop", "{keep_for: 4h}", "keep_until_next_window"])
def test_the_rule_says_what_holds_for_what_was_started_by_hand(how: str) -> None:
    decision = decided(NIGHT, policy(f", started_by_hand: {how}"))
    assert (decision.verdict is Verdict.STOP) is (how == "stop"), "it may have been just now, so no time is over"


@pytest.mark.parametrize("by", [DEFAULT, KEEPS_RESTARTS])
def test_what_no_sweep_holds_down_is_an_ordinary_running_resource(by: OrgPolicy) -> None:
    for now in (NIGHT, AFTER):
        assert decided(now, by, Remembered()).verdict is Verdict.STOP


def test_within_its_running_hours_it_is_kept_by_its_schedule_as_ever() -> None:
    assert decided(NIGHT.replace(hour=12)).reason_code is ReasonCode.SCHEDULE


@pytest.mark.parametrize("by", [DEFAULT, KEEPS_RESTARTS])
def test_a_ledger_that_cannot_be_read_keeps_it(by: OrgPolicy) -> None:
    kept = decided(NIGHT, by, Remembered(unread="no table"))
    assert (kept.verdict, kept.reason_code) == (Verdict.KEEP, ReasonCode.UNREADABLE_LEDGER)
    assert decided(NIGHT, policy(", started_by_hand: stop"), Remembered(unread="no table")).verdict is Verdict.STOP


def test_a_stop_that_the_ledger_does_not_date_keeps_it() -> None:
    kept = decided(NIGHT, remembered=held(requested_at=None))
    assert (kept.verdict, kept.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_START)


def test_a_start_that_a_sweep_asked_for_is_nobody_s_by_hand() -> None:
    asked = STOPPED_AT + timedelta(hours=13)
    assert decided(NIGHT, remembered=held(start_asked_at=asked)).verdict is Verdict.STOP
    failed = held(start_asked_at=asked, start_failed_at=asked + timedelta(hours=1))
    assert decided(NIGHT, remembered=failed).reason_code is ReasonCode.STARTED_BY_HAND


def test_one_that_was_made_anew_since_is_not_what_was_stopped() -> None:
    anew = replace(DATABASE, created_at=STOPPED_AT + timedelta(days=1))
    assert decided(NIGHT, resource=anew).verdict is Verdict.STOP
    old = replace(DATABASE, created_at=STOPPED_AT - timedelta(days=90))
    assert decided(NIGHT, resource=old).reason_code is ReasonCode.STARTED_BY_HAND


def test_of_a_kind_that_aws_leaves_down_the_ledger_says_nothing() -> None:
    instance = replace(DATABASE, kind="ec2", started_at=STOPPED_AT - timedelta(days=9))
    known = Remembered({instance.key: held().stops[DATABASE.key]})
    assert decided(NIGHT, policy(kinds="ec2"), known, instance).verdict is Verdict.STOP


@pytest.mark.parametrize("state", [ResourceState.STOPPED, ResourceState.STOPPING])
def test_of_what_is_down_it_says_when_aws_starts_it_again(state: ResourceState) -> None:
    down = replace(DATABASE, state=state, aws_state=state.value, changed_at=STOPPED_AT)
    assert decided(NIGHT, resource=down).reason.endswith(" AWS starts it again by itself at 2026-11-23T18:00:00Z.")


def test_the_look_before_the_stop_decides_the_same() -> None:
    planned = decided(NIGHT, remembered=Remembered())
    assert planned.verdict is Verdict.STOP
    since = kept_since(planned, DATABASE, DEFAULT, ACCOUNT, NIGHT, (), held())
    assert since is not None
    assert (since.code, "started by hand" in since.sentence) == (ReasonCode.CHANGED, True)
    unread = kept_since(planned, DATABASE, DEFAULT, ACCOUNT, NIGHT, (), Remembered(unread="no table"))
    assert unread is not None
    assert unread.code is ReasonCode.NOT_SEEN_AGAIN
    assert kept_since(planned, DATABASE, DEFAULT, ACCOUNT, NIGHT, (), Remembered()) is None


# --- what the ledger is asked about -----------------------------------------------------------------------------------


def asked(by: OrgPolicy, *resources: Resource, now: datetime = NIGHT) -> list[Resource]:
    return [*asking_about_restarts(by, resources, {ACCOUNT.id: ACCOUNT}, now)]


def test_the_ledger_is_asked_only_about_what_its_answer_matters_for() -> None:
    kept = replace(DATABASE, obstacle=Obstacle(ObstacleCode.CANNOT_STOP, "It cannot."))
    instance, down = replace(DATABASE, kind="ec2"), replace(DATABASE, state=ResourceState.STOPPED)
    assert asked(policy(kinds="ec2, rds"), DATABASE, kept, instance, down) == [DATABASE]
    assert asked(DEFAULT, DATABASE, now=NIGHT.replace(hour=12)) == []
    assert asked(policy(", started_by_hand: stop"), DATABASE) == []
    assert asked(policy(", started_by_hand: stop, stop_again: false"), DATABASE) == [DATABASE]
    assert asked(policy(schedule=""), DATABASE) == []
    assert asked(policy(schedule="", more=", stop_again: false"), DATABASE) == [DATABASE]
    assert asked(policy(schedule="", more=", action: notify"), DATABASE) == []


@quick
@given(
    hours=st.integers(0, 24 * 12),
    how=st.sampled_from(["", ", started_by_hand: stop", ", started_by_hand: {keep_for: 4h}"]),
    again=st.sampled_from(["", ", stop_again: false"]),
)
def test_only_what_the_ledger_was_asked_about_is_decided_by_its_answer(hours: int, how: str, again: str) -> None:
    by, now = policy(how + again), STOPPED_AT + timedelta(hours=hours)
    with_row, without = decided(now, by), decided(now, by, Remembered())
    if not asked(by, DATABASE, now=now):
        assert with_row.verdict is without.verdict
    if with_row.reason_code in (ReasonCode.STARTED_BY_HAND, ReasonCode.RESTARTED_BY_AWS):
        assert without.verdict is Verdict.STOP
        assert (with_row.reason_code is ReasonCode.STARTED_BY_HAND) is (now < RESTART - timedelta(hours=1))
