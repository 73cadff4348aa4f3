"""Reports in S3, below the keys of DESIGN section 5; and a report store with a ledger beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.ledger import DynamoLedger
from orchestrator.core.model import SweepReport
from orchestrator.core.report_files import content_type, report_files, sweep_folder
from orchestrator.errors import ReportStoreError
from orchestrator.ports import ReportStore

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PROBE = ".writable"
_TAKEN = "PreconditionFailed"


class S3ReportStore:
    """ports.ReportStore in one bucket. Keys are written once: a report that is there is never overwritten."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def check(self, sweep_id: str) -> None:
        key = f"{sweep_folder(sweep_id)}/{_PROBE}"
        try:
            if self._exists(f"{sweep_folder(sweep_id)}/report.json"):
                raise ReportStoreError(f"the sweep id {sweep_id} has a report in s3://{self._bucket} already")
            self._client.put_object(Bucket=self._bucket, Key=key, Body=b"")
        except AWS_FAILURES as failure:
            raise ReportStoreError(
                f"reports cannot be written to s3://{self._bucket} ({error_of(failure)}); nothing was read or stopped: "
                "check the bucket's name and that s3:PutObject is allowed on it"
            ) from failure
        self._remove_probe(key)

    def write(self, report: SweepReport) -> str:
        folder = sweep_folder(report.sweep_id)
        try:
            for name, content in report_files(report).items():
                self._put_once(f"{folder}/{name}", content)
        except AWS_FAILURES as failure:
            text = f"the report cannot be written to s3://{self._bucket}/{folder}: {error_of(failure)}"
            raise ReportStoreError(text) from failure
        return f"s3://{self._bucket}/{folder}/report.json"

    def read(self, sweep_id: str, name: str) -> bytes:
        key = f"{sweep_folder(sweep_id)}/{name}"
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except AWS_FAILURES as failure:
            raise ReportStoreError(f"s3://{self._bucket}/{key} cannot be read: {error_of(failure)}") from failure

    def _put_once(self, key: str, content: bytes) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=content, ContentType=content_type(key), IfNoneMatch="*"
            )
        except ClientError as refusal:
            # When S3's answer is lost after it wrote, botocore's next try is refused by our own object.
            if error_of(refusal).code != _TAKEN or not self._holds(key, content):
                raise

    def _holds(self, key: str, content: bytes) -> bool:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read() == content
        except AWS_FAILURES:
            return False

    def _exists(self, key: str) -> bool:
        """False also where AWS will not say: the write itself is conditional."""
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError:
            return False
        return True

    def _remove_probe(self, key: str) -> None:
        try:
            self._client.delete_object(Bucket=self._bucket, Key=key)
        except AWS_FAILURES:
            return  # an empty object stays behind; a role without s3:DeleteObject is a good role


class CompositeStore:
    """ports.ReportStore whose sweeps are in a ledger too. The files come first: they are the evidence."""

    def __init__(self, files: ReportStore, ledger: DynamoLedger) -> None:
        self._files = files
        self._ledger = ledger

    def check(self, sweep_id: str) -> None:
        self._files.check(sweep_id)
        self._ledger.begin(sweep_id)

    def write(self, report: SweepReport) -> str:
        location = self._files.write(report)
        self._ledger.record(report, location)
        return location

    def read(self, sweep_id: str, name: str) -> bytes:
        return self._files.read(sweep_id, name)
