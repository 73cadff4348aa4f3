"""The Lambda entry point of the hourly check: was a sweep due that did not run? It reads, and writes a metric.

It is apart from the Lambda that sweeps, since one that never ran tells nothing. What it cannot read is an error, and no
metric: an alarm tells when there was none for hours.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from orchestrator import app
from orchestrator.aws.clients import Clients
from orchestrator.aws.own_function import changed_at
from orchestrator.errors import StopOrchestratorError
from orchestrator.lambdas.entry import entry_point
from orchestrator.lambdas.log import logger
from orchestrator.lambdas.metrics import measure_missed
from orchestrator.settings import Settings


@logger.inject_lambda_context(clear_state=True)
@entry_point
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`{checked, missed}`, whatever the event. Raises SettingsError, PolicyError or LedgerError."""
    del event
    try:
        settings = Settings.from_env(os.environ, ("policy", "report_bucket", "table"))
        clients = app.make_clients(settings)
        looked = app.look_for_missed_sweeps(settings, clients, _deployed_at(clients, context))
    except Exception:
        logger.exception("It is unknown whether a sweep was missed")
        raise
    measure_missed(looked)
    for one in looked:
        (logger.error if one.is_missed else logger.info)(one.text, policy=one.policy_name, sweep=one.sweep.name)
    return {"checked": len(looked), "missed": [one.text for one in looked if one.is_missed]}


def _deployed_at(clients: Clients, context: LambdaContext) -> datetime | None:
    """When this function was changed last, as with each change of mode or schedules: nothing was due by them before.

    Where Lambda does not tell, None: what was due by others counts too then, and nothing is hidden.
    """
    try:
        return changed_at(clients, context.invoked_function_arn)
    except StopOrchestratorError as unknown:
        logger.warning("It is unknown since when the schedules are as they are", reason=str(unknown))
        return None
