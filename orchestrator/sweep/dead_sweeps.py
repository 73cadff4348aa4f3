"""What becomes of a sweep whose process died: whether it may be resumed, is left, or is closed as abandoned."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from orchestrator.core.model import NOT_NARROWED, STANDING_LASTS, Mode, Narrowing, SweepStatus
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.manifest import sha256_of
from orchestrator.errors import PlanError
from orchestrator.ledger.records import ANOTHER_FORMAT, FORMAT, LeaseRecord, SweepSummary, consent_from
from orchestrator.ports import Runtime, Stores, World
from orchestrator.sweep.consent import missing_standing_consent
from orchestrator.sweep.finish import Keep, run_to_report
from orchestrator.sweep.policy_text import PolicyTextMissingError, keep_text, text_of
from orchestrator.sweep.seal import Document, end_again
from orchestrator.sweep.state import Sweep, SweepState
from orchestrator.sweep.stored_plan import restore_for_good

_LATEST_UNFINISHED = 50
"""Among so many of the newest sweeps of the ledger a dead one is looked for."""


def unfinished_sweeps(stores: Stores, policy_name: str, but: Collection[str]) -> list[SweepSummary]:
    """The unfinished ones by this policy, oldest first; asked under its lease, so none of them has a process."""
    return [
        one
        for one in reversed(stores.ledger.sweeps(_LATEST_UNFINISHED))
        if one.status == SweepStatus.RUNNING and one.policy_name == policy_name and one.sweep_id not in but
    ]


def without_a_process(stores: Stores, sweeps: Sequence[SweepSummary]) -> Mapping[str, str]:
    """Those that are running by their record without a valid lease: by id, empty where no process has it any more, and
    when it ran out where its process may be dead or only slow.
    """
    running = [one for one in sweeps if one.status == SweepStatus.RUNNING]
    leases = {name: stores.ledger.lease(name) for name in {one.policy_name for one in running}}
    found: dict[str, str] = {}
    for one in running:
        lease = leases[one.policy_name]
        if lease is None or lease.sweep_id != one.sweep_id or stores.leases.is_given_up(lease):
            found[one.sweep_id] = ""
        elif stores.leases.has_ended(lease):
            found[one.sweep_id] = lease.held_until
    return found


def is_left(stores: Stores, dead: SweepSummary, wanted: str, current: OrgPolicy | None) -> bool:
    """Whether it has consent that is still good, and something else is wanted here: only who asks for it resumes it.

    `current`: as of resume_refusal.
    """
    consent = consent_from(dead.consent)
    if consent is None or dead.interrupted_at or dead.halt or purpose_of(dead) == wanted:
        return False
    if not is_of_this_release(stores, dead):
        return False
    if current is not None and dead.policy_sha256 != current.sha256:
        return False
    return not consent.refusal(consent.plan_sha256, dead.policy_sha256, stores.leases.now())


def is_of_this_release(stores: Stores, begun: SweepSummary) -> bool:
    """Whether it and all that was announced for it were written by a release that this one can carry on."""
    return begun.is_of_this_release and all(one.format == FORMAT for one in stores.ledger.actions(begun.sweep_id))


def resume_refusal(
    stores: Stores, policy: OrgPolicy, begun: SweepSummary, runtime: Runtime, current: OrgPolicy | None
) -> str:
    """Why a sweep may not be resumed; empty where it may. `current`: what its policy's source has today, where that is
    known.
    """
    if not is_of_this_release(stores, begun):
        return f"its process died, and its records have {ANOTHER_FORMAT}"
    if _is_apply_of_a_proof(stores, begun):  # whose policy is made for it
        to_undo = f"to start again what it stopped: stop-orchestrator undo {begun.sweep_id}"
        return f"its process died, and a proof is not carried on; {to_undo}"
    if current is not None and current.sha256 != policy.sha256:
        return "its process died, and the policy has another text today"
    return _acting_refusal(stores, policy, begun, runtime, current) if Mode(begun.mode).acts else ""


def _is_apply_of_a_proof(stores: Stores, begun: SweepSummary) -> bool:
    """Whether its plan is one of a single resource. The undo of a proof is like any other."""
    plan = stores.ledger.sweep(begun.source_sweep_id) if begun.mode == Mode.APPLY else None
    return plan is not None and plan.only is not None


def _acting_refusal(
    stores: Stores, policy: OrgPolicy, begun: SweepSummary, runtime: Runtime, current: OrgPolicy | None
) -> str:
    if current is None:
        return "its process died, and which text its policy has today is not known"
    if begun.interrupted_at:
        return f"it was interrupted at {begun.interrupted_at}, and its process died before it was reported"
    if begun.halt:
        return f"its process died after it was halted: {begun.halt['text']}"
    return _consent_refusal(stores, policy, begun, runtime)


def _consent_refusal(stores: Stores, policy: OrgPolicy, begun: SweepSummary, runtime: Runtime) -> str:
    consent = consent_from(begun.consent)
    if consent is not None:
        reason = consent.refusal(consent.plan_sha256, policy.sha256, stores.leases.now())
        return f"its process died, and {reason}" if reason else ""
    if begun.mode != Mode.ENFORCE or not (begun.standing and runtime.standing):  # nor does a schedule confirm for one
        return "its process died before anyone confirmed it"
    missing = missing_standing_consent(stores.ledger, policy)
    if missing:
        return f"its process died, and {missing}"
    late = stores.leases.now() - datetime.fromisoformat(begun.started_at) > STANDING_LASTS
    return f"its process died over {STANDING_LASTS.seconds // 3600} hours ago" if late else ""


def abandon_sweep(world: World, policy: OrgPolicy, summary: SweepSummary, why: str) -> tuple[Document, str]:
    """Closes a sweep whose process died and that may not be resumed: what it had asked for is looked at, and nothing
    new is done.

    Raises as run_sweep.
    """
    ended = end_again(world, summary.sweep_id)
    if ended is not None:
        return ended
    sweep = Sweep.resumed(policy, summary)

    def work(keep: Keep) -> SweepState:
        if sweep.mode.acts and sweep.mode is not Mode.UNDO:
            world.ledger.hold_what_is_older(sweep.sweep_id, policy.name)
        state = replace(restore_for_good(world, sweep, summary), abandoned=why)
        keep(state)
        return state

    return run_to_report(world, sweep, SweepState(reportable=False), work)


def close_without_plan(stores: Stores, begun: SweepSummary, runtime: Runtime) -> None:
    """Closes a dead sweep whose plan is lost, as abandoned: what the ledger has of it is looked at.

    Only where a person gives it up, since a plan that was put back would say more. Raises PlanError where it lives.
    """
    policy = policy_of(stores, begun)
    lease = stores.leases.take(policy.name, begun.sweep_id, purpose_of(begun))
    if isinstance(lease, LeaseRecord):
        runtime.progress.phase(f"Waiting for the lease that {lease.sweep_id} has now")
        lease = stores.leases.take_over(policy.name, begun.sweep_id, purpose_of(begun))
    if isinstance(lease, LeaseRecord):
        raise PlanError(f"{lease.sweep_id} is running by the same policy; try again when `history` shows its end")
    with lease.held():
        world = stores.build_world(policy, begun.sweep_id, Mode.PLAN, runtime, lease)
        abandon_sweep(world, policy, begun, "its process died, and its plan is lost")


def policy_of(stores: Stores, begun: SweepSummary) -> OrgPolicy:
    """As it was when the sweep began. Raises PolicyError, and PlanError where its text is missing or was altered."""
    return stores.load_policy(text_of(stores.store, begun), f"the policy of {begun.sweep_id}")


def policy_to_resume_by(stores: Stores, begun: SweepSummary, current: OrgPolicy | None) -> tuple[OrgPolicy, str]:
    """The policy of a dead sweep, and why it may only be closed: today's text stands in for one that is lost.

    A text that is merely missing, and is today's still, is written again: the process died before it had written it.
    Raises as policy_of where today's text is not known.
    """
    try:
        return policy_of(stores, begun), ""
    except PlanError as lost:
        if current is None or current.name != begun.policy_name:
            raise
        if isinstance(lost, PolicyTextMissingError) and current.sha256 == begun.policy_sha256:
            keep_text(stores.store, begun.sweep_id, current)
            return current, ""
        return replace(current, sha256=begun.policy_sha256, text=""), f"its process died, and {lost}"


def purpose_of(begun: SweepSummary) -> str:
    """What a sweep is for, as its lease records it."""
    missing = bool(begun.consent_missing)
    narrowed = Narrowing.from_item(begun.narrowed)
    return purpose(
        begun.mode,
        begun.source_sweep_id,
        begun.policy_sha256,
        is_without_consent=missing,
        narrowed=narrowed,
        notify_before=begun.notify_before,
    )


def purpose(
    mode: str,
    source_sweep_id: str,
    policy_sha256: str,
    *,
    is_without_consent: bool = False,
    narrowed: Narrowing = NOT_NARROWED,
    notify_before: str = "",
) -> str:
    """What a sweep is for, as the lease records it: equal for two requests of the same.

    A schedule that only plans for want of consent has that to report, unlike a plan that was asked for. One that is
    narrowed is the same as no other, but for one that is narrowed likewise. One that warns does what no plan does.
    """
    instead = "without-consent" if is_without_consent else ""
    only = f"narrowed-{sha256_of(json.dumps(narrowed.as_item()).encode())[:16]}" if narrowed else ""
    warns = f"warns-{notify_before}" if notify_before else ""
    return " ".join(part for part in (mode, instead, only, warns, source_sweep_id, policy_sha256) if part)
