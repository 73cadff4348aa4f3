"""All decisions of one sweep, and the proof that the guardrails passed them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field

from orchestrator.core.model.coverage import Coverage
from orchestrator.core.model.decision import Decision, Verdict
from orchestrator.core.model.narrowing import NOT_NARROWED, Narrowing
from orchestrator.core.model.order import Order, number_in
from orchestrator.core.model.organization import AccountId
from orchestrator.core.model.tagging import tagging_of


@dataclass(frozen=True, slots=True)
class ActionCounts:
    """Stops, starts and changes of tags, counted apart wherever a person reads a count."""

    stops: int = 0
    starts: int = 0
    tags: int = 0

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> ActionCounts:
        """Of what is to be acted on."""
        actions = [decision.action for decision in decisions if decision.verdict is not Verdict.KEEP]
        starts, tags = sum(one.starts for one in actions), sum(one.tags for one in actions)
        return cls(len(actions) - starts - tags, starts, tags)

    @property
    def total(self) -> int:
        """All of them together."""
        return self.stops + self.starts + self.tags

    def __add__(self, other: ActionCounts) -> ActionCounts:
        return ActionCounts(self.stops + other.stops, self.starts + other.starts, self.tags + other.tags)

    def __sub__(self, other: ActionCounts) -> ActionCounts:
        return ActionCounts(self.stops - other.stops, self.starts - other.starts, self.tags - other.tags)


@dataclass(frozen=True, slots=True)
class Plan:
    """All decisions of one sweep, frozen before anything is acted on. It may hold all sorts of actions together."""

    sweep_id: str
    policy_sha256: str
    organization_id: str
    decisions: tuple[Decision, ...]
    coverage: tuple[Coverage, ...]
    narrowed: Narrowing = NOT_NARROWED
    """To what a person narrowed it, which says nothing of what would be acted on: so it is not hashed."""
    order: Order = field(default_factory=dict)
    """In which it is carried out in each account, as it was decided; a resource's own tag, as planned, comes first."""

    @property
    def actions(self) -> tuple[Decision, ...]:
        """What would be stopped, started or tagged."""
        return tuple(decision for decision in self.decisions if decision.verdict is not Verdict.KEEP)

    @property
    def counts(self) -> ActionCounts:
        """How many actions of each sort the plan has."""
        return ActionCounts.of(self.decisions)

    @property
    def sha256(self) -> str:
        """Changes whenever what would be acted on, where, how, in which order or by which policy changes."""
        actions = sorted(_as_hashed(decision) for decision in self.actions)
        values = [self.sweep_id, self.policy_sha256, self.organization_id, actions]
        text = json.dumps([*values, *self._order_as_hashed()])
        return hashlib.sha256(text.encode()).hexdigest()

    def _order_as_hashed(self) -> list[object]:
        """Nothing where there is no order: such a plan has the hash that it had in earlier releases."""
        if not self.order:
            return []
        numbers = ((one.resource.key, number_in(one.resource.tags)) for one in self.actions)
        return [sorted(self.order.items()), sorted([*key, number] for key, number in numbers if number is not None)]


def _as_hashed(decision: Decision) -> list[str]:
    """With the tags, where it writes or deletes some."""
    tags = sorted(tagging_of(decision.resource.restore).items()) if decision.action.tags else []
    return [*decision.resource.key, decision.action.value, *(text for pair in tags for text in pair)]


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """One limit held against the whole plan. `account_id` is set for a limit per account."""

    name: str
    limit: float
    actual: float
    passed: bool
    account_id: AccountId | None = None
    detail: str = ""
    """What the numbers do not say."""
    unknown_account_weight: int | None = None
    """For the coverage: how many targets an account counted for whose regions are not known; None where none counted,
    or where that is not known either.
    """


GUARDRAILS_SEAL = object()
"""Held by core.decide.guardrails alone: the proof that a plan went through them."""


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """A plan that passed every guardrail; the only thing that can be carried out.

    Made by core.decide.guardrails only.
    """

    plan: Plan
    guardrails: tuple[GuardrailResult, ...]
    seal: InitVar[object]
    """Shown and not kept, so that no other plan is approved with it (`dataclasses.replace`)."""

    def __post_init__(self, seal: object) -> None:
        if seal is not GUARDRAILS_SEAL:
            raise TypeError("a plan is approved by core.decide.guardrails and by nothing else")


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """A plan that broke at least one guardrail; nothing of it may be stopped."""

    plan: Plan
    guardrails: tuple[GuardrailResult, ...]
