"""The numbers of the order: whole ones or none, a resource's own before its kind's, none where all are the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import Resource
from orchestrator.core.model.marks import ORDER_TAG
from orchestrator.core.model.order import MAX_ORDER, malformed_order, number_in, number_of, order_needed
from tests.support.builders import a_decision, a_plan, a_resource

ORDER = {"ec2": 20, "rds": 30, "asg": 10}


def one(kind: str = "ec2", **tags: str) -> Resource:
    return replace(a_resource(tags=dict.fromkeys([ORDER_TAG] if tags else [], *tags.values())), kind=kind)


@pytest.mark.parametrize(("value", "number"), [("0", 0), ("7", 7), ("007", 7), ("1000", 1000)])
def test_a_whole_number_is_the_number_of_that_resource(value: str, number: int) -> None:
    assert number_in({ORDER_TAG: value}) == number
    assert malformed_order({ORDER_TAG: value}) == ""
    assert number_of(one(order=value), ORDER) == number


@pytest.mark.parametrize("value", ["", " ", "1001", "-1", "1.5", "first", "10 ", "\u0661", "00010", "1\n"])
def test_anything_else_is_malformed_and_says_what_would_be_right(value: str) -> None:
    assert number_in({ORDER_TAG: value}) is None
    said = f"{ORDER_TAG}={value} is no whole number from 0 to 1000, such as stop-orchestrator:order=20"
    assert malformed_order({ORDER_TAG: value}) == said
    assert number_of(one(order=value), ORDER) == 20


@given(st.text(max_size=5))
def test_each_value_is_a_number_or_malformed_and_never_both(value: str) -> None:
    number = number_in({ORDER_TAG: value})
    assert (number is None) == bool(malformed_order({ORDER_TAG: value}))
    assert number is None or 0 <= number <= MAX_ORDER


def test_without_the_tag_it_is_the_number_of_its_kind_else_20() -> None:
    assert malformed_order({}) == ""
    assert [number_of(one(kind), {"rds": 5}) for kind in ("rds", "ec2")] == [5, 20]


def test_an_order_has_the_kinds_that_there_are_and_is_none_where_all_have_the_same_number() -> None:
    assert order_needed([one("ec2"), one("rds"), one("ec2")], ORDER) == {"ec2": 20, "rds": 30}
    assert order_needed([one("ec2"), one("ec2", order="3")], ORDER) == {"ec2": 20}
    assert order_needed([one("ec2"), one("ec2", order="20")], ORDER) == {}
    assert order_needed([one("ec2"), one("rds", order="20")], {"ec2": 20, "rds": 20}) == {}
    assert order_needed([one("rds")], ORDER) == {}
    assert order_needed([], ORDER) == {}


def test_the_hash_of_a_plan_changes_with_its_order_and_with_the_tags_that_count_in_it() -> None:
    decision, tagged = a_decision(one("ec2")), a_decision(one("ec2", order="3"))
    plain = a_plan(decision)
    ordered = replace(plain, order={"ec2": 20, "rds": 30})
    hashes = [
        plan.sha256
        for plan in (plain, ordered, replace(plain, order={"ec2": 20}), replace(ordered, decisions=(tagged,)))
    ]
    assert len(set(hashes)) == 4
    assert a_plan(tagged).sha256 == plain.sha256, "without an order it says nothing"
