"""One sweep in parts: what each step of a state machine does, with the stages that one process composes.

Between the steps there are files: the list of accounts, what each part read, the plan, what each part kept after all.
What came of each action is in the ledger, as in an undivided sweep.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from orchestrator.core.decide import scope
from orchestrator.core.decide.decisions import decide_inventory
from orchestrator.core.decide.known_names import Known
from orchestrator.core.decide.names import no_longer_resolved
from orchestrator.core.decide.other_policies import why_unread
from orchestrator.core.decide.waves import accounts_in_order, waves_of
from orchestrator.core.model import (
    ABORTING,
    NO_NAMES,
    Account,
    AccountId,
    ApprovedPlan,
    Halt,
    HaltCause,
    Intent,
    Inventory,
    Names,
    OtherPolicy,
    Outcomes,
    Reason,
    ReasonCode,
    ResourceKey,
    TargetStatus,
)
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.errors import ConsentError, ConsentMissingError, ExecutionFailedError, LeaseLostError, PlanError
from orchestrator.ledger.records import SweepSummary, consent_from
from orchestrator.ports import World
from orchestrator.sweep.act import act_on_accounts, too_many_failures
from orchestrator.sweep.barrier import end_without_plan, guard_plan, hold_plan_by_names, hold_plan_by_others
from orchestrator.sweep.consent import halted_without_consent, inherit_consent, require_consent
from orchestrator.sweep.exact_tags import with_exact_tags
from orchestrator.sweep.finish import Keep, run_to_report
from orchestrator.sweep.fresh_accounts import FreshAccounts
from orchestrator.sweep.inventory_file import StoredInventory, inventory_bytes, inventory_from
from orchestrator.sweep.late_starts import conclude_late_starts
from orchestrator.sweep.list_in_steps import list_in_steps
from orchestrator.sweep.listing import Listing
from orchestrator.sweep.metrics import with_metrics
from orchestrator.sweep.money import keep_money, remembering_savings, restore_money, with_money
from orchestrator.sweep.other_policies import FreshOthers, co_owners
from orchestrator.sweep.plan_parts import PlanParts, restore_plan_part
from orchestrator.sweep.read import Reading, complete_inventory, read_accounts
from orchestrator.sweep.recheck import Recheck
from orchestrator.sweep.recover import recorded_statuses
from orchestrator.sweep.remember import read_remembered
from orchestrator.sweep.seal import Document, end_again
from orchestrator.sweep.state import Sweep, SweepState
from orchestrator.sweep.stored_plan import require_plan, restore_plan

LISTING = "work/listing.json"
BATCHES = "work/batches.json"
_A_LAMBDA_LASTS = timedelta(minutes=15)
"""At most."""
_NOT_READ = "the step of the state machine that was to read it failed"
_HALTS_ALL = frozenset({*ABORTING, HaltCause.KILL_SWITCH_UNREADABLE, HaltCause.INTERRUPTED})
"""Met in one part, they end the acting of all."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some accounts of one sweep, for one invocation. `wave` counts from 1; 0 while reading."""

    sweep_id: str
    number: int
    accounts: tuple[AccountId, ...]
    wave: int = 0

    def as_item(self) -> dict[str, Any]:
        """The part as one item of the state machine's map; steps get it back as their event."""
        return {"sweep_id": self.sweep_id, "number": self.number, "accounts": list(self.accounts), "wave": self.wave}


def acts_file(wave: int) -> str:
    """The parts of one wave."""
    return f"work/acts-{wave}.json"


# --- the steps --------------------------------------------------------------------------------------------------------


def list_parts(world: World, sweep: Sweep, accounts_a_part: int) -> bool:
    """The accounts to read, as a file, and their parts as another. False where a further step has to list the rest.

    Raises OrganizationError.
    """
    stored = _stored_listing(world, sweep)
    if stored is None:
        listing = list_in_steps(world, sweep)
        if listing is None:
            return False
        stored = StoredInventory(listing)
        world.store.put(sweep.sweep_id, LISTING, inventory_bytes(stored))
    _put_parts(world, sweep, BATCHES, stored.listing.to_read, accounts_a_part)
    return True


def read_part(world: World, sweep: Sweep, summary: SweepSummary, part: Part) -> None:
    """What these accounts hold, as a file; what cannot be read is in it too. Once: a second try finds the file.

    Nothing from the moment on that the sweep yielded, in whatever part that was seen.
    """
    name = _inventory_file(part.number)
    if _has_yielded(world, sweep, summary) or world.store.find(sweep.sweep_id, name) is not None:
        return
    stored = inventory_from(world.store.read(sweep.sweep_id, LISTING), LISTING)
    mine = tuple(account for account in stored.listing.accounts if account.id in part.accounts)
    reading = read_accounts(world, sweep.policy, mine, Reading(), lambda _: None)
    if any(row.status is TargetStatus.NOT_ATTEMPTED for row in reading.coverage):
        _has_yielded(world, sweep, summary)
    listing = replace(stored.listing, accounts=mine, to_read=part.accounts, coverage=(), others=())
    world.store.put(sweep.sweep_id, name, inventory_bytes(StoredInventory(listing, reading)))


def decide(world: World, sweep: Sweep, summary: SweepSummary, accounts_a_part: int) -> bool:
    """The barrier: every part together, decided and counted. Whether there is something to act on, in waves."""
    require_plan(world, summary)
    content = world.store.find(sweep.sweep_id, PLAN_FILE)
    if content is None and _yielded_before(summary):
        return False
    if content is None:
        inventory = _put_together(world, sweep, exact_tags=True)
        inventory = read_remembered(world, sweep.policy, inventory, sweep.moment)
        others = co_owners(world, inventory.others)
        inventory, _ = with_metrics(world, sweep.policy, inventory, sweep.moment)
        decisions = decide_inventory(sweep.policy, inventory, sweep.moment, others)
        state, approved = guard_plan(world, sweep, SweepState(inventory, decisions))
        state = with_money(world, sweep, state)
        keep_money(world, sweep, state)
    else:
        state, approved = restore_plan(world, sweep, content, summary)
    if approved is None:
        return False
    if approved.plan.actions:
        try:
            require_consent(world, sweep, replace(state, consent=consent_from(summary.consent)), approved)
        except ConsentMissingError as missing:  # the report says so, and its metric alarms
            _record_halt(world, sweep, Halt(HaltCause.INTERRUPTED, str(missing)))
            return False
    waves = waves_of(approved.plan.actions, sweep.policy.waves, sweep.sweep_id)
    plan_parts = PlanParts(world, sweep, state, approved)
    for number, wave in enumerate(waves, 1):
        accounts = accounts_in_order(wave, sweep.sweep_id)
        for part in _put_parts(world, sweep, acts_file(number), accounts, accounts_a_part, number):
            plan_parts.put(part.wave, part.number, part.accounts)
    plan_parts.put_index()
    return bool(waves) and _look_ahead(world, sweep, 1)


def act_on_part(world: World, sweep: Sweep, summary: SweepSummary, part: Part) -> None:
    """Carries out what the plan has for these accounts and has no outcome yet; each is rechecked right before.

    Nothing from the moment on that a halt is recorded, whatever part met it, though it may be over by now: the report
    says that it ended the sweep. Raises LeaseLostError when the sweep was ended meanwhile, or is another process's.
    """
    if summary.halt is not None:
        return
    try:
        state, approved, plan_sha256 = _restore_part(world, sweep, summary, part)
        if approved is None:
            return
        consent = inherit_consent(world, sweep, plan_sha256, state.consent)
    except (ConsentError, PlanError) as refusal:  # the report is another step's, which would not know
        _record_halt(world, sweep, Halt(HaltCause.INTERRUPTED, str(refusal)))
        raise
    money = restore_money(world, sweep.sweep_id, approved.plan.actions)
    world = remembering_savings(halted_without_consent(world, consent), money)
    accounts, lost = _known_accounts(world, sweep, part.wave), _lost_before(world, sweep, part.wave)
    others = _others_before(world, sweep, part.wave)
    recheck = Recheck(world, sweep.policy, accounts, state.inventory.names, lost, others)
    outcomes = act_on_accounts(world, sweep.policy, approved, recheck, part.accounts, state.outcomes)
    world.ledger.record_outcomes(sweep.sweep_id, outcomes.outcomes, outcomes.intents)
    for halt in (outcomes.halt, world.halt()):
        if halt is not None and halt.cause is HaltCause.LEASE_LOST:
            raise LeaseLostError(halt.text)  # the sweep is over, or another process's: there is nothing to add to it
    name = _kept_file(part)
    if outcomes.kept and world.store.find(sweep.sweep_id, name) is None:
        world.store.put(sweep.sweep_id, name, _kept_bytes(outcomes))
    if recheck.lost != lost and world.store.find(sweep.sweep_id, _lost_file(part)) is None:
        world.store.put(sweep.sweep_id, _lost_file(part), _lost_bytes(recheck.lost))
    if outcomes.halt is not None and outcomes.halt.cause in _HALTS_ALL:
        _record_halt(world, sweep, outcomes.halt)


def next_wave(world: World, sweep: Sweep, summary: SweepSummary, wave: int) -> bool:
    """Whether there is a wave after this one, and it may begin."""
    if summary.halt is not None or world.store.find(sweep.sweep_id, acts_file(wave + 1)) is None:
        return False
    halt = None
    if sweep.policy.abort_if_failures_percent is not None:  # without the plan: it is large, and the rows tell
        halt = too_many_failures(sweep.policy, recorded_statuses(world, sweep.sweep_id), wave)
    if halt is not None:
        _record_halt(world, sweep, halt)
        return False
    return _look_ahead(world, sweep, wave + 1)


def end(world: World, sweep: Sweep, summary: SweepSummary, error: str) -> tuple[Document, str]:
    """The report of all that the parts did; `error` is what ended the state machine early.

    Raises as run_to_report, and ReportStoreError where the list of accounts was altered, by which no part acted then.
    """
    ended = end_again(world, sweep.sweep_id)
    if ended is not None:  # this is a retry of the step
        return ended
    require_plan(world, summary)
    begin_with = SweepState(reportable=False)
    return run_to_report(world, sweep, begin_with, lambda keep: _gather(world, sweep, summary, error, keep))


def _look_ahead(world: World, sweep: Sweep, wave: int) -> bool:
    """The accounts of a wave as of now, as a file, where what is known of them is too old for its parts; and whether it
    may begin: not where a name by which the policy leaves something out was lost since the plan, nor where what another
    active policy owns is not known.

    Once for all of them: each by itself would list the organization, and AWS Organizations allows few calls.
    """
    name = _accounts_file(wave)
    if world.store.find(sweep.sweep_id, name) is None:
        fresh = FreshAccounts(world, sweep.policy.max_tag_age, _known_accounts(world, sweep, wave))
        parts = _parts(world, sweep, acts_file(wave))
        accounts = fresh.for_others(account_id for part in parts for account_id in part.accounts)
        lost = _lost_in(world, sweep, wave - 1)
        if fresh.organization is not None:
            names = listed.listing.names if (listed := _stored_listing(world, sweep)) else NO_NAMES
            before = world.ledger.earlier_listings(fresh.organization.id)
            known_by_now = Known(fresh.organization, before=before)
            lost = lost.joined(no_longer_resolved(sweep.policy, known_by_now, names))
        known = _others_before(world, sweep, wave - 1)
        others = FreshOthers(world, sweep.policy.name, sweep.policy.max_tag_age, known).begin(fresh.organization)
        if accounts or lost.unresolved or others != known:
            listing = Listing("", accounts, names=lost, others=others)
            world.store.put(sweep.sweep_id, name, inventory_bytes(StoredInventory(listing)))
    return not _lost_before(world, sweep, wave).holds and not why_unread(_others_before(world, sweep, wave))


def _known_accounts(world: World, sweep: Sweep, wave: int) -> tuple[Account, ...]:
    """The organization as it was listed, but for what was read again before the wave."""
    listed = _stored_listing(world, sweep)
    accounts = {one.id: one for one in listed.listing.accounts} if listed else {}
    fresh = _looked_ahead(world, sweep, wave)
    return tuple({**accounts, **{one.id: one for one in fresh.accounts}}.values())


def _lost_before(world: World, sweep: Sweep, wave: int) -> Names:
    """The names of the policy that were lost between the plan and the beginning of the wave."""
    return _looked_ahead(world, sweep, wave).names


def _others_before(world: World, sweep: Sweep, wave: int) -> tuple[OtherPolicy, ...]:
    """The other active policies as of the beginning of the wave; of wave 0, as they were listed."""
    while wave:
        content = world.store.find(sweep.sweep_id, _accounts_file(wave))
        if content is not None:
            return inventory_from(content, _accounts_file(wave)).listing.others
        wave -= 1
    listed = _stored_listing(world, sweep)
    return listed.listing.others if listed else ()


def _lost_in(world: World, sweep: Sweep, wave: int) -> Names:
    """Those that were lost by the end of the wave."""
    lost = _lost_before(world, sweep, wave)
    for part in _parts(world, sweep, acts_file(wave)):
        content = world.store.find(sweep.sweep_id, _lost_file(part))
        if content is not None:
            lost = lost.joined(inventory_from(content, _lost_file(part)).listing.names)
    return lost


def _looked_ahead(world: World, sweep: Sweep, wave: int) -> Listing:
    content = world.store.find(sweep.sweep_id, _accounts_file(wave))
    return inventory_from(content, _accounts_file(wave)).listing if content is not None else Listing("")


# --- their files ------------------------------------------------------------------------------------------------------


def _gather(world: World, sweep: Sweep, summary: SweepSummary, error: str, keep: Keep) -> SweepState:
    content = world.store.find(sweep.sweep_id, PLAN_FILE)
    if content is None:  # nothing was acted on
        keep(SweepState())
        halt = _halt(world, summary, "")
        if halt is not None and halt.cause is HaltCause.YIELDED and not error:
            inventory = _put_together(world, sweep, halt.text)
            inventory = read_remembered(world, sweep.policy, inventory, sweep.moment)
            decisions = decide_inventory(sweep.policy, inventory, sweep.moment)
            return end_without_plan(SweepState(inventory, decisions, read_halt=halt))
        keep(SweepState(_put_together(world, sweep)))
        raise ExecutionFailedError(error or "the state machine ended before there was a plan")
    state, approved = restore_plan(world, sweep, content, summary, for_good=True)
    del content  # hundreds of megabytes
    keep(state)
    outcomes = state.outcomes + Outcomes(kept=dict(_kept(world, sweep)))
    if approved is not None:
        outcomes = replace(outcomes, halt=_halt(world, summary, error))
    if error:
        outcomes = replace(outcomes, intents=dict(_perhaps_at_work(outcomes.intents, world.now())))
    state = replace(state, outcomes=outcomes)
    if approved is not None:
        state, still_approved = hold_plan_by_names(sweep, state, approved, _lost_in_all(world, sweep))
        if still_approved is not None:
            others = _others_before(world, sweep, _last_wave(world, sweep))
            state, _ = hold_plan_by_others(sweep, state, still_approved, others)
    keep(state)
    if approved is not None and state.halt is None:
        conclude_late_starts(world, sweep.policy, state.decisions.decisions)
    _stored_listing(world, sweep)  # one that was altered is an error that the report tells
    return state


def _perhaps_at_work(intents: Mapping[ResourceKey, Intent], now: datetime) -> Iterator[tuple[ResourceKey, Intent]]:
    """A state machine that ended early waited for no part: what one announced a moment ago it may ask for yet.

    So it is unknown, though a look found it untouched.
    """
    for key, intent in intents.items():
        recent = intent.requested_at is not None and now - intent.requested_at < _A_LAMBDA_LASTS
        yield key, replace(intent, untouched=intent.untouched and not recent)


def _halt(world: World, summary: SweepSummary, error: str) -> Halt | None:
    if summary.halt is not None:
        return Halt(HaltCause(summary.halt["cause"]), summary.halt["text"])
    if error:
        return Halt(HaltCause.INTERRUPTED, f"the state machine ended early: {error}")
    return world.halt()


def _stored_listing(world: World, sweep: Sweep) -> StoredInventory | None:
    content = world.store.find(sweep.sweep_id, LISTING)
    return inventory_from(content, LISTING) if content is not None else None


def _has_yielded(world: World, sweep: Sweep, summary: SweepSummary) -> bool:
    """Whether the sweep ends for one that acts; what this step sees of it first is told to the others."""
    if summary.halt is not None:
        return _yielded_before(summary)
    halt = world.halt()
    if halt is None or halt.cause is not HaltCause.YIELDED:
        return False
    _record_halt(world, sweep, halt)
    return True


def _yielded_before(summary: SweepSummary) -> bool:
    """Where every part was read all the same, the sweep ends with its plan."""
    return summary.halt is not None and bool(summary.halt["cause"] == HaltCause.YIELDED)


def _put_together(world: World, sweep: Sweep, why_not: str = _NOT_READ, *, exact_tags: bool = False) -> Inventory:
    """Every part as one inventory; the accounts of a part that is missing were not attempted."""
    stored = _stored_listing(world, sweep)
    if stored is None:
        return Inventory("")
    accounts = {account.id: account for account in stored.listing.accounts}
    reading = stored.reading
    for part in _parts(world, sweep, BATCHES):
        content = world.store.find(sweep.sweep_id, _inventory_file(part.number))
        if content is not None:
            reading += inventory_from(content, _inventory_file(part.number)).reading
            continue
        rows = (scope.whole_account(accounts[one], TargetStatus.NOT_ATTEMPTED, why_not) for one in part.accounts)
        reading += Reading(coverage=tuple(rows))
    listing = stored.listing
    if exact_tags:
        listing, reading = with_exact_tags(world, sweep.policy, listing, reading, sweep.moment)
    return complete_inventory(sweep.policy, listing, reading)


def _restore_part(
    world: World, sweep: Sweep, summary: SweepSummary, part: Part
) -> tuple[SweepState, ApprovedPlan | None, str]:
    """As restore_plan_part; from the whole plan where the release before decided."""
    if summary.plan_parts_sha256:
        return restore_plan_part(world, sweep, summary, part.wave, part.number)
    content = world.store.read(sweep.sweep_id, PLAN_FILE)
    state, approved = restore_plan(world, sweep, content, summary, part.accounts)
    return state, approved, approved.plan.sha256 if approved is not None else ""


def _put_parts(
    world: World, sweep: Sweep, name: str, accounts: Sequence[AccountId], size: int, wave: int = 0
) -> list[Part]:
    starts = range(0, len(accounts), size)
    parts = [Part(sweep.sweep_id, n, tuple(accounts[at : at + size]), wave) for n, at in enumerate(starts, 1)]
    world.store.put(sweep.sweep_id, name, json.dumps([part.as_item() for part in parts]).encode())
    return parts


def _parts(world: World, sweep: Sweep, name: str) -> Iterator[Part]:
    for item in json.loads(world.store.find(sweep.sweep_id, name) or b"[]"):
        yield Part(item["sweep_id"], item["number"], tuple(item["accounts"]), item["wave"])


def _kept(world: World, sweep: Sweep) -> Iterator[tuple[ResourceKey, Reason]]:
    """What the parts kept after all, with the reasons."""
    wave = 1
    while world.store.find(sweep.sweep_id, acts_file(wave)) is not None:
        for part in _parts(world, sweep, acts_file(wave)):
            for row in json.loads(world.store.find(sweep.sweep_id, _kept_file(part)) or b"[]"):
                yield ResourceKey.from_row(row), Reason(ReasonCode(row["reason_code"]), row["reason"])
        wave += 1


def _last_wave(world: World, sweep: Sweep) -> int:
    wave = 0
    while world.store.find(sweep.sweep_id, acts_file(wave + 1)) is not None:
        wave += 1
    return wave


def _lost_in_all(world: World, sweep: Sweep) -> Names:
    lost, wave = NO_NAMES, 1
    while world.store.find(sweep.sweep_id, acts_file(wave)) is not None:
        lost, wave = lost.joined(_lost_in(world, sweep, wave)), wave + 1
    return lost


def _lost_bytes(lost: Names) -> bytes:
    return inventory_bytes(StoredInventory(Listing("", names=lost)))


def _kept_bytes(outcomes: Outcomes) -> bytes:
    rows = [
        {**key.as_row(), "reason_code": reason.code.value, "reason": reason.sentence}
        for key, reason in sorted(outcomes.kept.items())
    ]
    return json.dumps(rows).encode()


def _record_halt(world: World, sweep: Sweep, halt: Halt) -> None:
    world.ledger.halt_steps(sweep.sweep_id, sweep.policy.name, {"cause": halt.cause.value, "text": halt.text})


def _inventory_file(number: int) -> str:
    return f"work/inventory-{number}.json"


def _accounts_file(wave: int) -> str:
    return f"work/accounts-{wave}.json"


def _lost_file(part: Part) -> str:
    return f"work/names-{part.wave}-{part.number}.json"


def _kept_file(part: Part) -> str:
    return f"work/kept-{part.wave}-{part.number}.json"
