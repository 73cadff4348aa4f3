"""The frozen plan of an earlier sweep, or of an earlier process of this one: opened, and restored with its outcomes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from orchestrator.core.decide.guardrails import hold_as_frozen
from orchestrator.core.model import (
    AccountId,
    Action,
    ApprovedPlan,
    Decisions,
    Mode,
    Outcomes,
    people_time,
)
from orchestrator.core.report.manifest import FileSeal, sha256_of
from orchestrator.core.report.plan_file import PLAN_FILE, StoredPlan, plan_from
from orchestrator.errors import PlanError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import ANOTHER_FORMAT, SweepSummary, consent_from
from orchestrator.ports import ReportStore, World
from orchestrator.sweep.barrier import hold_plan
from orchestrator.sweep.money import restore_money
from orchestrator.sweep.recover import close_the_rest, recover_from_records, recover_intents
from orchestrator.sweep.state import Sweep, SweepState


def open_plan(
    store: ReportStore, ledger: Ledger, sweep_id: str, now: datetime, by: str = ""
) -> tuple[SweepSummary, StoredPlan]:
    """The plan of an earlier sweep, ready to be applied `by` this one. Raises PlanError that says why it cannot be."""
    source = ledger.sweep(sweep_id)
    if source is None:
        raise PlanError(f"there is no sweep {sweep_id} in the ledger; `stop-orchestrator history` lists them")
    if source.mode not in (Mode.PLAN, Mode.APPROVE):
        raise PlanError(f"{sweep_id} is no plan: its mode was {source.mode}")
    if source.notify_before:
        raise PlanError(
            f"{sweep_id} is a preview that warned of what is done {source.notify_before} after it began; plan again"
        )
    if source.applied_by not in ("", by):
        raise PlanError(
            f"{sweep_id} was applied already, by {source.applied_by}. What came of it: `stop-orchestrator report "
            f"{source.applied_by}`; `stop-orchestrator undo {source.applied_by}` starts what it stopped"
        )
    content = store.find(sweep_id, PLAN_FILE)
    if content is None or not source.plan_sha256:
        raise PlanError(f"{sweep_id} has no {PLAN_FILE}: it did not get as far as a plan")
    stored = plan_from(content, source.plan_sha256)
    if not source.is_of_this_release:
        raise PlanError(f"{sweep_id} has {ANOTHER_FORMAT}; plan again")
    if now >= stored.expires_at:
        raise PlanError(f"{sweep_id} expired at {people_time(stored.expires_at)}; plan again")
    return source, stored


def require_plan(world: World, summary: SweepSummary) -> None:
    """Raises PlanError where the ledger knows of a plan and this store has none: what was done by it would be lost."""
    if summary.plan_sha256 and world.store.find(summary.sweep_id, PLAN_FILE) is None:
        raise PlanError(
            f"{summary.sweep_id} has a plan by its ledger, and there is no "
            f"{world.store.location(summary.sweep_id, PLAN_FILE)}: name the store that it began with "
            "(--store, STOP_ORCHESTRATOR_REPORT_BUCKET), or put the file back. Nothing was done, nothing is forgotten. "
            f"Where it is lost for good: `stop-orchestrator undo {summary.sweep_id}` closes the sweep by what the "
            "ledger has of it, and starts what it stopped"
        )


def restore_plan(
    world: World,
    sweep: Sweep,
    content: bytes,
    summary: SweepSummary,
    accounts: Collection[AccountId] | None = None,
    *,
    for_good: bool = False,
) -> tuple[SweepState, ApprovedPlan | None]:
    """The frozen plan with what came of it so far, and what is approved to be acted on.

    `accounts`: only what came of it there; others look after the rest. `for_good`: nothing more is acted on, by this
    process or by one before it that may still be at work. Raises PlanError.
    """
    stored = plan_from(content, summary.written_plan_sha256 or None)
    if not summary.plan_sha256:
        world.ledger.amend(sweep.sweep_id, plan_sha256=sha256_of(content))
    plan = replace(stored.plan, sweep_id=sweep.sweep_id)
    outcomes, verdict = Outcomes(), hold_as_frozen(plan, stored.guardrails)
    if for_good and sweep.mode.acts and isinstance(verdict, ApprovedPlan):
        close_the_rest(world, sweep.sweep_id, plan.actions)
    if sweep.mode.acts:
        only = None if accounts is None else frozenset(accounts)
        concerned = [one for one in plan.actions if only is None or one.resource.target.account_id in only]
        outcomes = recover_intents(world, sweep.sweep_id, concerned)
    state = SweepState(
        stored.inventory,
        stored.decided,
        outcomes=outcomes,
        consent=consent_from(summary.consent),
        plan_seal=FileSeal.of(content),
        money=restore_money(world, sweep.sweep_id, plan.actions),
    )
    return hold_plan(sweep, state, verdict)


def unreadable_plan(store: ReportStore, summary: SweepSummary) -> str:
    """Why a sweep's plan cannot be carried out any more, where it is there; empty otherwise."""
    content = store.find(summary.sweep_id, PLAN_FILE)
    try:
        if content is not None:
            plan_from(content, summary.written_plan_sha256 or None)
    except PlanError as unreadable:
        return str(unreadable)
    return ""


def restore_for_good(world: World, sweep: Sweep, summary: SweepSummary) -> SweepState:
    """What is known of it: by its plan, or by the ledger alone."""
    content = world.store.find(sweep.sweep_id, PLAN_FILE)
    if content is not None and not unreadable_plan(world.store, summary):
        state, _ = restore_plan(world, sweep, content, summary, for_good=True)
        return state
    action = Action.START if sweep.mode is Mode.UNDO else Action.STOP
    decisions, outcomes = recover_from_records(world, sweep.sweep_id, action)
    return SweepState(decisions=Decisions(decisions), outcomes=outcomes, consent=consent_from(summary.consent))
