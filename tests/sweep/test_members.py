"""Groups and what is in them, in whole sweeps: counted once, stopped once, and told the same by explain."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from orchestrator.core.model import AccountId, ConsentHow, Mode, Question, Region, Resource, Target, Verdict
from orchestrator.core.report.document import Row, plain_document
from orchestrator.ports import World
from orchestrator.sweep.run import run_sweep
from orchestrator.sweep.what_if import explain_now
from tests.support.builders import AT, SWEEP_ID, a_resource
from tests.support.consent import say_yes
from tests.support.fake_kind import FakeKind
from tests.support.fake_world import ONE, FakeWorld, a_world, unreadable
from tests.support.groups import ALL, GROUPS, INSTANCES, STACKS, a_group, a_member, a_policy_about_groups

HERE = Target(AccountId(ONE), Region("eu-central-1"))
OPT_OUT = {"stop-orchestrator:opt-out": "true"}


@dataclass
class _OneKind(FakeKind):
    """Of what there is in the target, what is of its kind."""

    refused: set[str] = field(default_factory=set)
    """What is asked in vain."""

    def _instances(self, asked: str, target: Target) -> dict[str, Resource]:
        if f"{self.description.name} {asked}" in self.refused:
            raise unreadable("UnauthorizedOperation")
        found = super()._instances(f"{self.description.name} {asked}", target)
        return {name: one for name, one in found.items() if one.kind == self.description.name}


def a_world_of(*resources: Resource) -> FakeWorld:
    fake = a_world(ONE)
    fake.resources = {HERE: resources}
    return fake


def world(fake: FakeWorld, refused: set[str] | None = None) -> World:
    kinds: Any = {
        one.name: _OneKind(fake, one, refused=set() if refused is None else refused)
        for one in (INSTANCES, GROUPS, STACKS)
    }
    return replace(fake.world(), kinds=kinds, actors=kinds)


def swept(fake: FakeWorld, body: str = ALL, mode: Mode = Mode.ENFORCE, refused: set[str] | None = None) -> Row:
    document, _ = run_sweep(world(fake, refused), a_policy_about_groups(body), SWEEP_ID, mode)
    return plain_document(document)


def after_the_plan(fake: FakeWorld, happens: Callable[[], object]) -> None:
    """While the question is open."""

    def confirm(question: Question) -> ConsentHow | None:
        happens()
        return say_yes(question)

    fake.confirm = confirm


def codes(report: Row) -> dict[str, str]:
    return {row["resource_id"]: row["reason_code"] for row in report["decisions"]}


def test_a_group_is_stopped_and_its_members_are_not_acted_on() -> None:
    fake = a_world_of(a_group(), a_member(1), a_member(2), a_resource("i-own"))
    report = swept(fake)
    assert sorted(fake.stopped) == ["i-own", "web"]
    assert sorted(row["resource_id"] for row in report["outcomes"]) == ["i-own", "web"]
    assert {codes(report)[one] for one in ("i-1", "i-2")} == {"stops_with_owner"}
    totals = report["totals"]
    assert (totals["planned_stops"], totals["stop_units"], totals["stopped"], totals["kept"]) == (2, 4, 2, 2)


@pytest.mark.parametrize(("limit", "status"), [(49, "held"), (50, "complete")])
def test_a_limit_of_49_stops_holds_a_group_of_50(limit: int, status: str) -> None:
    fake = a_world_of(a_group(units=50))
    assert swept(fake, f"guardrails: {{max_stops: {limit}}}\n{ALL}")["status"] == status
    assert fake.stopped == (["web"] if status == "complete" else [])


def test_a_share_is_of_what_runs_counted_once() -> None:
    """4 of 5; with the members counted again it would be 4 of 8."""
    fake = a_world_of(a_group(units=4), *(a_member(one) for one in range(3)), a_resource("i-own", tags=OPT_OUT))
    [row] = swept(fake, f"guardrails: {{max_stops_percent: 79}}\n{ALL}")["guardrails"]
    assert (row["actual"], row["passed"], row["detail"]) == (80, False, "4 of 5 counting each instance of a group")


def test_a_group_that_changed_since_the_plan_is_kept_and_its_members_say_no_more_that_they_go() -> None:
    fake = a_world_of(a_group(), a_member())

    def opt_out(_: Target) -> None:
        fake.change("web", lambda one: replace(one, tags=OPT_OUT))

    fake.before_look = opt_out
    report = swept(fake)
    assert fake.stopped == []
    assert codes(report) == {"web": "changed", "i-1": "owned"}


@pytest.mark.parametrize(
    ("units", "reason"),
    [(50, "Changed since the plan: it runs 50 instances, and ran 3."), (2, None), (3, None)],
)
def test_a_group_that_runs_more_than_the_guardrails_passed_is_kept(units: int, reason: str | None) -> None:
    fake = a_world_of(a_group(units=3))
    fake.before_look = lambda _: fake.change("web", lambda one: replace(one, units=units))
    [row] = swept(fake)["decisions"]
    assert fake.stopped == ([] if reason else ["web"])
    assert row["verdict"] == ("keep" if reason else "stop")
    assert reason is None or row["reason"] == reason


def test_a_group_with_a_member_that_is_opted_out_is_kept() -> None:
    fake = a_world_of(a_group(), a_member(1, tags=OPT_OUT), a_member(2))
    assert codes(swept(fake)) == {"web": "exempt", "i-1": "exempt", "i-2": "owned"}
    assert fake.stopped == []


def test_a_member_that_opts_out_or_comes_opted_out_after_the_plan_keeps_its_group() -> None:
    for late in (a_member(1, tags=OPT_OUT), a_member(2, tags=OPT_OUT)):
        fake = a_world_of(a_group(), a_member(1), a_group("other"))
        others = tuple(one for one in fake.instances(HERE).values() if one.key != late.key)
        after_the_plan(fake, partial(fake.resources.update, {HERE: (*others, late)}))
        report = swept(fake)
        assert fake.stopped == ["other"]
        [row] = [one for one in report["decisions"] if one["resource_id"] == "web"]
        assert (row["verdict"], row["reason_code"]) == ("keep", "changed")
        assert f"{late.resource_id} belongs to it, would go with it, and is opted out" in row["reason"]


def test_members_that_cannot_be_listed_again_keep_their_group() -> None:
    fake = a_world_of(a_group(), a_member(1))
    refused: set[str] = set()
    after_the_plan(fake, lambda: refused.add("ec2 read"))
    report = swept(fake, refused=refused)
    assert fake.stopped == []
    [row] = [one for one in report["decisions"] if one["resource_id"] == "web"]
    assert row["reason_code"] == "not_seen_again"
    assert "what belongs to it may be opted out, and cannot be listed" in row["reason"]


def test_members_are_listed_once_for_the_batches_of_a_minute_and_not_for_what_owns_none() -> None:
    fake = a_world_of(*(a_group(f"web-{number}") for number in range(60)), a_resource("i-own"))
    swept(fake)
    assert len(fake.stopped) == 61
    assert len([one for one in fake.asked if one.startswith("ec2 read")]) == 3, (
        "the plan's of two regions, and one more"
    )


@pytest.mark.parametrize(
    "resources",
    [
        (a_group(), a_member()),
        (a_group(), a_member(tags=OPT_OUT)),
        (a_group(tags=OPT_OUT), a_member()),
        (a_group("other"), a_member()),
    ],
)
def test_explain_tells_of_each_what_the_sweep_decides(resources: Iterable[Resource]) -> None:
    planned = {
        row["resource_id"]: (row["verdict"], row["reason"])
        for row in swept(a_world_of(*resources), mode=Mode.PLAN)["decisions"]
    }
    for one in resources:
        found = explain_now(world(a_world_of(*resources)), a_policy_about_groups(), one.key, AT).decision
        assert found is not None
        assert (found.verdict.value, found.reason) == planned[one.resource_id]


def test_where_no_rule_is_about_groups_explain_does_not_ask_for_them() -> None:
    fake = a_world_of(a_group(), a_member())
    policy = a_policy_about_groups("rules: [{name: all, kinds: [ec2], where: everything}]")
    found = explain_now(world(fake), policy, a_member().key, AT).decision
    assert found is not None
    assert found.verdict is Verdict.KEEP
    assert not [one for one in fake.asked if one.startswith("groups")]
