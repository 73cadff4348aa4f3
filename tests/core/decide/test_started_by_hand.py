"""What a person started after its running hours had ended is kept, for as long as its rule says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import Decision, ReasonCode, Resource, Verdict
from orchestrator.core.policy.org_policy import OrgPolicy
from tests.support.builders import a_policy, a_resource, an_account
from tests.support.strategies import quick

BERLIN = 'schedules: {office: {timezone: Europe/Berlin, running: ["mon-fri 07:00-19:00"]}}'


def policy(started_by_hand: str = "", schedules: str = BERLIN, more: str = "schedule: office") -> OrgPolicy:
    how = f", started_by_hand: {started_by_hand}" if started_by_hand else ""
    return a_policy(f"{schedules}\nrules: [{{name: nights, where: everything, {more}{how}}}]")


DEFAULT, STOPS, FOUR_HOURS = policy(), policy("stop"), policy("{keep_for: 4h}")


def at(day: int, hour: int, minute: int = 0, second: int = 0, *, month: int = 11) -> datetime:
    """In UTC; Berlin is an hour ahead in November."""
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


ENDED = at(23, 18)


def decided(started: datetime | None, now: datetime, by: OrgPolicy = DEFAULT) -> Decision:
    return decide(by, a_resource(started_at=started), an_account(), now)


def test_it_is_kept_through_its_next_running_hours_and_stopped_when_those_end() -> None:
    started = at(23, 21)
    kept = decided(started, at(23, 22))
    assert (kept.verdict, kept.reason_code) == (Verdict.KEEP, ReasonCode.STARTED_BY_HAND)
    assert kept.reason == (
        "It was started at Mon 2026-11-23 22:00 CET, after its running hours by office had ended; rule nights keeps it "
        "through its next running hours, until Tue 2026-11-24 19:00 CET."
    )
    assert decided(started, at(24, 5, 59)).reason_code is ReasonCode.STARTED_BY_HAND
    assert decided(started, at(24, 6)).reason_code is ReasonCode.SCHEDULE
    assert decided(started, at(24, 17, 59)).reason_code is ReasonCode.SCHEDULE
    assert decided(started, at(24, 18)).verdict is Verdict.STOP


def test_over_a_weekend_it_is_kept_until_monday_evening() -> None:
    kept = decided(at(28, 10), at(29, 10))
    assert kept.reason_code is ReasonCode.STARTED_BY_HAND
    assert kept.reason.endswith("until Mon 2026-11-30 19:00 CET.")


@pytest.mark.parametrize(
    ("started", "verdict"),
    [
        (at(20, 8), Verdict.STOP),
        (at(23, 17, 59, 59), Verdict.STOP),
        (ENDED, Verdict.KEEP),
        (at(23, 18, 0, 1), Verdict.KEEP),
        (at(23, 23), Verdict.KEEP),
    ],
    ids=["days ago", "a second before the end", "at the end", "a second after it", "in time to come"],
)
def test_what_was_started_within_its_running_hours_is_stopped_and_what_was_started_after_them_is_kept(
    started: datetime, verdict: Verdict
) -> None:
    assert decided(started, at(23, 22)).verdict is verdict


def test_keep_for_counts_from_its_start_and_through_the_running_hours_in_between() -> None:
    started = at(23, 21)
    kept = decided(started, at(24, 0, 59), FOUR_HOURS)
    assert kept.reason.endswith("rule nights keeps it for 4 h, until Tue 2026-11-24 02:00 CET.")
    assert decided(started, at(24, 1), FOUR_HOURS).verdict is Verdict.STOP
    assert decided(at(24, 5), at(24, 8, 59), FOUR_HOURS).reason_code is ReasonCode.SCHEDULE


def test_keep_for_counts_beyond_the_end_of_running_hours_that_were_in_between() -> None:
    by = policy("{keep_for: 60h}")
    started = at(24, 21)  # Tuesday evening; until Friday morning
    for now in (at(24, 22), at(25, 18), at(26, 5, 59), at(26, 18), at(27, 5, 59)):
        assert decided(started, now, by).reason_code is ReasonCode.STARTED_BY_HAND, now
    assert decided(started, at(26, 18), by).reason.endswith("keeps it for 60 h, until Fri 2026-11-27 10:00 CET.")
    assert decided(started, at(27, 18), by).verdict is Verdict.STOP
    assert decided(at(24, 17, 59), at(24, 18), by).verdict is Verdict.STOP  # started within its hours


def test_stop_stops_it_as_if_nothing_had_happened() -> None:
    assert decided(at(23, 21), at(23, 22), STOPS).verdict is Verdict.STOP
    assert decided(None, at(23, 22), STOPS).verdict is Verdict.STOP


@pytest.mark.parametrize("by", [DEFAULT, FOUR_HOURS])
def test_an_instance_of_which_ec2_does_not_say_when_it_was_started_is_kept(by: OrgPolicy) -> None:
    decision = decided(None, at(23, 22), by)
    assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, ReasonCode.UNKNOWN_START)
    assert decision.reason.endswith("rule nights stops it only with started_by_hand: stop.")


def test_of_a_kind_that_never_says_when_it_was_started_everything_is_as_without_it() -> None:
    by = policy(more="kinds: [ec2, rds], schedule: office")
    database = replace(a_resource(), kind="rds", started_at=None)
    assert decide(by, database, an_account(), at(23, 22)).verdict is Verdict.STOP
    assert decided(None, at(23, 22), by).verdict is Verdict.KEEP


def test_a_rule_without_a_schedule_has_no_running_hours_after_which_something_is_started() -> None:
    assert decided(at(23, 21), at(23, 22), policy(more="action: stop")).verdict is Verdict.STOP


def test_a_schedule_without_an_end_has_none_either() -> None:
    always = policy(schedules='schedules: {office: {timezone: UTC, running: ["daily 00:00-24:00"]}}')
    assert decided(at(23, 21), at(23, 22), always).reason_code is ReasonCode.SCHEDULE


def test_in_the_hour_that_a_clock_shows_twice_a_start_is_told_by_its_instant() -> None:
    """Berlin's clocks go back on 2026-10-25 at 03:00. The window ends at the second 02:30, 02:45 is twice."""
    twice = policy(schedules='schedules: {office: {timezone: Europe/Berlin, running: ["sat 12:00-02:30"]}}')
    first, end, second = at(25, 0, 45, month=10), at(25, 1, 30, month=10), at(25, 1, 45, month=10)
    assert decided(first, end - timedelta(minutes=1), twice).reason_code is ReasonCode.SCHEDULE
    assert decided(first, end, twice).verdict is Verdict.STOP
    assert decided(second, second, twice).reason_code is ReasonCode.STARTED_BY_HAND
    assert decided(second, at(31, 12, month=10), twice).reason_code is ReasonCode.SCHEDULE


def test_a_schedule_that_says_only_when_to_stop_keeps_a_later_start_until_it_says_so_again() -> None:
    until = policy(schedules='schedules: {office: {timezone: Europe/Berlin, running: ["until mon-fri 19:00"]}}')
    started = at(23, 21)
    kept = decided(started, at(23, 22), until)
    assert kept.reason.endswith("through its next running hours, until Tue 2026-11-24 19:00 CET.")
    asks_for_nothing = decided(started, at(24, 12), until)
    assert asks_for_nothing.reason_code is ReasonCode.EITHER_BY_SCHEDULE
    assert asks_for_nothing.reason == (
        "Rule nights owns it, and its schedule office asks neither that it runs nor that it is stopped, "
        "until Tue 2026-11-24 19:00 CET."
    )
    assert decided(started, at(24, 18), until).verdict is Verdict.STOP


def test_another_schedule_by_a_tag_tells_by_its_own_hours() -> None:
    by = policy(more="schedule: {from_tag: [Schedule], default: office}")
    late: Resource = a_resource(started_at=at(23, 21), tags={"Schedule": "mon-fri 07:00-23:00 Europe/Berlin"})
    assert decide(by, late, an_account(), at(23, 22, 30)).verdict is Verdict.STOP
    assert decide(by, replace(late, tags={}), an_account(), at(23, 22, 30)).verdict is Verdict.KEEP


@quick
@given(started=st.integers(0, 7 * 24 * 60), waited=st.integers(0, 4 * 24 * 60))
def test_only_what_was_started_in_the_stretch_of_now_is_kept_by_hand(started: int, waited: int) -> None:
    """Counted again minute by minute: no running hour lies between its start and now."""
    began = at(16, 0) + timedelta(minutes=started)
    now = began + timedelta(minutes=waited)

    def runs(minute: datetime) -> bool:
        berlin = minute + timedelta(hours=1)
        return berlin.weekday() < 5 and 7 <= berlin.hour < 19

    decision = decided(began, now)
    if runs(now):
        assert decision.reason_code is ReasonCode.SCHEDULE
    else:
        in_between = any(runs(began + timedelta(minutes=one)) for one in range(waited + 1))
        assert (decision.verdict is Verdict.STOP) is in_between


def _by(running: str, more: str = "") -> OrgPolicy:
    return policy(schedules=f"schedules: {{office: {{timezone: UTC, running: {running}{more}}}}}")


@pytest.mark.parametrize(
    ("by", "started", "now"),
    [
        (_by('["until daily 19:00", "from mon-fri 07:00"]'), at(27, 22), at(28, 19, 15)),
        (_by('["until daily 19:00", "mon-fri 07:00-18:00"]'), at(27, 22), at(28, 19, 15)),
        (
            _by('["until mon-fri 19:00", "from mon-fri 07:00"]', ", holidays: DE"),
            at(24, 22, month=12),
            at(25, 19, 15, month=12),
        ),
    ],
    ids=["from", "window", "holiday"],
)
def test_a_stop_before_the_next_running_hours_does_not_end_what_was_started_by_hand(
    by: OrgPolicy, started: datetime, now: datetime
) -> None:
    kept = decided(started, now, by)
    assert (kept.verdict, kept.reason_code) == (Verdict.KEEP, ReasonCode.STARTED_BY_HAND)
    assert "Mon 2026-1" in kept.reason


@pytest.mark.parametrize(
    "by",
    [
        _by('["feb 29 08:00-12:00"]'),
        _by('["mon-fri 07:00-19:00"]', ", except: [{from: 2025-06-01, until: 2027-12-31, running: none}]"),
    ],
)
@pytest.mark.parametrize("now", [at(1, 0, month=7), at(5, 0, month=7), at(23, 11)], ids=str)
def test_running_hours_too_far_back_to_be_found_keep_what_was_started(by: OrgPolicy, now: datetime) -> None:
    assert decided(now - timedelta(hours=1), now, by).reason_code is ReasonCode.STARTED_BY_HAND
