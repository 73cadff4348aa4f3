"""The barrier: a whole plan held against every limit and frozen as a file, before the first action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from orchestrator.core.decide.denied_regions import explain_hold
from orchestrator.core.decide.guardrails import for_undo, hold_against, hold_by_names, hold_by_others
from orchestrator.core.decide.production import find_production
from orchestrator.core.model import (
    Action,
    ApprovedPlan,
    Decision,
    GuardrailResult,
    HeldPlan,
    Inventory,
    Mode,
    Names,
    OtherPolicy,
    Outcome,
    Outcomes,
    OutcomeStatus,
    Plan,
)
from orchestrator.core.model.order import Order, order_needed
from orchestrator.core.model.times import whole_second
from orchestrator.core.report.manifest import Anew, FileSeal
from orchestrator.core.report.plan_file import (
    PLAN_FILE,
    PLAN_FORMAT,
    StoredPlan,
    organization_sha256,
    plan_chunks,
)
from orchestrator.ports import World
from orchestrator.sweep.other_policies import without_texts
from orchestrator.sweep.read import unknown_account_weight
from orchestrator.sweep.state import Sweep, SweepState, contacts_of_accounts, owners_of_accounts

_HELD_BY_A_GUARDRAIL = "a guardrail held the whole plan"
_THE_REST_HELD = "a guardrail held what was left of the plan"


def guard_plan(
    world: World,
    sweep: Sweep,
    state: SweepState,
    frozen: Sequence[GuardrailResult] = (),
    order: Order | None = None,
) -> tuple[SweepState, ApprovedPlan | None]:
    """The plan of these decisions, held against every limit and frozen with the verdict; what is approved to be acted
    on. `frozen` and `order` are of the plan that is applied: its verdict, which may only get stricter.
    """
    order = _order(sweep, state) if order is None else order
    state, approved = check_plan(world, sweep, state, frozen, order)
    return replace(state, plan_seal=_freeze(world, sweep, state, order)), approved


def _order(sweep: Sweep, state: SweepState) -> Order:
    return order_needed((one.resource for one in state.decisions.actions), sweep.policy.order)


def check_plan(
    world: World,
    sweep: Sweep,
    state: SweepState,
    frozen: Sequence[GuardrailResult] = (),
    order: Order | None = None,
) -> tuple[SweepState, ApprovedPlan | None]:
    """The same without a file of it, so that nothing can be done by it later."""
    inventory, decisions = _with_production(sweep, state), state.decisions.decisions
    state = replace(state, inventory=inventory)
    plan = Plan(
        sweep.sweep_id,
        sweep.policy.sha256,
        inventory.organization_id,
        decisions,
        inventory.coverage,
        sweep.narrowed,
        _order(sweep, state) if order is None else order,
    )
    policy = sweep.policy
    verdict = hold_against(
        plan,
        for_undo(policy.guardrails) if sweep.mode is Mode.UNDO else policy.guardrails,
        lambda: unknown_account_weight(world, sweep.policy_to_read),
        frozen,
        inventory.names,
        inventory.others,
        policy.members,
    )
    if isinstance(verdict, HeldPlan):
        verdict = explain_hold(verdict, policy.regions)
    return hold_plan(sweep, state, verdict)


def _with_production(sweep: Sweep, state: SweepState) -> Inventory:
    inventory = state.inventory
    concerned = frozenset(one.resource.target.account_id for one in state.decisions.actions)
    found = find_production(
        sweep.policy.production, concerned, inventory.coverage, inventory.accounts, inventory.production
    )
    return replace(inventory, production=found)


def end_without_plan(state: SweepState) -> SweepState:
    """Of a sweep that yielded: what it would do where it looked. A part of the organization is no plan, so none is
    frozen that could be applied, and no limit says anything of it.
    """
    made = Outcomes(tuple(_not_acted_on(one, "") for one in state.decisions.actions))
    return replace(state, outcomes=state.outcomes + made)


def hold_plan(
    sweep: Sweep, state: SweepState, verdict: ApprovedPlan | HeldPlan
) -> tuple[SweepState, ApprovedPlan | None]:
    """None, with an outcome for each action in the state, where nothing (more) may be acted on.

    What was announced and has no outcome is left as it is: it may have been asked for.
    """
    plan = verdict.plan
    state = replace(state, guardrails=verdict.guardrails)
    if isinstance(verdict, ApprovedPlan) and sweep.mode.acts:
        return state, verdict
    done = {*state.outcomes.keys, *state.outcomes.intents}
    left = [one for one in plan.actions if one.resource.key not in done]
    held = (_THE_REST_HELD if done else _HELD_BY_A_GUARDRAIL) if isinstance(verdict, HeldPlan) else ""
    made = Outcomes(tuple(_not_acted_on(one, held) for one in left))
    return replace(state, outcomes=state.outcomes + made), None


def hold_plan_by_names(
    sweep: Sweep, state: SweepState, approved: ApprovedPlan, lost: Names
) -> tuple[SweepState, ApprovedPlan | None]:
    """The frozen verdict, made stricter by names that were lost since; None as of hold_plan. The starts of an undo need
    no name.
    """
    if not lost.unresolved or not _follows_rules(approved.plan):
        return state, approved
    inventory = replace(state.inventory, names=state.inventory.names.joined(lost))
    return hold_plan(sweep, replace(state, inventory=inventory), hold_by_names(approved, inventory.names))


def hold_plan_by_others(
    sweep: Sweep, state: SweepState, approved: ApprovedPlan, others: tuple[OtherPolicy, ...]
) -> tuple[SweepState, ApprovedPlan | None]:
    """The frozen verdict, made stricter by the other active policies as they are by now; None as of hold_plan.

    What they own is no reason against the start of an undo.
    """
    if not _follows_rules(approved.plan):
        return state, approved
    state = replace(state, inventory=replace(state.inventory, others=others))
    if not any(one.unread for one in others):
        return state, approved
    return hold_plan(sweep, state, hold_by_others(approved, others))


def _follows_rules(plan: Plan) -> bool:
    return any(one.follows_a_rule for one in plan.actions)


def _not_acted_on(action: Decision, held: str) -> Outcome:
    if held:
        return Outcome(action.resource, OutcomeStatus.HELD, message=held)
    return Outcome(action.resource, _WOULD.get(action.action, OutcomeStatus.WOULD_STOP))


_WOULD = {
    Action.START: OutcomeStatus.WOULD_START,
    Action.TAG: OutcomeStatus.WOULD_TAG,
    Action.UNTAG: OutcomeStatus.WOULD_UNTAG,
}


def _freeze(world: World, sweep: Sweep, state: SweepState, order: Order) -> FileSeal:
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
        others=without_texts(state.inventory.others),
        format=PLAN_FORMAT,
        opt_outs=state.decisions.opt_outs,
        narrowed=sweep.narrowed,
        production=state.inventory.production,
        account_owners=owners_of_accounts(sweep, state.inventory),
        account_contacts=contacts_of_accounts(sweep, state.inventory),
        order=order,
    )
    chunks = Anew(lambda: plan_chunks(stored))  # made twice in 0.3 s for 17,000 targets, and never all in memory
    seal = FileSeal.of_chunks(chunks)
    world.ledger.amend(sweep.sweep_id, plan_announced_sha256=seal.sha256)
    world.store.put_chunks(sweep.sweep_id, PLAN_FILE, chunks)
    world.ledger.amend(sweep.sweep_id, plan_sha256=seal.sha256)
    return seal
