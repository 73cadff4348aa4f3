"""Where the scheduled doctor's findings are kept: in the report bucket, beside the sweeps."""

from __future__ import annotations

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.core.report.files import content_type
from orchestrator.errors import ReportStoreError


def store_diagnosis(clients: Clients, bucket: str, key: str, content: bytes) -> str:
    """Where it is kept from now on. Raises ReportStoreError."""
    location = f"s3://{bucket}/{key}"
    try:
        clients.s3().put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type(key))
    except AWS_FAILURES as failure:
        raise ReportStoreError(f"{location} cannot be written: {error_of(failure)}") from failure
    return location
