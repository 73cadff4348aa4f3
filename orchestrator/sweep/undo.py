"""Fan out to read for an undo: what a sweep stopped or started, as it is now; each with a decision to undo that, or to
keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from orchestrator.core.decide import scope
from orchestrator.core.decide.drift import not_seen_again
from orchestrator.core.decide.notice import decide_untag
from orchestrator.core.decide.undo import EarlierStart, decide_undo, name_earlier_start
from orchestrator.core.model import (
    ANSWERS_BEHIND_AT_MOST,
    INTENT,
    Account,
    AccountId,
    Action,
    ActionCounts,
    AwsError,
    Coverage,
    Decision,
    Decisions,
    Halt,
    Inventory,
    Mode,
    OutcomeStatus,
    ReasonCode,
    Region,
    Resource,
    ResourceKey,
    ResourceState,
    Target,
    TargetStatus,
    Verdict,
)
from orchestrator.core.model.aws_error_codes import coverage_of
from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.tagging import tagging_action
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import LedgerError, PlanError
from orchestrator.ledger.records import ActionRecord, HeldRecord, SweepSummary
from orchestrator.ports import Kind, LookRefusedError, TargetHealth, TargetUnreadableError, World
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.read import ENDED_EARLY, Unread, read_unless_halted
from orchestrator.sweep.recover import resource_of
from orchestrator.sweep.settled_look import look_until_settled
from orchestrator.sweep.undo_starts import RulesNow

_ACCEPTED = frozenset({OutcomeStatus.STOPPED.value, OutcomeStatus.STOPPING.value})
"""What AWS accepted, or was seen: the sweep stopped it, whatever became of its marks."""
_START_ACCEPTED = frozenset({OutcomeStatus.STARTED.value, OutcomeStatus.STARTING.value})
_STOPPED = _ACCEPTED | {OutcomeStatus.UNKNOWN.value}
"""What the sweep stopped, or may have stopped: then mark, state and times have to tell."""
_DOWN = frozenset({ResourceState.STOPPING, ResourceState.STOPPED, ResourceState.GONE})
_TAGGED = frozenset({OutcomeStatus.TAGGED.value, OutcomeStatus.UNKNOWN.value, INTENT})
"""What the sweep tagged, or may have tagged."""
_BEFORE = 1
"""The format of the release before, which had no items of what it holds down."""
_SETS = ("accounts", "regions", "resources")
_FLAGS = ("failed_health", "outside_schedule")
_NOT_MISSED = "No load balancer misses it."


@dataclass(frozen=True, slots=True)
class UndoFilter:
    """What of the sweep is undone, or which one resource a plan is about; empty means all of it."""

    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    failed_health: bool = False
    """Only those that a load balancer misses."""
    outside_schedule: bool = False
    """What the sweep started is stopped also in its running time."""

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> UndoFilter:
        """What `as_item` gave; None, or nothing in it, is all of the sweep."""
        found = item or {}
        accounts, regions, resources = (frozenset(map(str, found.get(name, ()))) for name in _SETS)
        failed_health, outside_schedule = (bool(found.get(name)) for name in _FLAGS)
        return cls(accounts, regions, resources, failed_health, outside_schedule)

    @classmethod
    def of(cls, key: ResourceKey) -> UndoFilter:
        """That resource alone."""
        return cls(frozenset({key.account_id}), frozenset({key.region}), frozenset({key.resource_id}))

    def one(self, kinds: Collection[str]) -> ResourceKey | None:
        """What `of` was given, of the one kind that there is; None where it was not made by that."""
        sets = (self.accounts, self.regions, kinds, self.resources)
        if any(len(one) != 1 for one in sets):
            return None
        [account_id], [region], [kind], [resource_id] = sets
        return ResourceKey(AccountId(account_id), Region(region), kind, resource_id)

    def as_item(self) -> dict[str, Any]:
        """For the ledger; only what is set."""
        sets = {name: sorted(getattr(self, name)) for name in _SETS if getattr(self, name)}
        return {**sets, **{name: True for name in _FLAGS if getattr(self, name)}}

    def matches(self, action: ActionRecord) -> bool:
        """Whether the action is to be undone, as far as the ledger tells: health is looked at later."""
        return all(
            not asked or not asked.isdisjoint(values)
            for asked, values in (
                (self.accounts, (action.account_id,)),
                (self.regions, (action.region,)),
                (self.resources, (action.resource_id, action.arn)),
            )
        )


@dataclass(frozen=True, slots=True)
class StoppedInventory:
    """What a sweep stopped or started, as it is now."""

    inventory: Inventory
    """Its coverage; the resources are in the decisions."""
    decisions: Decisions = field(default_factory=Decisions)
    halt: Halt | None = None
    """Why some of it was not looked at."""


@dataclass(frozen=True, slots=True)
class _Undo:
    """What is undone, for all threads."""

    source_sweep_id: str
    undo_filter: UndoFilter
    earlier: Mapping[ResourceKey, EarlierStart]
    rules: RulesNow | None
    """None where the sweep started nothing."""


@dataclass(frozen=True, slots=True)
class _Looked:
    coverage: Coverage
    decisions: tuple[Decision, ...] = ()


def read_stopped(
    world: World,
    policy: OrgPolicy,
    source_sweep_id: str,
    undo_filter: UndoFilter,
    keep: Callable[[StoppedInventory], None],
) -> StoppedInventory:
    """A decision for each resource that the sweep stopped or started and the filter lets through.

    `keep` is told what was read, also when this breaks off. Raises PlanError when there is no such resource,
    OrganizationError, and LedgerError.
    """
    records = [one for one in _actions(world, source_sweep_id) if undo_filter.matches(one)]
    started = [] if undo_filter.failed_health else [one for one in records if _may_be_up_by_it(one)]
    tagged = [] if undo_filter.failed_health else [one for one in records if _may_be_tagged_by_it(one)]
    stopped = [*(one for one in records if _may_be_down_by_it(one)), *started, *tagged]
    if not stopped:
        sets = ((name, sorted(getattr(undo_filter, name))) for name in _SETS)
        asked = "; ".join(f"{name} {', '.join(values)}" for name, values in sets if values)
        of_that = f" of what is asked for here ({asked})" if asked else ""
        raise PlanError(f"sweep {source_sweep_id} stopped nothing{of_that} that could be started again")
    _require_one_kind(undo_filter.resources, stopped)
    world.progress.phase("Listing the organization")
    organization = world.organization.read()
    accounts = {account.id: account for account in organization.accounts}
    groups = _by_target_and_kind(stopped)
    earlier = _earlier_starts(world, source_sweep_id)
    rules = None
    if started:
        rules = RulesNow.read(world, policy, organization, outside_schedule=undo_filter.outside_schedule)
    undone = _Undo(source_sweep_id, undo_filter, earlier, rules)
    world.progress.phase(f"Looking at {len(stopped)} resources in {len({target for target, _ in groups})} targets")
    looked: list[_Looked] = []
    found = StoppedInventory(Inventory(organization.id, organization.accounts))
    try:
        with Pool[_Looked](world.workers) as pool:
            for (target, kind), group in groups.items():
                account = accounts.get(target.account_id, _unknown_account(target.account_id))
                pool.submit(_look, world, undone, account, target, kind, group)
            for result in pool.results():
                looked.append(result)
                world.progress.targets(len(looked), len(groups))
    finally:
        found = _found(world, found.inventory, accounts, groups, looked)
        if rules is not None and ActionCounts.of(found.decisions.decisions).stops:  # which alone need them
            names, others = rules.inventory.names, rules.inventory.others
            found = replace(found, inventory=replace(found.inventory, names=names, others=others))
        keep(found)
    return found


def _require_one_kind(ids: Collection[str], records: Iterable[ActionRecord]) -> None:
    """An id that resources of several kinds have names none of them: a service and a node group may be `shop/web` both.

    Raises PlanError.
    """
    named = {one.arn: one for one in records if one.resource_id in ids}
    for resource_id in sorted(ids):
        arns = sorted(arn for arn, one in named.items() if one.resource_id == resource_id)
        if len({named[arn].kind for arn in arns}) > 1:
            raise PlanError(f"{resource_id} is of several kinds in that sweep; name one by its ARN: {', '.join(arns)}")


def _may_be_down_by_it(record: ActionRecord) -> bool:
    """An intent is no outcome. Each has one in the end; where a row was left as one all the same, it is looked at."""
    is_stop = not record.is_start and tagging_action(record.restore) is None
    return is_stop and (record.status in _STOPPED or record.status == INTENT)


def _may_be_tagged_by_it(record: ActionRecord) -> bool:
    return record.status in _TAGGED and tagging_action(record.restore) is Action.TAG


def _may_be_up_by_it(record: ActionRecord) -> bool:
    """As _may_be_down_by_it."""
    may_be = (*_START_ACCEPTED, OutcomeStatus.UNKNOWN.value, INTENT)
    return record.is_start and record.status in may_be


def _actions(world: World, sweep_id: str) -> tuple[ActionRecord, ...]:
    """With what the sweep holds down and of which the action has expired."""
    records = world.ledger.actions(sweep_id)
    known = {one.key for one in records}
    try:
        held = world.ledger.held_by(sweep_id)
    except LedgerError:  # as where the index may not be read: then what there is has to do
        if not records:
            raise
        held = ()
    return (*records, *(one.as_action() for one in held if one.key not in known))


def _found(
    world: World,
    inventory: Inventory,
    accounts: Mapping[AccountId, Account],
    groups: Mapping[tuple[Target, str], object],
    looked: Sequence[_Looked],
) -> StoppedInventory:
    """With a row for each group, whatever was seen of it."""
    coverage = [one.coverage for one in looked]
    known = {(row.account_id, row.region, row.kind) for row in coverage}
    for target, kind in groups:
        if (target.account_id, target.region, kind) not in known:
            account = accounts.get(target.account_id, _unknown_account(target.account_id))
            coverage.append(scope.coverage_row(account, target.region, TargetStatus.NOT_ATTEMPTED, ENDED_EARLY, kind))
    decisions = sorted((one for each in looked for one in each.decisions), key=lambda one: one.resource.key)
    halted = any(row.status is TargetStatus.NOT_ATTEMPTED for row in coverage)
    return StoppedInventory(
        replace(inventory, coverage=tuple(coverage)), Decisions(tuple(decisions)), world.halt() if halted else None
    )


def _by_target_and_kind(records: Sequence[ActionRecord]) -> dict[tuple[Target, str], list[ActionRecord]]:
    found: dict[tuple[Target, str], list[ActionRecord]] = {}
    for record in records:
        found.setdefault((record.key.target, record.kind), []).append(record)
    return found


def _look(
    world: World, undone: _Undo, account: Account, target: Target, kind: str, records: Sequence[ActionRecord]
) -> _Looked:
    """A thread's boundary: nothing is raised past it."""

    def decide() -> _Looked:
        with world.accounts.bind(target.account_id):
            decisions, refusal = _decide(world, world.kind(kind), undone, target, records)
        status, detail = coverage_of(refusal.error, refusal.operation) if refusal else (TargetStatus.SCANNED, "")
        return _Looked(scope.coverage_row(account, target.region, status, detail, kind), decisions)

    result = read_unless_halted(world, decide)
    if isinstance(result, Unread):
        return _Looked(scope.coverage_row(account, target.region, result.status, result.detail, kind))
    return result


def _decide(
    world: World, kind: Kind, undone: _Undo, target: Target, records: Sequence[ActionRecord]
) -> tuple[tuple[Decision, ...], LookRefusedError | None]:
    """Also why some of them have a decision without a look."""
    ids = [record.resource_id for record in records]
    tagged = [record for record in records if _may_be_tagged_by_it(record)]
    stops = [record for record in records if _may_be_down_by_it(record)]
    seen = look_until_settled(world, kind, target, ids, lambda fresh: _may_be_from_before(fresh, stops, world.now()))
    fresh, unseen = seen.fresh, seen.refused
    evidence = kind.description.evidence
    held = _held(world, undone.source_sweep_id, target)
    looked_at = [record for record in stops if record.resource_id not in unseen]
    decisions = tuple(_decisions(undone.source_sweep_id, looked_at, fresh, evidence, held, undone.earlier))
    if undone.undo_filter.failed_health:
        decisions = _only_missed(kind, target, decisions, world.now())
    if undone.rules is not None:
        starts = [record for record in records if record.is_start and record.resource_id not in unseen]
        decisions += tuple(undone.rules.decisions(undone.source_sweep_id, target.account_id, starts, fresh))
    known = [record for record in tagged if record.resource_id not in unseen]
    source_sweep_id = undone.source_sweep_id
    decisions += tuple(decide_untag(resource_of(one), fresh.get(one.resource_id), source_sweep_id) for one in known)
    kept = (_unseen(record, unseen[record.resource_id]) for record in records if record.resource_id in unseen)
    return (*decisions, *kept), seen.refusal


def _unseen(record: ActionRecord, error: AwsError) -> Decision:
    reason = not_seen_again(error)
    resource = replace(resource_of(record), state=ResourceState.UNKNOWN, aws_state="unknown")
    return Decision(resource, Verdict.KEEP, reason.code, reason.sentence, action=Action.START)


def _may_be_from_before(fresh: Mapping[str, Resource], records: Sequence[ActionRecord], now: datetime) -> bool:
    """Whether one is up that was asked to stop a moment ago.

    Its time of start does not tell whether it was started since: clocks may differ by more than that moment.
    """
    asked = {one.resource_id: datetime.fromisoformat(one.requested_at) for one in records if one.requested_at}
    recent = [one for one, at in asked.items() if one in fresh and now < at + ANSWERS_BEHIND_AT_MOST]
    return any(fresh[one].state not in _DOWN for one in recent)


def _decisions(
    source_sweep_id: str,
    records: Sequence[ActionRecord],
    fresh: Mapping[str, Resource],
    evidence: StopEvidence,
    held: Mapping[ResourceKey, HeldRecord],
    earlier: Mapping[ResourceKey, EarlierStart],
) -> Iterator[Decision]:
    """What the sweep stopped and does not hold down any more is kept: an undo or another start was seen since.

    Its marks may still be there, and who stopped it after that was someone else.
    """
    for record in records:
        requested_at = _time(record.requested_at)
        is_held = record.key in held
        start_asked = held[record.key].start_asked_at if is_held else ""
        start_asked_at = _time(start_asked)
        seen = fresh.get(record.resource_id)
        restore = {**held[record.key].restore, **record.restore} if is_held else record.restore
        restorable = replace(seen, restore=restore) if seen is not None else None
        if restorable is not None and start_asked and held[record.key].start_failed_at > start_asked:
            restorable = replace(restorable, may_have_run=False)  # the undo that asked for the start saw it down again
        started_before = held[record.key].started_before if is_held else None
        decision = decide_undo(
            replace(resource_of(record), started_at=started_before),
            restorable,
            source_sweep_id,
            requested_at,
            evidence,
            start_asked_at,
            accepted=record.status in _ACCEPTED,
            held=is_held,
        )
        is_released = decision.verdict is Verdict.START and record.format != _BEFORE and not is_held
        by = earlier.get(record.key)
        yield _released(decision, by) if is_released else name_earlier_start(decision, by)


def _released(decision: Decision, earlier: EarlierStart | None) -> Decision:
    """It was seen up since this sweep had stopped it."""
    started = f"{earlier.by} started it" if earlier is not None else "it was started"
    text = f"By the ledger {started} after this sweep had stopped it, so it was stopped again since."
    return replace(decision, verdict=Verdict.KEEP, reason_code=ReasonCode.STOPPED_BY_OTHERS, reason=text)


def _earlier_starts(world: World, source_sweep_id: str) -> Mapping[ResourceKey, EarlierStart]:
    """What undos of that sweep before this one started, and sweeps since, each with the latest of them. A ledger that
    does not tell costs no more than their names.
    """
    found: dict[ResourceKey, EarlierStart] = {}
    with suppress(LedgerError):
        began = source_sweep_id.partition("-")[0]  # of sweeps of one second the ids make no order
        since = [one for one in world.ledger.sweeps() if one.sweep_id >= began and one.sweep_id != source_sweep_id]
        for sweep in reversed([one for one in since if _may_have_started(one, source_sweep_id)]):
            for one in world.ledger.actions(sweep.sweep_id):
                if one.is_start and one.status in _START_ACCEPTED:
                    at, seen_at = _time(one.requested_at), _time(one.verified_at)
                    is_undo = sweep.mode == Mode.UNDO
                    found[one.key] = EarlierStart(sweep.sweep_id, at, seen_at, is_undo)
    return found


def _may_have_started(sweep: SweepSummary, source_sweep_id: str) -> bool:
    """Whether its actions are worth reading: most sweeps start nothing."""
    if sweep.mode == Mode.UNDO:
        return sweep.source_sweep_id == source_sweep_id
    return sweep.mode in (Mode.ENFORCE, Mode.APPLY) and bool((sweep.totals or {}).get("planned_starts"))


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _held(world: World, source_sweep_id: str, target: Target) -> Mapping[ResourceKey, HeldRecord]:
    try:
        return world.ledger.held_in(source_sweep_id, target)
    except LedgerError as failure:
        raise TargetUnreadableError(AwsError("LedgerError", str(failure)), "reading what is held down") from failure


def _only_missed(kind: Kind, target: Target, decisions: Sequence[Decision], at: datetime) -> tuple[Decision, ...]:
    """Keeps those that would be started and that no load balancer misses; a kind that cannot tell misses none."""
    starts = [one.resource.resource_id for one in decisions if one.verdict is Verdict.START]
    missed = kind.failed_health(target, starts) if starts and isinstance(kind, TargetHealth) else frozenset()
    return tuple(
        _if_missed(one, at, is_missed=one.resource.resource_id in missed) if one.verdict is Verdict.START else one
        for one in decisions
    )


def _if_missed(start: Decision, at: datetime, *, is_missed: bool) -> Decision:
    if is_missed:
        return replace(start, facts_read_at=at)
    return replace(start, verdict=Verdict.KEEP, reason_code=ReasonCode.NOT_MISSED, reason=_NOT_MISSED)


def _unknown_account(account_id: AccountId) -> Account:
    return Account(account_id, "(not in the organization any more)", None)
