"""Consent to a plan: asked for once at the barrier, recorded before the first intent, inherited and never given by a
resume.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.core.model import (
    STANDING_LASTS,
    ApprovedPlan,
    Consent,
    ConsentHow,
    Halt,
    HaltCause,
    Mode,
    Question,
    people_time,
)
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import ConsentError, ConsentMissingError, NotConfirmedError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import World
from orchestrator.sweep.state import Sweep, SweepState


def require_consent(world: World, sweep: Sweep, state: SweepState, approved: ApprovedPlan) -> Consent:
    """Consent to this plan: what the state has recorded, else what is given now, which is recorded first.

    Raises NotConfirmedError where it is not given, and ConsentError where what was given does not cover the plan now.
    """
    return inherit_consent(world, sweep, approved.plan.sha256, state.consent or _ask(world, sweep, state, approved))


def inherit_consent(world: World, sweep: Sweep, plan_sha256: str, recorded: Consent | None) -> Consent:
    """The recorded consent, where it covers acting on the plan of that SHA-256 now. Raises ConsentError."""
    if recorded is None:
        raise ConsentError(f"{sweep.sweep_id} may not act: no one consented to its plan; nothing was done")
    refusal = _refusal(world, recorded, plan_sha256, sweep.policy.sha256)
    if refusal:
        raise ConsentError(f"{sweep.sweep_id} may not act: {refusal}; nothing was done")
    return recorded


def halted_without_consent(world: World, consent: Consent) -> World:
    """The same world, halted from the moment on that the consent is over, as where it was suspended."""

    def halt() -> Halt | None:
        refusal = _refusal(world, consent, consent.plan_sha256, consent.policy_sha256)
        return world.halt() or (Halt(HaltCause.INTERRUPTED, refusal) if refusal else None)

    return replace(world, halt=halt)


def _refusal(world: World, consent: Consent, plan_sha256: str, policy_sha256: str) -> str:
    """By either clock: consent lasts no longer where the wall clock was set back."""
    times = (world.now(), world.clocks.latest())
    return next(filter(None, (consent.refusal(plan_sha256, policy_sha256, one) for one in times)), "")


def missing_standing_consent(ledger: Ledger, policy: OrgPolicy) -> str:
    """Why a schedule may not act by this policy text; empty where its version is the active one."""
    active = ledger.active_policy(policy.name)
    if active is None:
        return f"no version of policy {policy.name} was activated; deploy the hub with it, and type yes"
    if active.policy_sha256 != policy.sha256:
        return (
            f"the text of policy {policy.name} (SHA-256 {policy.sha256[:12]}...) is not its active version "
            f"({active.policy_sha256[:12]}..., activated at {active.activated_at} by {active.activated_by}); "
            "deploy the hub with it, and type yes"
        )
    return ""


def question_of(sweep: Sweep, state: SweepState, approved: ApprovedPlan, now: datetime) -> Question:
    """All that a person is told who is asked for consent."""
    planned_at = state.planned_at or sweep.started_at
    return Question(
        approved=approved,
        mode=sweep.mode,
        policy_name=sweep.policy.name,
        policy_sha256=sweep.policy.sha256,
        planned_at=planned_at,
        asked_at=now,
        expires_at=planned_at + timedelta(hours=sweep.policy.plan_valid_hours),
        source_sweep_id=sweep.source_sweep_id,
        production=state.inventory.production,
        money=state.money,
    )


def _ask(world: World, sweep: Sweep, state: SweepState, approved: ApprovedPlan) -> Consent:
    how = world.confirm(question_of(sweep, state, approved, world.now()))
    if how is None:
        raise NotConfirmedError(_not_confirmed(approved))
    now = world.now()
    lasts = STANDING_LASTS if how is ConsentHow.STANDING else timedelta(hours=sweep.policy.plan_valid_hours)
    by = world.asked_by
    if how is ConsentHow.STANDING:
        refusal = missing_standing_consent(world.ledger, sweep.policy)  # read again: it may be another one by now
        if refusal:
            world.ledger.amend(sweep.sweep_id, consent_missing=refusal)
            raise ConsentMissingError(sweep.sweep_id, refusal)
        if sweep.mode is not Mode.ENFORCE:
            raise ConsentError(f"{sweep.sweep_id} may not act: no person asked for it; nothing was done")
        by = f"the active version of policy {sweep.policy.name}"
    elif now >= sweep.started_at + lasts:  # the question was open for longer than `apply` would take the plan
        raise ConsentError(
            f"{sweep.sweep_id} may not act: it was confirmed at {people_time(now)}, and its plan of "
            f"{people_time(sweep.started_at)} counts for {sweep.policy.plan_valid_hours:g} hours (plan_valid_hours); "
            "nothing was done; plan again"
        )
    consent = Consent(by, how, approved.plan.sha256, sweep.policy.sha256, now, now + lasts)
    world.ledger.give_consent(sweep.sweep_id, consent)
    return consent


def _not_confirmed(approved: ApprovedPlan) -> str:
    counts = approved.plan.counts
    words = {"stopped": counts.stops, "started": counts.starts, "tagged": counts.tags}
    return f"Declined: nothing was {' or '.join(word for word, count in words.items() if count)}."
