"""What is known of one sweep so far, and the report that it becomes.

Whatever fails, every account, target and planned stop ends in exactly one recorded state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from orchestrator.core.decide import scope as targets
from orchestrator.core.model import (
    ABORTING,
    Account,
    Coverage,
    Decision,
    GuardrailResult,
    Halt,
    Mode,
    Outcome,
    OutcomeStatus,
    Region,
    Resource,
    SweepReport,
    SweepStatus,
    Target,
    TargetStatus,
    Verdict,
    Violation,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import sweep_status
from orchestrator.ports import World

Place = tuple[Target, str, str]


@dataclass(slots=True)
class Record:
    """Written by the coordinating thread only."""

    sweep_id: str
    mode: Mode
    policy: OrgPolicy
    started_at: datetime
    source_sweep_id: str = ""
    continuations: int = 0
    confirmed: bool = False
    reportable: bool = True
    """Whether everything that was done before is in here, so that a report can be made of it."""
    organization_id: str = ""
    accounts: tuple[Account, ...] = ()
    targets: list[tuple[Account, Region]] = field(default_factory=list)
    """Those to be read."""
    coverage: list[Coverage] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    decisions: tuple[Decision, ...] = ()
    guardrails: tuple[GuardrailResult, ...] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    compliance: tuple[Violation, ...] = ()
    halt: Halt | None = None
    """Why something was not attempted."""
    handed_over: bool = False
    alone: bool = False
    """No other process goes on with it: that was asked for, and refused."""

    @property
    def today(self) -> date:
        """The day on which the sweep began, in the policy's time zone."""
        return self.started_at.astimezone(self.policy.timezone).date()

    @property
    def stops(self) -> tuple[Decision, ...]:
        return tuple(decision for decision in self.decisions if decision.verdict is not Verdict.KEEP)

    def keep(self, reasons: Mapping[Place, str]) -> None:
        """What was planned and turned out, just before it, to be something to keep."""
        if reasons:
            self.decisions = tuple(
                replace(decision, verdict=Verdict.KEEP, reason=reasons[place(decision.resource)])
                if place(decision.resource) in reasons
                else decision
                for decision in self.decisions
            )


def place(resource: Resource) -> Place:
    return resource.target, resource.kind, resource.resource_id


def same_outcome(
    stops: Iterable[Decision], status: OutcomeStatus, code: str = "", message: str = ""
) -> tuple[Outcome, ...]:
    return tuple(Outcome(stop.resource, status, code, message) for stop in stops)


def report_of(world: World, record: Record, error: str = "") -> SweepReport:
    """Whatever has no state yet, because the sweep ended early, was not attempted."""
    finished_at = world.now()
    coverage = (*record.coverage, *_targets_without_state(record))
    outcomes = (*record.outcomes, *_stops_without_outcome(record))
    aborted = record.halt if record.halt and record.halt.cause in ABORTING else None
    return SweepReport(
        sweep_id=record.sweep_id,
        policy_name=record.policy.name,
        policy_sha256=record.policy.sha256,
        mode=record.mode,
        status=_status(record, coverage, outcomes, error),
        started_at=record.started_at,
        finished_at=finished_at,
        organization_id=record.organization_id,
        source_sweep_id=record.source_sweep_id,
        coverage=coverage,
        decisions=record.decisions,
        outcomes=outcomes,
        compliance=record.compliance,
        guardrails=record.guardrails,
        calls=world.calls(),
        duration_seconds=round((finished_at - record.started_at).total_seconds(), 3),
        error=error or (f"Aborted: {aborted.text}" if aborted else ""),
    )


def _status(record: Record, coverage: tuple[Coverage, ...], outcomes: tuple[Outcome, ...], error: str) -> SweepStatus:
    if error:
        return SweepStatus.FAILED
    if record.handed_over:
        return SweepStatus.RUNNING
    ended = sweep_status(coverage, outcomes, record.guardrails)
    if ended is SweepStatus.HELD:
        return ended
    if record.halt and record.halt.cause in ABORTING:
        return SweepStatus.ABORTED
    if record.mode is Mode.APPROVE and record.stops:
        return SweepStatus.AWAITING_APPROVAL
    return ended


def _targets_without_state(record: Record) -> Iterator[Coverage]:
    """The targets that were handed out and did not come back, and the accounts of which nothing is known."""
    text = "the sweep ended before it was read"
    known = {(row.account_id, row.region) for row in record.coverage}
    for account, region in record.targets:
        if (account.id, region) not in known:
            yield targets.coverage_row(account, region, TargetStatus.NOT_ATTEMPTED, text)
    begun = {account_id for account_id, _ in known} | {account.id for account, _ in record.targets}
    for account in record.accounts:
        if account.id not in begun:
            yield targets.whole_account(account, TargetStatus.NOT_ATTEMPTED, text)


def _stops_without_outcome(record: Record) -> tuple[Outcome, ...]:
    known = {place(outcome.resource) for outcome in record.outcomes}
    left = (stop for stop in record.stops if place(stop.resource) not in known)
    text = record.halt.text if record.halt else "the sweep ended before it was asked for"
    return same_outcome(left, OutcomeStatus.NOT_ATTEMPTED, message=text)
