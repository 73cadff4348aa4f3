"""Texts that are equal are in memory once, whatever is read in between."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decide.decisions import decide_inventory
from orchestrator.core.model import AccountId, Inventory, Region, ResourceKey, Target
from orchestrator.core.model.shared_texts import share_text, share_texts
from orchestrator.kinds.ec2.rules import resource_of
from tests.support.builders import AT, a_policy, an_account

VALUES = st.text() | st.integers() | st.booleans() | st.none()
INSTANCE = {
    "InstanceId": "i-1",
    "InstanceType": "m5.large",
    "RootDeviceType": "ebs",
    "State": {"Name": "running"},
    "Placement": {"AvailabilityZone": "eu-central-1a"},
    "Tags": [{"Key": "Environment", "Value": "some environment"}],
}
TARGET = Target(AccountId("111111111111"), Region("eu-central-1"))


class Named(str):
    """A text that is more than that."""

    __slots__ = ()


@given(st.dictionaries(st.text(), VALUES))
def test_nothing_but_the_identity_of_a_text_changes(values: dict[str, Any]) -> None:
    shared = share_texts(values)
    assert shared == values
    assert [*shared] == [*values]
    assert [type(one) for one in shared.values()] == [type(one) for one in values.values()]


def test_a_text_of_a_class_of_its_own_stays_what_it_is() -> None:
    one = Named("a")
    assert share_text(one) is one


def read_anew() -> Any:
    return resource_of(json.loads(json.dumps(INSTANCE)), TARGET, "aws", {})


def test_two_instances_share_what_is_equal_of_their_tags_and_facts() -> None:
    one, other = read_anew(), read_anew()
    assert one == other
    for mine, its in ((one.tags, other.tags), (one.facts, other.facts)):
        texts = [(key, mine[key], its[key]) for key in mine if isinstance(mine[key], str)]
        assert texts
        assert all(first is second for _, first, second in texts)
    assert one.aws_state is other.aws_state
    assert one.restore is other.restore


def test_what_no_rule_asks_of_a_resource_is_not_copied_for_its_decision() -> None:
    found = read_anew()
    policy = a_policy("rules: [{name: dev, where: {tag: {Environment: dev}}}]")
    [decision] = decide_inventory(policy, Inventory("o-example", (an_account(),), (), (found,)), AT).decisions
    assert decision.facts is found.facts
    used = a_policy("rules: [{name: dev, where: {tag: {Environment: some*}}}]")
    [decision] = decide_inventory(used, Inventory("o-example", (an_account(),), (), (found,)), AT).decisions
    assert decision.facts == {**found.facts, "tag:Environment": "some environment"}
    assert "tag:Environment" not in found.facts


@given(st.lists(st.tuples(*[st.sampled_from(["a", "b", "", "B"])] * 4)))
def test_keys_sort_by_account_region_kind_and_id(parts: list[tuple[Any, ...]]) -> None:
    keys = [ResourceKey(*one) for one in parts]
    assert sorted(keys) == [ResourceKey(*one) for one in sorted(parts)]
    assert len({*keys}) == len({*parts})
