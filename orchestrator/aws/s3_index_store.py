"""The files of the index page in the report bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.core.report.files import content_type
from orchestrator.core.report.stored_files import INDEX_FOLDER
from orchestrator.core.report.sweep_index import MOST_BYTES
from orchestrator.errors import ReportStoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = "NoSuchKey"


class S3IndexStore:
    """ports.IndexStore below one prefix. Of a versioned bucket a lifecycle rule deletes what was overwritten."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @property
    def name(self) -> str:
        return f"s3://{self._bucket}/{INDEX_FOLDER}"

    def find(self, name: str) -> bytes | None:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=f"{INDEX_FOLDER}{name}")["Body"]
            return body.read(MOST_BYTES + 1)
        except AWS_FAILURES as failure:
            if error_of(failure).code == _MISSING:
                return None
            raise ReportStoreError(f"{self.name}{name} cannot be read: {error_of(failure)}") from failure

    def put(self, name: str, content: bytes) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=f"{INDEX_FOLDER}{name}", Body=content, ContentType=content_type(name)
            )
        except AWS_FAILURES as failure:
            raise ReportStoreError(f"{self.name}{name} cannot be written: {error_of(failure)}") from failure
