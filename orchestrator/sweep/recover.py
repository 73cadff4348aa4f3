"""Outcomes for the intents of a process that died: from the ledger, and by looking, never by acting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from orchestrator.core.model import (
    Action,
    Decision,
    Intent,
    Outcome,
    Outcomes,
    OutcomeStatus,
    ReasonCode,
    Resource,
    ResourceKey,
    ResourceState,
    Strength,
    Target,
    Verdict,
    strength,
)
from orchestrator.core.model.tagging import tagging_action
from orchestrator.errors import LedgerError
from orchestrator.ledger.records import ActionRecord
from orchestrator.ports import TargetUnreadableError, World
from orchestrator.sweep.pool import Pool

_NOTHING = OutcomeStatus.NOT_ATTEMPTED.value
_NOT_BEGUN = "the sweep ended before it was its turn"
_DIED = "it was about to be acted on when the process died"
_NOT_SEEN = "AWS accepted it, and it was not seen to happen yet"
_NOT_TOLD = "AWS accepted it, and neither its mark nor its time tells that it is down since then"
_Found = tuple[Decision, ActionRecord]
"""What was announced, and its row."""


def recover_intents(world: World, sweep_id: str, actions: Sequence[Decision]) -> Outcomes:
    """What came of these planned actions as far as a process got with them.

    What turns out to be untouched has no outcome: it can be acted on after all, in place of its intent.
    """
    planned = {one.resource.key: one for one in actions}
    outcomes: list[Outcome] = []
    unknown: dict[tuple[Target, str], list[_Found]] = {}
    for record in _records(world, sweep_id, actions):
        action = planned.get(record.key)
        if action is None or record.status == OutcomeStatus.NOT_ATTEMPTED.value:
            continue
        outcome = outcome_of(record, action.resource)
        if outcome is not None:
            outcomes.append(outcome)
        else:
            unknown.setdefault((record.key.target, record.kind), []).append((action, record))
    return Outcomes(tuple(outcomes)) + _look_at(world, sweep_id, unknown)


def close_the_rest(world: World, sweep_id: str, actions: Sequence[Decision]) -> None:
    """Of these planned actions those that were not announced yet can be announced no more, but by a later holder.

    A process that lost the lease in the moment before it announces them finds their rows taken.
    """
    rows = {record.key: record.status for record in _records(world, sweep_id, actions)}
    left = [one for one in actions if rows.get(one.resource.key, _NOTHING) == _NOTHING]
    world.ledger.record_outcomes(
        sweep_id, [Outcome(one.resource, OutcomeStatus.NOT_ATTEMPTED, message=_NOT_BEGUN) for one in left]
    )


def recover_from_records(world: World, sweep_id: str, action: Action) -> tuple[tuple[Decision, ...], Outcomes]:
    """The same where there is no plan to read: what the ledger has of each action is all there is. `action`: of those
    that it does not say to be starts.
    """
    decisions = tuple(
        _planned(record, Action.START if record.is_start else action) for record in world.ledger.actions(sweep_id)
    )
    return decisions, recover_intents(world, sweep_id, decisions)


def _planned(record: ActionRecord, action: Action) -> Decision:
    text = "It was planned, by the ledger; the plan itself cannot be read."
    action = tagging_action(record.restore) or action
    verdict = Verdict(action.value) if action.tags else Verdict.START if action.starts else Verdict.STOP
    return Decision(resource_of(record), verdict, ReasonCode.PLAN_UNREADABLE, text, action=action)


def resource_of(record: ActionRecord) -> Resource:
    """What the ledger says of a resource, for one that was not looked at, or that AWS does not know any more."""
    return Resource(
        kind=record.kind,
        target=record.key.target,
        resource_id=record.resource_id,
        arn=record.arn,
        name="",
        state=ResourceState.GONE,
        aws_state="gone",
        tags={},
        facts={},
        restore=record.restore,
    )


def recorded_statuses(world: World, sweep_id: str) -> Iterator[OutcomeStatus]:
    """Of each action of which the ledger knows for certain what came of it; makes no call to AWS."""
    for some in _PREFIXES:
        for record in world.ledger.actions(sweep_id, some):
            if _is_certain(record):
                yield OutcomeStatus(record.status)


def outcomes_by_now(world: World, sweep_id: str, actions: Sequence[Decision]) -> tuple[Outcome, ...]:
    """The same with what AWS accepted and was not seen yet; for what another thread or process did meanwhile."""
    resources: dict[ResourceKey, Resource] = {one.resource.key: one.resource for one in actions}
    records = [one for one in _records(world, sweep_id, actions) if one.key in resources]
    return tuple(_as_recorded(one, resources[one.key]) for one in records if _strength(one) >= Strength.REFUSED)


def outcome_of(record: ActionRecord, resource: Resource) -> Outcome | None:
    """What the ledger knows for certain; None for what is unknown, and what AWS accepted and no look has confirmed.

    What was seen starting may have fallen back since.
    """
    return _as_recorded(record, resource) if _is_certain(record) else None


def _is_certain(record: ActionRecord) -> bool:
    if _strength(record) in (Strength.INTENT, Strength.UNKNOWN) or record.status == OutcomeStatus.STARTING:
        return False
    return record.status != OutcomeStatus.STOPPING or bool(record.verified_at)


def _records(world: World, sweep_id: str, actions: Sequence[Decision]) -> Iterator[ActionRecord]:
    """The rows in the accounts of these actions. Of a few accounts no others are read; of many a hundredth of them at a
    time, by which the ids of accounts begin: all rows of a large sweep are more than a Lambda holds beside its plan.
    """
    accounts = {one.resource.target.account_id for one in actions}
    digits = 12 if len(accounts) <= _FEW_ACCOUNTS else 0 if len(actions) <= _FEW_ACTIONS else 2
    for some in sorted({account[:digits] for account in accounts}):
        yield from world.ledger.actions(sweep_id, some)


_FEW_ACCOUNTS = 50
_FEW_ACTIONS = 20_000
_PREFIXES = tuple(f"{number:02}" for number in range(100))


def _strength(record: ActionRecord) -> Strength:
    return strength(record.status, verified=bool(record.verified_at))


def _as_recorded(record: ActionRecord, resource: Resource) -> Outcome:
    return Outcome(
        resource,
        OutcomeStatus(record.status),
        record.code,
        record.message,
        _time(record.requested_at),
        _time(record.verified_at),
        record.warnings,
    )


def _look_at(world: World, sweep_id: str, unknown: dict[tuple[Target, str], list[_Found]]) -> Outcomes:
    if not unknown:
        return Outcomes()
    world.progress.phase(f"Looking at {sum(map(len, unknown.values()))} resources whose outcome is unknown")
    with Pool[Outcomes](world.workers) as pool:
        for (target, kind), rows in unknown.items():
            pool.submit(_recover_target, world, sweep_id, target, kind, rows)
        return Outcomes.joined([*pool.results()])


def _recover_target(world: World, sweep_id: str, target: Target, kind: str, rows: Sequence[_Found]) -> Outcomes:
    """A thread's boundary: nothing is raised past it. What cannot be looked at is unknown: it is not asked for again.

    What AWS accepted stays accepted, and is not asked for again either: AWS shows some of it late.
    """
    started = [_as_recorded(row, action.resource) for action, row in rows if row.status == OutcomeStatus.STARTING]
    asked = [
        (action.resource, action.action, datetime.fromisoformat(row.requested_at))
        for action, row in rows
        if row.status != OutcomeStatus.STARTING
    ]
    marked_after = frozenset(row.key for _, row in rows if row.marked_after)
    intents = {
        row.key: Intent(row.intent_id, _time(row.requested_at), untouched=True, starts=action.action.starts)
        for action, row in rows
    }
    try:
        with world.accounts.bind(target.account_id):
            outcomes = world.kind(kind).recover_intents(target, asked, sweep_id, marked_after) if asked else ()
            outcomes += world.kind(kind).see_starts(target, started) if started else ()
        outcomes = _with_what_aws_accepted(rows, outcomes)
    except TargetUnreadableError as refusal:
        outcomes = _unknown(rows, refusal.error.code, refusal.error.message)
    except Exception as failure:  # noqa: BLE001 - a thread's boundary, and it is recorded
        outcomes = _unknown(rows, type(failure).__name__, str(failure))
    with suppress(LedgerError):  # it still has the intents, and gets these outcomes again with the report
        world.ledger.record_outcomes(sweep_id, outcomes, intents)
    return Outcomes(outcomes, intents=intents)


def _with_what_aws_accepted(rows: Sequence[_Found], outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """What AWS accepted stays accepted where the look found no more: it shows some late, and a mark may be gone."""
    found = {outcome.resource.key: outcome for outcome in outcomes}
    for action, row in rows:
        outcome = found.get(row.key)
        if _strength(row) <= Strength.UNKNOWN:
            continue
        if outcome is None:
            found[row.key] = _still_accepted(row, action, _NOT_SEEN)
        elif outcome.status is OutcomeStatus.UNKNOWN:
            found[row.key] = _still_accepted(row, action, outcome.message)
        elif outcome.status is OutcomeStatus.ALREADY_STOPPED:
            found[row.key] = _still_accepted(row, action, _NOT_TOLD)
    return tuple(found.values())


def _unknown(rows: Sequence[_Found], code: str, message: str) -> tuple[Outcome, ...]:
    text = f"it cannot be looked at: {message}"
    unknown = [(action, row) for action, row in rows if _strength(row) <= Strength.UNKNOWN]
    return (
        *(
            Outcome(one.resource, OutcomeStatus.UNKNOWN, code, f"{_DIED}, and {text}", _time(row.requested_at))
            for one, row in unknown
        ),
        *(_still_accepted(row, action, text) for action, row in rows if _strength(row) > Strength.UNKNOWN),
    )


def _still_accepted(row: ActionRecord, action: Decision, text: str) -> Outcome:
    message = row.message if text in row.message else "; ".join(filter(None, (row.message, text)))
    return replace(_as_recorded(row, action.resource), message=message)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
