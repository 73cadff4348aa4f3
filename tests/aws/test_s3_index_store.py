"""The files of the index page in the bucket: overwritten by each sweep, with a type that browsers show."""

from __future__ import annotations

import pytest

from orchestrator.aws.clients import Clients
from orchestrator.aws.s3_index_store import S3IndexStore
from orchestrator.errors import ReportStoreError

BUCKET = "reports"


@pytest.fixture
def store(hub: Clients) -> S3IndexStore:
    hub.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return S3IndexStore(hub.s3(), BUCKET)


def test_a_file_that_is_not_there_is_none(store: S3IndexStore) -> None:
    assert store.find("sweeps.json") is None


def test_what_was_written_last_is_found_below_its_prefix(store: S3IndexStore, hub: Clients) -> None:
    for content in (b"1", b"22"):
        store.put("index.html", content)
    assert store.find("index.html") == b"22"
    found = hub.s3().get_object(Bucket=BUCKET, Key="index/index.html")
    assert found["ContentType"] == "text/html; charset=utf-8"


def test_what_aws_refuses_is_named_with_its_place(store: S3IndexStore, hub: Clients) -> None:
    gone = S3IndexStore(hub.s3(), "no-such-bucket")
    with pytest.raises(ReportStoreError, match=r"s3://no-such-bucket/index/a\.json cannot be read: NoSuchBucket"):
        gone.find("a.json")
    with pytest.raises(ReportStoreError, match=r"s3://no-such-bucket/index/a\.json cannot be written: NoSuchBucket"):
        gone.put("a.json", b"1")
