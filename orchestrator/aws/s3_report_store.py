"""Reports in S3, each sweep below a key of its own; a large file goes there in parts, and none of it is kept here."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import tenacity
from botocore.exceptions import ClientError

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pages import CONTINUATION_TOKEN, each_page
from orchestrator.aws.retries import after_pauses
from orchestrator.core.model.aws_error_codes import DENIED_CODES
from orchestrator.core.report.files import content_type, sweep_folder
from orchestrator.core.report.manifest import FileSeal, Sealing
from orchestrator.core.report.stored_files import SWEEPS_FOLDER, Entry
from orchestrator.errors import ReportStoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_PROBE = f"{SWEEPS_FOLDER}.writable"
"""One key for all sweeps: a role without s3:DeleteObject leaves it behind, a killed process too."""
_PROBES = re.compile(r"sweeps/(\.doctor|(dt=[^/]+/sweep=[^/]+/)?\.writable)")
"""Doctor's and the releases' before too, which had one in each sweep's folder."""
_FIRST_FILES = ("plan.json", "report.json")
"""Whatever a sweep wrote, one of them is there."""
_MISSING = "NoSuchKey"
_CLASH = "ConditionalRequestConflict"
"""Two writers at once: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""
_TAKEN = frozenset({"PreconditionFailed", _CLASH})
_PAUSES = (0.1, 0.4, 1.0)
_PART_BYTES = 8 << 20
"""Of S3's limits (5 MiB, but for the last part, and 10,000 parts) the first matters: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
_CHUNK = 1 << 20


class S3ReportStore:
    """ports.ReportStore in one bucket. Keys are written once: what is there is never overwritten."""

    def __init__(self, client: S3Client, bucket: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._bucket = bucket
        self._sleep = sleep

    def check(self, sweep_id: str) -> None:
        try:
            if any(self._exists(self._key(sweep_id, name)) for name in _FIRST_FILES):
                raise ReportStoreError(f"the sweep id {sweep_id} has files in s3://{self._bucket} already")
            self._client.put_object(Bucket=self._bucket, Key=_PROBE, Body=b"")
        except AWS_FAILURES as failure:
            raise ReportStoreError(
                f"reports cannot be written to s3://{self._bucket} ({error_of(failure)}); nothing was read or stopped: "
                "check the bucket's name and that s3:PutObject is allowed on it"
            ) from failure
        self._remove_probe()

    def put(self, sweep_id: str, name: str, content: bytes) -> None:
        self.put_chunks(sweep_id, name, (content,))

    def put_chunks(self, sweep_id: str, name: str, chunks: Iterable[bytes]) -> None:
        key = self._key(sweep_id, name)
        try:
            after_pauses(_PAUSES, tenacity.retry_if_exception(_is_a_clash), self._sleep)(self._put_once, key, chunks)
        except AWS_FAILURES as failure:
            text = f"s3://{self._bucket}/{key} cannot be written: {error_of(failure)}"
            raise ReportStoreError(text) from failure

    def find(self, sweep_id: str, name: str) -> bytes | None:
        chunks = self.find_chunks(sweep_id, name)
        return b"".join(chunks) if chunks is not None else None

    def find_chunks(self, sweep_id: str, name: str) -> Iterator[bytes] | None:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=self._key(sweep_id, name))["Body"]
            return self._chunks(sweep_id, name, body.iter_chunks(_CHUNK))
        except AWS_FAILURES as failure:
            if error_of(failure).code == _MISSING:
                return None
            raise self._unreadable(sweep_id, name, failure) from failure

    def read(self, sweep_id: str, name: str) -> bytes:
        try:
            return self._get(self._key(sweep_id, name))
        except AWS_FAILURES as failure:
            raise self._unreadable(sweep_id, name, failure) from failure

    def list_files(self, sweep_id: str | None = None) -> Mapping[str, Entry]:
        prefix = SWEEPS_FOLDER if sweep_id is None else f"{sweep_folder(sweep_id)}/"
        ask = partial(self._client.list_objects_v2, Bucket=self._bucket, Prefix=prefix)
        pages = each_page("s3:ListObjectsV2", ask, CONTINUATION_TOKEN)
        try:
            return {one["Key"]: _entry(one["Key"], one["Size"]) for page in pages for one in page.get("Contents", ())}
        except AWS_FAILURES as failure:
            raise ReportStoreError(f"s3://{self._bucket}/{prefix} cannot be listed: {error_of(failure)}") from failure

    def location(self, sweep_id: str, name: str) -> str:
        return f"s3://{self._bucket}/{self._key(sweep_id, name)}"

    def _key(self, sweep_id: str, name: str) -> str:
        return f"{sweep_folder(sweep_id)}/{name}"

    def _get(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def _chunks(self, sweep_id: str, name: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from chunks
        except AWS_FAILURES as failure:
            raise self._unreadable(sweep_id, name, failure) from failure

    def _put_once(self, key: str, chunks: Iterable[bytes]) -> None:
        sealing = Sealing(chunks)
        parts = _parts(sealing)
        first, second = next(parts, b""), next(parts, None)
        try:
            if second is None:
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=first, ContentType=content_type(key), IfNoneMatch="*"
                )
            else:
                parts = chain((first, second), parts)
                del first, second  # each part is in memory until it is uploaded
                self._put_parts(key, parts)
        except ClientError as refusal:
            # One of the same content is fine: S3's answer may have been lost, or the process that asked for it.
            if not _is_taken(refusal) or not self._holds(key, sealing.seal):
                raise

    def _put_parts(self, key: str, parts: Iterable[bytes]) -> None:
        """There is no object before all of them are: what breaks off in between leaves parts, which are deleted.

        The condition is that of the last call; after its 409 all parts have to be uploaded again. An upload that is
        begun with a checksum is completed only with that of each part:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
        """
        bucket = self._bucket
        begun = self._client.create_multipart_upload(
            Bucket=bucket, Key=key, ContentType=content_type(key), ChecksumAlgorithm="CRC32"
        )
        upload = begun["UploadId"]
        try:
            uploaded = [self._put_part(key, upload, number, part) for number, part in enumerate(parts, 1)]
            self._client.complete_multipart_upload(
                Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": uploaded}, IfNoneMatch="*"
            )
        except BaseException:
            with suppress(*AWS_FAILURES):  # the bucket's lifecycle deletes what is left of it
                self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
            raise

    def _put_part(self, key: str, upload: str, number: int, part: bytes) -> CompletedPartTypeDef:
        answer = self._client.upload_part(
            Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32"
        )
        uploaded: CompletedPartTypeDef = {"PartNumber": number, "ETag": answer["ETag"]}
        if "ChecksumCRC32" in answer:
            uploaded["ChecksumCRC32"] = answer["ChecksumCRC32"]
        return uploaded

    def _holds(self, key: str, seal: FileSeal) -> bool:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            return FileSeal.of_chunks(body.iter_chunks(_CHUNK)) == seal
        except AWS_FAILURES:
            return False

    def _unreadable(self, sweep_id: str, name: str, failure: Exception) -> ReportStoreError:
        hint = ""
        if error_of(failure).code in DENIED_CODES:
            hint = " (without s3:ListBucket, S3 says so of every file that is not there)"
        return ReportStoreError(f"{self.location(sweep_id, name)} cannot be read: {error_of(failure)}{hint}")

    def _exists(self, key: str) -> bool:
        """False also where AWS will not say: the write itself is conditional."""
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError:
            return False
        return True

    def _remove_probe(self) -> None:
        try:
            self._client.delete_object(Bucket=self._bucket, Key=_PROBE)
        except AWS_FAILURES:
            return  # an empty object stays behind; a role without s3:DeleteObject is a good role


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, so many at a time as a part of an upload has; fewer in the last one only."""
    some: list[bytes] = []
    size = 0
    for chunk in chunks:
        some.append(chunk)
        size += len(chunk)
        if size >= _PART_BYTES:
            yield b"".join(some)
            some, size = [], 0
    if size:
        yield b"".join(some)


def _entry(key: str, size: int) -> Entry:
    return Entry.PROBE if size == 0 and _PROBES.fullmatch(key) else Entry.FILE


def _is_taken(refusal: ClientError) -> bool:
    """By an object; or the upload is over that was to be completed, as the answer to the first try was lost."""
    code = error_of(refusal).code
    return code in _TAKEN or (code == "NoSuchUpload" and refusal.operation_name == "CompleteMultipartUpload")


def _is_a_clash(failure: BaseException) -> bool:
    return isinstance(failure, ClientError) and error_of(failure).code == _CLASH
