"""The barrier: a whole plan held against every limit and frozen as a file, before the first action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from orchestrator.core.decide.denied_regions import explain_hold
from orchestrator.core.decide.guardrails import hold_against
from orchestrator.core.model import (
    ApprovedPlan,
    Decision,
    GuardrailResult,
    HeldPlan,
    Outcome,
    Outcomes,
    OutcomeStatus,
    Plan,
)
from orchestrator.core.model.times import whole_second
from orchestrator.core.report.manifest import sha256_of
from orchestrator.core.report.plan_file import (
    PLAN_FILE,
    PLAN_FORMAT,
    StoredPlan,
    organization_sha256,
    plan_bytes,
)
from orchestrator.ports import World
from orchestrator.sweep.read import unknown_account_weight
from orchestrator.sweep.state import Sweep, SweepState

_HELD_BY_A_GUARDRAIL = "a guardrail held the whole plan"


def guard_plan(
    world: World, sweep: Sweep, state: SweepState, frozen: Sequence[GuardrailResult] = ()
) -> tuple[SweepState, ApprovedPlan | None]:
    """The plan of these decisions, held against every limit and frozen with the verdict; what is approved to be acted
    on. `frozen`: the verdict on the plan that is applied, which may only get stricter.
    """
    inventory, decisions = state.inventory, state.decisions.decisions
    plan = Plan(sweep.sweep_id, sweep.policy.sha256, inventory.organization_id, decisions, inventory.coverage)
    policy = sweep.policy
    verdict = hold_against(
        plan, policy.guardrails, lambda: unknown_account_weight(world, policy), frozen, inventory.names
    )
    if isinstance(verdict, HeldPlan):
        verdict = explain_hold(verdict, policy.regions)
    state, approved = hold_plan(sweep, state, verdict)
    _freeze(world, sweep, state)
    return state, approved


def hold_plan(
    sweep: Sweep, state: SweepState, verdict: ApprovedPlan | HeldPlan
) -> tuple[SweepState, ApprovedPlan | None]:
    """None, with an outcome for each action in the state, where nothing may be acted on."""
    plan = verdict.plan
    state = replace(state, guardrails=verdict.guardrails)
    if isinstance(verdict, ApprovedPlan) and sweep.mode.acts:
        return state, verdict
    done = state.outcomes.keys
    left = [one for one in plan.actions if one.resource.key not in done]
    made = Outcomes(tuple(_not_acted_on(one, held=isinstance(verdict, HeldPlan)) for one in left))
    return replace(state, outcomes=state.outcomes + made), None


def _not_acted_on(action: Decision, *, held: bool) -> Outcome:
    if held:
        return Outcome(action.resource, OutcomeStatus.HELD, message=_HELD_BY_A_GUARDRAIL)
    would = OutcomeStatus.WOULD_START if action.action.starts else OutcomeStatus.WOULD_STOP
    return Outcome(action.resource, would)


def _freeze(world: World, sweep: Sweep, state: SweepState) -> None:
    stored = StoredPlan(
        sweep_id=sweep.sweep_id,
        mode=sweep.mode,
        policy_name=sweep.policy.name,
        policy_sha256=sweep.policy.sha256,
        organization_id=state.inventory.organization_id,
        organization_sha256=organization_sha256(state.inventory.accounts),
        created_at=whole_second(sweep.started_at),
        expires_at=whole_second(sweep.started_at) + timedelta(hours=sweep.policy.plan_valid_hours),
        decisions=state.decisions.decisions,
        coverage=state.inventory.coverage,
        guardrails=state.guardrails,
        compliance=state.decisions.compliance,
        names=state.inventory.names,
        format=PLAN_FORMAT,
    )
    content = plan_bytes(stored)
    world.store.put(sweep.sweep_id, PLAN_FILE, content)
    world.ledger.amend(sweep.sweep_id, plan_sha256=sha256_of(content))
