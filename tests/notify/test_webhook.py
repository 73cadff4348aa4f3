"""A webhook that hangs, refuses, redirects or drips costs seconds and no secret."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.notify import webhook
from orchestrator.notify.channel import NotDeliveredError
from orchestrator.notify.webhook import post
from tests.support.raw_server import Act, RawServer, authority, raw_server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECRET = "services/T0/B0/the-secret"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with raw_server() as made:
        yield made


def url_of(server: RawServer) -> str:
    return f"http://127.0.0.1:{server.port}/{SECRET}"


def refused(server: RawServer) -> NotDeliveredError:
    with pytest.raises(NotDeliveredError) as failure:
        post(url_of(server), {"text": "hello"})
    shown = "".join(traceback.format_exception(failure.value))
    assert "the-secret" not in shown
    assert str(server.port) not in str(failure.value)
    return failure.value


def test_a_message_is_one_post_of_json(server: RawServer) -> None:
    server.script = [[OK]]
    post(url_of(server), {"text": "hello"})
    [request] = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(f"POST /{SECRET} HTTP/1.1".encode())
    assert b"application/json" in head
    assert json.loads(body) == {"text": "hello"}


@pytest.mark.parametrize("status", [b"404 Not Found", b"500 Oh", b"429 Slow", b"304 Same"])
def test_any_answer_but_a_yes_is_told_by_its_status_alone(server: RawServer, status: bytes) -> None:
    server.script = [[b"HTTP/1.1 " + status + b"\r\nContent-Length: 6\r\n\r\nsecret"]]
    failure = refused(server)
    assert str(failure) == f"it answered with HTTP status {status[:3].decode()}"
    assert (failure.again_after is not None) == (status[:1] in b"5" or status.startswith(b"429"))


def test_it_may_say_when_it_takes_the_message(server: RawServer) -> None:
    server.script = [[b"HTTP/1.1 429 Slow\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n"]]
    assert refused(server).again_after == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: RawServer, status: int) -> None:
    with raw_server() as other:
        other.script = [[OK]]
        there = f"http://127.0.0.1:{other.port}/"
        server.script = [[f"HTTP/1.1 {status} There\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n".encode()]]
        assert str(refused(server)) == f"it answered with HTTP status {status}"
        assert other.requests == []
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([Act.CLOSE], "it was not reached (ProtocolError)"),
        ([Act.RESET], "it was not reached (ProtocolError)"),
        ([b"220 smtp.example.com\r\n", Act.CLOSE], "it was not reached"),
    ],
)
def test_what_is_no_answer_is_told_without_the_address(server: RawServer, steps: list[bytes | Act], text: str) -> None:
    server.script = [steps]
    assert str(refused(server)).startswith(text)


def test_one_that_hangs_is_given_up(server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "READ_SECONDS", 0.05)
    server.script = [[Act.STALL]]
    assert str(refused(server)).startswith("no answer within")


def test_one_that_is_not_there_refuses_the_connection(server: RawServer) -> None:
    with raw_server() as gone:
        url = url_of(gone)
    with pytest.raises(NotDeliveredError, match=r"^the connection was refused$"):
        post(url, {})


def test_without_a_certificate_that_is_trusted_nothing_is_sent(tmp_path: Path) -> None:
    with raw_server(authority(tmp_path).server) as server:
        server.script = [[OK]]
        with pytest.raises(NotDeliveredError, match="TLS failed"):
            post(url_of(server).replace("http:", "https:"), {"text": "hello"})
        assert server.requests == []
