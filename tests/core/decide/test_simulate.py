"""What if: every edge is found at the right minute, and at each moment the simulation says what `decide` says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide import scope
from orchestrator.core.decide.decisions import decide
from orchestrator.core.decide.simulate import Asked, Simulated, asked_by, day_ends, simulate
from orchestrator.core.model import Account, Inventory, Obstacle, ObstacleCode, Resource
from orchestrator.core.model.remembered import Notice, Remembered
from orchestrator.core.policy.org_policy import OrgPolicy
from tests.support import strategies
from tests.support.builders import a_policy, a_resource, a_unit, an_account
from tests.support.policies import load

OPT_OUT = "stop-orchestrator:opt-out"
LONG_AGO = datetime(2018, 1, 1, tzinfo=UTC)
WEEKS = {
    "Europe/Berlin": [
        (
            "2026-03-27T06:00 running, 2026-03-27T18:00 stopped, 2026-03-28T21:00 running, 2026-03-29T04:00 stopped, "
            "2026-03-30T05:00 running, 2026-03-30T17:00 stopped"
        ),
        (
            "2026-10-23T05:00 running, 2026-10-23T17:00 stopped, 2026-10-24T20:00 running, 2026-10-25T05:00 stopped, "
            "2026-10-26T06:00 running, 2026-10-26T18:00 stopped"
        ),
    ],
    "America/New_York": [
        (
            "2026-03-06T12:00 running, 2026-03-07T00:00 stopped, 2026-03-08T03:00 running, 2026-03-08T10:00 stopped, "
            "2026-03-09T11:00 running, 2026-03-09T23:00 stopped"
        ),
        (
            "2026-10-30T11:00 running, 2026-10-30T23:00 stopped, 2026-11-01T02:00 running, 2026-11-01T11:00 stopped, "
            "2026-11-02T12:00 running, 2026-11-03T00:00 stopped"
        ),
    ],
    "Australia/Lord_Howe": [  # by half an hour
        (
            "2026-04-02T20:00 running, 2026-04-03T08:00 stopped, 2026-04-04T11:00 running, 2026-04-04T19:30 stopped, "
            "2026-04-05T20:30 running, 2026-04-06T08:30 stopped"
        ),
        (
            "2026-10-01T20:30 running, 2026-10-02T08:30 stopped, 2026-10-03T11:30 running, 2026-10-03T19:00 stopped, "
            "2026-10-04T20:00 running, 2026-10-05T08:00 stopped"
        ),
    ],
    "America/Sao_Paulo": [  # at midnight; the last that it had
        (
            "2018-11-02T10:00 running, 2018-11-02T22:00 stopped, 2018-11-04T01:00 running, 2018-11-04T08:00 stopped, "
            "2018-11-05T09:00 running, 2018-11-05T21:00 stopped"
        ),
        (
            "2019-02-15T09:00 running, 2019-02-15T21:00 stopped, 2019-02-17T00:00 running, 2019-02-17T09:00 stopped, "
            "2019-02-18T10:00 running, 2019-02-18T22:00 stopped"
        ),
    ],
    "Asia/Kolkata": [  # none
        (
            "2026-03-27T01:30 running, 2026-03-27T13:30 stopped, 2026-03-28T16:30 running, 2026-03-29T00:30 stopped, "
            "2026-03-30T01:30 running, 2026-03-30T13:30 stopped"
        ),
        (
            "2026-10-23T01:30 running, 2026-10-23T13:30 stopped, 2026-10-24T16:30 running, 2026-10-25T00:30 stopped, "
            "2026-10-26T01:30 running, 2026-10-26T13:30 stopped"
        ),
    ],
}
"""From Friday to Monday, by hand: the clock changes in the night to Sunday."""


def one(
    policy: OrgPolicy, resource: Resource, start: datetime, days: float, account: Account | None = None
) -> Simulated:
    inventory = Inventory("o-example", (account or an_account(),), resources=(resource,))
    [simulated] = simulate(policy, inventory, start, start + timedelta(days=days))
    return simulated


def edges(simulated: Simulated) -> str:
    return ", ".join(f"{one.at:%Y-%m-%dT%H:%M} {one.asked}" for one in simulated.moments[1:])


@pytest.mark.parametrize(("zone", "expected"), [(zone, week) for zone, weeks in WEEKS.items() for week in weeks])
def test_in_the_weeks_of_clock_changes_every_edge_is_at_the_right_minute(zone: str, expected: str) -> None:
    policy = a_policy(
        f"""
        schedules: {{office: {{timezone: {zone}, running: ["mon-fri 07:00-19:00", "sat 22:00-06:00"]}}}}
        rules: [{{name: all, where: everything, schedule: office}}]
        """
    )
    first = datetime.fromisoformat(f"{expected[:16]}+00:00")
    assert edges(one(policy, a_resource(started_at=LONG_AGO), first - timedelta(hours=3), 4)) == expected


def test_a_step_never_hides_an_edge_of_a_minute() -> None:
    policy = a_policy(
        """
        schedules: {brief: {timezone: UTC, running: ["mon 07:00-07:01"]}}
        rules: [{name: all, where: everything, schedule: brief}]
        """
    )
    found = one(policy, a_resource(), datetime(2026, 11, 22, tzinfo=UTC), 7)
    assert edges(found) == "2026-11-23T07:00 running, 2026-11-23T07:01 stopped"


@pytest.mark.parametrize("carrier", ["resource", "account", "unit"])
@pytest.mark.parametrize(
    ("zone", "ends"),
    [("UTC", "2026-11-25T00:00"), ("Asia/Tokyo", "2026-11-24T15:00"), ("America/New_York", "2026-11-25T05:00")],
)
def test_a_dated_opt_out_ends_at_midnight_in_the_policys_zone(carrier: str, zone: str, ends: str) -> None:
    policy = a_policy("rules: [{name: all, where: everything}]", zone)
    tags = {OPT_OUT: "2026-11-24"}
    resource = a_resource(tags=tags if carrier == "resource" else {})
    account = an_account(
        tags=tags if carrier == "account" else {},
        organizational_units=(a_unit("/Labs", tags if carrier == "unit" else {}),),
    )
    found = one(policy, resource, datetime(2026, 11, 23, tzinfo=UTC), 7, account)
    assert (found.moments[0].asked, edges(found)) == (Asked.KEPT, f"{ends} stopped")
    assert found.moments[1].rule == "all"
    assert "may stop it at any time" in found.moments[1].reason


def test_what_is_kept_for_another_reason_is_kept_throughout() -> None:
    policy = a_policy("rules: [{name: all, where: everything}]")
    resource = a_resource(obstacle=Obstacle(ObstacleCode.OWNED, "A group owns it."))
    found = one(policy, resource, datetime(2026, 11, 23, tzinfo=UTC), 7)
    assert [(moment.asked, moment.reason) for moment in found.moments] == [(Asked.KEPT, "A group owns it.")]


def test_what_is_down_now_is_taken_for_running() -> None:
    policy = a_policy("rules: [{name: all, where: everything}]")
    found = one(policy, a_resource(state="stopped"), datetime(2026, 11, 23, tzinfo=UTC), 1)
    assert found.moments[0].asked is Asked.STOPPED


def test_the_day_ends_where_the_clock_skips_midnight_too() -> None:
    assert datetime(2018, 11, 4, 3, tzinfo=UTC) in day_ends(date(2018, 11, 3), ZoneInfo("America/Sao_Paulo"))
    assert list(day_ends(date.max, ZoneInfo("UTC"))) == []


STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001 - with zones
OPT_OUTS = st.sampled_from([{}, {}, {OPT_OUT: "true"}, *({OPT_OUT: f"2026-{month:02}-15"} for month in range(1, 13))])


@strategies.quick
@given(
    strategies.policy_documents(),
    strategies.tags,
    OPT_OUTS,
    OPT_OUTS,
    STARTS,
    st.lists(st.integers(0, 14 * 24 * 60 * 60), min_size=1, max_size=20),
    st.data(),
)
def test_at_each_moment_it_says_what_a_plan_for_that_moment_says(
    document: dict[str, Any],
    tags: dict[str, str],
    opt_outs: dict[str, str],
    account_opt_outs: dict[str, str],
    start: datetime,
    seconds: list[int],
    data: st.DataObject,
) -> None:
    policy = load(yaml.safe_dump({**document, "regions": {"include": ["*"]}}))
    resource = a_resource(tags={**tags, **opt_outs})
    account = an_account(ou=data.draw(st.sampled_from(strategies.OU_PATHS)), tags=account_opt_outs)
    found = one(policy, resource, start, 14, account)

    for moment in (start + timedelta(seconds=one) for one in seconds):
        if scope.left_out(policy.organization, account, policy.day(moment)) is not None:
            assert found.at(moment) is Asked.KEPT
        else:
            assert found.at(moment) is asked_by(decide(policy, resource, account, moment))


def _several(some: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(lambda word, each: {word: each}, st.sampled_from(["all", "any"]), st.lists(some, min_size=1))


AGES = st.sampled_from(["1h", "4h", "1d", "7d", "30d"])
DAYS = st.sampled_from(["today", "today+3d", "today-3d", "2026-06-10"])
TIMED = st.one_of(
    st.builds(lambda age: {"age": {"at_least": age}}, AGES),
    st.builds(lambda age: {"running_for": {"below": age}}, AGES),
    st.builds(lambda word, day: {"tag": {"ExpiresOn": {word: day}}}, st.sampled_from(["before", "after"]), DAYS),
)
EXPIRES = st.sampled_from(["2026-06-08", "2026-06-15", "2026-06-10T22:30Z", "never"])


@strategies.quick
@given(
    st.recursive(TIMED, lambda some: st.builds(lambda one: {"not": one}, some) | _several(some), max_leaves=3),
    EXPIRES,
    st.integers(0, 40 * 24),
    st.sampled_from(strategies.ZONES),
    st.lists(st.integers(0, 14 * 24 * 60), min_size=1, max_size=30),
)
def test_conditions_about_time_change_at_moments_that_it_finds(
    where: dict[str, Any], expires: str, hours: int, zone: str, minutes: list[int]
) -> None:
    start = datetime(2026, 6, 5, tzinfo=UTC)
    policy = load(
        yaml.safe_dump({"version": 1, "name": "p", "timezone": zone, "rules": [{"name": "r", "where": where}]})
    )
    launched = start - timedelta(hours=hours)
    resource = a_resource(tags={"ExpiresOn": expires}, started_at=launched - timedelta(days=3), created_at=launched)
    found = one(policy, resource, start, 14)
    account = an_account()
    for moment in (start + timedelta(minutes=one) for one in minutes):
        assert found.at(moment) is asked_by(decide(policy, resource, account, moment))


HANDS = st.sampled_from(["keep_until_next_window", "stop", {"keep_for": "4h"}, {"keep_for": "90m"}])


@strategies.quick
@given(
    HANDS,
    st.sampled_from(['"mon-fri 07:00-19:00"', '"until mon-fri 19:00"', '"from mon-fri 07:00", "until fri 19:00"']),
    st.integers(-4 * 24 * 60, 14 * 24 * 60),
    st.lists(st.integers(0, 14 * 24 * 60), min_size=1, max_size=30),
)
def test_what_was_started_by_hand_is_kept_as_long_as_a_plan_keeps_it(
    by_hand: Any, running: str, started: int, minutes: list[int]
) -> None:
    start = datetime(2026, 6, 5, tzinfo=UTC)
    policy = a_policy(
        f"""
        schedules: {{office: {{timezone: Europe/Berlin, running: [{running}]}}}}
        rules: [{{name: all, where: everything, schedule: office, started_by_hand: {by_hand}}}]
        """
    )
    resource = a_resource(started_at=start + timedelta(minutes=started))
    found, account = one(policy, resource, start, 14), an_account()
    for moment in (start + timedelta(minutes=one) for one in minutes):
        assert found.at(moment) is asked_by(decide(policy, resource, account, moment))


def test_a_notice_that_a_sweep_would_give_is_taken_for_given_and_the_stop_follows_its_last_day() -> None:
    policy = a_policy("rules: [{name: all, where: everything, notice: {days: 3}}]", "Europe/Berlin")
    found = one(policy, a_resource(), datetime(2026, 11, 23, 12, tzinfo=UTC), 7)
    assert (found.moments[0].asked, edges(found)) == (Asked.KEPT, "2026-11-26T23:00 stopped")
    assert "announces that first" in found.moments[0].reason


@pytest.mark.parametrize("tagged", ["2026-11-24", "2026-11-27"])
def test_a_notice_that_was_given_ends_with_the_later_day_of_ledger_and_tag(tagged: str) -> None:
    policy = a_policy("rules: [{name: all, where: everything, notice: {days: 3}}]", "Europe/Berlin")
    resource = a_resource(tags={"stop-orchestrator:stop-after": tagged})
    remembered = Remembered(notices={resource.key: Notice("20261121T190000Z-7f3a9c", "all", date(2026, 11, 24))})
    inventory = Inventory("o", (an_account(),), resources=(resource,), remembered=remembered)
    start = datetime(2026, 11, 23, 12, tzinfo=UTC)
    [found] = simulate(policy, inventory, start, start + timedelta(days=7))
    assert edges(found) == f"{tagged}T23:00 stopped"
