"""What an answer has more than once: alike it counts once, and where the copies differ it is kept, in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from orchestrator.core.decide.decisions import decide
from orchestrator.core.model import Resource, ResourceState, Verdict
from orchestrator.core.model.copies import tell_once
from tests.support.builders import AT, a_policy, a_resource, an_account, in_state

EVERYTHING = "rules: [{name: all, where: everything}]"
ONE = a_resource(tags={"Environment": "dev"})
OTHER = a_resource("i-0other")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: replace(one, tags={"stop-orchestrator:opt-out": "true"}), "its tag stop-orchestrator:opt-out"),
        (lambda one: replace(one, tags={**one.tags, "Owner": "me"}), "its tag Owner"),
        (lambda one: replace(one, tags={"Environment": "prod"}), "its tag Environment"),
        (lambda one: in_state(one, "stopped"), "its state (running, stopped)"),
        (lambda one: in_state(one, "stopping"), "its state (running, stopping)"),
        (lambda one: replace(one, facts={**one.facts, "instance_type": "x9.large"}), "its instance type"),
        (lambda one: replace(one, started_at=AT - timedelta(days=9)), "when it was started"),
        (lambda one: replace(one, created_at=AT - timedelta(days=9)), "when it was made"),
        (lambda one: replace(one, details={"key_name": "prod"}), "its key name"),
        (lambda one: replace(one, arn="arn:other"), "what else is known of it"),
    ],
)
def test_what_differs_in_anything_is_kept_and_says_in_what_whichever_comes_first(
    change: Callable[[Resource], Resource], said: str
) -> None:
    for copies in permutations([ONE, change(ONE), ONE]):
        told = tell_once([*copies, OTHER])
        assert told.clear == {OTHER.resource_id: OTHER}
        [one] = told.ambiguous.values()
        assert told.each == (OTHER, one)
        decision = decide(a_policy(EVERYTHING), one, an_account(), AT)
        assert (decision.verdict, decision.reason_code) == (Verdict.KEEP, "cannot_stop")
        assert decision.reason.startswith("It is in AWS's answer more than once, and the copies differ in ")
        assert all(part in decision.reason for part in said.rstrip(")").replace("(", ", ").split(", "))


def test_what_no_copy_says_runs_is_not_said_to_run() -> None:
    told = tell_once([in_state(ONE, "stopping"), in_state(ONE, "stopped")])
    assert told.ambiguous[ONE.resource_id].state in {ResourceState.STOPPING, ResourceState.STOPPED}


def test_what_is_alike_counts_once() -> None:
    told = tell_once([ONE, OTHER, replace(ONE), OTHER])
    assert (told.each, told.ambiguous) == ((ONE, OTHER), {})
