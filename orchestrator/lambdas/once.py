"""One event is one sweep, however often it is delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from orchestrator import Later
from orchestrator.core.model import SweepStatus
from orchestrator.lambdas.log import SERVICE
from orchestrator.lambdas.wiring import Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities import idempotency
    from aws_lambda_powertools.utilities.idempotency import exceptions
else:
    idempotency = Later("aws_lambda_powertools.utilities.idempotency")
    exceptions = Later("aws_lambda_powertools.utilities.idempotency.exceptions")

_REMEMBERED_SECONDS = 24 * 3600


def once(
    wiring: Wiring, sweep: Callable[[dict[str, Any]], dict[str, Any]], trigger: dict[str, Any], context: LambdaContext
) -> dict[str, Any]:
    """The sweep's answer to the trigger; it is kept for a day, and given to the same trigger when it is repeated.

    Why: Lambda and its triggers deliver at least once.
    """
    table = idempotency.DynamoDBPersistenceLayer(
        table_name=wiring.settings.table or "",
        key_attr="PK",
        sort_key_attr="SK",
        static_pk_value="IDEMPOTENCY",
        expiry_attr="expires_at",
        boto3_client=wiring.clients.dynamodb(),
    )
    config = idempotency.IdempotencyConfig(expires_after_seconds=_REMEMBERED_SECONDS, lambda_context=context)
    only_once = idempotency.idempotent_function(
        sweep, data_keyword_argument="trigger", persistence_store=table, config=config, key_prefix=SERVICE
    )
    try:
        answer: dict[str, Any] = only_once(trigger=trigger)
    except exceptions.IdempotencyAlreadyInProgressError:
        # It runs, or died: the lease tells which, and a dead one is resumed.
        answer = sweep(trigger)
        if answer["status"] != SweepStatus.RUNNING:
            table.save_success(data=trigger, result=answer)  # who died does not
    return answer
