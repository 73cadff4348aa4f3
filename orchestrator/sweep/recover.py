"""Outcomes for the intents of a process that died: from the ledger, and by looking, never by acting."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from orchestrator.core.model import Decision, Outcome, OutcomeStatus, Resource, ResourceKey, Target
from orchestrator.errors import LedgerError
from orchestrator.ledger.records import INTENT, ActionRecord
from orchestrator.ports import TargetUnreadableError, World
from orchestrator.sweep.pool import Pool

_DIED = "it was about to be acted on when the process died"
_Intent = tuple[Decision, str]
"""What was announced, and when."""


def recover_intents(world: World, sweep_id: str, actions: Sequence[Decision]) -> tuple[Outcome, ...]:
    """What came of these planned actions as far as a process got with them.

    What turns out to be untouched has no outcome: it can be acted on after all.
    """
    planned = {one.resource.key: one for one in actions}
    outcomes: list[Outcome] = []
    unknown: dict[tuple[Target, str], list[_Intent]] = {}
    for record in world.ledger.actions(sweep_id):
        action = planned.get(record.key)
        if action is None or record.status == OutcomeStatus.NOT_ATTEMPTED.value:
            continue
        outcome = outcome_of(record, action.resource)
        if outcome is not None:
            outcomes.append(outcome)
        else:
            unknown.setdefault((record.key.target, record.kind), []).append((action, record.requested_at))
    return (*outcomes, *_look_at(world, sweep_id, unknown))


def recorded_outcomes(world: World, sweep_id: str, actions: Sequence[Decision]) -> tuple[Outcome, ...]:
    """What the ledger knows for certain of these planned actions; makes no call to AWS."""
    resources: dict[ResourceKey, Resource] = {one.resource.key: one.resource for one in actions}
    found = (
        outcome_of(record, resources[record.key])
        for record in world.ledger.actions(sweep_id)
        if record.key in resources
    )
    return tuple(outcome for outcome in found if outcome is not None)


def outcome_of(record: ActionRecord, resource: Resource) -> Outcome | None:
    """What the ledger knows for certain; None for an intent, and for what AWS accepted and no look has confirmed."""
    accepted = {OutcomeStatus.STOPPING.value, OutcomeStatus.STARTING.value}
    if record.status == INTENT or (record.status in accepted and not record.verified_at):
        return None
    return Outcome(
        resource,
        OutcomeStatus(record.status),
        record.code,
        record.message,
        _time(record.requested_at),
        _time(record.verified_at),
        record.warnings,
    )


def _look_at(world: World, sweep_id: str, unknown: dict[tuple[Target, str], list[_Intent]]) -> list[Outcome]:
    if not unknown:
        return []
    world.progress.phase(f"Looking at {sum(map(len, unknown.values()))} resources whose outcome is unknown")
    found: list[Outcome] = []
    with Pool[tuple[Outcome, ...]](world.workers) as pool:
        for (target, kind), intents in unknown.items():
            pool.submit(_recover_target, world, sweep_id, target, kind, intents)
        for outcomes in pool.results():
            found += outcomes
    return found


def _recover_target(
    world: World, sweep_id: str, target: Target, kind: str, intents: Sequence[_Intent]
) -> tuple[Outcome, ...]:
    """A thread's boundary: nothing is raised past it. What cannot be looked at failed: it must not be tried again."""
    asked = [(action.resource, action.action, datetime.fromisoformat(at)) for action, at in intents]
    try:
        with world.accounts.bind(target.account_id):
            outcomes = world.kinds[kind].recover_intents(target, asked, sweep_id)
    except TargetUnreadableError as refusal:
        text = f"{_DIED}, and cannot be looked at: {refusal.error.message}"
        return _failed(intents, refusal.error.code, text)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        return _failed(intents, type(failure).__name__, str(failure))
    with suppress(LedgerError):  # it still has the intents, and gets these outcomes again with the report
        world.ledger.record_outcomes(sweep_id, outcomes)
    return outcomes


def _failed(intents: Sequence[_Intent], code: str, message: str) -> tuple[Outcome, ...]:
    return tuple(Outcome(action.resource, OutcomeStatus.FAILED, code, message) for action, _ in intents)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
