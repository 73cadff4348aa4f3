"""The Lambda entry point of the scheduled doctor: what it finds is kept beside the reports, and a metric tells.

For each active policy it asks what `stop-orchestrator doctor` asks, as the hub's role, which alone the member roles let
in. Its time is an invocation's: accounts that were not asked in it are named as such.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from orchestrator import app
from orchestrator.aws.clients import Clients
from orchestrator.aws.diagnosis_store import store_diagnosis
from orchestrator.core.diagnosis.checks import HEALTHY, CheckStatus, diagnosis_document
from orchestrator.core.policy.org_policy import OrgPolicy
from orchestrator.core.report.control_characters import without_controls
from orchestrator.core.report.stored_files import diagnosis_key
from orchestrator.doctor.diagnose import diagnose
from orchestrator.lambdas.entry import entry_point
from orchestrator.lambdas.log import LogProgress, logger
from orchestrator.lambdas.metrics import measure_diagnosis
from orchestrator.settings import Settings

_RESERVED_MILLISECONDS = 120_000
"""For the accounts that are being asked when the time is up, each with its own retries, and for writing."""
_NEEDED = ("policy", "report_bucket", "table")


@logger.inject_lambda_context(clear_state=True)
@entry_point
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`{diagnoses: [{policy, healthy, report}]}`, whatever the event. Raises what ended it."""
    del event
    try:
        settings = Settings.from_env(os.environ, _NEEDED)
        clients = app.make_clients(settings)
        policies = [policy for policy, _ in app.read_active_policies(settings, clients)]
        return {"diagnoses": [_diagnose(settings, clients, policy, _time_is_up(context)) for policy in policies]}
    except Exception:
        logger.exception("Doctor was ended by an error")
        measure_diagnosis(failed=True)
        raise


def _diagnose(
    settings: Settings, clients: Clients, policy: OrgPolicy, out_of_time: Callable[[], bool]
) -> dict[str, Any]:
    begun_at = app.now()
    found = diagnose(app.make_doctor_context(settings, clients, policy, LogProgress(), out_of_time), policy)
    healthy = found.exit_code == HEALTHY
    text = without_controls(json.dumps(diagnosis_document(found), ensure_ascii=False, indent=2), lines=True)
    key = diagnosis_key(policy.name, begun_at)
    location = store_diagnosis(clients, settings.report_bucket or "", key, text.encode())
    measure_diagnosis(policy.name, failed=not healthy)
    failed = sum(one.status is CheckStatus.FAILED for one in found.checks)
    logger.info("Doctor ended", policy=policy.name, healthy=healthy, failed=failed, report=location)
    return {"policy": policy.name, "healthy": healthy, "report": location}


def _time_is_up(context: LambdaContext) -> Callable[[], bool]:
    return lambda: context.get_remaining_time_in_millis() < _RESERVED_MILLISECONDS
