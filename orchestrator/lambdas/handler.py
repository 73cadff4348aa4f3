"""The Lambda entry point: an event in, a sweep, `{sweep_id, status, totals, report}` out.

Failures of targets are in the report; an error that ends the sweep is raised, so that Lambda shows it.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from orchestrator import app
from orchestrator.aws.hub_services import invoke_again
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.errors import EventError, ReportLostError, StopOrchestratorError
from orchestrator.lambdas.again import try_for_an_hour
from orchestrator.lambdas.answers import answer_of
from orchestrator.lambdas.entry import entry_point
from orchestrator.lambdas.events import SweepEvent, parse, sweep_to_resume
from orchestrator.lambdas.log import LogProgress, log_lost_report, logger
from orchestrator.lambdas.metrics import measure, measure_undelivered
from orchestrator.lambdas.once import once
from orchestrator.lambdas.wiring import Wiring, caller, no_time_to_wait, standing_consent, time_is_up, wire
from orchestrator.ledger.lease import Lease
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from orchestrator.ports import Runtime
from orchestrator.sweep import coordination


@logger.inject_lambda_context(clear_state=True)
@entry_point
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One sweep. Raises EventError, SettingsError, PolicyError or what ended the sweep."""
    asked = parse(event)
    sweep_id = asked.sweep_id or app.new_sweep_id(app.now())
    logger.append_keys(sweep_id=sweep_id)
    try:
        return _sweep(asked, sweep_id, context)
    except ReportLostError as lost:
        measure(dict(lost.document))
        log_lost_report(lost)
        raise
    except Exception:
        logger.exception("The sweep was ended by an error")
        raise


def _sweep(asked: SweepEvent, sweep_id: str, context: LambdaContext) -> dict[str, Any]:
    triggered_at = app.now()
    wiring = wire(policy=asked.policy).waiting_until(no_time_to_wait(context))
    settings, stores, mode = wiring.settings, wiring.stores, wiring.allowed_mode(asked.mode)
    logger.append_keys(mode=mode.value)
    runtime = Runtime(
        out_of_time=time_is_up(context),
        hand_over=lambda lease: _hand_over(wiring, lease, context),
        progress=LogProgress(),
        warn=logger.warning,
        count_undelivered=measure_undelivered,
        triggered_at=triggered_at,
        asked_by=caller(context),
        confirm=standing_consent,
        standing=True,
        policy_source=settings.policy or "",
    )
    begun = sweep_to_resume(stores.ledger, asked)
    if begun is not None:
        return answer_of(coordination.resume(stores, begun.sweep_id, runtime, _policy_of_today(wiring, begun)))
    wiring.require_policy()

    def sweep(trigger: dict[str, Any]) -> dict[str, Any]:
        """A delivery before this one may have done all but its report: that sweep is resumed, and no other begun.

        Unless it ended without doing what it was to do: then this delivery is another try.
        """
        own_id = _sweep_of(stores.ledger, trigger, sweep_id) if trigger else sweep_id
        logger.append_keys(sweep_id=own_id)
        policy = app.read_policy(settings.policy or "", lambda: wiring.clients, quoted=False)
        if own_id != sweep_id and stores.ledger.sweep(own_id) is not None:
            return answer_of(coordination.resume(stores, own_id, runtime, policy))
        result = coordination.sweep(stores, policy, own_id, mode, runtime, notify_before=asked.notify_before or "")
        return answer_of(result)

    event_id = asked.id or _request_id(context)
    if not event_id:
        return sweep({})
    trigger = {"id": event_id, "mode": mode.value, "policy": settings.policy}
    if asked.id is None:  # perhaps of a person who waits for the answer; Lambda itself tries another one again
        return once(wiring, sweep, trigger, context)
    return try_for_an_hour(wiring, lambda: once(wiring, sweep, trigger, context), asked, mode, trigger, context)


def _policy_of_today(wiring: Wiring, begun: SweepSummary) -> OrgPolicy:
    """What the source of its policy has now. Raises EventError where that is none that this function reads."""
    settings = wiring.settings
    is_own = bool(begun.policy_source) and settings.allows_policy(begun.policy_source)
    source = begun.policy_source if is_own else settings.policy or ""
    policy = app.read_policy(source, lambda: wiring.clients, quoted=False) if source else None
    if policy is None or (not is_own and policy.name != begun.policy_name):
        raise EventError(
            f"sweep_id: the policy of {begun.sweep_id} came from {begun.policy_source or 'an unknown source'}, which "
            f"this function does not read; at a terminal: stop-orchestrator sweep --resume {begun.sweep_id}"
        )
    return policy


def _sweep_of(ledger: Ledger, trigger: dict[str, Any], sweep_id: str) -> str:
    """The sweep that an earlier delivery of this event began and that has not failed, else this one."""
    while True:
        own_id = ledger.sweep_of_trigger(json.dumps(trigger, sort_keys=True), sweep_id)
        begun = ledger.sweep(own_id) if own_id != sweep_id else None
        if begun is None or begun.status not in coordination.UNDONE:
            return own_id
        trigger = {**trigger, "after": own_id}


def _request_id(context: LambdaContext) -> str:
    """Lambda's own, which a retried event keeps; empty where it was not made by Lambda."""
    try:
        request_id = UUID(context.aws_request_id)
    except ValueError:
        return ""
    return str(request_id) if request_id.int else ""


def _hand_over(wiring: Wiring, lease: Lease, context: LambdaContext) -> bool:
    """The time is up: a fresh invocation of this function resumes the sweep, where settings and Lambda allow it."""
    ledger = wiring.stores.ledger
    begun = ledger.sweep(lease.sweep_id)
    if begun is None or begun.continuations >= wiring.settings.continuations:
        return False
    ledger.amend(lease.sweep_id, continuations=begun.continuations + 1)
    if not lease.hand_over():
        return False
    try:
        invoke_again(wiring.clients, context.invoked_function_arn, {"sweep_id": lease.sweep_id})
    except StopOrchestratorError:
        logger.exception("The sweep is not resumed in a fresh invocation")
        lease.take_back()
        return False
    return True
