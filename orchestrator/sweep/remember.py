"""What the ledger remembers of what was read, for the decisions: asked of nothing whose fate does not hang on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from itertools import chain

from orchestrator.core.decide.restarting import asking_about_restarts
from orchestrator.core.decide.starting import asking_the_ledger
from orchestrator.core.model import Inventory, KindDescription, Resource
from orchestrator.core.model.kind import StopEvidence
from orchestrator.core.model.remembered import NOTHING_REMEMBERED, Remembered, RememberedStop
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import HeldRecord
from orchestrator.ports import World
from orchestrator.sweep.notices import read_notices
from orchestrator.sweep.opt_outs import read_linked_opt_outs


def read_remembered(world: World, policy: OrgPolicy, inventory: Inventory, now: datetime) -> Inventory:
    """The same inventory with what decisions depend on: the stops that were announced, who opted out by a link, and
    what sweeps hold down.
    """
    inventory = read_linked_opt_outs(world.ledger, policy, read_notices(world, policy, inventory))
    return _with_what_is_held_down(world, policy, inventory, now)


def _with_what_is_held_down(world: World, policy: OrgPolicy, inventory: Inventory, now: datetime) -> Inventory:
    """In the targets where some rule may start it, or keep what runs again: one query for each.

    A ledger that cannot be read is in there too: then nothing is started by it, and what may have been started is kept.
    """
    if not (policy.starting_kinds or policy.restarted_kinds):
        return inventory
    accounts = {account.id: account for account in inventory.accounts}
    named = policy.with_unresolved(inventory.names)
    asking = chain(
        asking_the_ledger(named, inventory.resources, accounts, now),
        asking_about_restarts(named, inventory.resources, accounts, now),
    )
    found = remembered_of(world.ledger, asking, lambda kind: world.kind(kind).description)
    before = inventory.remembered
    remembered = replace(before, stops={**before.stops, **found.stops}, unread=found.unread or before.unread)
    return replace(inventory, remembered=remembered)


def remembered_of(
    ledger: Ledger, resources: Iterable[Resource], described: Callable[[str], KindDescription]
) -> Remembered:
    """What sweeps hold down of these as of now. `described`: a kind by its name."""
    keys = {one.key for one in resources}
    if not keys:
        return NOTHING_REMEMBERED
    try:
        held = ledger.held_at_each(sorted({key.target for key in keys}))
    except LedgerError as failure:
        return Remembered(unread=str(failure))
    evidence = {kind: described(kind).evidence for kind in {key.kind for key in keys}}
    return Remembered({key: _stop(held[key], evidence[key.kind]) for key in sorted(keys & held.keys())})


def _stop(held: HeldRecord, evidence: StopEvidence) -> RememberedStop:
    return RememberedStop(
        sweep_id=held.sweep_id,
        policy_name=held.policy_name,
        requested_at=_time(held.asked_at),
        accepted=False,
        start_asked_at=_time(held.start_asked_at),
        started_before=held.started_before,
        start_failed_at=_time(held.start_failed_at),
        evidence=evidence,
        restore=held.restore,
    )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
