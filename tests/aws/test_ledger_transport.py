"""The ledger's transport beside botocore's own: the same request on the wire, and of the same bytes the same result."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.aws.failures import AWS_FAILURES, error_of
from tests.support.local_aws import closing_clients
from tests.support.raw_server import Act, RawServer, Steps, raw_server

ITEM = {"PK": {"S": "SWEEP#1"}, "SK": {"S": "ACTION#ü"}}


def whole(document: object, *headers: str, status: str = "200 OK") -> bytes:
    body = json.dumps(document).encode()
    crc = f"x-amz-crc32: {zlib.crc32(body)}"
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", crc, *headers, "", ""]
    return "\r\n".join(lines).encode() + body


FOUND = whole({"Item": ITEM})
REFUSED = whole({"__type": "x#ConditionalCheckFailedException", "message": "no"}, status="400 Bad Request")
THROTTLED = whole({"__type": "x#ThrottlingException", "message": "slow down"}, status="400 Bad Request")
WRONG = FOUND.replace(b"x-amz-crc32: ", b"x-amz-crc32: 1")
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<html>a proxy</html>"
ANSWERS: dict[str, list[Steps]] = {
    "found": [[FOUND]],
    "refused": [[REFUSED]],
    "throttled twice": [[THROTTLED], [THROTTLED], [FOUND]],
    "a fault once": [[whole({}, status="500 Oops")], [FOUND]],
    "of another checksum once": [[WRONG], [FOUND]],
    "closed at once": [[Act.CLOSE], [FOUND]],
    "reset in the middle": [[FOUND[:60], Act.RESET], [FOUND]],
    "closed after each": [[whole({"Item": ITEM}, "Connection: close"), Act.CLOSE]],
    "a page": [[PAGE]],
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    # What botocore's waits before another try are multiplied by.
    monkeypatch.setattr("botocore.retryhandler.random.random", lambda: 0.0)
    with raw_server() as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{made.port}")
        yield made


def asked(server: RawServer, script: list[Steps], *, is_light: bool, times: int = 2) -> tuple[list[Any], list[bytes]]:
    """What came of some calls of one client, and their requests."""
    server.script, server.requests = [*script], []
    came: list[Any] = []
    with closing_clients(listings=frozenset() if is_light else None) as clients:
        for _ in range(times):
            try:
                came.append(clients.dynamodb().get_item(TableName="sweeps", Key=ITEM).get("Item"))
            except AWS_FAILURES as failure:
                came.append((type(failure).__name__, error_of(failure).code))
        came.append(dict(clients.calls()))
    return came, server.requests


@pytest.mark.parametrize("name", ANSWERS)
def test_of_the_same_answer_comes_what_comes_of_it_by_botocore(name: str, server: RawServer) -> None:
    light, _ = asked(server, ANSWERS[name], is_light=True)
    assert light == asked(server, ANSWERS[name], is_light=False)[0]


def test_the_request_on_the_wire_is_botocores(server: RawServer) -> None:
    def said(request: bytes) -> tuple[bytes, set[bytes], bytes]:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *headers = head.split(b"\r\n")
        return first, {line.partition(b":")[0].lower() for line in headers}, body

    (_, [light]), (_, [by_botocore]) = (asked(server, [[FOUND]], is_light=one, times=1) for one in (True, False))
    assert said(light) == said(by_botocore)


def test_a_connection_is_kept_for_the_next_request(server: RawServer) -> None:
    asked(server, [[FOUND]], is_light=True, times=3)
    assert server.connections == 1


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
def test_a_proxy_is_asked_by_botocore(name: str, server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://dynamodb.example.com")
    came, requests = asked(server, [[FOUND]], is_light=True, times=1)
    assert came == [ITEM, {"dynamodb:GetItem": 1}]
    assert requests[0].startswith(b"POST http://dynamodb.example.com/ HTTP/1.1")
