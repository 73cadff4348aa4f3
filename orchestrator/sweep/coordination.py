"""At most one sweep by each policy: a second caller gets the one that runs, resumes its own dead one, or closes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from orchestrator.core.model import NOT_NARROWED, Mode, Narrowing, ResourceKey, SweepStatus
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.plan_file import PLAN_FILE
from orchestrator.core.report.stored_report import read_document
from orchestrator.errors import LedgerError, PlanError, PolicyError, SettingsError
from orchestrator.ledger.lease import EXECUTION, Lease
from orchestrator.ledger.records import LeaseRecord, SweepSummary
from orchestrator.ledger.yielding import wait_for_yield
from orchestrator.ports import Runtime, Stores, World, consent_to_nothing
from orchestrator.sweep.consent import missing_standing_consent
from orchestrator.sweep.dead_sweeps import (
    abandon_sweep,
    close_without_plan,
    is_left,
    policy_of,
    policy_to_resume_by,
    purpose,
    purpose_of,
    resume_refusal,
    unfinished_sweeps,
    without_a_process,
)
from orchestrator.sweep.left import undo_command
from orchestrator.sweep.run import apply_plan, plan_one, resume_sweep, run_sweep, undo_sweep
from orchestrator.sweep.seal import Document
from orchestrator.sweep.stored_plan import open_plan, unreadable_plan
from orchestrator.sweep.undo import UndoFilter

_SAME_TRIGGER = timedelta(minutes=15)
"""A dead sweep that began longer ago was another trigger's: it is resumed, and then the requested sweep is run too."""
_CLOCKS_DIFFER = timedelta(minutes=1)
"""At most: an end later than that from now is of a clock that was wrong, and says nothing of what is wanted here."""
_LATEST = 5
UNDONE = (SweepStatus.FAILED.value, SweepStatus.ABANDONED.value, SweepStatus.MISSED.value)
"""Who asked for the same has not had it: no one confirmed it, or it did not get as far as to act."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A sweep that this process carried out, or found finished. Status `running`: a fresh process resumes it."""

    document: Document
    location: str
    repeated: bool = False
    """Another process carried it out; nothing was done again."""

    @property
    def sweep_id(self) -> str:
        """The id of the sweep in the document."""
        return str(self.document["sweep_id"])


@dataclass(frozen=True, slots=True)
class Busy:
    """Another process sweeps by the same policy; nothing was done here."""

    sweep_id: str
    same: bool
    """It does what was wanted here."""
    other_text: bool = False
    """By another text of the policy of that name."""
    execution: str = ""
    """The state machine's execution that carries it out, where one does."""
    mode: str = field(default="", compare=False)
    since: str = field(default="", compare=False)
    """When it took the lease, as ISO 8601."""
    asked_by: str = field(default="", compare=False)


Result = Ended | Busy
Work = Callable[[World], tuple[Document, str]]


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """A sweep that is to be."""

    policy: OrgPolicy
    sweep_id: str
    mode: Mode
    source_sweep_id: str = ""
    standing: bool = False
    """Of a schedule, which a person who has yet to confirm does not serve."""
    consent_missing: str = ""
    """Why it only plans although a schedule asked it to act."""
    by_frozen_text: bool = False
    """The policy is as an earlier sweep had it: its text may be another one today."""
    narrowed: Narrowing = NOT_NARROWED
    notify_before: str = ""
    """Such as `30m`: a plan for so long after it begins, of which owners are warned."""

    @property
    def purpose(self) -> str:
        """What the sweep is for, as the lease records it: equal for two requests of the same."""
        missing = bool(self.consent_missing)
        return purpose(
            self.mode,
            self.source_sweep_id,
            self.policy.sha256,
            is_without_consent=missing,
            narrowed=self.narrowed,
            notify_before=self.notify_before,
        )


def sweep(
    stores: Stores,
    policy: OrgPolicy,
    sweep_id: str,
    mode: Mode,
    runtime: Runtime,
    narrowing: Narrowing = NOT_NARROWED,
    notify_before: str = "",
) -> Result:
    """A new sweep, or the one of the same policy that is running or was just done. Raises as run_sweep.

    `notify_before`: as of SweepRequest.
    A schedule whose policy text is not the active version only plans, and the report says why.
    """
    mode, missing = permitted_mode(stores, policy, mode, runtime)
    request = SweepRequest(
        policy,
        sweep_id,
        mode,
        standing=runtime.standing,
        consent_missing=missing,
        narrowed=narrowing,
        notify_before=notify_before,
    )

    def work(world: World) -> tuple[Document, str]:
        return run_sweep(world, policy, sweep_id, mode, missing, narrowing, notify_before)

    return _holding(stores, request, runtime, work)


def plan_resource(stores: Stores, policy: OrgPolicy, sweep_id: str, key: ResourceKey, runtime: Runtime) -> Result:
    """A plan of that one resource, by a policy that was made for it. Raises as run.plan_one."""
    request = SweepRequest(policy, sweep_id, Mode.PLAN, by_frozen_text=True)
    return _holding(stores, request, runtime, lambda world: plan_one(world, policy, sweep_id, key))


def permitted_mode(stores: Stores, policy: OrgPolicy, mode: Mode, runtime: Runtime) -> tuple[Mode, str]:
    """The mode itself, or `plan` and why a schedule may do no more. Raises LedgerError."""
    missing = missing_standing_consent(stores.ledger, policy) if mode.acts and runtime.standing else ""
    return (Mode.PLAN, missing) if missing else (mode, "")


def apply(stores: Stores, source_sweep_id: str, sweep_id: str, runtime: Runtime) -> Result:
    """Carries out an earlier sweep's plan; where its apply died, that one is resumed.

    Raises PlanError, before anything else, when it cannot be applied.
    """
    unfinished = _unfinished_apply(stores, source_sweep_id, runtime)
    if unfinished is not None:
        return unfinished
    now = stores.leases.now
    begun, planned = open_plan(stores.store, stores.ledger, source_sweep_id, now())
    policy = policy_of(stores, begun)
    runtime = replace(runtime, policy_source=begun.policy_source)

    def work(world: World) -> tuple[Document, str]:
        # Opened a second time: under the lease no other process can apply it meanwhile.
        _, source = open_plan(stores.store, stores.ledger, source_sweep_id, now())
        return apply_plan(world, policy, sweep_id, source)

    request = SweepRequest(
        policy, sweep_id, Mode.APPLY, source_sweep_id, by_frozen_text=True, narrowed=planned.narrowed
    )
    return _holding(stores, request, runtime, work)


def _unfinished_apply(stores: Stores, source_sweep_id: str, runtime: Runtime) -> Result | None:
    """The same request before this one, where it did not end: resumed under the consent that it has, or running."""
    source = stores.ledger.sweep(source_sweep_id)
    applied = stores.ledger.sweep(source.applied_by) if source is not None and source.applied_by else None
    if applied is None or applied.mode != Mode.APPLY or applied.status != SweepStatus.RUNNING:
        return None
    if applied.sweep_id not in without_a_process(stores, [applied]):
        return Busy(applied.sweep_id, same=True)
    return resume(stores, applied.sweep_id, runtime, runtime.policy_of_today(applied))


def undo(stores: Stores, source_sweep_id: str, sweep_id: str, undo_filter: UndoFilter, runtime: Runtime) -> Result:
    """Starts what an earlier sweep stopped. Raises PlanError, before anything else, when there is no such sweep."""
    begun = get_sweep(stores, source_sweep_id)
    if begun.mode == Mode.UNDO:
        left = undo_command(begun.source_sweep_id, begun.only or {})
        raise PlanError(
            f"{source_sweep_id} is an undo itself; what it left is done by: {left}; sweep again to stop what it started"
        )
    if begun.mode not in (Mode.ENFORCE, Mode.APPLY):
        applied = f"; it was carried out by {begun.applied_by}: undo that one" if begun.applied_by else ""
        raise PlanError(f"{source_sweep_id} stopped nothing, its mode was {begun.mode}{applied}")
    if begun.status == SweepStatus.RUNNING:
        if not (begun.plan_sha256 and stores.store.find(source_sweep_id, PLAN_FILE) is None):
            raise PlanError(
                f"{source_sweep_id} is not finished; first: stop-orchestrator sweep --resume {source_sweep_id}"
            )
        close_without_plan(stores, begun, runtime)
    policy = policy_of(stores, begun)
    runtime = replace(runtime, policy_source=begun.policy_source)

    def work(world: World) -> tuple[Document, str]:
        return undo_sweep(world, policy, sweep_id, source_sweep_id, undo_filter)

    request = SweepRequest(policy, sweep_id, Mode.UNDO, source_sweep_id, by_frozen_text=True)
    return _holding(stores, request, runtime, work)


def resume(stores: Stores, sweep_id: str, runtime: Runtime, current: OrgPolicy | None = None) -> Result:
    """Resumes a sweep whose process died or handed over; waits for a dead holder's lease to run out, but for that of a
    state machine's execution, which lasts for minutes.

    One that may not be resumed is closed as abandoned, a finished one is returned as it is. `current` is what the
    source of its policy has today, None where that is not known: nothing is acted on then. Raises PlanError when there
    is no such sweep, or the text of its policy is lost and today's is not known, and SettingsError when this process
    may not do what its mode does.
    """
    begun = get_sweep(stores, sweep_id)
    if begun.status != SweepStatus.RUNNING:
        return _finished(stores, begun)
    policy, lost = policy_to_resume_by(stores, begun, current)
    wanted = purpose_of(begun)
    lease = stores.leases.take(policy.name, sweep_id, wanted)
    lease = _yielded(stores, lease, policy.name, sweep_id, wanted, runtime)
    if isinstance(lease, LeaseRecord) and lease.holder.startswith(EXECUTION) and not stores.leases.has_ended(lease):
        return _holder(stores, lease, same=lease.sweep_id == sweep_id)
    if isinstance(lease, LeaseRecord):
        runtime.progress.phase(f"Waiting for the lease that {lease.sweep_id} has now")
        lease = stores.leases.take_over(policy.name, sweep_id, wanted)
    if isinstance(lease, LeaseRecord):
        return _holder(stores, lease, same=lease.sweep_id == sweep_id)
    with lease.held():
        return _resumed(stores, policy, sweep_id, runtime, lease, current, lost)


def get_sweep(stores: Stores, sweep_id: str) -> SweepSummary:
    """Raises PlanError when the ledger does not know it."""
    begun = stores.ledger.sweep(sweep_id)
    if begun is None:
        raise PlanError(f"there is no sweep {sweep_id} in the ledger; `stop-orchestrator history` lists them")
    return begun


def _holding(stores: Stores, request: SweepRequest, runtime: Runtime, work: Work) -> Result:
    """Does the work under the lease of its policy, or returns why it was not done. Raises as Stores.refuse_mode."""
    stores.refuse_mode(request.mode)
    lease = lease_for(stores, request, runtime)
    if not isinstance(lease, Lease):
        return lease
    with lease.held():
        world = stores.build_world(request.policy, request.sweep_id, request.mode, runtime, lease)
        return Ended(*work(world))


def lease_for(stores: Stores, request: SweepRequest, runtime: Runtime) -> Lease | Result:
    """The lease for a new sweep, or the result to report instead of one.

    A result means that another process does the same, or just did, or that this one resumed the same trigger's dead
    sweep. Dead sweeps by the same policy come first: each is resumed where it asked for the same and may go on, left
    where a person's consent is still good for it, and closed as abandoned otherwise. Raises LedgerError.
    """
    lease = _take(stores, request, runtime)
    if isinstance(lease, Busy):
        return lease
    for dead in unfinished_sweeps(stores, request.policy.name, (request.sweep_id, request.source_sweep_id)):
        today = _policy_today(request, dead, runtime)
        if is_left(stores, dead, request.purpose, today):
            runtime.progress.phase(
                f"{dead.sweep_id} died and is left: stop-orchestrator sweep --resume {dead.sweep_id}"
            )
            continue
        lease.give_back()
        result = resume(stores, dead.sweep_id, runtime, today)
        if isinstance(result, Busy):
            return replace(result, same=result.same and purpose_of(dead) == request.purpose)
        is_to_be_repeated = dead.interrupted_at or result.document["status"] == SweepStatus.ABANDONED
        if _is_same(stores, request, dead) and not is_to_be_repeated:
            return result
        lease = _take(stores, request, runtime)
        if isinstance(lease, Busy):
            return lease
    just_done = _done_since(stores, request, runtime.triggered_at)
    if just_done is not None:
        lease.give_back()
    return just_done or lease


def _policy_today(request: SweepRequest, dead: SweepSummary, runtime: Runtime) -> OrgPolicy | None:
    """By which a dead sweep is measured; None where it cannot be told: then nothing is acted on."""
    if not request.by_frozen_text:
        return request.policy
    try:
        return runtime.policy_of_today(dead)
    except (SettingsError, PolicyError):
        return None


def _take(stores: Stores, request: SweepRequest, runtime: Runtime) -> Lease | Busy:
    """The lease, taken over where its holder is dead, and waited for where its holder only plans and this one acts.

    Raises LedgerError, and BusyError when there is no time left to wait.
    """
    name = request.policy.name
    try:
        lease = stores.leases.take(name, request.sweep_id, request.purpose)
    except LedgerError as failure:
        raise LedgerError(f"{failure}; nothing was read or stopped") from failure
    if isinstance(lease, LeaseRecord):
        holder = stores.ledger.sweep(lease.sweep_id)
        is_over = holder is not None and holder.status != SweepStatus.RUNNING  # its lease is about to be given back
        if is_over:
            lease = stores.leases.take(name, request.sweep_id, request.purpose, lease.sweep_id)
        elif stores.leases.has_ended(lease):
            lease = stores.leases.take_over(name, request.sweep_id, request.purpose)
    lease = _yielded(stores, lease, name, request.sweep_id, request.purpose, runtime)
    return _busy(stores, lease, request) if isinstance(lease, LeaseRecord) else lease


def _yielded(
    stores: Stores, lease: Lease | LeaseRecord, policy_name: str, sweep_id: str, wanted: str, runtime: Runtime
) -> Lease | LeaseRecord:
    """The lease of a sweep that only plans, as soon as that one gave it back to this one, which acts."""
    acts = Mode(wanted.partition(" ")[0]).acts
    if isinstance(lease, Lease) or not (acts and lease.yields):
        return lease
    text = f"Waiting for {lease.sweep_id} (mode {lease.mode}), which yields to this sweep and reports what it has read"
    runtime.warn(text)
    return wait_for_yield(stores.leases, policy_name, sweep_id, wanted, runtime.interrupted)


def _is_same(stores: Stores, request: SweepRequest, dead: SweepSummary) -> bool:
    """Whether a dead sweep was this trigger's, as far as mode, source and time tell."""
    return (
        purpose_of(dead) == request.purpose
        and stores.leases.now() - datetime.fromisoformat(dead.started_at) <= _SAME_TRIGGER
    )


def _done_since(stores: Stores, request: SweepRequest, triggered_at: datetime | None) -> Ended | None:
    """A sweep that did the same, and ended after this one was triggered: then both were triggered at once."""
    if triggered_at is None:
        return None
    latest = stores.leases.now() + _CLOCKS_DIFFER
    for last in stores.ledger.sweeps(_LATEST):
        same = last.policy_name == request.policy.name and purpose_of(last) == request.purpose
        if (
            same
            and last.status not in UNDONE
            and not last.interrupted_at
            and last.ended_at
            and triggered_at < datetime.fromisoformat(last.ended_at) <= latest
        ):
            return _finished(stores, last)
    return None


def _resumed(
    stores: Stores,
    policy: OrgPolicy,
    sweep_id: str,
    runtime: Runtime,
    lease: Lease,
    current: OrgPolicy | None,
    lost: str,
) -> Result:
    begun = get_sweep(stores, sweep_id)  # re-read: it may have been finished while this process waited
    if begun.status != SweepStatus.RUNNING:
        return _finished(stores, begun)
    mode = Mode(begun.mode)
    refusal = lost or resume_refusal(stores, policy, begun, runtime, current) or unreadable_plan(stores.store, begun)
    if refusal:
        world = stores.build_world(policy, sweep_id, Mode.PLAN, runtime, lease)
        return Ended(*abandon_sweep(world, policy, begun, refusal))
    stores.refuse_mode(mode)
    inheriting = runtime if runtime.standing else replace(runtime, confirm=consent_to_nothing)
    world = stores.build_world(policy, sweep_id, mode, inheriting, lease)
    return Ended(*resume_sweep(world, policy, begun))


def _busy(stores: Stores, lease: LeaseRecord, request: SweepRequest) -> Busy:
    asks_for_the_same = lease.purpose == request.purpose
    same = asks_for_the_same and not (request.standing and _waits_for_a_person(stores, lease))
    other_text = not asks_for_the_same and lease.purpose.rpartition(" ")[0] == request.purpose.rpartition(" ")[0]
    return _holder(stores, lease, same=same, other_text=other_text)


def _holder(stores: Stores, lease: LeaseRecord, *, same: bool, other_text: bool = False) -> Busy:
    """Which has the lease, since when, and who asked for it."""
    begun = stores.ledger.sweep(lease.sweep_id)
    execution = lease.holder.removeprefix(EXECUTION) if lease.holder.startswith(EXECUTION) else ""
    return Busy(
        lease.sweep_id,
        same,
        other_text,
        execution,
        mode=begun.mode if begun is not None else lease.mode,
        since=lease.started_at,
        asked_by=begun.asked_by if begun is not None else "",
    )


def _waits_for_a_person(stores: Stores, lease: LeaseRecord) -> bool:
    """Whether its sweep may still end with a `no`: then a schedule has to come again."""
    begun = stores.ledger.sweep(lease.sweep_id)
    if begun is None:  # about to be recorded
        return bool(lease.holder)  # of a terminal; a Lambda has no name
    return Mode(begun.mode).acts and not begun.standing and begun.consent is None


def _finished(stores: Stores, begun: SweepSummary) -> Ended:
    content = stores.store.read(begun.sweep_id, "report.json")
    return Ended(read_document([content]), stores.store.location(begun.sweep_id, "report.json"), repeated=True)
