"""What sweeps hold down, looked at again: how long it really was down. Asked only where prices were asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from orchestrator.core.decide.measured_savings import measure_stop
from orchestrator.core.model import Mode, Resource, ResourceKey, Target, TargetStatus
from orchestrator.core.model.money import Forecast, MeasuredSaving
from orchestrator.ledger.records import HeldRecord
from orchestrator.ports import World
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.read import Unread, read_unless_halted
from orchestrator.sweep.state import Sweep, SweepState

_Looked = tuple[list[ResourceKey], Mapping[str, Resource] | Unread]


_SCANNED = TargetStatus.SCANNED


def measure_stops(world: World, sweep: Sweep, state: SweepState, now: datetime) -> tuple[MeasuredSaving, ...]:
    """Of what sweeps by the same policy stopped before, in the targets that this one read. Raises LedgerError.

    What this sweep did not read is looked at, with a call in each target that has some; an undo, and a sweep that was
    narrowed, tell of what they read alone. A kind that the policy no longer names is neither read nor looked at.
    """
    if sweep.mode is Mode.APPLY:
        return ()  # it read nothing
    held = [*_held_before(world, sweep)]
    keys = frozenset(one.key for one in held)
    seen: dict[ResourceKey, Resource | None] = {
        one.key: one for one in state.inventory.resources if keys and one.key in keys
    }
    if sweep.mode is not Mode.UNDO and not sweep.narrowed:
        scanned = {(row.account_id, row.region) for row in state.inventory.coverage if row.status is _SCANNED}
        of_policy = [key for key in keys if key not in seen and key.kind in sweep.policy.kinds]
        left = [key for key in of_policy if (key.account_id, key.region) in scanned]
        seen.update(_look(world, left))
    starts = {one.resource.key for one in state.decisions.actions if one.action.starts}
    measured = (_measure(one, seen, now, is_started=one.key in starts) for one in held)
    return tuple(sorted((one for one in measured if one is not None), key=lambda one: one.key))


def _held_before(world: World, sweep: Sweep) -> Iterator[HeldRecord]:
    for one in world.ledger.held_since_before(sweep.sweep_id):
        if one.policy_name == sweep.policy.name and not one.measured_at and one.asked_at:
            yield one


def _measure(
    held: HeldRecord, seen: Mapping[ResourceKey, Resource | None], now: datetime, *, is_started: bool
) -> MeasuredSaving | None:
    if held.key not in seen:
        return None
    forecast = None
    with suppress(ValueError, TypeError, AttributeError):  # as another program may have left it
        forecast = Forecast.from_item(held.forecast) if held.forecast else None
    try:
        stopped_at = datetime.fromisoformat(held.asked_at)
    except ValueError:
        return None
    return measure_stop(held.key, held.sweep_id, stopped_at, forecast, seen[held.key], now, is_started=is_started)


def _look(world: World, keys: Iterable[ResourceKey]) -> Iterator[tuple[ResourceKey, Resource | None]]:
    """As they are now, None for what AWS does not know any more; nothing of what cannot be looked at."""
    targets: defaultdict[tuple[Target, str], list[ResourceKey]] = defaultdict(list)
    for key in keys:
        targets[key.target, key.kind].append(key)
    with Pool[_Looked](world.workers) as pool:
        for (target, kind), some in targets.items():
            pool.submit(_look_at, world, target, kind, some)
        for some, found in pool.results():
            if not isinstance(found, Unread):
                yield from ((key, found.get(key.resource_id)) for key in some)


def _look_at(world: World, target: Target, kind: str, keys: list[ResourceKey]) -> _Looked:
    """A thread's boundary: nothing is raised past it."""

    def look() -> Mapping[str, Resource]:
        with world.accounts.bind(target.account_id):
            return world.kind(kind).look(target, [key.resource_id for key in keys])

    return keys, read_unless_halted(world, look)
