"""For the tests of the `where` language: conditions from their text, and answers that are known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from orchestrator.core.model import Account, Fact, KindDescription, Resource
from orchestrator.core.policy.conditions.interface import Condition
from orchestrator.core.policy.conditions.parsing import parse_where
from orchestrator.core.policy.conditions.words import words_of
from orchestrator.core.policy.yaml_document import Path
from orchestrator.kinds.ec2.description import EC2
from tests.support.builders import a_resource, an_account

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
RESOURCE = a_resource(tags={"Environment": "dev", "Tier": "", "Note": "a\nb"}, region="eu-central-1")
ACCOUNT = an_account("111122223333", ou="/Workloads/Dev/Team", tags={"CostCenter": "cc-42"})
ANSWERS = (True, False, None)
several_answers = st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4)


@dataclass(frozen=True, slots=True)
class Answer(Condition):
    """A condition whose answer is given; an unknown one lacks the fact of its name."""

    answer: bool | None
    fact: str = "shape"

    def evaluate(self, _resource: Resource, _account: Account, _now: datetime) -> bool | None:
        return self.answer

    def facts_used(self, _resource: Resource, _account: Account, _now: datetime) -> dict[str, Fact]:
        return {self.fact: None if self.answer is None else "round"}

    def unknown_facts(self, _resource: Resource, _account: Account, _now: datetime) -> tuple[str, ...]:
        return (self.fact,) if self.answer is None else ()


def answers(values: Sequence[bool | None]) -> tuple[Condition, ...]:
    """One for each value; their facts are `fact-0`, `fact-1`, ..."""
    return tuple(Answer(value, f"fact-{number}") for number, value in enumerate(values))


def condition(where: Any, kinds: Sequence[KindDescription] = (EC2,)) -> Condition:
    """The condition of a rule about all of these kinds."""
    parsed, problems = parse_where(where, (), words_of(kinds), [kind.name for kind in kinds])
    assert parsed is not None, problems
    return parsed


def mistakes(where: Any, kinds: Sequence[KindDescription] = (EC2,)) -> list[tuple[Path, str]]:
    """What is wrong with it in such a rule, each with its place below `where`."""
    parsed, problems = parse_where(where, (), words_of(kinds), [kind.name for kind in kinds])
    assert (parsed is None) is bool(problems)
    return problems


def evaluate(where: Any, resource: Resource = RESOURCE, account: Account = ACCOUNT) -> bool | None:
    return condition(where).evaluate(resource, account, NOW)
