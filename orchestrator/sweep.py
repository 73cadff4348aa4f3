"""One sweep, top-down: read everything, decide in one place, pass the barrier, stop, report (DESIGN section 3).

Whatever fails, every account, target and planned stop ends in exactly one recorded state: what was seen goes into the
`_Record` as it happens, and the report is made from that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import TypeVar, assert_never

from orchestrator.core import targets
from orchestrator.core.compliance import violations
from orchestrator.core.decisions import decide_all
from orchestrator.core.guardrails import hold_against
from orchestrator.core.model import (
    ALL_REGIONS,
    Account,
    ApprovedPlan,
    Coverage,
    Decision,
    GuardrailResult,
    HeldPlan,
    Mode,
    Outcome,
    OutcomeStatus,
    Plan,
    Region,
    Resource,
    SweepReport,
    SweepStatus,
    Target,
    TargetStatus,
    Verdict,
    Violation,
)
from orchestrator.core.policy import OrgPolicy
from orchestrator.core.refusals import coverage_of
from orchestrator.core.report import report_document, sweep_status
from orchestrator.errors import NotConfirmedError, ReportLostError, ReportStoreError
from orchestrator.pool import Pool
from orchestrator.ports import RegionStatus, TargetUnreadableError, World

T = TypeVar("T")
_OUT_OF_TIME = "the time was up before it was its turn"


@dataclass(slots=True)
class _Record:
    """What is known so far. Written by the coordinating thread only."""

    sweep_id: str
    mode: Mode
    policy: OrgPolicy
    started_at: datetime
    organization_id: str = ""
    accounts: tuple[Account, ...] = ()
    targets: list[tuple[Account, Region]] = field(default_factory=list)
    """Those handed out to be read."""
    coverage: list[Coverage] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    decisions: tuple[Decision, ...] = ()
    guardrails: tuple[GuardrailResult, ...] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    compliance: tuple[Violation, ...] = ()


def run_sweep(world: World, policy: OrgPolicy, sweep_id: str, mode: Mode) -> tuple[SweepReport, str]:
    """The report of one sweep and where it was written; it is written also when the sweep is held or fails half-way.

    Raises ReportStoreError before anything is read when no report could be written, and ReportLostError when it could
    not be written after all. Any other error ends the sweep, is in the written report, and is raised again.
    """
    world.store.check(sweep_id)
    record = _Record(sweep_id, mode, policy, world.now())
    try:
        _sweep(world, record)
    except BaseException as failure:
        _write(world, _report(world, record, error=f"{type(failure).__name__}: {failure}"))
        raise
    report = _report(world, record)
    return report, _write(world, report)


def _sweep(world: World, record: _Record) -> None:
    policy = record.policy
    accounts = _accounts_to_read(world, record)
    _read_inventory(world, record, accounts)

    by_id = {account.id: account for account in accounts}
    record.decisions = decide_all(policy, record.resources, by_id, record.started_at)
    record.compliance = violations(record.resources, record.accounts, policy.required_tags, _today(record))
    plan = Plan(record.sweep_id, policy.sha256, record.organization_id, record.decisions, tuple(record.coverage))

    verdict = hold_against(plan, policy.guardrails, lambda: _hub_regions_in_scope(world, record))
    record.guardrails = verdict.guardrails
    match verdict:
        case HeldPlan():
            record.outcomes += _same_outcome(plan.stops, OutcomeStatus.HELD, message="a guardrail held the whole plan")
        case ApprovedPlan() if record.mode is Mode.PLAN:
            record.outcomes += _same_outcome(plan.stops, OutcomeStatus.WOULD_STOP)
        case ApprovedPlan():
            _carry_out(world, record, verdict)
        case _:
            assert_never(verdict)


def _accounts_to_read(world: World, record: _Record) -> tuple[Account, ...]:
    """The accounts in scope that did not opt out; the others are in the record, each with its reason."""
    world.progress.phase("Listing the organization")
    organization = world.organization.read()
    record.organization_id = organization.id
    record.accounts = organization.accounts
    in_scope = targets.accounts_in_scope(record.policy.organization, organization)
    record.coverage += in_scope.left_out
    world.progress.phase(f"Reading the tags of {len(in_scope.accounts)} accounts and their OUs")
    tagged = world.organization.read_tags(in_scope.accounts)
    record.accounts = tagged
    to_read = targets.accounts_not_opted_out(tagged, _today(record))
    record.coverage += to_read.left_out
    return to_read.accounts


# --- fan out to read ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Opened:
    account: Account
    regions: tuple[RegionStatus, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    coverage: Coverage
    resources: tuple[Resource, ...] = ()


def _read_inventory(world: World, record: _Record, accounts: Sequence[Account]) -> None:
    """Reads every target of these accounts in one pool of threads; an account's targets follow when it is open."""
    world.progress.phase(f"Reading {len(accounts)} accounts")
    opened: list[_Opened] = []
    done, total = 0, len(accounts)
    with Pool[_Opened | _Read](world.workers) as pool:
        for account in accounts:
            pool.submit(_open_account, world, account)
        for result in pool.results():
            if isinstance(result, _Opened):
                opened.append(result)
                regions = _record_regions(record, result)
                total += len(regions) - 1
                for region in regions:
                    pool.submit(_read_target, world, result.account, region)
            else:
                done += 1
                record.coverage.append(result.coverage)
                record.resources += result.resources
            world.progress.targets(done, total)
    record.coverage += _unlisted_regions(record.policy, opened)
    record.coverage += _without_regions(record, opened)


def _open_account(world: World, account: Account) -> _Opened | _Read:
    def read() -> _Opened:
        with world.accounts.bind(account.id):
            return _Opened(account, world.accounts.regions())

    return _or_coverage(world, account, ALL_REGIONS, read)


def _read_target(world: World, account: Account, region: Region) -> _Read:
    def read() -> _Read:
        target = Target(account.id, region)
        with world.accounts.bind(account.id):
            found = tuple(resource for kind in world.kinds.values() for resource in kind.read(target))
        return _Read(targets.coverage_row(account, region, TargetStatus.SCANNED), found)

    return _or_coverage(world, account, region, read)


def _or_coverage(world: World, account: Account, region: Region, read: Callable[[], T]) -> T | _Read:
    """What was read, or the coverage row that says why not. A thread's boundary: nothing is raised past it."""
    if world.out_of_time():
        return _Read(targets.coverage_row(account, region, TargetStatus.NOT_ATTEMPTED, _OUT_OF_TIME))
    try:
        return read()
    except TargetUnreadableError as refusal:
        status, detail = coverage_of(refusal.error, refusal.operation)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        status, detail = TargetStatus.FAILED, f"{type(failure).__name__}: {failure}"
    if region == ALL_REGIONS and status is TargetStatus.REGION_DISABLED:
        status = TargetStatus.FAILED  # one closed region says nothing of the account's others
    return _Read(targets.coverage_row(account, region, status, detail))


def _record_regions(record: _Record, opened: _Opened) -> list[Region]:
    """The enabled regions in scope, to be read; the disabled ones in scope have their state."""
    in_scope = [status for status in opened.regions if targets.region_in_scope(record.policy.regions, status.region)]
    record.coverage += [
        targets.coverage_row(opened.account, status.region, TargetStatus.REGION_DISABLED, status.detail)
        for status in in_scope
        if not status.enabled
    ]
    enabled = [status.region for status in in_scope if status.enabled]
    record.targets += [(opened.account, region) for region in enabled]
    return enabled


def _unlisted_regions(policy: OrgPolicy, opened: Sequence[_Opened]) -> Iterator[Coverage]:
    known = {status.region for account in opened for status in account.regions}
    detail = "ec2:DescribeRegions does not list it for this account"
    for account in opened:
        listed = [status.region for status in account.regions]
        for region in targets.unlisted_regions(policy.regions, listed, known):
            yield targets.coverage_row(account.account, region, TargetStatus.REGION_DISABLED, detail)


def _without_regions(record: _Record, opened: Sequence[_Opened]) -> Iterator[Coverage]:
    """The accounts that were opened and in which there was nothing to read."""
    known = {row.account_id for row in record.coverage}
    for one in opened:
        if one.account.id not in known:
            status = TargetStatus.EXCLUDED if one.regions else TargetStatus.FAILED
            detail = "none of its regions is in the policy's scope" if one.regions else "it has no regions"
            yield targets.whole_account(one.account, status, detail)


def _hub_regions_in_scope(world: World, record: _Record) -> int:
    """What an account weighs whose regions are not known: at least one target.

    Where the hub's are not known either, as much as the account of which most was read.
    """
    by_account = Counter(row.account_id for row in record.coverage if row.status is TargetStatus.SCANNED)
    most = max(by_account.values(), default=1)
    try:
        statuses = world.accounts.hub_regions()
    except TargetUnreadableError:
        return most
    scope = record.policy.regions
    return max(1, sum(status.enabled and targets.region_in_scope(scope, status.region) for status in statuses))


# --- fan out to act -------------------------------------------------------------------------------------------------


def _carry_out(world: World, record: _Record, approved: ApprovedPlan) -> None:
    """Stops what was approved, target by target, in threads. Raises NotConfirmedError before the first stop."""
    stops = approved.plan.stops
    if not stops:
        return
    if not world.confirm(approved):
        raise NotConfirmedError("the stops were not confirmed; nothing was stopped")
    world.progress.phase(f"Stopping {len(stops)} resources")
    pool = Pool[tuple[Outcome, ...]](world.workers)
    try:
        with pool:
            for _, group in groupby(stops, key=lambda stop: (stop.resource.target, stop.resource.kind)):
                pool.submit(_stop_target, world, record.sweep_id, tuple(group))
            done = 0
            for outcomes in pool.results():
                done += len(outcomes)
                world.progress.stops(done, len(stops))
    finally:  # also when the sweep breaks off: what the threads still stopped meanwhile was stopped
        record.outcomes += (outcome for outcomes in pool.finished() for outcome in outcomes)


def _stop_target(world: World, sweep_id: str, stops: tuple[Decision, ...]) -> tuple[Outcome, ...]:
    """One outcome for each stop of one target. A thread's boundary: nothing is raised past it."""
    first = stops[0].resource
    if world.out_of_time():
        return _same_outcome(stops, OutcomeStatus.NOT_ATTEMPTED, message=_OUT_OF_TIME)
    try:
        with world.accounts.bind(first.target.account_id):
            wanted = [(stop.resource, stop.action) for stop in stops]
            return world.kinds[first.kind].stop(first.target, wanted, sweep_id)
    except TargetUnreadableError as refusal:
        return _same_outcome(stops, OutcomeStatus.FAILED, refusal.error.code, refusal.error.message)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        return _same_outcome(stops, OutcomeStatus.FAILED, type(failure).__name__, str(failure))


def _same_outcome(
    stops: Iterable[Decision], status: OutcomeStatus, code: str = "", message: str = ""
) -> tuple[Outcome, ...]:
    return tuple(Outcome(stop.resource, status, code, message) for stop in stops)


# --- the record becomes the report ----------------------------------------------------------------------------------


def _report(world: World, record: _Record, error: str = "") -> SweepReport:
    """Whatever has no state yet, because the sweep ended early, was not attempted."""
    finished_at = world.now()
    coverage = (*record.coverage, *_targets_without_state(record))
    outcomes = (*record.outcomes, *_stops_without_outcome(record))
    return SweepReport(
        sweep_id=record.sweep_id,
        policy_name=record.policy.name,
        policy_sha256=record.policy.sha256,
        mode=record.mode,
        status=SweepStatus.FAILED if error else sweep_status(coverage, outcomes, record.guardrails),
        started_at=record.started_at,
        finished_at=finished_at,
        organization_id=record.organization_id,
        coverage=coverage,
        decisions=record.decisions,
        outcomes=outcomes,
        compliance=record.compliance,
        guardrails=record.guardrails,
        calls=world.calls(),
        duration_seconds=round((finished_at - record.started_at).total_seconds(), 3),
        error=error,
    )


def _targets_without_state(record: _Record) -> Iterator[Coverage]:
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


def _stops_without_outcome(record: _Record) -> tuple[Outcome, ...]:
    known = {_place(outcome.resource) for outcome in record.outcomes}
    planned = (decision for decision in record.decisions if decision.verdict is Verdict.STOP)
    left = (stop for stop in planned if _place(stop.resource) not in known)
    return _same_outcome(left, OutcomeStatus.NOT_ATTEMPTED, message="the sweep ended before this stop was asked for")


def _place(resource: Resource) -> tuple[Target, str, str]:
    return resource.target, resource.kind, resource.resource_id


def _write(world: World, report: SweepReport) -> str:
    try:
        return world.store.write(report)
    except ReportStoreError as failure:
        raise ReportLostError(str(failure), report_document(report)) from failure
    except Exception as failure:
        text = f"the report cannot be written: {type(failure).__name__}: {failure}"
        raise ReportLostError(text, report_document(report)) from failure


def _today(record: _Record) -> date:
    return record.started_at.astimezone(record.policy.timezone).date()
