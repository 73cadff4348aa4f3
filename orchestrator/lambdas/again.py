"""A schedule's sweep that finds another one by the same policy running is tried again for an hour, then it is missed.

Lambda tries an asynchronous event again twice, after one and after two minutes, and gives it up then
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html). So the invocation waits, and passes
the event on to a fresh one before its own time is up: six in an hour, where Lambda ends a function that invokes itself
after some sixteen (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html). A whole hour of waiting
costs nine cents at 1,769 MB, and is needed only where the other sweep acts for as long; mostly it is a minute. A queue
that delays messages would cost nothing, and be one more thing to deploy, to permit and to lose events in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from orchestrator import app
from orchestrator.aws.hub_services import invoke_again
from orchestrator.core.model import Mode, time_text
from orchestrator.errors import BusyError
from orchestrator.lambdas.events import SweepEvent
from orchestrator.lambdas.log import logger
from orchestrator.lambdas.missed import TRIED_AGAIN_FOR, a_missed_sweep, reason_of, record_missed
from orchestrator.lambdas.wiring import Wiring, caller, no_time_to_wait

_EVERY_SECONDS = 30.0
WAITING = "waiting"
"""In the answer, in place of a sweep's status."""


def try_for_an_hour(
    wiring: Wiring,
    sweep: Callable[[], dict[str, Any]],
    asked: SweepEvent,
    mode: Mode,
    trigger: Mapping[str, Any],
    context: LambdaContext,
) -> dict[str, Any]:
    """The sweep's answer, or that a fresh invocation tries again.

    Raises BusyError where it is missed: Lambda tries it twice more, and then it is among the dead letters.
    """
    ledger, trigger_key = wiring.stores.ledger, json.dumps(trigger, sort_keys=True)
    no_time, told = no_time_to_wait(context), ""
    while True:
        try:
            return sweep()
        except BusyError as busy:
            since = ledger.first_tried_at(trigger_key)
            if app.now() - since >= TRIED_AGAIN_FOR:
                policy = app.read_policy(wiring.settings.policy or "", lambda: wiring.clients, quoted=False)
                known = {"policy_source": wiring.settings.policy or "", "asked_by": caller(context)}
                missed = a_missed_sweep(policy, app.new_sweep_id(app.now()), mode, since, reason_of(busy), **known)
                telling = app.make_telling(wiring.settings, wiring.clients, policy)
                row = record_missed(ledger, telling, trigger_key, missed)
                raise BusyError(f"{row['sweep_id']} was missed: {row['error']}") from busy
            if reason_of(busy) != told:
                told = reason_of(busy)
                logger.info("This sweep is tried again", reason=told, since=time_text(since))
        if no_time():
            event = {**asked.model_dump(mode="json", exclude_none=True), "mode": mode.value}
            invoke_again(wiring.clients, context.invoked_function_arn, event)
            return {"sweep_id": None, "status": WAITING, "totals": {}, "report": {"json": None, "html": None}}
        wiring.stores.leases.sleep(_EVERY_SECONDS)
