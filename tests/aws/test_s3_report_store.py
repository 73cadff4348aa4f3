"""Reports in S3: each file written once, and a bucket that is proven before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.clients import Clients
from orchestrator.aws.s3_report_store import S3ReportStore
from orchestrator.core.report.stored_files import Entry
from orchestrator.errors import ReportStoreError
from tests.support.builders import SWEEP_ID

BUCKET = "reports"
FOLDER = f"sweeps/dt=2026-11-23/sweep={SWEEP_ID}"
CONTENT = b'{"a": 1}'


class Client:
    """moto's S3; keeps the order of the calls, and `after` may spoil one of them."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.calls: list[tuple[str, str]] = []
        self.after: Callable[[str, str], None] = lambda _operation, _key: None
        self.hears: Callable[[str, dict[str, Any]], None] = lambda _operation, _arguments: None
        """Before a call; it may raise in place of it."""

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments["Key"].rpartition("/")[2]))
            self.hears(operation, arguments)
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
def slept() -> list[float]:
    return []


@pytest.fixture
def store(client: Client, slept: list[float]) -> S3ReportStore:
    return S3ReportStore(client, BUCKET, slept.append)  # type: ignore[arg-type]  # a traced client


def keys(hub: Clients) -> set[str]:
    return {one["Key"] for one in hub.s3().list_objects_v2(Bucket=BUCKET).get("Contents", ())}


def refuse_to_delete(operation: str, _key: str) -> None:
    if operation == "delete_object":
        raise refused("AccessDenied", "DeleteObject")


def test_checking_leaves_nothing_behind(hub: Clients, client: Client, store: S3ReportStore) -> None:
    store.check(SWEEP_ID)
    assert ("put_object", ".writable") in client.calls
    assert keys(hub) == set()


def test_what_a_process_that_was_killed_while_it_checked_leaves_is_of_no_sweep(hub: Clients, client: Client) -> None:
    def die(operation: str, _key: str) -> None:
        if operation == "put_object":
            raise KeyboardInterrupt

    client.after = die
    with pytest.raises(KeyboardInterrupt):
        S3ReportStore(client, BUCKET).check(SWEEP_ID)  # type: ignore[arg-type]  # a traced client
    assert keys(hub) == {"sweeps/.writable"}
    assert S3ReportStore(hub.s3(), BUCKET).list_files() == {"sweeps/.writable": Entry.PROBE}


def test_a_role_that_may_not_delete_is_good_enough(hub: Clients, client: Client, store: S3ReportStore) -> None:
    client.after = refuse_to_delete
    store.check(SWEEP_ID)


def test_a_bucket_that_is_missing_says_what_to_check_and_that_nothing_happened(hub: Clients) -> None:
    with pytest.raises(ReportStoreError) as refusal:
        S3ReportStore(hub.s3(), "no-such-bucket").check(SWEEP_ID)
    text = str(refusal.value)
    assert "s3://no-such-bucket" in text
    assert "NoSuchBucket" in text
    assert "nothing was read or stopped" in text
    assert "s3:PutObject" in text


@pytest.mark.parametrize("name", ["report.json", "plan.json"])
def test_a_sweep_id_that_has_files_is_refused_before_anything_is_written(
    client: Client, store: S3ReportStore, name: str
) -> None:
    store.put(SWEEP_ID, name, CONTENT)
    client.calls.clear()
    with pytest.raises(ReportStoreError, match=f"{SWEEP_ID} has files in s3://{BUCKET} already"):
        store.check(SWEEP_ID)
    assert {operation for operation, _ in client.calls} == {"head_object"}


def test_a_file_is_below_the_sweeps_folder_and_read_back(hub: Clients, store: S3ReportStore) -> None:
    store.put(SWEEP_ID, "report.json", CONTENT)
    assert keys(hub) == {f"{FOLDER}/report.json"}
    assert store.location(SWEEP_ID, "report.json") == f"s3://{BUCKET}/{FOLDER}/report.json"
    assert store.read(SWEEP_ID, "report.json") == store.find(SWEEP_ID, "report.json") == CONTENT


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("report.json", "application/json"),
        ("decisions.jsonl.gz", "application/gzip"),
        ("coverage.csv", "text/csv; charset=utf-8"),
        ("manifest.sig", "application/octet-stream"),
    ],
)
def test_each_file_has_its_content_type(hub: Clients, store: S3ReportStore, name: str, content_type: str) -> None:
    store.put(SWEEP_ID, name, CONTENT)
    head = hub.s3().head_object(Bucket=BUCKET, Key=f"{FOLDER}/{name}")
    assert head["ContentType"] == content_type


def test_what_is_written_is_never_overwritten(store: S3ReportStore) -> None:
    store.put(SWEEP_ID, "coverage.csv", b"evidence")
    with pytest.raises(ReportStoreError, match=rf"{FOLDER}/coverage\.csv cannot be written: PreconditionFailed"):
        store.put(SWEEP_ID, "coverage.csv", CONTENT)
    assert store.read(SWEEP_ID, "coverage.csv") == b"evidence"


def test_a_file_may_be_written_again_with_the_same_content(store: S3ReportStore) -> None:
    store.put(SWEEP_ID, "report.json", CONTENT)
    store.put(SWEEP_ID, "report.json", CONTENT)
    assert store.read(SWEEP_ID, "report.json") == CONTENT


def test_an_object_of_our_own_whose_answer_was_lost_is_written(client: Client, store: S3ReportStore) -> None:
    def spoil(operation: str, _key: str) -> None:
        if operation == "put_object":
            raise refused("PreconditionFailed")  # what botocore's second try would get

    client.after = spoil
    store.put(SWEEP_ID, "coverage.csv", CONTENT)
    assert [operation for operation, _ in client.calls] == ["put_object", "get_object"]
    assert store.read(SWEEP_ID, "coverage.csv") == CONTENT


def test_a_clash_with_another_writer_is_waited_out(
    hub: Clients, client: Client, store: S3ReportStore, slept: list[float]
) -> None:
    def spoil(operation: str, key: str) -> None:
        if operation == "put_object" and len(slept) < 2:
            hub.s3().delete_object(Bucket=BUCKET, Key=f"{FOLDER}/{key}")  # neither of the two has written yet
            raise refused("ConditionalRequestConflict")

    client.after = spoil
    store.put(SWEEP_ID, "report.json", CONTENT)
    assert slept == [0.1, 0.4]
    assert store.read(SWEEP_ID, "report.json") == CONTENT


def test_a_clash_that_does_not_end_is_an_error(
    hub: Clients, client: Client, store: S3ReportStore, slept: list[float]
) -> None:
    def spoil(operation: str, key: str) -> None:
        if operation == "put_object":
            hub.s3().delete_object(Bucket=BUCKET, Key=f"{FOLDER}/{key}")
            raise refused("ConditionalRequestConflict")

    client.after = spoil
    with pytest.raises(ReportStoreError, match="ConditionalRequestConflict"):
        store.put(SWEEP_ID, "report.json", CONTENT)
    assert len(slept) == 3


def test_a_write_that_is_refused_is_an_error_with_awss_words(client: Client, store: S3ReportStore) -> None:
    def spoil(_operation: str, _key: str) -> None:
        raise refused("AccessDenied")

    client.after = spoil
    with pytest.raises(
        ReportStoreError, match=rf"s3://{BUCKET}/{FOLDER}/decisions\.csv cannot be written: AccessDenied: no"
    ):
        store.put(SWEEP_ID, "decisions.csv", CONTENT)


def test_a_file_that_is_not_there_is_none_or_an_error_that_says_which_and_why(store: S3ReportStore) -> None:
    assert store.find(SWEEP_ID, "report.json") is None
    with pytest.raises(ReportStoreError, match=rf"s3://{BUCKET}/{FOLDER}/report\.json cannot be read: NoSuchKey"):
        store.read(SWEEP_ID, "report.json")


@pytest.mark.parametrize("ask", [S3ReportStore.find, S3ReportStore.read])
def test_a_file_that_nobody_may_ask_for_is_not_missing(
    client: Client, store: S3ReportStore, ask: Callable[[S3ReportStore, str, str], object]
) -> None:
    store.put(SWEEP_ID, "report.json", CONTENT)

    def spoil(_operation: str, _key: str) -> None:
        raise refused("AccessDenied", "GetObject")

    client.after = spoil
    with pytest.raises(ReportStoreError, match=r"AccessDenied: no .*s3:ListBucket"):
        ask(store, SWEEP_ID, "report.json")


def test_a_bucket_that_is_gone_has_not_just_lost_a_file(hub: Clients) -> None:
    with pytest.raises(ReportStoreError, match="NoSuchBucket"):
        S3ReportStore(hub.s3(), "no-such-bucket").find(SWEEP_ID, "report.json")


def test_every_object_below_the_sweeps_is_listed_as_what_it_is(hub: Clients, store: S3ReportStore) -> None:
    stored = S3ReportStore(hub.s3(), BUCKET)
    assert stored.list_files() == {}
    for key in (f"{FOLDER}/.writable", "sweeps/notes.txt", "sweeps/dt=2026-11-23/", "policy.yaml"):
        hub.s3().put_object(Bucket=BUCKET, Key=key, Body=b"")
    store.put(SWEEP_ID, "report.json", CONTENT)
    mine = {f"{FOLDER}/.writable": Entry.PROBE, f"{FOLDER}/report.json": Entry.FILE}
    assert stored.list_files(SWEEP_ID) == mine
    assert stored.list_files() == {**mine, "sweeps/notes.txt": Entry.FILE, "sweeps/dt=2026-11-23/": Entry.FILE}


def test_a_bucket_that_cannot_be_listed_is_an_error(hub: Clients) -> None:
    with pytest.raises(ReportStoreError, match=r"s3://no-such-bucket/sweeps/ cannot be listed: NoSuchBucket"):
        S3ReportStore(hub.s3(), "no-such-bucket").list_files()


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_listing_whose_pages_go_in_a_circle_is_an_error_with_the_operations_name(hub: Clients, pages: int) -> None:
    client = Client(hub.s3())
    tokens = iter([f"token-{number % pages}" for number in range(pages + 1)])
    client.list_objects_v2 = lambda **_: {"NextContinuationToken": next(tokens)}  # type: ignore[attr-defined]  # half a client
    with pytest.raises(ReportStoreError, match=r"cannot be listed: .*s3:ListObjectsV2 names a next page that was read"):
        S3ReportStore(client, BUCKET).list_files()  # type: ignore[arg-type]  # a traced client


# --- files in parts ---------------------------------------------------------------------------------------------------

LARGE = [bytes([number]) * (1 << 20) for number in range(19)]
"""Two parts and a rest, in pieces of a MiB."""
UPLOADED = ["create_multipart_upload", *["upload_part"] * 3, "complete_multipart_upload"]


def called(client: Client) -> list[str]:
    return [operation for operation, _ in client.calls]


def uploads_left(hub: Clients) -> list[Any]:
    return hub.s3().list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])  # type: ignore[return-value]  # rows


def test_a_large_file_goes_there_in_parts_and_comes_back_in_pieces(
    hub: Clients, client: Client, store: S3ReportStore
) -> None:
    store.put_chunks(SWEEP_ID, "report.json", LARGE)
    assert called(client) == UPLOADED
    assert hub.s3().head_object(Bucket=BUCKET, Key=f"{FOLDER}/report.json")["ContentType"] == "application/json"
    found = store.find_chunks(SWEEP_ID, "report.json")
    assert found is not None
    pieces = [*found]
    assert b"".join(pieces) == b"".join(LARGE)
    assert max(map(len, pieces)) <= 1 << 20


def test_a_small_file_in_pieces_is_one_call(client: Client, store: S3ReportStore) -> None:
    store.put_chunks(SWEEP_ID, "report.json", [b'{"a":', b" 1}"])
    assert called(client) == ["put_object"]
    assert store.read(SWEEP_ID, "report.json") == CONTENT


def test_an_empty_file_is_written_too(store: S3ReportStore) -> None:
    store.put_chunks(SWEEP_ID, "report.json", [])
    assert store.read(SWEEP_ID, "report.json") == b""


def test_no_more_than_a_part_of_a_file_is_taken_before_it_is_sent(client: Client, store: S3ReportStore) -> None:
    taken: list[int] = []

    def pieces() -> Iterator[bytes]:
        for piece in LARGE:
            taken.append(sum(one == "upload_part" for one in called(client)))
            yield piece

    store.put_chunks(SWEEP_ID, "report.json", pieces())
    assert taken == [*[0] * 16, 2, 2, 2]  # the second part only tells that it is a large one


def test_a_large_file_is_only_completed_where_there_is_none_of_that_name(client: Client, store: S3ReportStore) -> None:
    asked: list[dict[str, Any]] = []
    client.hears = lambda operation, arguments: asked.append({"operation": operation, **arguments})
    store.put_chunks(SWEEP_ID, "report.json", LARGE)
    assert [one["IfNoneMatch"] for one in asked if "IfNoneMatch" in one] == ["*"]
    assert asked[-1]["operation"] == "complete_multipart_upload"
    assert asked[0]["ChecksumAlgorithm"] == "CRC32"
    assert [sorted(one) for one in asked[-1]["MultipartUpload"]["Parts"]] == [
        ["ChecksumCRC32", "ETag", "PartNumber"]
    ] * 3


def refuse_to_complete(client: Client, code: str, times: int = 1) -> None:
    """As S3 does and moto does not, which overwrites."""

    def spoil(operation: str, _: dict[str, Any]) -> None:
        if operation == "complete_multipart_upload" and called(client).count(operation) <= times:
            raise refused(code, "CompleteMultipartUpload")

    client.hears = spoil


@pytest.mark.parametrize("code", ["PreconditionFailed", "NoSuchUpload"])
def test_a_large_file_that_is_there_already_with_the_same_content_is_written(
    hub: Clients, client: Client, store: S3ReportStore, code: str
) -> None:
    hub.s3().put_object(Bucket=BUCKET, Key=f"{FOLDER}/report.json", Body=b"".join(LARGE))
    refuse_to_complete(client, code)
    store.put_chunks(SWEEP_ID, "report.json", LARGE)
    assert uploads_left(hub) == []


def test_a_large_file_that_is_there_already_with_other_content_is_not_overwritten(
    hub: Clients, client: Client, store: S3ReportStore
) -> None:
    hub.s3().put_object(Bucket=BUCKET, Key=f"{FOLDER}/report.json", Body=b"evidence")
    refuse_to_complete(client, "PreconditionFailed")
    with pytest.raises(ReportStoreError, match=r"report\.json cannot be written: PreconditionFailed"):
        store.put_chunks(SWEEP_ID, "report.json", LARGE)
    assert store.read(SWEEP_ID, "report.json") == b"evidence"
    assert uploads_left(hub) == []


def test_after_a_clash_every_part_of_a_large_file_is_uploaded_again(
    hub: Clients, client: Client, store: S3ReportStore, slept: list[float]
) -> None:
    refuse_to_complete(client, "ConditionalRequestConflict")
    store.put_chunks(SWEEP_ID, "report.json", LARGE)
    assert called(client) == [*UPLOADED, "abort_multipart_upload", "get_object", *UPLOADED]
    assert slept == [0.1]
    assert store.read(SWEEP_ID, "report.json") == b"".join(LARGE)
    assert uploads_left(hub) == []


def test_parts_of_a_file_that_is_not_finished_are_deleted(hub: Clients, client: Client, store: S3ReportStore) -> None:
    def breaks_off() -> Iterator[bytes]:
        yield from LARGE
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put_chunks(SWEEP_ID, "report.json", breaks_off())
    assert called(client)[-1] == "abort_multipart_upload"
    assert (uploads_left(hub), keys(hub)) == ([], set())


def test_parts_that_may_not_be_deleted_cost_no_other_message(client: Client, store: S3ReportStore) -> None:
    def spoil(operation: str, _: dict[str, Any]) -> None:
        if operation in ("upload_part", "abort_multipart_upload"):
            raise refused("AccessDenied", operation)

    client.hears = spoil
    with pytest.raises(ReportStoreError, match=r"report\.json cannot be written: AccessDenied"):
        store.put_chunks(SWEEP_ID, "report.json", LARGE)
