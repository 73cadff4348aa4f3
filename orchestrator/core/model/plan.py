"""All decisions of one sweep, and the proof that the guardrails passed them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import InitVar, dataclass

from orchestrator.core.model.coverage import Coverage
from orchestrator.core.model.decision import Decision, Verdict
from orchestrator.core.model.organization import AccountId
from orchestrator.core.model.resource import Resource


@dataclass(frozen=True, slots=True)
class Plan:
    """All decisions of one sweep, frozen before anything is stopped."""

    sweep_id: str
    policy_sha256: str
    organization_id: str
    decisions: tuple[Decision, ...]
    coverage: tuple[Coverage, ...]

    @property
    def stops(self) -> tuple[Decision, ...]:
        """What would be acted on: stopped, or started where the plan undoes a sweep."""
        return tuple(decision for decision in self.decisions if decision.verdict is not Verdict.KEEP)

    @property
    def sha256(self) -> str:
        """Changes whenever what would be stopped, where, how or by which policy changes."""
        stops = sorted([*_place(decision.resource), decision.action.value] for decision in self.stops)
        text = json.dumps([self.sweep_id, self.policy_sha256, self.organization_id, stops])
        return hashlib.sha256(text.encode()).hexdigest()


def _place(resource: Resource) -> tuple[str, str, str, str]:
    return resource.target.account_id, resource.target.region, resource.kind, resource.resource_id


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """One limit held against the whole plan. `account_id` is set for a limit per account."""

    name: str
    limit: float
    actual: float
    passed: bool
    account_id: AccountId | None = None


GUARDRAILS_SEAL = object()
"""Held by core.guardrails alone: the proof that a plan went through them."""


@dataclass(frozen=True, slots=True)
class ApprovedPlan:
    """A plan that passed every guardrail; the only thing that can be carried out. Made by core.guardrails only."""

    plan: Plan
    guardrails: tuple[GuardrailResult, ...]
    seal: InitVar[object]
    """Shown and not kept, so that no other plan is approved with it (`dataclasses.replace`)."""

    def __post_init__(self, seal: object) -> None:
        if seal is not GUARDRAILS_SEAL:
            raise TypeError("a plan is approved by core.guardrails and by nothing else")


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """A plan that broke at least one guardrail; nothing of it may be stopped."""

    plan: Plan
    guardrails: tuple[GuardrailResult, ...]
