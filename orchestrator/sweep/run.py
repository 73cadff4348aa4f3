"""One sweep, top-down: read everything, decide in one place, pass the barrier, act, report (DESIGN section 3).

The plan is a file before the first stop, and each stop is in the ledger before its call, so a fresh process can go on
with a sweep from wherever another one died.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.core.decide.compliance import violations
from orchestrator.core.decide.decisions import decide_all
from orchestrator.core.decide.guardrails import hold_against
from orchestrator.core.model import (
    AccountId,
    ApprovedPlan,
    HaltCause,
    HeldPlan,
    Mode,
    OutcomeStatus,
    Plan,
    SweepReport,
    SweepStatus,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schema import Guardrails
from orchestrator.core.report.document import report_document, time_text
from orchestrator.core.report.plan_file import (
    PLAN_FILE,
    StoredPlan,
    content_sha256,
    organization_sha256,
    plan_bytes,
    plan_from,
)
from orchestrator.errors import (
    HaltedError,
    NotConfirmedError,
    PlanError,
)
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import ReportStore, World, always_confirm
from orchestrator.sweep.act import carry_out
from orchestrator.sweep.finish import run_to_report
from orchestrator.sweep.read import read_everything, unknown_account_weight
from orchestrator.sweep.recheck import rechecking
from orchestrator.sweep.record import Record, place, same_outcome
from orchestrator.sweep.recover import settle_intents
from orchestrator.sweep.seal import Document, write_and_seal
from orchestrator.sweep.undo import UndoFilter, read_stopped

_HELD_BY_A_GUARDRAIL = "a guardrail held the whole plan"


def run_sweep(world: World, policy: OrgPolicy, sweep_id: str, mode: Mode) -> tuple[SweepReport, str]:
    """The report of one sweep and where it was written; it is written also when the sweep is held or fails half-way.

    Status `running` means that a fresh process goes on with it. Raises HaltedError when the kill switch is pulled,
    ReportStoreError before anything is read when no report could be written, LeaseLostError when another process goes
    on with it, and ReportLostError when the report could not be written after all. Any other error ends the sweep, is
    in the written report, and is raised again.
    """
    record = begin(world, Record(sweep_id, mode, policy, world.now()))
    return run_to_report(world, record, lambda: _sweep(world, record))


def apply_plan(world: World, policy: OrgPolicy, sweep_id: str, source: StoredPlan) -> tuple[SweepReport, str]:
    """Carries out exactly that plan, but for what changed since. Raises as run_sweep, and PlanError when another
    process applied it first.
    """
    record = begin(world, Record(sweep_id, Mode.APPLY, policy, world.now(), source.sweep_id))
    return run_to_report(world, record, lambda: _apply(world, record, source))


def undo_sweep(
    world: World, policy: OrgPolicy, sweep_id: str, source_sweep_id: str, only: UndoFilter
) -> tuple[SweepReport, str]:
    """Starts what that sweep stopped and nobody touched since. Raises as run_sweep."""
    record = begin(world, Record(sweep_id, Mode.UNDO, policy, world.now(), source_sweep_id), only)
    return run_to_report(world, record, lambda: _undo(world, record, only))


def resume_sweep(world: World, policy: OrgPolicy, begun: SweepSummary) -> tuple[Document, str]:
    """Goes on with a sweep whose process died, or whose time was up, from wherever it was; the whole report document.

    Raises as run_sweep.
    """
    written = world.store.find(begun.sweep_id, "report.json")
    if written is not None:  # it died between its report and the end
        document: Document = json.loads(written)
        return document, write_and_seal(world, document)
    record = again(policy, begun)
    report, location = run_to_report(world, record, lambda: _go_on(world, record, begun))
    return report_document(report), location


def again(policy: OrgPolicy, begun: SweepSummary) -> Record:
    """The record of a sweep that another process began. No report can be made of it yet."""
    return Record(
        begun.sweep_id,
        Mode(begun.mode),
        policy,
        datetime.fromisoformat(begun.started_at),
        begun.source_sweep_id,
        begun.continuations,
        begun.confirmed,
        reportable=False,
    )


def open_plan(
    store: ReportStore, ledger: Ledger, sweep_id: str, now: datetime, by: str = ""
) -> tuple[SweepSummary, StoredPlan]:
    """The plan of an earlier sweep, ready to be applied `by` this one. Raises PlanError that says why it cannot be."""
    source = ledger.sweep(sweep_id)
    if source is None:
        raise PlanError(f"there is no sweep {sweep_id} in the ledger; `stop-orchestrator history` lists them")
    if source.mode not in (Mode.PLAN, Mode.APPROVE):
        raise PlanError(f"{sweep_id} is no plan: its mode was {source.mode}")
    if source.applied_by not in ("", by):
        raise PlanError(f"{sweep_id} was applied already, by {source.applied_by}")
    content = store.find(sweep_id, PLAN_FILE)
    if content is None or not source.plan_sha256:
        raise PlanError(f"{sweep_id} has no {PLAN_FILE}: it did not get as far as a plan")
    stored = plan_from(content, source.plan_sha256)
    if now >= stored.expires_at:
        raise PlanError(f"{sweep_id} expired at {time_text(stored.expires_at)}; plan again")
    return source, stored


# --- from the beginning to the barrier ------------------------------------------------------------------------------


def begin(world: World, record: Record, only: UndoFilter | None = None, execution: str = "") -> Record:
    """In the ledger from here on. Raises HaltedError, and ReportStoreError when no report could be written."""
    halt = world.halt()
    if halt is not None and halt.cause is HaltCause.KILL_SWITCH:
        raise HaltedError(f"no sweep begins: {halt.text}")
    world.store.check(record.sweep_id)
    record.confirmed = world.confirm is always_confirm  # nobody is to be asked, here or when it is resumed
    world.ledger.begin(
        SweepSummary(
            sweep_id=record.sweep_id,
            status=SweepStatus.RUNNING.value,
            mode=record.mode.value,
            policy_name=record.policy.name,
            policy=record.policy.text,
            started_at=time_text(record.started_at) or "",
            source_sweep_id=record.source_sweep_id,
            confirmed=record.confirmed,
            only=only.as_item() if only else None,
            execution=execution,
        )
    )
    return record


def _sweep(world: World, record: Record, *, recheck: bool = False) -> None:
    if not read_everything(world, record):
        return
    decide_everything(record)
    _decided(world, record, recheck=recheck)


def decide_everything(record: Record) -> None:
    """A decision for each resource that was read."""
    policy = record.policy
    accounts = {account.id: account for account in record.accounts}
    record.decisions = decide_all(policy, record.resources, accounts, record.started_at)
    record.compliance = violations(record.resources, record.accounts, policy.required_tags, record.today)


def _undo(world: World, record: Record, only: UndoFilter, *, recheck: bool = False) -> None:
    read_stopped(world, record, only)
    _decided(world, record, recheck=recheck)


def _apply(world: World, record: Record, source: StoredPlan) -> None:
    record.organization_id = source.organization_id
    record.decisions = source.decisions
    record.coverage = list(source.coverage)
    record.compliance = source.compliance
    _decided(world, record, recheck=True)


def _limits(record: Record) -> Guardrails:
    """Counts hold for starts too; shares of what runs say nothing about starting it."""
    limits = record.policy.guardrails
    if record.mode is not Mode.UNDO:
        return limits
    per_account = limits.per_account.model_copy(update={"max_stops_percent": None})
    return limits.model_copy(update={"max_stops_percent": None, "per_account": per_account})


def _decided(world: World, record: Record, *, recheck: bool) -> None:
    approved = barrier(world, record)
    if approved is not None:
        _act(world, record, approved, recheck=recheck)


def barrier(world: World, record: Record) -> ApprovedPlan | None:
    """The whole plan against every limit, frozen as a file, before the first stop; what is approved to be acted on."""
    plan = Plan(
        record.sweep_id,
        record.policy.sha256,
        record.organization_id,
        record.decisions,
        tuple(record.coverage),
    )
    approved = _held_against(world, record, plan)
    _freeze(world, record)
    return approved


def _held_against(world: World, record: Record, plan: Plan) -> ApprovedPlan | None:
    """None, with an outcome for each stop in the record, where nothing may be acted on."""
    verdict = hold_against(plan, _limits(record), lambda: unknown_account_weight(world, record))
    record.guardrails = verdict.guardrails
    if isinstance(verdict, ApprovedPlan) and record.mode.acts:
        return verdict
    known = {place(outcome.resource) for outcome in record.outcomes}
    left = [stop for stop in plan.stops if place(stop.resource) not in known]
    if isinstance(verdict, HeldPlan):
        record.outcomes += same_outcome(left, OutcomeStatus.HELD, message=_HELD_BY_A_GUARDRAIL)
    else:
        record.outcomes += same_outcome(left, OutcomeStatus.WOULD_STOP)
    return None


def _freeze(world: World, record: Record) -> None:
    stored = StoredPlan(
        sweep_id=record.sweep_id,
        mode=record.mode,
        policy_name=record.policy.name,
        policy_sha256=record.policy.sha256,
        organization_id=record.organization_id,
        organization_sha256=organization_sha256(record.accounts),
        created_at=record.started_at,
        expires_at=record.started_at + timedelta(hours=record.policy.plan_valid_hours),
        decisions=record.decisions,
        coverage=tuple(record.coverage),
        guardrails=record.guardrails,
        compliance=record.compliance,
    )
    content = plan_bytes(stored)
    world.store.put(record.sweep_id, PLAN_FILE, content)
    world.ledger.amend(record.sweep_id, plan_sha256=content_sha256(content))


# --- past the barrier -----------------------------------------------------------------------------------------------


def _act(world: World, record: Record, approved: ApprovedPlan, *, recheck: bool) -> None:
    """Raises NotConfirmedError, or PlanError when another process applied the plan, before the first stop."""
    if not approved.plan.stops:
        return
    if not record.confirmed:
        if not world.confirm(approved):
            what, done = ("starts", "started") if record.mode is Mode.UNDO else ("stops", "stopped")
            raise NotConfirmedError(f"the {what} were not confirmed; nothing was {done}")
        world.ledger.amend(record.sweep_id, confirmed=True)
    look_again = rechecking(world, record) if recheck else None
    if record.mode is Mode.APPLY:
        _claim(world, record)
    carry_out(world, record, approved, look_again)
    if record.halt is not None and record.halt.cause is HaltCause.OUT_OF_TIME and not record.alone:
        record.handed_over = world.hand_over()


def _claim(world: World, record: Record) -> None:
    """A plan is applied once."""
    if not world.ledger.claim(record.source_sweep_id, record.sweep_id):
        raise PlanError(f"{record.source_sweep_id} was applied already; nothing was stopped by this sweep")
    source = world.ledger.sweep(record.source_sweep_id)
    if source is not None and source.status == SweepStatus.AWAITING_APPROVAL:
        world.ledger.amend(record.source_sweep_id, status=SweepStatus.COMPLETE.value)


def _go_on(world: World, record: Record, begun: SweepSummary) -> None:
    """From the frozen plan where there is one, else from the beginning."""
    content = world.store.find(record.sweep_id, PLAN_FILE)
    if content is None:
        record.reportable = True  # nothing was acted on yet, so there is nothing that a report could leave out
        _begin_again(world, record, UndoFilter.from_item(begun.only))
        return
    approved = reopened(world, record, content, begun)
    if approved is not None:
        _act(world, record, approved, recheck=True)


def reopened(
    world: World,
    record: Record,
    content: bytes,
    begun: SweepSummary,
    accounts: Collection[AccountId] | None = None,
) -> ApprovedPlan | None:
    """The frozen plan back in the record, what came of it so far too; what is approved to be acted on.

    `accounts`: only what came of it there; others look after the rest.
    """
    stored = plan_from(content, begun.plan_sha256 or None)
    if not begun.plan_sha256:
        world.ledger.amend(record.sweep_id, plan_sha256=content_sha256(content))
    record.organization_id = stored.organization_id
    record.decisions = stored.decisions
    record.coverage = list(stored.coverage)
    record.compliance = stored.compliance
    if record.mode.acts:
        settle_intents(world, record, accounts)
    record.reportable = True
    return _held_against(world, record, replace(stored.plan, sweep_id=record.sweep_id))


def _begin_again(world: World, record: Record, only: UndoFilter) -> None:
    """Everything is read again, and looked at again before it is acted on: the sweep is older than this process."""
    if record.mode is Mode.UNDO:
        _undo(world, record, only, recheck=True)
    elif record.mode is Mode.APPLY:
        _, source = open_plan(world.store, world.ledger, record.source_sweep_id, world.now(), record.sweep_id)
        _apply(world, record, source)
    else:
        _sweep(world, record, recheck=True)
