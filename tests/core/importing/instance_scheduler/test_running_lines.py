"""Imported schedules say at no minute of a year `stopped` where Instance Scheduler's own code says anything else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schedules.answer import ScheduleState
from orchestrator.core.policy.schedules.schedule import Schedule
from tests.support.instance_scheduler import Stretch, imported, policy_of, schedules_file, stretches_of

NAMES = tuple(one["Name"] for one in schedules_file()["Schedules"])
NOT_THE_SAME = {"from-month-days"}
"""No line of ours names the days that are not the last of their month."""
KEPT_LONGER = {  # by the hour that the clocks of a zone show twice, in which our windows stay open
    "night-berlin": 30,
    "night-late-berlin": 30,
    "in-gap-berlin": 40,
    "night-new-york": 15,
}


@cache
def policy() -> OrgPolicy:
    return policy_of(imported(schedules_file()))


def schedule_named(name: str) -> Schedule:
    rule = next(rule for rule in policy().rules if rule.name == name)
    assert isinstance(rule.schedule, Schedule)
    return rule.schedule


def differences(ours: Schedule, theirs: tuple[Stretch, ...]) -> Iterator[tuple[datetime, timedelta, str, str]]:
    """Each stretch at which the two differ: when, how long, what ours says and what theirs."""
    start, end = theirs[0].start, theirs[-1].end
    edges = {start: ours.state_at(start), **{one.at: one.state for one in ours.edges(start, end)}}
    instants = sorted({*edges, *(one.start for one in theirs), end})
    state, number = edges[start], 0
    for at, until in pairwise(instants):
        state = edges.get(at, state)
        while theirs[number].end <= at:
            number += 1
        if state is not theirs[number].state:
            yield at, until - at, state, theirs[number].state


@pytest.mark.parametrize("name", [one for one in NAMES if one not in NOT_THE_SAME])
def test_each_edge_of_a_year_is_the_same_but_where_a_window_stays_open_in_the_hour_that_comes_twice(name: str) -> None:
    longer = timedelta()
    for theirs in stretches_of(name):
        for at, how_long, ours, other in differences(schedule_named(name), theirs):
            assert (ours, other) == (ScheduleState.RUNNING, ScheduleState.STOPPED), (at, how_long, ours, other)
            longer += how_long
    assert longer == timedelta(minutes=KEPT_LONGER.get(name, 0))


def test_what_no_lines_of_ours_say_is_a_comment() -> None:
    assert not {rule.name for rule in policy().rules} & NOT_THE_SAME


@pytest.mark.full
@pytest.mark.parametrize("name", [one for one in NAMES if one not in NOT_THE_SAME])
def test_no_minute_of_a_year_is_stopped_with_us_that_is_not_stopped_there(name: str) -> None:
    ours = schedule_named(name)
    for theirs in stretches_of(name):
        for stretch in theirs:
            at = stretch.start
            while stretch.state is not ScheduleState.STOPPED and at < stretch.end:
                assert ours.state_at(at) is not ScheduleState.STOPPED, at.astimezone(ZoneInfo("UTC"))
                at += timedelta(minutes=1)
