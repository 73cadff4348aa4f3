"""What a look without a sweep reads: all that a policy has in scope, or what one resource is in. It writes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from orchestrator.core.decide.decisions import decide_inventory
from orchestrator.core.decide.explain import Explanation, explain
from orchestrator.core.decide.local_times import local_texts
from orchestrator.core.decide.narrowing import (
    narrow_decisions,
    narrow_inventory,
    narrowing_problems,
    policy_to_read,
    resource_problems,
)
from orchestrator.core.model import NOT_NARROWED, Inventory, Mode, Narrowing, ResourceKey
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.document import document_of, plain_document
from orchestrator.errors import NarrowedToNothingError, NarrowingError
from orchestrator.ports import World
from orchestrator.sweep.barrier import check_plan
from orchestrator.sweep.exact_tags import with_exact_tags
from orchestrator.sweep.listing import Listing
from orchestrator.sweep.metrics import with_metrics
from orchestrator.sweep.money import with_money
from orchestrator.sweep.other_policies import co_owners
from orchestrator.sweep.read import Reading, complete_inventory, list_and_read
from orchestrator.sweep.read_one import read_one
from orchestrator.sweep.remember import read_remembered
from orchestrator.sweep.seal import Document
from orchestrator.sweep.state import Sweep, SweepState, build_report


def explain_now(world: World, policy: OrgPolicy, key: ResourceKey, at: datetime) -> Explanation:
    """Of the resource as it is now, decided for that moment. Raises as read_one."""
    inventory, _ = with_metrics(world, policy, read_one(world, policy, policy.day(at), key), at)
    inventory = read_remembered(world, policy, inventory, at)
    return explain(policy, inventory, key, at, co_owners(world, inventory.others))


def plan_for(
    world: World, policy: OrgPolicy, sweep_id: str, at: datetime, narrowing: Narrowing = NOT_NARROWED
) -> Document:
    """What a sweep would do at that moment, by what AWS says now: a report that is in no store and in no ledger, so
    that nothing can be done by it. Raises as list_and_read, and NarrowingError for what is not there.
    """
    _check_narrowing(world, policy, narrowing)
    sweep = Sweep(sweep_id, Mode.PLAN, policy, world.now(), asked_by=world.asked_by, narrowed=narrowing)
    inventory = read_inventory(world, policy, at, narrowing)
    decisions = decide_inventory(policy, inventory, at, co_owners(world, inventory.others))
    decisions = narrow_decisions(narrowing, policy, decisions)
    state = SweepState(inventory, decisions, read_halt=world.halt())
    if state.read_halt is None:
        _check_resources(narrowing, inventory)
    state, _ = check_plan(world, sweep, state)
    state = with_money(world, sweep, state, at)
    report = build_report(sweep, state, calls=world.calls(), finished_at=world.now(), interrupted=world.interrupted())
    local = local_texts(at, policy.zones)
    return plain_document(document_of(replace(report, as_of=at, as_of_local=local)))


def read_narrowed(world: World, policy: OrgPolicy, at: datetime, narrowing: Narrowing) -> Inventory:
    """As read_inventory, with the resources that are named. Raises NarrowingError too, for what is not there."""
    _check_narrowing(world, policy, narrowing)
    inventory = read_inventory(world, policy, at, narrowing)
    if world.halt() is None:
        _check_resources(narrowing, inventory)
    return narrow_inventory(narrowing, inventory)


def _check_narrowing(world: World, policy: OrgPolicy, narrowing: Narrowing) -> None:
    problems = narrowing_problems(narrowing, policy, world.partition_regions)
    if problems:
        raise NarrowingError(problems)


def _check_resources(narrowing: Narrowing, inventory: Inventory) -> None:
    missing = resource_problems(narrowing, inventory.resources, inventory.coverage)
    if missing:
        raise NarrowedToNothingError(missing)


def read_inventory(world: World, policy: OrgPolicy, at: datetime, narrowing: Narrowing = NOT_NARROWED) -> Inventory:
    """All that the policy has in scope, but for what is still opted out on that day. Raises as list_and_read."""

    def keep(_listing: Listing, _reading: Reading) -> None:
        """What breaks off is of no use here."""

    listing, reading = list_and_read(world, policy, policy.day(at), keep, narrowing)
    listing, reading = with_exact_tags(world, policy, listing, reading, at)
    inventory, _ = with_metrics(
        world, policy, complete_inventory(policy_to_read(narrowing, policy), listing, reading), at
    )
    return read_remembered(world, policy, inventory, at)
