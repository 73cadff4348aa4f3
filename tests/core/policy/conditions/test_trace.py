"""What a condition is shown as, and what it would take for one that does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from typing_extensions import override

from orchestrator.core.model import Account, Fact, Resource
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.conditions.trace import ConditionTrace, missed_by
from tests.support import strategies
from tests.support.builders import AT, a_policy, a_resource, an_account
from tests.support.policies import load


@dataclass(frozen=True, slots=True)
class DayCompares(Condition):
    """One that says nothing about how it is told."""

    key: str
    of_account: bool
    comparison: str
    bound: timedelta
    zone: ZoneInfo

    @override
    def evaluate(self, resource: Resource, account: Account, now: datetime) -> None:
        return None

    @override
    def facts_used(self, resource: Resource, account: Account, now: datetime) -> dict[str, Fact]:
        return {"tag:Age": None}

    @override
    def unknown_facts(self, resource: Resource, account: Account, now: datetime) -> tuple[str, ...]:
        return ("tag:Age",)


def test_a_leaf_is_told_by_its_values_and_its_facts() -> None:
    condition = DayCompares("Age", False, "at_least", timedelta(days=7), ZoneInfo("UTC"))
    trace = condition.trace(a_resource(), an_account(), AT)
    assert trace == ConditionTrace("tag", "Age at_least 7d", {"tag:Age": None}, None, ("tag:Age",))


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("everything", ("everything", "")),
        ("{tag: {A: [x, y], B: z}}", ("tag", "A: x, y; B: z")),
        ("{account_tag: {A: x}}", ("account_tag", "A: x")),
        ("{organizational_unit: /Dev}", ("organizational_unit", "/Dev")),
        ("{instance_type: [t3.*, m5.*]}", ("instance_type", "t3.*, m5.*")),
    ],
)
def test_each_word_is_told_as_the_policy_has_it(where: str, words: tuple[str, str]) -> None:
    trace = a_policy(f"rules: [{{name: one, where: {where}}}]").rules[0].where.trace(a_resource(), an_account(), AT)
    assert (trace.word, trace.asked) == words


@strategies.quick
@given(strategies.policy_documents(), strategies.tags)
def test_a_trace_says_what_its_condition_says_at_every_level_and_names_what_missed(
    document: dict[str, Any], tags: dict[str, str]
) -> None:
    resource, account = a_resource(tags=tags), an_account()
    for rule in load(yaml.safe_dump(document)).rules:
        trace = rule.where.trace(resource, account, AT)
        assert trace.held is rule.where.evaluate(resource, account, AT)
        assert (missed_by(trace) == ()) is (trace.held is True)
        assert {leaf.word for leaf in missed_by(trace)} <= {leaf.word for leaf in trace.leaves()}
