"""Outcomes for the intents of a process that died: from the ledger, and by looking, never by acting."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime

from orchestrator.core.model import (
    AccountId,
    Decision,
    Outcome,
    OutcomeStatus,
    Resource,
    Target,
)
from orchestrator.errors import LedgerError
from orchestrator.ledger.records import INTENT, ActionRecord
from orchestrator.ports import TargetUnreadableError, World
from orchestrator.sweep.pool import Pool
from orchestrator.sweep.record import Record, same_outcome

_DIED = "it was about to be acted on when the process died"


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
