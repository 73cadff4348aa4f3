"""The console over HTTP: it only reads, only for names that are its own, and nothing of a request does more."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http import HTTPStatus
from http.client import IncompleteRead

import pytest

from orchestrator.console.answers import Answer, text_answer
from orchestrator.errors import ReportStoreError
from tests.console.conftest import PUBLIC, Serving

PROTECTION = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def raw(serving: Serving, request: bytes) -> bytes:
    """All that comes back."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


def test_an_answer_has_its_status_body_and_every_protective_header(serving: Serving) -> None:
    status, headers, body = serving.ask()
    assert (status, body) == (200, b"hello\n")
    assert {name: headers.get(name) for name in PROTECTION} == PROTECTION
    assert not [name for name in headers if name.startswith("access-control")]
    assert headers["server"] == "stop-orchestrator"
    assert headers["connection"] == "close"


def test_a_preflight_of_another_site_is_refused_without_a_header_of_cors(serving: Serving) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for method in ("OPTIONS", "GET"):
        _, headers, _ = serving.ask(method, **asked)
        assert not [name for name in headers if name.startswith("access-control")]


def test_head_is_answered_as_get_without_a_body(serving: Serving) -> None:
    status, headers, body = serving.ask("HEAD", "/sweeps/x")
    assert (status, body, serving.asked) == (200, b"", ["/sweeps/x"])
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"])
def test_every_other_method_is_refused_before_anything_is_read(serving: Serving, method: str) -> None:
    status, headers, body = serving.ask(method)
    assert (status, headers["allow"], serving.asked) == (405, "GET, HEAD", [])
    assert b"only reads" in body
    assert {name: headers.get(name) for name in PROTECTION} == PROTECTION


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1.evil.example", "localhost, evil.example"])
def test_a_host_that_is_not_its_own_is_refused_before_anything_is_read(serving: Serving, host: str) -> None:
    status, headers, body = serving.ask(Host=host)
    assert (status, serving.asked) == (421, [])
    assert b"evil" not in body
    assert {name: headers.get(name) for name in PROTECTION} == PROTECTION


def test_it_answers_for_the_public_name_of_the_proxy(serving: Serving) -> None:
    assert serving.ask(Host=f"{PUBLIC}:443")[0] == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nX-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(200)) + b"\r\n",
    ],
    ids=repr,
)
def test_what_is_no_request_of_ours_is_refused_and_not_quoted(serving: Serving, request_bytes: bytes) -> None:
    answer = raw(serving, request_bytes)
    assert answer.split(b" ", 2)[1] in (b"400", b"405", b"414", b"421", b"431", b"505")
    assert b"<" not in answer
    assert serving.asked == []
    assert serving.warned == []


def test_a_second_request_within_the_first_is_not_read(serving: Serving) -> None:
    within = b"GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(within)
    assert raw(serving, request + within).count(b"HTTP/1.1") == 1
    assert serving.asked == ["/"]


def test_an_old_client_gets_the_body_as_it_is(serving: Serving) -> None:
    answer = raw(serving, b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nhello\n")


def test_a_long_body_is_sent_while_it_is_made(serving: Serving) -> None:
    serving.answer = lambda _: Answer(HTTPStatus.OK, (b"x" * 100_000 for _ in range(50)))
    status, headers, body = serving.ask()
    assert (status, headers["transfer-encoding"], len(body)) == (200, "chunked", 5_000_000)


def test_a_body_that_breaks_off_is_seen_to_be_not_whole(serving: Serving) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"some"
        raise ReportStoreError("the connection to S3 is gone")

    serving.answer = lambda _: Answer(HTTPStatus.OK, breaking())
    with pytest.raises(IncompleteRead):
        serving.ask()
    assert serving.warned == ["a page broke off: the connection to S3 is gone"]


def test_a_mistake_of_ours_is_an_answer_and_a_line_for_the_operator(serving: Serving) -> None:
    def broken(_: str) -> Answer:
        raise KeyError("secret")

    serving.answer = broken
    status, _, body = serving.ask()
    assert (status, b"secret" in body) == (500, False)
    assert serving.warned == ["a page could not be made: KeyError: 'secret'"]
    serving.answer = lambda _: text_answer(HTTPStatus.OK, "again")
    assert serving.ask()[2] == b"again\n"


def test_a_client_that_leaves_is_nothing_to_tell(serving: Serving) -> None:
    with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as connection:
        connection.sendall(b"GET / HT")
    assert serving.ask()[0] == 200
    assert serving.warned == []
