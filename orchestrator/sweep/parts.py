"""One sweep in parts: what each step of a state machine does, with the functions that one process uses.

Between the steps there are files: the list of accounts, what each part read, the plan, what each part kept after all.
What came of each stop is in the ledger, as ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.core.decide import scope as targets
from orchestrator.core.decide.drift import CHANGED
from orchestrator.core.decide.waves import accounts_in_order, waves_of
from orchestrator.core.model import ABORTING, AccountId, Decision, Halt, HaltCause, Resource, TargetStatus, Verdict
from orchestrator.core.report.document import report_document
from orchestrator.core.report.plan_file import PLAN_FILE, plan_from
from orchestrator.errors import ExecutionFailedError
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import World
from orchestrator.sweep.act import carry_out_some, too_many_failures
from orchestrator.sweep.finish import run_to_report
from orchestrator.sweep.inventory_file import Reading, add_part, restored, stored_bytes
from orchestrator.sweep.read import accounts_to_read, note_what_is_not_there, read_targets
from orchestrator.sweep.recheck import rechecking
from orchestrator.sweep.record import Place, Record, place
from orchestrator.sweep.recover import key_of, outcome_of
from orchestrator.sweep.run import barrier, decide_everything, reopened
from orchestrator.sweep.seal import Document, write_and_seal

LISTING = "work/listing.json"
BATCHES = "work/batches.json"
_NOT_READ = "the step of the state machine that was to read it failed"


@dataclass(frozen=True, slots=True)
class Part:
    """Some accounts of one sweep, for one invocation. `wave` counts from 1; 0 while reading."""

    sweep_id: str
    number: int
    accounts: tuple[AccountId, ...]
    wave: int = 0

    def as_item(self) -> dict[str, Any]:
        return {"sweep_id": self.sweep_id, "number": self.number, "accounts": list(self.accounts), "wave": self.wave}


def acts_file(wave: int) -> str:
    """The parts of one wave."""
    return f"work/acts-{wave}.json"


def list_accounts(world: World, record: Record, accounts_a_part: int) -> None:
    """The accounts to read, as a file, and their parts as another. Raises OrganizationError."""
    reading = _listed(world, record)
    if reading is None:
        reading = Reading(accounts_to_read(world, record))
        world.store.put(record.sweep_id, LISTING, stored_bytes(record, reading, whole=True))
    _put_parts(world, record, BATCHES, [account.id for account in reading.to_read], accounts_a_part)


def read_part(world: World, record: Record, part: Part) -> None:
    """What these accounts hold, as a file; what cannot be read is in it too. Once: a second try finds the file."""
    name = _inventory_file(part.number)
    if world.store.find(record.sweep_id, name) is not None:
        return
    reading = _listed(world, record) or Reading()
    mine = tuple(account for account in reading.to_read if account.id in part.accounts)
    record.accounts, record.coverage = mine, []
    reading = Reading(mine)
    read_targets(world, record, reading)
    world.store.put(record.sweep_id, name, stored_bytes(record, reading, whole=True))


def decide(world: World, record: Record, begun: SweepSummary, accounts_a_part: int) -> bool:
    """The barrier: every part together, decided and counted. Whether there is something to act on, in waves."""
    content = world.store.find(record.sweep_id, PLAN_FILE)
    if content is None:
        _put_together(world, record)
        decide_everything(record)
        approved = barrier(world, record)
    else:
        approved = reopened(world, record, content, begun)
    if approved is None:
        return False
    waves = waves_of(approved.plan.stops, record.policy.waves, record.sweep_id)
    for number, wave in enumerate(waves, 1):
        accounts = accounts_in_order(wave, record.sweep_id)
        _put_parts(world, record, acts_file(number), accounts, accounts_a_part, number)
    return bool(waves)


def act_on_part(world: World, record: Record, begun: SweepSummary, part: Part) -> None:
    """Carries out what the plan has for these accounts and has no outcome yet; each is looked at again before."""
    content = world.store.read(record.sweep_id, PLAN_FILE)
    approved = reopened(world, record, content, begun, part.accounts)
    if approved is None:
        return
    listed = Record(record.sweep_id, record.mode, record.policy, record.started_at)
    _listed(world, listed)
    accounts = {account.id: account for account in listed.accounts}
    carry_out_some(world, record, approved, rechecking(world, record, accounts), part.accounts)
    world.ledger.settle(record.sweep_id, record.outcomes)
    kept = [_kept_row(decision.resource, decision.reason) for decision in record.decisions if _is_kept(decision)]
    name = _kept_file(part)
    if kept and world.store.find(record.sweep_id, name) is None:
        world.store.put(record.sweep_id, name, json.dumps(kept).encode())
    if record.halt is not None and record.halt.cause in ABORTING:
        _halted(world, record, record.halt)


def next_wave(world: World, record: Record, begun: SweepSummary, wave: int) -> bool:
    """Whether there is a wave after this one, and it may begin."""
    if begun.halt is not None or world.store.find(record.sweep_id, acts_file(wave + 1)) is None:
        return False
    stored = plan_from(world.store.read(record.sweep_id, PLAN_FILE), begun.plan_sha256)
    resources = {key_of(stop.resource): stop.resource for stop in stored.plan.stops}
    for action in world.ledger.actions(record.sweep_id):
        resource = resources.get(action.place)
        outcome = outcome_of(action, resource) if resource else None
        if outcome is not None:
            record.outcomes.append(outcome)
    halt = too_many_failures(record, wave)
    if halt is not None:
        _halted(world, record, halt)
    return halt is None


def end(world: World, record: Record, begun: SweepSummary, error: str) -> tuple[Document, str]:
    """The report of all that the parts did; `error` is what ended the state machine early. Raises as to_its_end."""
    written = world.store.find(record.sweep_id, "report.json")
    if written is not None:  # this step is tried again
        document: Document = json.loads(written)
        return document, write_and_seal(world, document)
    report, location = run_to_report(world, record, lambda: _gather(world, record, begun, error))
    return report_document(report), location


def _gather(world: World, record: Record, begun: SweepSummary, error: str) -> None:
    content = world.store.find(record.sweep_id, PLAN_FILE)
    if content is None:
        record.reportable = True  # nothing was acted on
        _put_together(world, record)
        raise ExecutionFailedError(error or "the state machine ended before there was a plan")
    approved = reopened(world, record, content, begun)
    record.keep(dict(_kept(world, record)))
    if approved is None:
        return
    if begun.halt is not None:
        record.halt = Halt(HaltCause(begun.halt["cause"]), begun.halt["text"])
    elif error:
        record.halt = Halt(HaltCause.INTERRUPTED, f"the state machine ended early: {error}")
    else:
        record.halt = world.halt()


def _listed(world: World, record: Record) -> Reading | None:
    content = world.store.find(record.sweep_id, LISTING)
    return restored(record, content) if content is not None else None


def _put_together(world: World, record: Record) -> None:
    """Every part into one record; the accounts of a part that is missing were not attempted."""
    reading = _listed(world, record)
    if reading is None:
        return
    accounts = {account.id: account for account in record.accounts}
    for part in _parts(world, record, BATCHES):
        content = world.store.find(record.sweep_id, _inventory_file(part.number))
        if content is not None:
            add_part(record, reading, content)
            continue
        rows = (targets.whole_account(accounts[one], TargetStatus.NOT_ATTEMPTED, _NOT_READ) for one in part.accounts)
        record.coverage += rows
    note_what_is_not_there(record, reading)


def _put_parts(
    world: World, record: Record, name: str, accounts: Sequence[AccountId], size: int, wave: int = 0
) -> None:
    starts = range(0, len(accounts), size)
    parts = [Part(record.sweep_id, n, tuple(accounts[at : at + size]), wave) for n, at in enumerate(starts, 1)]
    world.store.put(record.sweep_id, name, json.dumps([part.as_item() for part in parts]).encode())


def _parts(world: World, record: Record, name: str) -> Iterator[Part]:
    for item in json.loads(world.store.find(record.sweep_id, name) or b"[]"):
        yield Part(item["sweep_id"], item["number"], tuple(item["accounts"]), item["wave"])


def _kept(world: World, record: Record) -> Iterator[tuple[Place, str]]:
    """What the parts kept after all, with the reasons."""
    resources = {_row_key(_kept_row(stop.resource, "")): place(stop.resource) for stop in record.stops}
    wave = 1
    while world.store.find(record.sweep_id, acts_file(wave)) is not None:
        for part in _parts(world, record, acts_file(wave)):
            for row in json.loads(world.store.find(record.sweep_id, _kept_file(part)) or b"[]"):
                if _row_key(row) in resources:
                    yield resources[_row_key(row)], row["reason"]
        wave += 1


def _is_kept(decision: Decision) -> bool:
    return decision.verdict is Verdict.KEEP and decision.reason.startswith(CHANGED)


def _kept_row(resource: Resource, reason: str) -> dict[str, str]:
    target = resource.target
    return {
        "account_id": target.account_id,
        "region": target.region,
        "kind": resource.kind,
        "resource_id": resource.resource_id,
        "reason": reason,
    }


def _row_key(row: Mapping[str, str]) -> tuple[str, ...]:
    return row["account_id"], row["region"], row["kind"], row["resource_id"]


def _halted(world: World, record: Record, halt: Halt) -> None:
    world.ledger.amend(record.sweep_id, halt={"cause": halt.cause.value, "text": halt.text})


def _inventory_file(number: int) -> str:
    return f"work/inventory-{number}.json"


def _kept_file(part: Part) -> str:
    return f"work/kept-{part.wave}-{part.number}.json"
