"""Watches what AWS accepted to start until it runs or fell back, for a bounded time and all targets at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from orchestrator.core.model import Intent, Outcome, Outcomes, OutcomeStatus, ResourceKey, Target
from orchestrator.errors import LedgerError
from orchestrator.ports import TargetUnreadableError, World
from orchestrator.sweep.interruption import breakable
from orchestrator.sweep.pool import Pool

_FIRST_PAUSES, _PAUSE, _LATER_PAUSE = (2.0, 3.0, 5.0), 10.0, 30.0
_A_MINUTE = 60.0


def watch_starts(
    world: World, sweep_id: str, done: Outcomes, within: timedelta, overdue: Collection[ResourceKey] = ()
) -> Outcomes:
    """The same outcomes, but for what was starting: as each was seen last.

    Returns as soon as none is starting any more but what is `overdue`, when the time is up, or at a halt. Targets
    without a start cost no call; one with starts costs a look for each pause.
    """
    with breakable(world):
        return _watched(world, sweep_id, done, within, overdue)


def _watched(
    world: World, sweep_id: str, done: Outcomes, within: timedelta, overdue: Collection[ResourceKey]
) -> Outcomes:
    for pause in pauses(within):
        left = [one for one in done.outcomes if one.status is OutcomeStatus.STARTING]
        if all(one.resource.key in overdue for one in left) or world.halt() is not None:
            break
        world.progress.phase(phase_text(len(left)))
        world.sleep(pause)
        if world.halt() is not None:
            break
        seen = _look(world, sweep_id, left, done.intents)
        done = replace(done, outcomes=tuple(seen.get(one.resource.key, one) for one in done.outcomes))
    return done


def phase_text(starting: int) -> str:
    """What people are told while it is waited for so many resources."""
    return f"Looking whether {starting} resources that were started run by now"


def pauses(within: timedelta) -> Iterator[float]:
    """Before each look, in seconds; all of them together are the whole time."""
    total, passed, number = within.total_seconds(), 0.0, 0
    while passed < total:
        pause = _FIRST_PAUSES[number] if number < len(_FIRST_PAUSES) else _PAUSE if passed < _A_MINUTE else _LATER_PAUSE
        yield min(pause, total - passed)
        passed += pause
        number += 1


def by_target_and_kind(starts: Sequence[Outcome]) -> Iterator[tuple[Target, str, list[Outcome]]]:
    """What one look sees together."""
    groups: dict[tuple[Target, str], list[Outcome]] = {}
    for one in starts:
        groups.setdefault((one.resource.target, one.resource.kind), []).append(one)
    yield from ((target, kind, some) for (target, kind), some in groups.items())


def _look(
    world: World, sweep_id: str, starts: Sequence[Outcome], intents: Mapping[ResourceKey, Intent]
) -> dict[ResourceKey, Outcome]:
    seen: dict[ResourceKey, Outcome] = {}
    with Pool[tuple[Outcome, ...]](world.workers) as pool:
        for target, kind, some in by_target_and_kind(starts):
            pool.submit(look_at_starts, world, sweep_id, target, kind, some, intents)
        for result in pool.results():
            seen.update({one.resource.key: one for one in result})
    return seen


def look_at_starts(
    world: World,
    sweep_id: str,
    target: Target,
    kind: str,
    starts: Sequence[Outcome],
    intents: Mapping[ResourceKey, Intent],
) -> tuple[Outcome, ...]:
    """As each of these, of one target and kind, is seen now; what changed is recorded.

    A thread's boundary: nothing is raised past it. What cannot be looked at is still starting.
    """
    seen = _seen(world, target, kind, starts)
    before = {one.resource.key: one for one in starts}
    changed = [one for one in seen if before[one.resource.key] != one]
    with suppress(LedgerError):  # it still has what AWS answered, and gets these outcomes with the report
        if changed:
            world.ledger.record_outcomes(sweep_id, changed, intents)
    return seen


def _seen(world: World, target: Target, kind: str, starts: Sequence[Outcome]) -> tuple[Outcome, ...]:
    try:
        with world.accounts.bind(target.account_id):
            return world.kind(kind).see_starts(target, starts)
    except TargetUnreadableError as refusal:
        why = str(refusal)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        why = f"{type(failure).__name__}: {failure}"
    text = f"AWS accepted the start; it could not be looked at afterwards: {why}"
    return tuple(replace(one, message=text) for one in starts)
