"""What belongs to a group goes with it: it is decided once, and never acted on by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide_inventory
from orchestrator.core.decide.drift import changed, keep_after_all
from orchestrator.core.decide.explain import explain
from orchestrator.core.decide.members import belongs_to_another, decide_members
from orchestrator.core.decide.narrowing import narrow_decisions
from orchestrator.core.model import Decision, Narrowing, Obstacle, ReasonCode, Resource, Verdict
from orchestrator.core.policy.org_policy import OrgPolicy
from tests.support.builders import AT, a_decision, a_resource, an_account
from tests.support.groups import a_group, a_member, a_policy_about_groups, a_stack, an_inventory
from tests.support.strategies import quick

POLICY = a_policy_about_groups()
ONLY_INSTANCES = "rules: [{name: all, kinds: [ec2], where: everything}]"
TAGGED = """
rules:
  - {name: tags, kinds: [ec2], where: everything, action: tag, tags: {Seen: "yes"}}
  - {name: all, kinds: [groups], where: everything}
"""
OWNED = "An Auto Scaling group owns it, and would replace it."


def decided(*resources: Resource, policy: OrgPolicy = POLICY) -> dict[str, Decision]:
    found = decide_inventory(policy, an_inventory(*resources), AT).decisions
    return {one.resource.resource_id: one for one in found}


def test_a_member_of_a_group_that_is_stopped_goes_with_it_and_says_so() -> None:
    found = decided(a_group(), a_member())
    assert found["web"].verdict is Verdict.STOP
    assert (found["i-1"].verdict, found["i-1"].reason_code) == (Verdict.KEEP, ReasonCode.STOPS_WITH_OWNER)
    assert found["i-1"].reason == ("It belongs to the Auto Scaling group web, which this sweep stops: it goes with it.")


def test_a_member_of_a_group_that_is_kept_is_kept_as_its_kind_says() -> None:
    found = decided(a_group(tags={"stop-orchestrator:opt-out": "true"}), a_member())
    assert (found["web"].verdict, found["i-1"].verdict) == (Verdict.KEEP, Verdict.KEEP)
    assert (found["i-1"].reason_code, found["i-1"].reason) == (ReasonCode.OWNED, OWNED)


def test_a_member_of_a_group_that_was_not_read_is_kept_as_its_kind_says() -> None:
    for resources, policy in (
        ((a_member(),), POLICY),
        ((a_group("other"), a_member()), POLICY),
        ((a_member(),), a_policy_about_groups(ONLY_INSTANCES)),
    ):
        assert decided(*resources, policy=policy)["i-1"].reason_code is ReasonCode.OWNED


@pytest.mark.parametrize("elsewhere", ["222222222222 eu-central-1", "111111111111 eu-west-1"])
def test_a_group_of_the_same_name_in_another_target_owns_nothing_here(elsewhere: str) -> None:
    account_id, region = elsewhere.split()
    group = replace(a_resource("web", account_id, region, obstacle=None), kind="groups")
    inventory = replace(an_inventory(group, a_member()), accounts=(an_account(), an_account("222222222222")))
    found = {one.resource.resource_id: one for one in decide_inventory(POLICY, inventory, AT).decisions}
    assert found["i-1"].reason_code is ReasonCode.OWNED


def test_a_member_that_its_kind_would_stop_is_kept_while_its_group_is_read() -> None:
    kept = a_group(tags={"stop-orchestrator:opt-out": "true"})
    found = decided(kept, a_member(obstacle=None))
    assert (found["i-1"].verdict, found["i-1"].reason_code) == (Verdict.KEEP, ReasonCode.OWNED)
    assert found["i-1"].reason == "It belongs to the Auto Scaling group web, and stops and starts with it only."
    assert decided(a_group(), a_member(obstacle=None))["i-1"].reason_code is ReasonCode.STOPS_WITH_OWNER


@pytest.mark.parametrize("tag", ["stop-orchestrator:opt-out", "stop-orchestrator:protected"])
def test_a_member_that_is_opted_out_keeps_its_group(tag: str) -> None:
    found = decided(a_group(), a_member(1, tags={tag: "true"}), a_member(2))
    assert (found["web"].verdict, found["web"].reason_code) == (Verdict.KEEP, ReasonCode.EXEMPT)
    assert found["web"].reason.startswith("i-1 belongs to it, would go with it, and is opted out: The tag ")
    assert found["web"].exemption == found["i-1"].exemption is not None
    assert [found[one].reason_code for one in ("i-1", "i-2")] == [ReasonCode.EXEMPT, ReasonCode.OWNED]


def test_a_member_whose_opt_out_is_over_keeps_nothing() -> None:
    found = decided(a_group(), a_member(tags={"stop-orchestrator:opt-out": "2026-11-01"}))
    assert found["web"].verdict is Verdict.STOP


def test_a_member_that_is_down_says_so() -> None:
    found = decided(a_group(), a_member(state="stopped"))
    assert found["i-1"].reason_code is ReasonCode.NOT_RUNNING


def test_tags_are_written_to_the_members_of_a_group_that_stays_and_not_of_one_that_goes() -> None:
    policy = a_policy_about_groups(TAGGED)
    kept = a_group(tags={"stop-orchestrator:opt-out": "true"})
    assert decided(kept, a_member(), policy=policy)["i-1"].verdict is Verdict.TAG
    gone = decided(a_group(), a_member(), policy=policy)["i-1"]
    assert (gone.verdict, gone.reason_code) == (Verdict.KEEP, ReasonCode.STOPS_WITH_OWNER)
    assert not gone.resource.restore


@pytest.mark.parametrize("obstacle", [None, a_member().obstacle])
def test_what_belongs_to_a_group_that_belongs_to_something_goes_with_that(obstacle: Obstacle | None) -> None:
    group = a_group(facts={"stack": "shop"}, obstacle=obstacle)
    found = decided(a_stack(), group, a_member())
    assert [found[one].reason_code for one in ("web", "i-1")] == [ReasonCode.STOPS_WITH_OWNER] * 2
    assert found["i-1"].reason == "It belongs to the stack shop, which this sweep stops: it goes with it."


def test_what_is_kept_after_all_keeps_its_members() -> None:
    decisions = decide_inventory(POLICY, an_inventory(a_group(), a_member()), AT)
    reason = changed("it is gone.")
    after = keep_after_all(decisions.decisions, {a_group().key: reason}, POLICY.members)
    assert {one.resource.resource_id: one.reason for one in after} == {"web": reason.sentence, "i-1": OWNED}
    narrowed = narrow_decisions(Narrowing(resources=("i-1",)), POLICY, decisions).decisions
    assert {one.resource.resource_id: one.reason_code for one in narrowed} == {
        "web": ReasonCode.NARROWED,
        "i-1": ReasonCode.OWNED,
    }


def test_explain_tells_of_both_what_a_sweep_decides() -> None:
    for resources in ((a_group(), a_member()), (a_group(), a_member(tags={"stop-orchestrator:opt-out": "true"}))):
        found = decided(*resources)
        for one in resources:
            told = explain(POLICY, an_inventory(*resources), one.key, AT)
            assert told.decision == found[one.resource_id]


_DECISIONS = st.lists(
    st.tuples(st.sampled_from(["web", "api"]), st.sampled_from([*Verdict]), st.booleans()), max_size=6, unique=True
)


@quick
@given(groups=_DECISIONS, members=_DECISIONS)
def test_no_member_of_a_group_that_is_there_is_acted_on_and_it_comes_to_the_same_again(
    groups: Sequence[tuple[str, Verdict, bool]], members: Sequence[tuple[str, Verdict, bool]]
) -> None:
    owners = {name: a_decision(a_group(name), verdict) for name, verdict, _ in groups}
    each = [
        a_decision(a_member(number, name, obstacle=None if is_plain else a_member().obstacle), verdict)
        for number, (name, verdict, is_plain) in enumerate(members)
    ]
    before = [*owners.values(), *each]
    after = decide_members(before, POLICY.members)
    assert [one.resource.key for one in after] == [one.resource.key for one in before]
    inside = belongs_to_another(after, POLICY.members)
    assert not [one for one in after if one.resource.key in inside and one.verdict in (Verdict.STOP, Verdict.START)]
    assert after[: len(owners)] == tuple(owners.values())
    assert decide_members(after, POLICY.members) == after
