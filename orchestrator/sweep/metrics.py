"""What CloudWatch measured, read after the resources and before deciding: of those alone whose fate hangs on it.

What cannot be read leaves its conditions unknown, with AWS's words, and so the resource as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from orchestrator.core.decide.measuring import still_counts, unread, wanted_metrics
from orchestrator.core.model import Inventory, Resource, ResourceKey, Target, TargetStatus
from orchestrator.core.model.measured import Measured
from orchestrator.core.model.metric import MetricSpan
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.ports import Kind, TargetMetrics, TargetUnreadableError, World
from orchestrator.sweep.other_policies import co_owners
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.read import Unread, read_unless_halted

_Wanted = Sequence[tuple[Resource, Collection[MetricSpan]]]


_Answer = tuple[_Wanted, Mapping[str, Measured] | Unread]


def with_metrics(world: World, policy: OrgPolicy, inventory: Inventory, now: datetime) -> tuple[Inventory, bool]:
    """The same, each resource whose decision depends on it with what CloudWatch has of it; and whether it was asked
    about all of them, which it was not where no more work is handed out. `now` is the sweep's.

    What was measured before is not read again: the look right before the action says whether it still counts.
    """
    wanted = wanted_metrics(policy, inventory, now, co_owners(world, inventory.others))
    if not wanted:
        return inventory, True
    world.progress.phase(f"Reading the metrics of {len(wanted)} resources that rules ask for")
    measured = _read(world, inventory.resources, wanted)
    resources = (replace(one, measured=measured.get(one.key, one.measured)) for one in inventory.resources)
    return replace(inventory, resources=tuple(resources)), len(measured) == len(wanted)


def measure_again(
    world: World,
    kind: Kind,
    target: Target,
    planned: Collection[Resource],
    seen: Mapping[str, Resource],
    age: timedelta,
) -> Mapping[str, Resource]:
    """Of what was measured for the plan, and is looked at again, the same with what counts now: what was measured no
    longer ago than that, else what CloudWatch says by now. The account is bound.
    """
    before = {one.resource_id: one for one in planned if one.measured is not None and one.resource_id in seen}
    if not before:
        return seen
    now = world.now()
    found = dict(seen)
    again: list[tuple[Resource, Collection[MetricSpan]]] = []
    for name, one in before.items():
        if one.measured is not None and still_counts(one, seen[name], age, now):
            found[name] = replace(seen[name], measured=one.measured)
        elif one.measured is not None:
            again.append((seen[name], one.measured.asked))
    for name, measured in _measured_or_not(world, kind, target, again).items():
        found[name] = replace(seen[name], measured=measured)
    return found


def _read(
    world: World, resources: Sequence[Resource], wanted: Mapping[ResourceKey, Collection[MetricSpan]]
) -> Mapping[ResourceKey, Measured]:
    """One task for each target and kind. Without those of which another process may read them."""
    by_target: defaultdict[tuple[Target, str], list[tuple[Resource, Collection[MetricSpan]]]] = defaultdict(list)
    for one in resources:
        if one.key in wanted:
            by_target[one.target, one.kind].append((one, wanted[one.key]))
    found: dict[ResourceKey, Measured] = {}
    with Pool[_Answer](world.workers) as pool:
        for (target, kind), some in by_target.items():
            pool.submit(_read_target, world, target, kind, some)
        for wanted_there, told in pool.results():
            if not isinstance(told, Unread):
                found.update((one.key, told[one.resource_id]) for one, _ in wanted_there)
            elif told.status is not TargetStatus.NOT_ATTEMPTED:
                now = world.now()
                found.update((one.key, unread(now, asked, told.detail)) for one, asked in wanted_there)
    return found


def _read_target(world: World, target: Target, kind: str, wanted: _Wanted) -> _Answer:
    """A thread's boundary: nothing is raised past it."""
    return wanted, read_unless_halted(world, partial(_bound, world, target, kind, wanted))


def _bound(world: World, target: Target, kind: str, wanted: _Wanted) -> Mapping[str, Measured]:
    """Raises TargetUnreadableError."""
    with world.accounts.bind(target.account_id):
        return _measured_or_not(world, world.kind(kind), target, wanted)


def _measured_or_not(world: World, kind: Kind, target: Target, wanted: _Wanted) -> Mapping[str, Measured]:
    """Of each of them something: why it is not known, where it is not."""
    if not wanted:
        return {}
    why, found = "CloudWatch does not measure it", dict[str, Measured]()
    if isinstance(kind, TargetMetrics):
        try:
            found = dict(kind.measure(target, wanted))
            why = "CloudWatch was asked and did not tell"
        except TargetUnreadableError as refusal:
            why = str(refusal)
    now = world.now()
    return {
        one.resource_id: found[one.resource_id] if one.resource_id in found else unread(now, asked, why)
        for one, asked in wanted
    }
