"""One sweep, top-down: read everything, decide in one place, pass the barrier, act, report (docs/architecture.md).

    Inventory -> Decisions -> Plan -> ApprovedPlan -> Outcomes -> Report

The plan is a file before the first action, and each action is in the ledger before its call, so a fresh process can
resume a sweep from wherever another one died.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.decide.decisions import decide_inventory
from orchestrator.core.decide.narrowing import narrow_decisions, narrowing_problems, resource_problems
from orchestrator.core.model import (
    NOT_NARROWED,
    ApprovedPlan,
    GuardrailResult,
    HaltCause,
    Inventory,
    Mode,
    Narrowing,
    Outcomes,
    ResourceKey,
    SweepStatus,
    TargetStatus,
    time_text,
)
from orchestrator.core.model.order import Order
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.plan_file import PLAN_FILE, StoredPlan
from orchestrator.errors import HaltedError, NarrowedToNothingError, NarrowingError, PlanError
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import World
from orchestrator.sweep.act import act_on_plan
from orchestrator.sweep.barrier import end_without_plan, guard_plan, hold_plan_by_names, hold_plan_by_others
from orchestrator.sweep.consent import halted_without_consent, require_consent
from orchestrator.sweep.exact_tags import with_exact_tags
from orchestrator.sweep.finish import Keep, run_to_report
from orchestrator.sweep.inventory_file import StoredInventory, inventory_bytes, inventory_from, without_gaps
from orchestrator.sweep.late_starts import conclude_late_starts
from orchestrator.sweep.listing import Listing
from orchestrator.sweep.metrics import with_metrics
from orchestrator.sweep.money import keep_money, remembering_savings, with_money
from orchestrator.sweep.old_marks import delete_old_marks
from orchestrator.sweep.other_policies import co_owners
from orchestrator.sweep.policy_text import is_too_large, keep_text
from orchestrator.sweep.read import Reading, complete_inventory, inventory_so_far, list_and_read, read_accounts
from orchestrator.sweep.read_one import read_one
from orchestrator.sweep.recheck import Recheck
from orchestrator.sweep.remember import read_remembered
from orchestrator.sweep.seal import Document, end_again
from orchestrator.sweep.state import Sweep, SweepState
from orchestrator.sweep.stored_plan import open_plan, require_plan, restore_plan
from orchestrator.sweep.undo import StoppedInventory, UndoFilter, read_stopped


def run_sweep(
    world: World,
    policy: OrgPolicy,
    sweep_id: str,
    mode: Mode,
    consent_missing: str = "",
    narrowing: Narrowing = NOT_NARROWED,
    notify_before: str = "",
) -> tuple[Document, str]:
    """The report of one sweep, as its document, and where it was written; also when it is held or fails half-way.

    `notify_before`: as of Sweep.
    Status `running` means that a fresh process resumes it. Raises HaltedError when a kill switch does not say `go`,
    ReportStoreError before anything is read when no report could be written, LeaseLostError when another process has
    the sweep, and ReportLostError when the report could not be written after all. Any other error ends the sweep, is
    in the written report, and is re-raised. NarrowingError for what is not there; where the policy alone tells,
    before the sweep begins.
    """
    problems = narrowing_problems(narrowing, policy, world.partition_regions)
    if problems:
        raise NarrowingError(problems)
    sweep = Sweep(
        sweep_id,
        mode,
        policy,
        world.now(),
        asked_by=world.asked_by,
        consent_missing=consent_missing,
        narrowed=narrowing,
        notify_before=notify_before,
    )
    begin(world, sweep)
    return run_to_report(world, sweep, SweepState(), _Run(world, sweep).sweep)


def plan_one(world: World, policy: OrgPolicy, sweep_id: str, key: ResourceKey) -> tuple[Document, str]:
    """A plan of which the one resource is all there is, to be applied like any other.

    Raises as run_sweep, and PlanError where there is no such account or resource.
    """
    sweep = Sweep(sweep_id, Mode.PLAN, policy, world.now(), asked_by=world.asked_by)
    begin(world, sweep, UndoFilter.of(key))
    return run_to_report(world, sweep, SweepState(), lambda keep: _Run(world, sweep).plan_one(key, keep))


def apply_plan(world: World, policy: OrgPolicy, sweep_id: str, source: StoredPlan) -> tuple[Document, str]:
    """Carries out exactly that plan, but for what changed since. Raises as run_sweep, and PlanError when another
    process applied it first.
    """
    sweep = Sweep(sweep_id, Mode.APPLY, policy, world.now(), source.sweep_id, world.asked_by, narrowed=source.narrowed)
    begin(world, sweep)
    run = _Run(world, sweep)
    return run_to_report(world, sweep, SweepState(), lambda keep: run.apply(source, keep))


def undo_sweep(
    world: World, policy: OrgPolicy, sweep_id: str, source_sweep_id: str, undo_filter: UndoFilter
) -> tuple[Document, str]:
    """Starts what that sweep stopped and what is still stopped by it; stops what it started, where that may be stopped
    now. Raises as run_sweep.
    """
    only = undo_filter.as_item()
    sweep = Sweep(sweep_id, Mode.UNDO, policy, world.now(), source_sweep_id, world.asked_by, only=only)
    begin(world, sweep, undo_filter)
    return run_to_report(world, sweep, SweepState(), lambda keep: _Run(world, sweep).undo(undo_filter, keep))


def resume_sweep(world: World, policy: OrgPolicy, summary: SweepSummary) -> tuple[Document, str]:
    """Resumes a sweep whose process died, or whose time was up, from wherever it was; the whole report document.

    Raises as run_sweep.
    """
    ended = end_again(world, summary.sweep_id)
    if ended is not None:  # it died between its report and the end
        return ended
    require_plan(world, summary)
    sweep = Sweep.resumed(policy, summary)
    run = _Run(world, sweep, summary.continuations)
    return run_to_report(world, sweep, SweepState(reportable=False), lambda keep: run.resume(summary, keep))


def begin(world: World, sweep: Sweep, undo_filter: UndoFilter | None = None, execution: str = "") -> None:
    """Records the sweep as running. Raises HaltedError, and ReportStoreError when no report could be written."""
    halt = world.halt()
    if halt is not None and halt.cause in (HaltCause.KILL_SWITCH, HaltCause.KILL_SWITCH_UNREADABLE):
        raise HaltedError(f"no sweep begins: {halt.text}")
    world.store.check(sweep.sweep_id)
    by_hash = is_too_large(sweep.policy)
    world.ledger.begin(
        SweepSummary(
            sweep_id=sweep.sweep_id,
            status=SweepStatus.RUNNING.value,
            mode=sweep.mode.value,
            policy_name=sweep.policy.name,
            policy="" if by_hash else sweep.policy.text,
            policy_by_hash=sweep.policy.sha256 if by_hash else "",
            started_at=time_text(sweep.started_at) or "",
            source_sweep_id=sweep.source_sweep_id,
            policy_source=world.policy_source,
            asked_by=sweep.asked_by,
            standing=world.standing,
            consent_missing=sweep.consent_missing,
            only=undo_filter.as_item() if undo_filter else None,
            narrowed=sweep.narrowed.as_item() or None,
            notify_before=sweep.notify_before,
            execution=execution,
        )
    )
    keep_text(world.store, sweep.sweep_id, sweep.policy)


class _Run:
    """One process's run of one sweep, stage by stage; the state so far goes from one to the next."""

    def __init__(
        self,
        world: World,
        sweep: Sweep,
        continuations: int = 0,
    ) -> None:
        self._world = world
        self._sweep = sweep
        self._continuations = continuations

    # --- from the beginning to the barrier

    def sweep(self, keep: Keep) -> SweepState:
        state = self._read_inventory(keep)
        if state.handed_over:
            return state
        inventory = read_remembered(self._world, self._sweep.policy, state.inventory, self._sweep.moment)
        state = replace(state, inventory=inventory)
        others = co_owners(self._world, state.inventory.others)
        decisions = decide_inventory(self._sweep.policy, state.inventory, self._sweep.moment, others)
        state = replace(state, decisions=narrow_decisions(self._sweep.narrowed, self._sweep.policy, decisions))
        keep(state)
        if state.yielded:
            return end_without_plan(state)
        if state.read_halt is None:
            self._require_resources(state.inventory)
        return self._guard_and_act(state, keep)

    def _require_resources(self, inventory: Inventory) -> None:
        """Raises NarrowedToNothingError where one that the sweep was narrowed to was not found."""
        problems = resource_problems(self._sweep.narrowed, inventory.resources, inventory.coverage)
        if problems:
            raise NarrowedToNothingError(problems)

    def plan_one(self, key: ResourceKey, keep: Keep) -> SweepState:
        inventory = read_one(self._world, self._sweep.policy, self._sweep.today, key)
        others = co_owners(self._world, inventory.others)
        decisions = decide_inventory(self._sweep.policy, inventory, self._sweep.started_at, others)
        return self._guard_and_act(SweepState(inventory, decisions), keep)

    def undo(self, undo_filter: UndoFilter, keep: Keep) -> SweepState:
        def keep_stopped(found: StoppedInventory) -> None:
            keep(SweepState(found.inventory, found.decisions, read_halt=found.halt))

        found = read_stopped(self._world, self._sweep.policy, self._sweep.source_sweep_id, undo_filter, keep_stopped)
        return self._guard_and_act(SweepState(found.inventory, found.decisions, read_halt=found.halt), keep)

    def apply(self, source: StoredPlan, keep: Keep) -> SweepState:
        state = SweepState(source.inventory, source.decided, planned_at=source.created_at)
        return self._guard_and_act(state, keep, source.guardrails, source.order)

    def resume(self, summary: SweepSummary, keep: Keep) -> SweepState:
        """From the frozen plan where there is one, else from the beginning."""
        content = self._world.store.find(self._sweep.sweep_id, PLAN_FILE)
        if content is None:
            keep(SweepState())  # nothing was acted on yet, so there is nothing that a report could leave out
            return self._begin_again(UndoFilter.from_item(summary.only), keep)
        state, approved = restore_plan(self._world, self._sweep, content, summary)
        keep(state)
        return self._act(state, approved, keep) if approved is not None else state

    def _begin_again(self, undo_filter: UndoFilter, keep: Keep) -> SweepState:
        if self._sweep.mode is Mode.UNDO:
            return self.undo(undo_filter, keep)
        if self._sweep.mode is Mode.APPLY:
            world, source_id = self._world, self._sweep.source_sweep_id
            _, source = open_plan(world.store, world.ledger, source_id, world.now(), self._sweep.sweep_id)
            return self.apply(source, keep)
        one = undo_filter.one(self._sweep.policy.kinds)
        return self.sweep(keep) if one is None else self.plan_one(one, keep)

    def _read_inventory(self, keep: Keep) -> SweepState:
        """What the policy has in scope, or as much as was read before a fresh process resumes it."""
        policy, narrowed = self._sweep.policy, self._sweep.narrowed
        to_read_by = self._sweep.policy_to_read

        def keep_read(listing: Listing, reading: Reading) -> None:
            keep(SweepState(inventory_so_far(to_read_by, listing, reading)))

        stored = self._restore_reading()
        if stored is None:
            listing, reading = list_and_read(self._world, policy, self._sweep.today, keep_read, narrowed)
            return self._hand_over_reading(StoredInventory(listing, reading))
        listing = stored.listing
        ids = frozenset(listing.to_read)
        to_read = [account for account in listing.accounts if account.id in ids]
        reading = read_accounts(
            self._world, to_read_by, to_read, stored.reading, lambda reading: keep_read(listing, reading)
        )
        return self._hand_over_reading(StoredInventory(listing, reading))

    def _hand_over_reading(self, stored: StoredInventory) -> SweepState:
        """The inventory, with the tags and the metrics that its rules decide by; handed over to a fresh process where
        the time was up before all of it was read.
        """
        policy, now = self._sweep.policy, self._sweep.moment
        stored = StoredInventory(*with_exact_tags(self._world, policy, stored.listing, stored.reading, now))
        rows = (*stored.listing.coverage, *stored.reading.coverage)
        left = [row for row in rows if row.status is TargetStatus.NOT_ATTEMPTED]
        inventory, is_measured = complete_inventory(self._sweep.policy_to_read, stored.listing, stored.reading), True
        if not left:
            inventory, is_measured = with_metrics(self._world, policy, inventory, now)
            stored = replace(stored, reading=replace(stored.reading, resources=inventory.resources))
        state = SweepState(inventory)
        halt = self._world.halt()
        if (not left and is_measured) or halt is None:
            return state
        state = replace(state, read_halt=halt)
        tags_unread = not frozenset(stored.listing.to_read).issuperset(row.account_id for row in left)
        if halt.cause is not HaltCause.OUT_OF_TIME or tags_unread:
            return state  # without all tags, resuming would have to list the organization again
        handed_over = self._hand_over(stored)
        return replace(state, handed_over=handed_over, handover_refused=not handed_over)

    def _hand_over(self, stored: StoredInventory) -> bool:
        number = self._continuations + 1
        while self._world.store.find(self._sweep.sweep_id, _inventory_file(number)) is not None:
            number += 1  # of a process that died before it could hand over; a file is written once
        content = inventory_bytes(replace(stored, reading=without_gaps(stored.reading)))
        self._world.store.put(self._sweep.sweep_id, _inventory_file(number), content)
        return self._world.hand_over()

    def _restore_reading(self) -> StoredInventory | None:
        """What the process before this one has read: the newest there is."""
        content, number = None, self._continuations
        while number and (found := self._world.store.find(self._sweep.sweep_id, _inventory_file(number))) is not None:
            content, number = found, number + 1
        return inventory_from(content) if content is not None else None

    # --- past the barrier

    def _guard_and_act(
        self, state: SweepState, keep: Keep, frozen: Sequence[GuardrailResult] = (), order: Order | None = None
    ) -> SweepState:
        keep(state)
        state, approved = guard_plan(self._world, self._sweep, state, frozen, order)
        state = with_money(self._world, self._sweep, state)
        keep_money(self._world, self._sweep, state)
        keep(state)
        return self._act(state, approved, keep) if approved is not None else state

    def _act(self, state: SweepState, approved: ApprovedPlan, keep: Keep) -> SweepState:
        """Raises NotConfirmedError, ConsentError, or PlanError when another process applied the plan, before the first
        action.
        """
        if not approved.plan.actions:
            return self._delete_old_marks(state)
        consent = require_consent(self._world, self._sweep, state, approved)
        state = replace(state, consent=consent)
        keep(state)
        policy = self._sweep.policy
        inventory = state.inventory
        recheck = Recheck(self._world, self._sweep.rules, inventory.accounts, inventory.names, others=inventory.others)
        done = state.outcomes.keys
        recheck.begin(one for one in approved.plan.actions if one.resource.key not in done)
        state, still_approved = hold_plan_by_names(self._sweep, state, approved, recheck.lost)
        if still_approved is not None:
            state, still_approved = hold_plan_by_others(self._sweep, state, still_approved, recheck.others)
        if still_approved is None:
            return state
        if self._sweep.mode is Mode.APPLY:
            self._claim_plan()

        def keep_outcomes(outcomes: Outcomes) -> None:
            keep(replace(state, outcomes=outcomes))

        world = remembering_savings(halted_without_consent(self._world, consent), state.money)
        outcomes = act_on_plan(world, policy, approved, recheck, state.outcomes, keep_outcomes)
        state, still_approved = hold_plan_by_names(
            self._sweep, replace(state, outcomes=outcomes), approved, recheck.lost
        )
        keep(state)
        if still_approved is None:  # nothing of it is left for another process
            return state
        if state.halt is not None and state.halt.cause is HaltCause.OUT_OF_TIME and not state.handover_refused:
            return replace(state, handed_over=self._world.hand_over())
        if state.halt is not None and state.halt.cause is HaltCause.KILL_SWITCH_UNREADABLE:
            return replace(state, handed_over=self._world.leave())
        return self._delete_old_marks(state)

    def _delete_old_marks(self, state: SweepState) -> SweepState:
        """Past the barrier too: a person who does not confirm an undo leaves AWS as it was."""
        if state.halt is not None:
            return state
        if self._sweep.mode is not Mode.UNDO:
            conclude_late_starts(self._world, self._sweep.policy, state.decisions.decisions)
            return state
        decisions = delete_old_marks(self._world, self._sweep.source_sweep_id, state.decisions)
        return replace(state, decisions=decisions)

    def _claim_plan(self) -> None:
        """A plan is applied once."""
        ledger, source_id = self._world.ledger, self._sweep.source_sweep_id
        if not ledger.claim(source_id, self._sweep.sweep_id):
            raise PlanError(f"{source_id} was applied already; nothing was stopped by this sweep")
        source = ledger.sweep(source_id)
        if source is not None and source.status == SweepStatus.AWAITING_APPROVAL:
            ledger.amend(source_id, status=SweepStatus.COMPLETE.value)


def _inventory_file(continuation: int) -> str:
    return f"inventory-{continuation}.json"
