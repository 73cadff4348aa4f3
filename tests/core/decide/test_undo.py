"""Undo starts what the sweep stopped and nobody touched since; for anything else it says why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.core.decide.undo import STOPPED_BY_TAG, decide_undo, transition_time
from orchestrator.core.model import Action, Resource, Verdict
from tests.support.builders import AT, SWEEP_ID, a_resource

STOPPED_AT = "User initiated (2026-11-23 19:00:12 GMT)"
LAUNCHED = "2026-11-20T08:00:00Z"


def stopped(state: str = "stopped", by: str | None = SWEEP_ID, **facts: Any) -> Resource:
    facts = {"state_transition": STOPPED_AT, "launched_at": LAUNCHED, **facts}
    return a_resource(state=state, tags={} if by is None else {STOPPED_BY_TAG: by}, facts=facts)


def undone(fresh: Resource | None, requested_at: datetime | None = AT) -> tuple[Verdict, str]:
    decision = decide_undo(a_resource(), fresh, SWEEP_ID, requested_at)
    assert decision.action is Action.START
    assert decision.resource == (fresh or a_resource())
    return decision.verdict, decision.reason


def test_what_the_sweep_stopped_and_nobody_touched_is_started() -> None:
    assert undone(stopped()) == (Verdict.START, f"Sweep {SWEEP_ID} stopped it and nobody touched it since.")


def test_its_facts_are_those_of_now() -> None:
    fresh = stopped()
    assert decide_undo(a_resource(), fresh, SWEEP_ID, AT).facts == fresh.facts


@pytest.mark.parametrize(
    ("fresh", "reason"),
    [
        (None, "It is gone: it was terminated since."),
        (stopped("terminated"), "It is terminated: it was terminated since."),
        (stopped("shutting-down"), "It is shutting-down: it was terminated since."),
        (stopped("running"), "It is running: somebody started it since."),
        (stopped("pending"), "It is pending: somebody started it since."),
        (stopped("stopping"), "It is still stopping; undo again when it is stopped."),
        (stopped(by=None), f"It has no {STOPPED_BY_TAG} tag."),
        (stopped(by="another"), f"Its tag {STOPPED_BY_TAG} names 'another', not this sweep."),
        (
            stopped(state_transition="User initiated (2026-11-24 08:00:00 GMT)"),
            "It was stopped at 2026-11-24T08:00:00Z, not by this sweep: somebody started it in between.",
        ),
        (
            stopped(launched_at="2026-11-23T19:00:10Z"),
            "It was started at 2026-11-23T19:00:10Z, after this sweep stopped it, and stopped again.",
        ),
    ],
)
def test_what_somebody_touched_since_is_kept_and_the_reason_says_what(fresh: Resource | None, reason: str) -> None:
    assert undone(fresh) == (Verdict.KEEP, reason)


@pytest.mark.parametrize("transition", [None, "", "Server.SpotInstanceShutdown: no time"])
def test_a_stop_at_a_time_that_nobody_knows_is_not_undone(transition: str | None) -> None:
    verdict, reason = undone(stopped(state_transition=transition))
    assert (verdict, reason[:34]) == (Verdict.KEEP, "Nobody can say when it was stopped")


def test_a_stop_that_was_asked_for_at_a_time_that_nobody_knows_is_not_undone() -> None:
    assert undone(stopped(), requested_at=None)[0] is Verdict.KEEP


@pytest.mark.parametrize(("minutes", "verdict"), [(-6, "keep"), (-4, "start"), (4, "start"), (6, "keep")])
def test_two_clocks_may_differ_by_some_minutes(minutes: int, verdict: str) -> None:
    asked = datetime(2026, 11, 23, 19, 0, 12, tzinfo=UTC) - timedelta(minutes=minutes)
    assert undone(stopped(), asked)[0] == verdict


@pytest.mark.parametrize("launched_at", [None, "no time", 5])
def test_a_start_at_a_time_that_nobody_knows_is_left_to_the_other_facts(launched_at: object) -> None:
    assert undone(stopped(launched_at=launched_at))[0] is Verdict.START


@pytest.mark.parametrize("zone", ["GMT", "UTC"])
def test_the_time_of_a_transition_is_read_from_ec2s_words(zone: str) -> None:
    facts = {"state_transition": f"User initiated (2026-11-23 19:00:12 {zone})"}
    assert transition_time(facts) == datetime(2026, 11, 23, 19, 0, 12, tzinfo=UTC)
    assert transition_time({}) is None
