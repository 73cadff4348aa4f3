"""What a Lambda may know of itself."""

from __future__ import annotations

from datetime import datetime

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.errors import StopOrchestratorError


def changed_at(clients: Clients, function_arn: str) -> datetime:
    """When code, environment or description of the function was changed last. Raises StopOrchestratorError."""
    try:
        found = clients.lambda_().get_function_configuration(FunctionName=function_arn)
    except AWS_FAILURES as failure:
        raise StopOrchestratorError(f"lambda:GetFunctionConfiguration {function_arn}: {error_of(failure)}") from failure
    return datetime.fromisoformat(found["LastModified"])
