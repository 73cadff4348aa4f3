"""One sweep: what it is, and what is known of it so far. Both frozen; a stage gives back a new state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from orchestrator.core.decide.compliance import account_owners
from orchestrator.core.decide.drift import keep_after_all
from orchestrator.core.decide.inside_schedules import inside_schedules
from orchestrator.core.decide.local_times import local_texts
from orchestrator.core.decide.narrowing import policy_to_read
from orchestrator.core.decide.stop_effects import stop_effects
from orchestrator.core.decide.unused import idle_rules, unseen_tag_keys
from orchestrator.core.model import (
    ABORTING,
    NOT_NARROWED,
    ActionCounts,
    Consent,
    Decision,
    Decisions,
    GuardrailResult,
    Halt,
    HaltCause,
    Intent,
    Inventory,
    Mode,
    Narrowing,
    Outcome,
    Outcomes,
    OutcomeStatus,
    Resource,
    ResourceKey,
    SweepReport,
    SweepStatus,
    Verdict,
)
from orchestrator.core.model.money import Money, Saving
from orchestrator.core.model.times import whole_second
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.policy.schema.fields import duration
from orchestrator.core.report.document import YIELDED, sweep_status
from orchestrator.core.report.endings import was_declined
from orchestrator.core.report.manifest import FileSeal
from orchestrator.ledger.records import SweepSummary
from orchestrator.sweep.left import undo_command, what_is_left


@dataclass(frozen=True, slots=True)
class Sweep:
    """One execution: who it is, what it is for, and by which policy."""

    sweep_id: str
    mode: Mode
    policy: OrgPolicy
    started_at: datetime
    source_sweep_id: str = ""
    """The sweep whose plan is applied, or that is undone."""
    asked_by: str = ""
    consent_missing: str = ""
    """Why it only plans although a schedule asked it to act."""
    only: Mapping[str, Any] = field(default_factory=dict)
    """What of the source sweep is undone, as of UndoFilter.as_item; empty: all of it."""
    narrowed: Narrowing = NOT_NARROWED
    """To what a person narrowed it."""
    notify_before: str = ""
    """Such as `30m`: a preview that decides for so long after it begins, and warns owners."""

    @classmethod
    def resumed(cls, policy: OrgPolicy, summary: SweepSummary) -> Sweep:
        """One that another process began, from the ledger."""
        started_at = datetime.fromisoformat(summary.started_at)
        return cls(
            summary.sweep_id,
            Mode(summary.mode),
            policy,
            started_at,
            summary.source_sweep_id,
            summary.asked_by,
            summary.consent_missing,
            summary.only or {},
            Narrowing.from_item(summary.narrowed),
            summary.notify_before,
        )

    @property
    def moment(self) -> datetime:
        """For which it decides."""
        return self.started_at + duration(self.notify_before) if self.notify_before else self.started_at

    @property
    def rules(self) -> OrgPolicy:
        """The policy as its rules are followed: an undo may be asked to stop what is in its running time."""
        return replace(self.policy, ignores_schedules=True) if self.only.get("outside_schedule") else self.policy

    @property
    def policy_to_read(self) -> OrgPolicy:
        """By whose regions and kinds is read; everything else is by the policy itself."""
        return policy_to_read(self.narrowed, self.policy)

    @property
    def today(self) -> date:
        """The day for which it decides, in the policy's time zone."""
        return self.policy.day(self.moment)


@dataclass(frozen=True, slots=True)
class SweepState:
    """As far as the stages got: each adds its value."""

    inventory: Inventory = field(default_factory=lambda: Inventory(""))
    decisions: Decisions = field(default_factory=Decisions)
    guardrails: tuple[GuardrailResult, ...] = ()
    outcomes: Outcomes = field(default_factory=Outcomes)
    read_halt: Halt | None = None
    """Why something was not read."""
    reportable: bool = True
    """Everything that was done so far is in here, so that a report can be made of it."""
    handed_over: bool = False
    """A fresh process resumes it."""
    handover_refused: bool = False
    """No other process resumes it: that was asked for, and refused."""
    consent: Consent | None = None
    """Recorded in the ledger; None: nothing was acted on."""
    abandoned: str = ""
    """Why nothing more is done of it, where its process died."""
    money: Money | None = None
    """What the plan saves; None: no prices were asked for."""
    plan_seal: FileSeal | None = None
    """Of the plan's file as it is stored, where this process wrote or read it."""
    planned_at: datetime | None = None
    """When the plan that it carries out was made, where that is another sweep's; None: when it began itself."""

    @property
    def halt(self) -> Halt | None:
        """Why something was not attempted."""
        return self.outcomes.halt or self.read_halt

    @property
    def savings(self) -> Mapping[ResourceKey, Saving]:
        """What each stop of the plan saves, and each start costs; none where no prices were asked for."""
        return self.money.savings if self.money is not None else {}

    @property
    def yielded(self) -> bool:
        """It ended before all was read, for a sweep that acts."""
        return self.read_halt is not None and self.read_halt.cause is HaltCause.YIELDED


def build_report(
    sweep: Sweep,
    state: SweepState,
    *,
    calls: Mapping[str, int],
    finished_at: datetime,
    error: str = "",
    interrupted: bool = False,
) -> SweepReport:
    """The whole record. An action without an outcome, because the sweep ended early, was not attempted.

    What was announced in the ledger by then is unknown. `interrupted`: a person told its process to end.
    """
    decisions = keep_after_all(state.decisions.decisions, state.outcomes.kept, sweep.policy.members)
    stopped = (one for one in decisions if one.verdict is Verdict.STOP)
    outcomes = (*state.outcomes.outcomes, *_not_attempted(state))
    # An undo follows a sweep, and no rule; a narrowed one has not read what would tell.
    planned = () if sweep.mode is Mode.UNDO or sweep.narrowed else decisions
    ended_by = ""
    if state.halt and state.halt.cause in ABORTING:
        ended_by = f"Aborted: {state.halt.text}"
    elif state.halt and state.halt.cause is HaltCause.KILL_SWITCH_UNREADABLE:
        ended_by = f"Halted: {state.halt.text}"
    elif state.yielded and state.halt:
        ended_by = f"{YIELDED}: {state.halt.text}"
    elif state.halt and state.halt.cause is HaltCause.INTERRUPTED and interrupted:
        ended_by = interruption_text(sweep, state)
    return SweepReport(
        sweep_id=sweep.sweep_id,
        policy_name=sweep.policy.name,
        policy_sha256=sweep.policy.sha256,
        mode=sweep.mode,
        status=_status(sweep, state, decisions, outcomes, error),
        started_at=sweep.started_at,
        finished_at=finished_at,
        organization_id=state.inventory.organization_id,
        source_sweep_id=sweep.source_sweep_id,
        coverage=state.inventory.coverage,
        decisions=decisions,
        outcomes=outcomes,
        compliance=state.decisions.compliance,
        guardrails=state.guardrails,
        names=state.inventory.names,
        others=state.inventory.others,
        idle_rules=idle_rules(sweep.policy, planned),
        unseen_tag_keys=unseen_tag_keys(sweep.policy, planned),
        schedules=inside_schedules(planned),
        calls=calls,
        duration_seconds=round((finished_at - sweep.started_at).total_seconds(), 3),
        error=_with_what_is_left(sweep, state, error or state.abandoned or ended_by, outcomes),
        asked_by=sweep.asked_by,
        owners=sweep.policy.owners,
        consent=state.consent,
        consent_missing=sweep.consent_missing,
        opt_outs=state.decisions.opt_outs,
        owner_tag=sweep.policy.owner_tag,
        account_owners=owners_of_accounts(sweep, state.inventory),
        as_of=sweep.moment if sweep.notify_before else None,
        as_of_local=local_texts(sweep.moment, sweep.policy.zones) if sweep.notify_before else (),
        stop_effects=stop_effects((one.resource for one in stopped), sweep.policy.effects),
        account_contacts=contacts_of_accounts(sweep, state.inventory),
        narrowed=sweep.narrowed,
        plan_expires_at=_plan_expires_at(sweep, state),
        money=state.money,
    )


def _plan_expires_at(sweep: Sweep, state: SweepState) -> datetime | None:
    """Of a plan with something to do that no guardrail holds, as it is frozen."""
    is_applicable = state.plan_seal is not None and not sweep.mode.acts
    held = any(not one.passed for one in state.guardrails)
    if not is_applicable or held or not state.decisions.actions:
        return None
    return whole_second(sweep.started_at) + timedelta(hours=sweep.policy.plan_valid_hours)


def owners_of_accounts(sweep: Sweep, inventory: Inventory) -> Mapping[str, str]:
    """By account id; of a plan that is carried out, as it was planned."""
    return {**inventory.account_owners, **account_owners(sweep.policy.owner_tag, inventory.accounts)}


def contacts_of_accounts(sweep: Sweep, inventory: Inventory) -> Mapping[str, str]:
    """Likewise, by the tag that names who is told, where the policy has one."""
    contacts = sweep.policy.notify.owners
    if contacts is None or not contacts.account_tag:
        return {}
    return {**inventory.account_contacts, **account_owners(contacts.account_tag, inventory.accounts)}


def _with_what_is_left(sweep: Sweep, state: SweepState, ended_by: str, outcomes: Sequence[Outcome]) -> str:
    """Of an undo that ended early, also how to go on. One that nobody confirmed, or that another process resumes, has
    left nothing.
    """
    if sweep.mode is not Mode.UNDO or was_declined(ended_by) or state.handed_over:
        return ended_by
    what = "actions" if ActionCounts.of(state.decisions.decisions).stops else "starts"
    left = what_is_left(state.inventory.coverage, outcomes, what)
    command = undo_command(sweep.source_sweep_id, sweep.only)
    return f"{ended_by or 'Incomplete'}; {left}. To go on: {command}" if left else ended_by


def interruption_text(sweep: Sweep, state: SweepState) -> str:
    """That a person interrupted it, and what they can do next; for an undo, build_report says what is left."""
    if sweep.mode is Mode.UNDO:
        return "Interrupted"
    statuses = {one.status for one in state.outcomes.outcomes}
    stopped = state.outcomes.open_intents or statuses & (_MAY_BE_DOWN | _MAY_BE_UP)
    does = "takes back what it did" if statuses & _MAY_BE_UP else "starts what it stopped"
    undo = f"`stop-orchestrator undo {sweep.sweep_id}` {does}; "
    again = "plan and apply again for the rest" if sweep.mode is Mode.APPLY else "the same command again does the rest"
    return f"Interrupted: {undo if stopped else ''}{again}"


_MAY_BE_UP = frozenset({OutcomeStatus.STARTED, OutcomeStatus.STARTING})
_MAY_BE_DOWN = frozenset({OutcomeStatus.STOPPED, OutcomeStatus.STOPPING, OutcomeStatus.UNKNOWN})


def _not_attempted(state: SweepState) -> tuple[Outcome, ...]:
    text = state.halt.text if state.halt else "the sweep ended before it was asked for"
    done, announced = state.outcomes.keys, state.outcomes.open_intents
    left = [one.resource for one in state.decisions.actions if one.resource.key not in done]
    return tuple(
        _unknown(one, state.outcomes.intents[one.key])
        if one.key in announced
        else Outcome(one, OutcomeStatus.NOT_ATTEMPTED, message=text)
        for one in left
    )


def _unknown(resource: Resource, intent: Intent) -> Outcome:
    text = _INTERRUPTED if intent.id else _ANOTHERS
    return Outcome(resource, OutcomeStatus.UNKNOWN, "Interrupted", text, intent.requested_at)


_INTERRUPTED = "it was about to be asked for, and the sweep ended before AWS's answer was known"
_ANOTHERS = "another process was about to ask for it, and what came of it is not known here"


def _status(
    sweep: Sweep, state: SweepState, decisions: tuple[Decision, ...], outcomes: tuple[Outcome, ...], error: str
) -> SweepStatus:
    if error or state.abandoned:
        return SweepStatus.FAILED if error else SweepStatus.ABANDONED
    if state.handed_over:
        return SweepStatus.RUNNING
    ended = sweep_status(sweep.mode, state.inventory.coverage, decisions, outcomes, state.guardrails)
    if ended is SweepStatus.HELD:
        return ended
    if state.halt and state.halt.cause in ABORTING:
        return SweepStatus.ABORTED
    waits = sweep.mode is Mode.APPROVE and not state.yielded and ActionCounts.of(state.decisions.decisions).total > 0
    return SweepStatus.AWAITING_APPROVAL if waits else ended
