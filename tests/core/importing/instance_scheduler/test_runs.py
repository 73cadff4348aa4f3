"""Run by run, with hands that start and stop in between: what Instance Scheduler leaves running is never stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import ReasonCode, Resource, Verdict
from orchestrator.core.policy.org_policy import OrgPolicy
from tests.support.builders import a_resource, an_account
from tests.support.instance_scheduler import imported, policy_of, runs, schedules_file

EVERY = timedelta(minutes=15)
RUNS = 14 * 96
LET_LATER = {"until-and-window", "from-and-until-other-days"}
"""Ours keep what was started by hand through running hours; an end without a begin before them stops it there."""


@cache
def policies() -> Mapping[bool, OrgPolicy]:
    """By whether each schedule is enforced."""
    found = {}
    for enforced in (False, True):
        file = schedules_file()
        for one in file["Schedules"]:
            one["Enforced"] = enforced
        found[enforced] = policy_of(imported(file))
    return found


def each_run(of: Mapping[str, Any]) -> Iterator[tuple[datetime, Resource, str]]:
    """The time of each run, the instance as it is then, and what Instance Scheduler does to it."""
    begun = datetime.fromisoformat(of["from"]).replace(tzinfo=UTC)
    events = [(begun + timedelta(minutes=minute), what) for minute, what in of["events"]]
    running, changed = True, begun - timedelta(days=30)
    for number in range(RUNS):
        now = begun + number * EVERY
        acted = ""
        while events and events[0][0] < now:
            running, changed = events[0][1].startswith("start"), events[0][0]
            events.pop(0)
        if events and events[0][0] == now:
            acted = events.pop(0)[1]
        times = {"started_at": changed if running else changed - EVERY, "changed_at": changed}
        state = "running" if running else "stopped"
        yield now, a_resource(state=state, tags={"Schedule": of["schedule"]}, **times), acted
        if acted:
            running, changed = acted == "start", now


TWICE = {"night-berlin", "night-late-berlin"}
"""Theirs close and open again in the hour that the clocks of Berlin show twice; our windows stay open."""


def is_shown_twice(now: datetime) -> bool:
    return datetime(2026, 10, 25, 0, 0, tzinfo=UTC) <= now < datetime(2026, 10, 25, 2, 0, tzinfo=UTC)


def check(of: Mapping[str, Any]) -> Iterator[tuple[str, Verdict]]:
    """Whatever may differ is said here; gives what both do at each run."""
    policy = policies()[of["enforced"]]
    for now, resource, acted in each_run(of):
        decision = decide(policy, resource, an_account(), now)
        yield acted, decision.verdict
        if decision.verdict in (Verdict.STOP, Verdict.START):
            assert acted == decision.verdict, (now, of["schedule"], decision.reason)
        elif acted == "stop":
            by_hand = decision.reason_code is ReasonCode.STARTED_BY_HAND and of["schedule"] in LET_LATER
            assert by_hand or (of["schedule"] in TWICE and is_shown_twice(now)), (now, of["schedule"], decision.reason)
        elif acted == "start":
            assert decision.reason_code is ReasonCode.STOPPED_BY_HAND, (now, of["schedule"], decision.reason)
            assert of["enforced"] or (of["schedule"] in TWICE and is_shown_twice(now)), (now, of["schedule"])


@pytest.mark.parametrize("number", range(0, len(runs()), 8))
def test_ours_acts_where_it_acts_and_never_stops_what_it_leaves_running(number: int) -> None:
    of = runs()[number]
    done = Counter(check(of))
    assert sum(done.values()) == RUNS


@pytest.mark.full
@pytest.mark.parametrize("number", range(len(runs())))
def test_in_all_runs(number: int) -> None:
    assert [*check(runs()[number])]


def test_both_stop_and_both_start_in_most_runs() -> None:
    acted = Counter(what for of in runs() for _, what in of["events"])
    assert min(acted["stop"], acted["start"], acted["start by hand"], acted["stop by hand"]) > 500
