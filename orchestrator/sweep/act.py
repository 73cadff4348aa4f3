"""Fan out to act: waves of stops (or starts) over threads, each batch of them admitted one by one.

A batch is admitted when nothing halts the sweep, what it would touch is still as planned (asked again where the plan is
not from just now), and its intents are in the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from orchestrator.core.decide.waves import failure_percent, waves_of
from orchestrator.core.model import (
    AccountId,
    ApprovedPlan,
    Decision,
    Halt,
    HaltCause,
    Outcome,
    OutcomeStatus,
)
from orchestrator.ports import NOT_HANDED_OUT, TargetUnreadableError, World
from orchestrator.sweep.guard import Recheck, _Acting, _Guard
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.record import Place, Record, place


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
