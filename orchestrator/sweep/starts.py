"""Watches what AWS accepted to start until it runs or fell back, for a bounded time and all targets at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from orchestrator.core.model import Outcome, Outcomes, OutcomeStatus, ResourceKey, Target
from orchestrator.errors import LedgerError
from orchestrator.ports import TargetUnreadableError, World
from orchestrator.sweep.interruption import breakable
from orchestrator.sweep.pool import Pool

_FIRST_PAUSES, _PAUSE, _LATER_PAUSE = (2.0, 3.0, 5.0), 10.0, 30.0
_A_MINUTE = 60.0


def watch_starts(world: World, sweep_id: str, done: Outcomes, within: timedelta) -> Outcomes:
    """The same outcomes, but for what was starting: as each was seen last.

    Returns as soon as none is starting any more, when the time is up, or at a halt. Targets without a start cost no
    call; one with starts costs a look for each pause.
    """
    with breakable(world):
        return _watched(world, sweep_id, done, within)


def _watched(world: World, sweep_id: str, done: Outcomes, within: timedelta) -> Outcomes:
    for pause in pauses(within):
        left = [one for one in done.outcomes if one.status is OutcomeStatus.STARTING]
        if not left or world.halt() is not None:
            break
        world.progress.phase(f"Looking whether {len(left)} resources that were started run by now")
        world.sleep(pause)
        if world.halt() is not None:
            break
        seen = _look(world, left)
        changed = [one for one in left if seen[one.resource.key] != one]
        done = replace(done, outcomes=tuple(seen.get(one.resource.key, one) for one in done.outcomes))
        with suppress(LedgerError):  # it still has what AWS answered, and gets these outcomes with the report
            world.ledger.record_outcomes(sweep_id, [seen[one.resource.key] for one in changed], done.intents)
    return done


def pauses(within: timedelta) -> Iterator[float]:
    """Before each look, in seconds; all of them together are the whole time."""
    total, passed, number = within.total_seconds(), 0.0, 0
    while passed < total:
        pause = _FIRST_PAUSES[number] if number < len(_FIRST_PAUSES) else _PAUSE if passed < _A_MINUTE else _LATER_PAUSE
        yield min(pause, total - passed)
        passed += pause
        number += 1


def _look(world: World, starts: Sequence[Outcome]) -> dict[ResourceKey, Outcome]:
    groups: dict[tuple[Target, str], list[Outcome]] = {}
    for one in starts:
        groups.setdefault((one.resource.target, one.resource.kind), []).append(one)
    seen: dict[ResourceKey, Outcome] = {}
    with Pool[tuple[Outcome, ...]](world.workers) as pool:
        for (target, kind), some in groups.items():
            pool.submit(_look_at_target, world, target, kind, some)
        for result in pool.results():
            seen.update({one.resource.key: one for one in result})
    return seen


def _look_at_target(world: World, target: Target, kind: str, starts: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """A thread's boundary: nothing is raised past it. What cannot be looked at is still starting."""
    try:
        with world.accounts.bind(target.account_id):
            return world.kind(kind).see_starts(target, starts)
    except TargetUnreadableError as refusal:
        why = str(refusal)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        why = f"{type(failure).__name__}: {failure}"
    text = f"AWS accepted the start; it could not be looked at afterwards: {why}"
    return tuple(replace(one, message=text) for one in starts)
