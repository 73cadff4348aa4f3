"""Reports in S3: written once, the manifest last, and a bucket that is proven before anything is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.clients import Clients
from orchestrator.aws.reports import CompositeStore, S3ReportStore
from orchestrator.core.model import SweepReport
from orchestrator.core.report_files import report_files
from orchestrator.errors import ReportStoreError
from tests.support.builders import SWEEP_ID, a_coverage, a_decision, a_report, an_outcome

BUCKET = "reports"
FOLDER = f"sweeps/dt=2026-11-23/sweep={SWEEP_ID}"
REPORT = a_report(coverage=(a_coverage(),), decisions=(a_decision(),), outcomes=(an_outcome(),))


class Client:
    """moto's S3; keeps the order of the calls, and `after` may spoil one of them."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.calls: list[tuple[str, str]] = []
        self.after: Callable[[str, str], None] = lambda _operation, _key: None

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments["Key"].rpartition("/")[2]))
            answer = getattr(self._real, operation)(**arguments)
            self.after(*self.calls[-1])
            return answer

        return call


def refused(code: str, operation: str = "PutObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@pytest.fixture
def client(hub: Clients) -> Client:
    hub.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return Client(hub.s3())


@pytest.fixture
def store(client: Client) -> S3ReportStore:
    return S3ReportStore(client, BUCKET)  # type: ignore[arg-type]  # a traced client


def keys(hub: Clients) -> set[str]:
    return {one["Key"] for one in hub.s3().list_objects_v2(Bucket=BUCKET).get("Contents", ())}


def test_checking_leaves_nothing_behind(hub: Clients, client: Client, store: S3ReportStore) -> None:
    store.check(SWEEP_ID)
    assert ("put_object", ".writable") in client.calls
    assert keys(hub) == set()


def test_a_role_that_may_not_delete_is_good_enough(hub: Clients, client: Client, store: S3ReportStore) -> None:
    def spoil(operation: str, _key: str) -> None:
        if operation == "delete_object":
            raise refused("AccessDenied", "DeleteObject")

    client.after = spoil
    store.check(SWEEP_ID)


def test_a_bucket_that_is_missing_says_what_to_check_and_that_nothing_happened(hub: Clients) -> None:
    with pytest.raises(ReportStoreError) as refusal:
        S3ReportStore(hub.s3(), "no-such-bucket").check(SWEEP_ID)
    text = str(refusal.value)
    assert "s3://no-such-bucket" in text
    assert "NoSuchBucket" in text
    assert "nothing was read or stopped" in text
    assert "s3:PutObject" in text


def test_a_sweep_id_that_has_a_report_is_refused_before_anything_is_written(
    client: Client, store: S3ReportStore
) -> None:
    store.write(REPORT)
    client.calls.clear()
    with pytest.raises(ReportStoreError, match=f"{SWEEP_ID} has a report in s3://{BUCKET} already"):
        store.check(SWEEP_ID)
    assert client.calls == [("head_object", "report.json")]


def test_every_file_is_below_the_sweeps_folder_and_the_manifest_is_written_last(
    hub: Clients, client: Client, store: S3ReportStore
) -> None:
    assert store.write(REPORT) == f"s3://{BUCKET}/{FOLDER}/report.json"
    names = [name for _, name in client.calls]
    assert names == list(report_files(REPORT))
    assert names[-1] == "manifest.json"
    assert keys(hub) == {f"{FOLDER}/{name}" for name in names}


def test_the_manifest_seals_what_lies_in_the_bucket(store: S3ReportStore) -> None:
    store.write(REPORT)
    sealed = json.loads(store.read(SWEEP_ID, "manifest.json"))["files"]
    assert set(sealed) == set(report_files(REPORT)) - {"manifest.json"}
    for name, seal in sealed.items():
        assert hashlib.sha256(store.read(SWEEP_ID, name)).hexdigest() == seal["sha256"]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("report.json", "application/json"),
        ("decisions.jsonl.gz", "application/gzip"),
        ("coverage.csv", "text/csv; charset=utf-8"),
    ],
)
def test_each_file_has_its_content_type(hub: Clients, store: S3ReportStore, name: str, content_type: str) -> None:
    store.write(REPORT)
    head = hub.s3().head_object(Bucket=BUCKET, Key=f"{FOLDER}/{name}")
    assert head["ContentType"] == content_type


def test_what_is_written_is_never_overwritten(hub: Clients, store: S3ReportStore) -> None:
    hub.s3().put_object(Bucket=BUCKET, Key=f"{FOLDER}/coverage.csv", Body=b"evidence")
    with pytest.raises(ReportStoreError, match="PreconditionFailed"):
        store.write(REPORT)
    assert store.read(SWEEP_ID, "coverage.csv") == b"evidence"
    assert f"{FOLDER}/manifest.json" not in keys(hub)


def test_an_object_of_our_own_whose_answer_was_lost_is_written(
    hub: Clients, client: Client, store: S3ReportStore
) -> None:
    lost: list[str] = []

    def spoil(operation: str, key: str) -> None:
        if operation == "put_object" and key == "coverage.csv":
            lost.append(key)
            raise refused("PreconditionFailed")  # what botocore's second try would get

    client.after = spoil
    store.write(REPORT)
    assert lost == ["coverage.csv"]
    assert f"{FOLDER}/manifest.json" in keys(hub)


def test_a_write_that_is_refused_is_an_error_with_awss_words_and_seals_nothing(
    hub: Clients, client: Client, store: S3ReportStore
) -> None:
    def spoil(_operation: str, key: str) -> None:
        if key == "decisions.csv":
            raise refused("AccessDenied")

    client.after = spoil
    with pytest.raises(ReportStoreError, match=f"s3://{BUCKET}/{FOLDER}: AccessDenied: no"):
        store.write(REPORT)
    assert f"{FOLDER}/manifest.json" not in keys(hub)


def test_a_file_that_is_not_there_says_which_and_why(store: S3ReportStore) -> None:
    with pytest.raises(ReportStoreError, match=rf"s3://{BUCKET}/{FOLDER}/report.json cannot be read: NoSuchKey"):
        store.read(SWEEP_ID, "report.json")


class Traced:
    """A store or a ledger that says what it was asked to do, and may refuse one of it."""

    def __init__(self, name: str, log: list[str], refuses: str = "") -> None:
        self._name = name
        self._log = log
        self._refuses = refuses

    def _do(self, what: str) -> None:
        self._log.append(f"{self._name}.{what}")
        if self._log[-1] == self._refuses:
            raise ReportStoreError("no")

    def check(self, _: str) -> None:
        self._do("check")

    def begin(self, _: str) -> None:
        self._do("begin")

    def write(self, _: SweepReport) -> str:
        self._do("write")
        return "somewhere"

    def record(self, _: SweepReport, location: str) -> None:
        self._do(f"record {location}")

    def read(self, sweep_id: str, name: str) -> bytes:
        self._do(f"read {sweep_id}/{name}")
        return b"content"


def composite(log: list[str], refuses: str = "") -> CompositeStore:
    return CompositeStore(Traced("files", log, refuses), Traced("ledger", log, refuses))  # type: ignore[arg-type]  # a fake


def test_the_files_come_before_the_ledger() -> None:
    log: list[str] = []
    both = composite(log)
    both.check(SWEEP_ID)
    assert both.write(REPORT) == "somewhere"
    assert both.read(SWEEP_ID, "report.json") == b"content"
    assert log == [
        "files.check",
        "ledger.begin",
        "files.write",
        "ledger.record somewhere",
        f"files.read {SWEEP_ID}/report.json",
    ]


@pytest.mark.parametrize(("refuses", "done"), [("files.check", 1), ("ledger.begin", 2)])
def test_neither_the_files_nor_the_ledger_may_refuse_a_sweep(refuses: str, done: int) -> None:
    log: list[str] = []
    with pytest.raises(ReportStoreError):
        composite(log, refuses).check(SWEEP_ID)
    assert len(log) == done


def test_a_report_without_files_is_not_in_the_ledger_as_finished() -> None:
    log: list[str] = []
    with pytest.raises(ReportStoreError):
        composite(log, "files.write").write(REPORT)
    assert log == ["files.write"]
