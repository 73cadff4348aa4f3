"""A proxy's HTML page in place of AWS's answer, in each protocol: one sentence, never the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of, text_of
from tests.support.local_aws import Answer, Answering, LocalAws, closing_clients
from tests.support.raw_server import raw_server

WELL_FORMED = "<html><body><h1>no way in</h1></body></html>"
WITH_DOCTYPE = "<!DOCTYPE html>\n<html><head><meta charset=utf-8><body>no way in"
COMMENTED = '<?xml version="1.0" encoding="utf-8"?>\n<!-- a gateway -->\n<HTML><BODY>no way in'
WITHOUT_BEGINNING = "\ufeff<center><h1>no way in</h1></center>"
WELL_FORMED_WITH_HEAD = "<!DOCTYPE html><html><head><title>Forbidden</title></head><body>no way in</body></html>"
CALLS: dict[str, Callable[[Clients], Any]] = {
    "query": lambda clients: clients.sts().get_caller_identity(),
    "ec2": lambda clients: clients.hub_ec2().describe_regions(),
    "json": lambda clients: clients.kill_switch_ssm().get_parameter(Name="/switch"),
    "rest-json": lambda clients: clients.member("lambda", "eu-central-1").publish_version(FunctionName="f"),
    "rest-xml": lambda clients: clients.member("s3", "eu-central-1").create_multipart_upload(Bucket="b", Key="k"),
}


@pytest.fixture
def answers() -> Answering:
    return lambda _: Answer("")


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any account will do: nothing here is signed for one."""
    monkeypatch.setattr(Clients, "member", lambda self, service, region: self._get("hub-once", service, region))


@pytest.mark.parametrize("protocol", CALLS)
@pytest.mark.parametrize("status", [403, 502])
@pytest.mark.parametrize("page", [WELL_FORMED, WITH_DOCTYPE, COMMENTED, WITHOUT_BEGINNING, WELL_FORMED_WITH_HEAD])
def test_a_page_is_named_by_its_status_and_endpoint_and_not_quoted(
    aws: LocalAws, clients: Clients, protocol: str, status: int, page: str
) -> None:
    aws.answering = lambda _: Answer(page, status, "text/html")
    with pytest.raises(AWS_FAILURES) as failed:
        CALLS[protocol](clients)
    for text in (text_of(failed.value), error_of(failed.value).message):
        assert "no way in" not in text
        assert f"answered with HTTP status {status} and an HTML page" in text
        assert "http://127.0.0.1" in text
    if isinstance(failed.value, ClientError):
        assert failed.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("protocol", "page"),
    [
        ("query", WITH_DOCTYPE),
        ("query", WELL_FORMED),
        ("ec2", WELL_FORMED),
        ("json", WELL_FORMED),
        ("rest-json", COMMENTED),
    ],
)
def test_a_portals_page_with_status_200_is_no_answer(aws: LocalAws, clients: Clients, protocol: str, page: str) -> None:
    """In JSON botocore reads it as an answer without anything in it: no kill switch, no item, no account."""
    aws.answering = lambda _: Answer(page, 200, "text/html")
    with pytest.raises(AWS_FAILURES) as failed:
        CALLS[protocol](clients)
    assert "answered with HTTP status 200 and an HTML page" in text_of(failed.value)
    assert classify(failed.value) is Failure.TRANSIENT


@pytest.mark.parametrize("protocol", CALLS)
def test_a_page_is_told_from_an_answer_that_mentions_one(aws: LocalAws, clients: Clients, protocol: str) -> None:
    code, said = "AccessDenied", "an &lt;html&gt; page"
    xml = f"<ErrorResponse><Error><Code>{code}</Code><Message>{said}</Message></Error></ErrorResponse>"
    bodies = {
        "ec2": f"<Response><Errors><Error><Code>{code}</Code><Message>{said}</Message></Error></Errors></Response>",
        "rest-xml": f"<Error><Code>{code}</Code><Message>{said}</Message></Error>",
        "json": f'{{"__type": "{code}", "message": "an <html> page"}}',
        "rest-json": f'{{"__type": "{code}", "message": "an <html> page"}}',
    }
    aws.answering = lambda _: Answer(bodies.get(protocol, xml), 403)
    with pytest.raises(AWS_FAILURES) as failed:
        CALLS[protocol](clients)
    assert error_of(failed.value).message == "an <html> page"


def test_a_file_of_s3_is_left_for_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server() as server:
        server.script = [[b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstored"]]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
        with closing_clients() as clients:
            assert clients.s3().get_object(Bucket="b", Key="k")["Body"].read() == b"stored"
