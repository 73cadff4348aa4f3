"""A made-up AWS on 127.0.0.1 for one test: it keeps every request and answers with what the test's function says."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from botocore.credentials import ReadOnlyCredentials

from orchestrator.aws.clients import Clients, _NarrowLoader
from orchestrator.kinds.registry import answers, listings, member_operations

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_LOADER = _NarrowLoader(member_operations(), answers())  # parses each service model once, not once for each test
EC2_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


@dataclass(frozen=True, slots=True)
class Request:
    """What the signature claims, and what was asked."""

    access_key: str
    region: str
    service: str
    token: str
    operation: str
    form: dict[str, str] = field(default_factory=dict)
    json: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    body: str | bytes
    status: int = 200
    content_type: str = "text/xml"


Answering = Callable[[Request], Answer]


@dataclass(slots=True)
class LocalAws:
    answering: Answering
    requests: list[Request] = field(default_factory=list)

    def operations(self) -> list[str]:
        return [request.operation for request in self.requests]

    def of(self, operation: str) -> list[Request]:
        return [request for request in self.requests if request.operation == operation]


@dataclass
class Fixed:
    """One account's credentials, to be bound; key and token name the account."""

    account: str
    renewed: list[ReadOnlyCredentials] = field(default_factory=list)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return ReadOnlyCredentials(f"ASIA{self.account}", f"secret-{self.account}", f"token-{self.account}", "")

    def renew(self, expired: ReadOnlyCredentials) -> None:
        self.renewed.append(expired)


@contextmanager
def serving(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    """The environment points at it while it lasts."""
    aws = LocalAws(answering)
    server = _Server(("127.0.0.1", 0), _handler(aws))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        yield aws
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def closing_clients(**arguments: Any) -> Iterator[Clients]:
    """Clients whose connections are closed at the end, so that the server's threads end too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestrator.aws.clients._NarrowLoader", lambda *_: _LOADER)
        clients = Clients(**{"listings": listings(), **arguments})
    try:
        yield clients
    finally:
        for client in clients._made.values():
            client.close()  # and with it what the light path has of its connections


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Runs `work(0..count-1)` in threads that begin at the same moment; raises the first error of any of them."""
    start = threading.Barrier(count)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            start.wait(timeout=30)
            work(number)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    if errors:
        raise errors[0]
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"


def instances_answer(items: str = "", next_token: str = "", owner: str = "111111111111") -> Answer:
    token = f"<nextToken>{next_token}</nextToken>" if next_token else ""
    whose = f"<ownerId>{owner}</ownerId>" if owner else ""
    reservations = f"<item><reservationId>r-1</reservationId>{whose}<instancesSet>{items}</instancesSet></item>"
    return Answer(
        f'<?xml version="1.0" encoding="UTF-8"?><DescribeInstancesResponse xmlns="{EC2_NAMESPACE}">'
        f"<requestId>r</requestId><reservationSet>{reservations if items else ''}</reservationSet>{token}"
        "</DescribeInstancesResponse>"
    )


def types_answer(asked: Iterable[str], stores: Mapping[str, str]) -> Answer:
    """Of the types that were asked for those that are known: what AWS says of their instance store."""
    items = "".join(
        f"<item><instanceType>{one}</instanceType>"
        f"<instanceStorageSupported>{stores[one]}</instanceStorageSupported></item>"
        for one in asked
        if one in stores
    )
    return Answer(
        f'<DescribeInstanceTypesResponse xmlns="{EC2_NAMESPACE}"><instanceTypeSet>{items}</instanceTypeSet>'
        "</DescribeInstanceTypesResponse>"
    )


def refusal(code: str, message: str = "no", status: int = 400) -> Answer:
    """In EC2's form."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(f"<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>", status)


def sts_refusal(code: str, message: str = "no", status: int = 403) -> Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>", status)


def json_answer(document: object, status: int = 200) -> Answer:
    return Answer(json.dumps(document), status, "application/x-amz-json-1.1")


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none."""


def _handler(aws: LocalAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # head and body in one packet

        def do_POST(self) -> None:
            request = self._request()
            aws.requests.append(request)
            answer = aws.answering(request)
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the library
            """Quiet."""

        def _request(self) -> Request:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            claim = _CREDENTIAL.search(self.headers.get("Authorization", ""))
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            form = {} if target else dict(parse_qsl(body, keep_blank_values=True))
            return Request(
                access_key=claim["key"] if claim else "",
                region=claim["region"] if claim else "",
                service=claim["service"] if claim else "",
                token=self.headers.get("X-Amz-Security-Token", ""),
                operation=target or form.get("Action", ""),
                form=form,
                json=json.loads(body) if target else {},
            )

    return Handler
