"""Fan out to read for an undo: what a sweep stopped, as it is now; each with a decision to start or to keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orchestrator.core.decide import scope as targets
from orchestrator.core.decide.undo import decide_undo
from orchestrator.core.model import (
    Account,
    AccountId,
    Coverage,
    Decision,
    OutcomeStatus,
    Region,
    Resource,
    Target,
    TargetStatus,
    Verdict,
)
from orchestrator.core.model.aws_error_codes import coverage_of
from orchestrator.errors import PlanError
from orchestrator.ledger.records import ActionRecord
from orchestrator.ports import Kind, TargetUnreadableError, World
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.record import Record

_STOPPED = frozenset({OutcomeStatus.STOPPED.value, OutcomeStatus.STOPPING.value})
_SETS = ("accounts", "regions", "resources")
_NOT_MISSED = "No load balancer misses it."


@dataclass(frozen=True, slots=True)
class UndoFilter:
    """What of the sweep is undone; empty means all of it."""

    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    failed_health: bool = False
    """Only those that a load balancer misses."""

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> UndoFilter:
        """What `as_item` gave; None, or nothing in it, is all of the sweep."""
        given = item or {}
        sets = {name: frozenset(map(str, given.get(name, ()))) for name in _SETS}
        return cls(**sets, failed_health=bool(given.get("failed_health")))

    def as_item(self) -> dict[str, Any]:
        """For the ledger; only what is set."""
        sets = {name: sorted(getattr(self, name)) for name in _SETS if getattr(self, name)}
        return {**sets, "failed_health": True} if self.failed_health else sets

    def holds(self, action: ActionRecord) -> bool:
        return all(
            not wanted or value in wanted
            for wanted, value in (
                (self.accounts, action.account_id),
                (self.regions, action.region),
                (self.resources, action.resource_id),
            )
        )


@dataclass(frozen=True, slots=True)
class _Looked:
    coverage: Coverage
    decisions: tuple[Decision, ...] = ()


def read_stopped(world: World, record: Record, only: UndoFilter) -> None:
    """Coverage and decisions go into the record. Raises PlanError when the sweep stopped nothing that is asked for."""
    actions = [
        action
        for action in world.ledger.actions(record.source_sweep_id)
        if action.status in _STOPPED and only.holds(action)
    ]
    if not actions:
        raise PlanError(f"sweep {record.source_sweep_id} stopped nothing that could be started again")
    world.progress.phase("Listing the organization")
    organization = world.organization.read()
    record.organization_id = organization.id
    accounts = {account.id: account for account in organization.accounts}
    by_target = _by_target(actions)
    world.progress.phase(f"Looking at {len(actions)} resources in {len(by_target)} targets")
    decisions: list[Decision] = []
    with Pool[_Looked](world.workers) as pool:
        for (target, kind), group in by_target.items():
            account = accounts.get(target.account_id, _gone(target.account_id))
            record.targets.append((account, target.region))
            pool.submit(_look, world, record.source_sweep_id, account, target, kind, group, only)
        for done, looked in enumerate(pool.results(), 1):
            record.coverage.append(looked.coverage)
            decisions += looked.decisions
            world.progress.targets(done, len(by_target))
    if any(row.status is TargetStatus.NOT_ATTEMPTED for row in record.coverage):
        record.halt = world.halt()
    record.decisions = tuple(sorted(decisions, key=lambda one: (one.resource.target, one.resource.resource_id)))


def _by_target(actions: Sequence[ActionRecord]) -> Mapping[tuple[Target, str], list[ActionRecord]]:
    found: dict[tuple[Target, str], list[ActionRecord]] = {}
    for action in actions:
        target = Target(AccountId(action.account_id), Region(action.region))
        found.setdefault((target, action.kind), []).append(action)
    return found


def _look(
    world: World,
    source: str,
    account: Account,
    target: Target,
    kind: str,
    actions: Sequence[ActionRecord],
    only: UndoFilter,
) -> _Looked:
    """A thread's boundary: nothing is raised past it."""
    halt = world.halt()
    if halt is not None:
        return _Looked(targets.coverage_row(account, target.region, TargetStatus.NOT_ATTEMPTED, halt.text))
    try:
        with world.accounts.bind(target.account_id):
            fresh = world.kinds[kind].look(target, [action.resource_id for action in actions])
            decisions = tuple(_decisions(source, target, actions, fresh))
            if only.failed_health:
                decisions = _only_missed(world.kinds[kind], target, decisions)
    except TargetUnreadableError as refusal:
        status, detail = coverage_of(refusal.error, refusal.operation)
        return _Looked(targets.coverage_row(account, target.region, status, detail))
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        detail = f"{type(failure).__name__}: {failure}"
        return _Looked(targets.coverage_row(account, target.region, TargetStatus.FAILED, detail))
    return _Looked(targets.coverage_row(account, target.region, TargetStatus.SCANNED), decisions)


def _decisions(
    source: str, target: Target, actions: Sequence[ActionRecord], fresh: Mapping[str, Resource]
) -> Iterator[Decision]:
    for action in actions:
        requested_at = datetime.fromisoformat(action.requested_at) if action.requested_at else None
        yield decide_undo(_as_known(action, target), fresh.get(action.resource_id), source, requested_at)


def _only_missed(kind: Kind, target: Target, decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """Keeps those that would be started and that no load balancer misses."""
    starts = [one.resource.resource_id for one in decisions if one.verdict is Verdict.START]
    kept = frozenset(starts) - (kind.failed_health(target, starts) if starts else frozenset())
    return tuple(
        replace(one, verdict=Verdict.KEEP, reason=_NOT_MISSED) if one.resource.resource_id in kept else one
        for one in decisions
    )


def _as_known(action: ActionRecord, target: Target) -> Resource:
    """For one that AWS does not know any more: what the ledger says of it."""
    return Resource(action.kind, target, action.resource_id, action.arn, "", "gone", {}, {})


def _gone(account_id: AccountId) -> Account:
    return Account(account_id, "(not in the organization any more)", None)
