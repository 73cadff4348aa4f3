"""Fan out to act: waves of stops (or starts) over threads, each batch of them admitted one by one.

A batch is admitted when nothing halts the sweep, what it would touch is still as planned (asked again where the plan is
not from just now), and its intents are in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from orchestrator.core.model import (
    AccountId,
    ApprovedPlan,
    Decision,
    Halt,
    HaltCause,
    Outcome,
    OutcomeStatus,
    Resource,
    Target,
)
from orchestrator.core.waves import failure_percent, waves_of
from orchestrator.errors import LedgerError
from orchestrator.ledger import INTENT, ActionRecord
from orchestrator.pool import Pool
from orchestrator.ports import NOT_HANDED_OUT, Kind, TargetUnreadableError, World
from orchestrator.record import Place, Record, place, same_outcome

Recheck = Callable[[Decision, Resource | None], str | None]
"""Why a planned stop is kept after all, given the resource as it is now (None: gone); None when it still holds."""
_DIED = "it was about to be acted on when the process died"


@dataclass(slots=True)
class _Acting:
    """Shared by all threads of one sweep."""

    world: World
    sweep_id: str
    recheck: Recheck | None
    ledger_failure: Halt | None = None

    def halt(self) -> Halt | None:
        return self.ledger_failure or self.world.halt()

    def ledger_failed(self, failure: LedgerError) -> Halt:
        """Nothing is stopped that the ledger does not know of, so this is the end for all threads."""
        self.ledger_failure = Halt(HaltCause.LEDGER, str(failure))
        return self.ledger_failure


@dataclass(frozen=True, slots=True)
class _Acted:
    outcomes: tuple[Outcome, ...]
    kept: Mapping[Place, str] = field(default_factory=dict)
    halt: Halt | None = None


def carry_out(world: World, record: Record, approved: ApprovedPlan, recheck: Recheck | None) -> None:
    """Wave by wave, what of the plan's stops has no outcome yet; outcomes go into the record as they come."""
    acting = _Acting(world, record.sweep_id, recheck)
    waves = waves_of(approved.plan.stops, record.policy.waves, record.sweep_id)
    total = sum(len(wave) for wave in waves)
    for number, wave in enumerate(waves, 1):
        done = {place(outcome.resource) for outcome in record.outcomes}
        todo = [stop for stop in wave if place(stop.resource) not in done]
        if todo:
            of = f" of wave {number} of {len(waves)}" if len(waves) > 1 else ""
            world.progress.phase(f"Acting on {len(todo)} resources{of}")
            _one_wave(acting, record, todo, total)
        if record.halt is None and number < len(waves):
            record.halt = too_many_failures(record, number)
        if record.halt is not None:
            return


def carry_out_some(
    world: World, record: Record, approved: ApprovedPlan, recheck: Recheck | None, accounts: Collection[AccountId]
) -> None:
    """The stops of these accounts that have no outcome yet: one part of a wave, of which others do the rest."""
    done = {place(outcome.resource) for outcome in record.outcomes}
    stops = [stop for stop in approved.plan.stops if stop.resource.target.account_id in accounts]
    todo = [stop for stop in stops if place(stop.resource) not in done]
    if todo:
        world.progress.phase(f"Acting on {len(todo)} resources in {len(accounts)} accounts")
        _one_wave(_Acting(world, record.sweep_id, recheck), record, todo, len(stops))


def too_many_failures(record: Record, wave: int) -> Halt | None:
    """Why no further wave begins, if so."""
    limit = record.policy.abort_if_failures_percent
    actual = failure_percent(record.outcomes)
    if limit is None or actual <= limit:
        return None
    text = f"{actual:.4g} % of the stops failed by the end of wave {wave}, and abort_if_failures_percent is {limit:g}"
    return Halt(HaltCause.FAILURES, text)


def _one_wave(acting: _Acting, record: Record, todo: Sequence[Decision], total: int) -> None:
    pool = Pool[_Acted](acting.world.workers)
    try:
        with pool:
            for _, group in groupby(todo, key=lambda stop: (stop.resource.target, stop.resource.kind)):
                pool.submit(_act_on_target, acting, tuple(group))
            done = total - len(todo)
            for acted in pool.results():
                done += len(acted.outcomes) + len(acted.kept)
                acting.world.progress.stops(done, total)
    finally:  # also when the sweep breaks off: what the threads still stopped meanwhile was stopped
        for acted in pool.finished():
            record.outcomes += acted.outcomes
            record.keep(acted.kept)
            record.halt = record.halt or acted.halt


def _act_on_target(acting: _Acting, stops: tuple[Decision, ...]) -> _Acted:
    """What came of each stop of one target that was admitted. A thread's boundary: nothing is raised past it."""
    first = stops[0].resource
    halt = acting.halt()
    if halt is not None:
        return _Acted((), halt=halt)
    kind = acting.world.kinds[first.kind]
    guard = _Guard(acting, kind, {stop.resource.resource_id: stop for stop in stops})
    try:
        with acting.world.accounts.bind(first.target.account_id):
            outcomes = kind.act(first.target, [(one.resource, one.action) for one in stops], acting.sweep_id, guard)
    except TargetUnreadableError as refusal:
        outcomes = guard.failed(stops, refusal.error.code, refusal.error.message)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        outcomes = guard.failed(stops, type(failure).__name__, str(failure))
    return _Acted(tuple(_with_reason(outcome, guard.halt) for outcome in outcomes), guard.kept, guard.halt)


def _with_reason(outcome: Outcome, halt: Halt | None) -> Outcome:
    """A kind knows that it was told to leave the rest, and not why."""
    if halt is None or outcome.status is not OutcomeStatus.NOT_ATTEMPTED:
        return outcome
    return replace(outcome, message=outcome.message.replace(NOT_HANDED_OUT, halt.text) or halt.text)


class _Guard:
    """ports.BatchGuard of one target; used by one thread."""

    def __init__(self, acting: _Acting, kind: Kind, stops: Mapping[str, Decision]) -> None:
        self._acting = acting
        self._kind = kind
        self._stops = stops
        self._batches = 0
        self._settled: dict[Place, Outcome] = {}
        self.kept: dict[Place, str] = {}
        self.halt: Halt | None = None

    def admit(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        if not self.may_call():
            return ()
        admitted = self._unchanged(resources) if self._acting.recheck else tuple(resources)
        if not admitted or not self.may_call():  # looking again may have taken a while
            return ()
        self._batches += 1
        target = admitted[0].target
        try:
            batch = f"{target.account_id}/{target.region}/{self._batches}"
            self._acting.world.ledger.intend(self._acting.sweep_id, admitted, batch)
        except LedgerError as failure:
            self.halt = self._acting.ledger_failed(failure)
            return ()
        return admitted

    def may_call(self) -> bool:
        halt = self._acting.halt()
        self.halt = self.halt or halt
        return halt is None

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        self._settled.update({place(outcome.resource): outcome for outcome in outcomes})
        try:
            self._acting.world.ledger.settle(self._acting.sweep_id, outcomes)
        except LedgerError as failure:
            self.halt = self._acting.ledger_failed(failure)

    def failed(self, stops: Iterable[Decision], code: str, message: str) -> tuple[Outcome, ...]:
        """For when the target broke off: what was settled by then stays so, what was not kept failed with it."""
        left = [stop for stop in stops if place(stop.resource) not in {*self.kept, *self._settled}]
        return (*self._settled.values(), *same_outcome(left, OutcomeStatus.FAILED, code, message))

    def _unchanged(self, resources: Sequence[Resource]) -> tuple[Resource, ...]:
        recheck = self._acting.recheck
        assert recheck is not None, "asked only where the plan is older"
        reasons = self._reasons(resources[0].target, resources, recheck)
        self.kept.update({place(one): reason for one in resources if (reason := reasons[one.resource_id])})
        return tuple(one for one in resources if not reasons[one.resource_id])

    def _reasons(self, target: Target, resources: Sequence[Resource], recheck: Recheck) -> dict[str, str | None]:
        try:
            fresh = self._kind.look(target, [one.resource_id for one in resources])
        except TargetUnreadableError as refusal:
            return dict.fromkeys((one.resource_id for one in resources), f"It could not be looked at again: {refusal}")
        return {one.resource_id: recheck(self._stops[one.resource_id], fresh.get(one.resource_id)) for one in resources}


def settle_intents(world: World, record: Record, accounts: Collection[AccountId] | None = None) -> None:
    """Outcomes for what a process that died was about to do, or did: from the ledger, and by looking, never by acting.

    What turns out to be untouched has no outcome yet: it can be acted on after all. None: in all accounts.
    """
    concerned = (stop for stop in record.stops if accounts is None or stop.resource.target.account_id in accounts)
    stops = {key_of(stop.resource): stop for stop in concerned}
    unsettled: dict[tuple[Target, str], list[tuple[Decision, str]]] = {}
    for action in world.ledger.actions(record.sweep_id):
        stop = stops.get(action.place)
        if stop is None or action.status == OutcomeStatus.NOT_ATTEMPTED.value:
            continue
        outcome = outcome_of(action, stop.resource)
        if outcome is not None:
            record.outcomes.append(outcome)
        else:
            key = (stop.resource.target, stop.resource.kind)
            unsettled.setdefault(key, []).append((stop, action.requested_at))
    if not unsettled:
        return
    world.progress.phase(f"Looking at {sum(map(len, unsettled.values()))} resources of which nobody knows")
    with Pool[tuple[Outcome, ...]](world.workers) as pool:
        for (target, kind), intents in unsettled.items():
            pool.submit(_settle_target, world, record.sweep_id, target, kind, intents)
        for outcomes in pool.results():
            record.outcomes += outcomes


def _settle_target(
    world: World, sweep_id: str, target: Target, kind: str, intents: Sequence[tuple[Decision, str]]
) -> tuple[Outcome, ...]:
    """A thread's boundary: nothing is raised past it. What cannot be looked at failed, since nobody may try again."""
    stops = [stop for stop, _ in intents]
    asked = [(stop.resource, stop.action, datetime.fromisoformat(at)) for stop, at in intents]
    try:
        with world.accounts.bind(target.account_id):
            outcomes = world.kinds[kind].settle(target, asked, sweep_id)
    except TargetUnreadableError as refusal:
        text = f"{_DIED}, and cannot be looked at: {refusal.error.message}"
        return same_outcome(stops, OutcomeStatus.FAILED, refusal.error.code, text)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        return same_outcome(stops, OutcomeStatus.FAILED, type(failure).__name__, str(failure))
    with suppress(LedgerError):  # it still has the intents, and gets these outcomes again with the report
        world.ledger.settle(sweep_id, outcomes)
    return outcomes


def outcome_of(action: ActionRecord, resource: Resource) -> Outcome | None:
    """What the ledger knows for certain; None for an intent, and for what AWS accepted but nobody saw."""
    promised = {OutcomeStatus.STOPPING.value, OutcomeStatus.STARTING.value}
    if action.status == INTENT or (action.status in promised and not action.verified_at):
        return None
    return Outcome(
        resource,
        OutcomeStatus(action.status),
        action.code,
        action.message,
        _time(action.requested_at),
        _time(action.verified_at),
        action.warnings,
    )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def key_of(resource: Resource) -> tuple[str, str, str, str]:
    return resource.target.account_id, resource.target.region, resource.kind, resource.resource_id
