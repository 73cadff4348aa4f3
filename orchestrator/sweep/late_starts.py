"""Starts of earlier sweeps that came up after their end, as databases do: their marks go, and what holds them down."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from orchestrator.core.decide.whose import is_before
from orchestrator.core.model import Decision, Outcome, OutcomeStatus, Resource, ResourceState, Target
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.core.model.remembered import RememberedStop
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import LedgerError
from orchestrator.ports import World
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.read import Unread, read_unless_halted
from orchestrator.sweep.remember import remembered_of


def conclude_late_starts(world: World, policy: OrgPolicy, decisions: Sequence[Decision]) -> None:
    """Deletes the marks of what runs by the start of an earlier sweep, which AWS was slow with; a change in AWS, so it
    comes after the consent. What cannot be looked at, or keeps its marks, is left to the next sweep.
    """
    running = [one.resource for one in decisions if _may_be_late(one.resource, policy)]
    stops = remembered_of(world.ledger, running, lambda kind: world.kind(kind).description).stops if running else {}
    groups: dict[tuple[Target, str], list[Resource]] = {}
    for one in running:
        stop = stops.get(one.key)
        if stop is not None and _is_by_its_start(one, stop):
            was = replace(one, restore=stop.restore)  # as it was before that stop, which is what a start goes back to
            groups.setdefault((one.target, one.kind), []).append(was)
    if not groups:
        return
    with Pool[tuple[Outcome, ...]](world.workers) as pool:
        for (target, kind), some in groups.items():
            pool.submit(_conclude, world, target, kind, some)
        seen = [outcome for some in pool.results() for outcome in some]
    up = [one.resource for one in seen if one.status is OutcomeStatus.STARTED and not one.warnings]
    with suppress(LedgerError):
        world.ledger.let_go(up)


def _may_be_late(resource: Resource, policy: OrgPolicy) -> bool:
    is_up = resource.state is ResourceState.RUNNING and resource.kind in policy.starting_kinds
    return is_up and bool(resource.tags.get(STOPPED_BY_TAG))


def _is_by_its_start(resource: Resource, stop: RememberedStop) -> bool:
    """As far as the mark and AWS's time of its start tell. What was started by hand keeps its marks, as ever."""
    if stop.start_asked_at is None or resource.tags.get(STOPPED_BY_TAG) != stop.sweep_id:
        return False
    return resource.started_at is None or not is_before(resource.started_at, stop.start_asked_at)


def _conclude(world: World, target: Target, kind: str, resources: Sequence[Resource]) -> tuple[Outcome, ...]:
    """A thread's boundary: nothing is raised past it."""

    def look() -> tuple[Outcome, ...]:
        asked = [Outcome(one, OutcomeStatus.STARTING) for one in resources]
        with world.accounts.bind(target.account_id):
            return world.kind(kind).see_starts(target, asked)

    result = read_unless_halted(world, look)
    return () if isinstance(result, Unread) else result
