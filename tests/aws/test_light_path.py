"""The light path beside botocore's client: of the same bytes the same result, or the same failure."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws import clients as clients_module
from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.failures import AWS_FAILURES, classify, error_of
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Region, Target
from orchestrator.errors import SettingsError
from orchestrator.kinds.ec2.describe import running_instances
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.settings import Settings
from tests.support.local_aws import Fixed, closing_clients, in_threads, instances_answer, refusal
from tests.support.raw_server import Act, RawServer, Steps, authority, raw_server

ACCOUNT = AccountId("111111111111")
TARGET = Target(ACCOUNT, Region("eu-west-1"))
ONCE = Retries(attempts=1, sleep=lambda _: None)
BODY = str(instances_answer("<item><instanceId>i-1</instanceId></item>").body).encode()
EMPTY = str(instances_answer().body).encode()
REFUSED = str(refusal("UnauthorizedOperation").body).encode()
PAGE = b"<html><body>a proxy's</body></html>"


def head(*headers: str, status: str = "200 OK", version: str = "1.1") -> bytes:
    return "\r\n".join([f"HTTP/{version} {status}", *headers, "", ""]).encode("latin-1")


def whole(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return head(f"Content-Length: {len(body)}", *headers, status=status) + body


def chunked(*chunks: bytes, ending: bytes = b"0\r\n\r\n", extension: str = "") -> bytes:
    parts = b"".join(f"{len(one):x}{extension}\r\n".encode() + one + b"\r\n" for one in chunks)
    return head("Transfer-Encoding: chunked") + parts + ending


def light(clients: Clients) -> Any:
    return list(running_instances(clients, ONCE, TARGET))


def by_botocore(clients: Clients) -> Any:
    path, clients.light_path = clients.light_path, None
    try:
        return list(running_instances(clients, ONCE, TARGET))
    finally:
        clients.light_path = path


def outcome(ask: Callable[[Clients], Any], clients: Clients) -> Any:
    """Ids, or the failure as the rest of the project sees it."""
    try:
        with bound_to(Fixed(ACCOUNT)):
            return [one["InstanceId"] for one in ask(clients)]
    except AWS_FAILURES as failure:
        return type(failure).__name__, classify(failure), error_of(failure).code


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with raw_server() as made:
        yield made


@pytest.fixture(scope="module")
def shared(server: RawServer) -> Iterator[Clients]:
    """One for all examples: making a client costs more than an example."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
        with closing_clients(max_connections=128) as made:
            made.ec2(TARGET.region)
            yield made


ANSWERS: dict[str, Steps] = {
    "whole": [whole(BODY)],
    "empty": [whole(EMPTY)],
    "in packets": [whole(BODY)[:30], whole(BODY)[30:200], whole(BODY)[200:]],
    "chunked": [chunked(BODY[:100], BODY[100:])],
    "chunked with extensions and trailers": [
        chunked(BODY[:7], BODY[7:], extension=";a=b", ending=b"0\r\nX-Trailer: 1\r\n\r\n")
    ],
    "chunked in capitals": [
        head("TRANSFER-ENCODING: Chunked") + f"{len(BODY):X}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
    ],
    "until it closes": [head() + BODY, Act.CLOSE],
    "and closes": [whole(BODY, "Connection: close"), Act.CLOSE],
    "of HTTP 1.0": [head(f"Content-Length: {len(BODY)}", version="1.0") + BODY, Act.CLOSE],
    "after a 100": [head(status="100 Continue") + whole(BODY)],
    "with a length that is none": [head("Content-Length: many") + BODY, Act.CLOSE],
    "with bare line feeds": [whole(BODY).replace(b"\r\n", b"\n")],
    "a header without a value": [whole(BODY, "X-Odd:")],
    "203": [whole(BODY, status="203 Of a cache")],
    "204": [head(status="204 No Content")],
    "compressed": [whole(gzip.compress(BODY), "Content-Encoding: gzip")],
    "cut off": [whole(BODY)[:-40], Act.CLOSE],
    "cut off in the head": [whole(BODY)[:20], Act.CLOSE],
    "cut off chunk": [chunked(BODY)[:-60], Act.CLOSE],
    "cut off before the last chunk": [chunked(BODY, ending=b""), Act.CLOSE],
    "chunk of no length": [head("Transfer-Encoding: chunked") + b"xyz\r\n" + BODY, Act.CLOSE],
    "closed at once": [Act.CLOSE],
    "reset at once": [Act.RESET],
    "reset in the middle": [whole(BODY)[:200], Act.RESET],
    "no HTTP": [b"220 mail.example.com ESMTP\r\n\r\n", Act.CLOSE],
    "a long line": [head(f"X-Long: {'x' * 70_000}") + BODY, Act.CLOSE],
    "many headers": [whole(BODY, *(f"X-{number}: 1" for number in range(120))), Act.CLOSE],
    "refused": [whole(REFUSED, status="403 Forbidden")],
    "refused in chunks": [chunked(REFUSED).replace(b"200 OK", b"403 Forbidden")],
    "throttled": [whole(str(refusal("RequestLimitExceeded").body).encode(), status="503 Slow down")],
    "expired": [whole(str(refusal("ExpiredToken").body).encode(), status="400 Bad")],
    "an error cut off": [whole(REFUSED, status="403 Forbidden")[:-10], Act.CLOSE],
    "an error without a body": [whole(b"", status="500 Oops")],
    "a gateway's page": [whole(PAGE, status="502 Bad Gateway")],
    "a portal's page": [whole(PAGE)],
    "a redirect": [whole(b"", "Location: http://127.0.0.1:9/", status="302 Found")],
    "no XML": [whole(b"nothing of the kind")],
    "an answer to another question": [whole(b"<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>")],
    "another account": [whole(str(instances_answer("<item/>", owner="222222222222").body).encode())],
    "an unreadable character": [whole(BODY.replace(b"i-1", b"i-\x01"))],
}


@pytest.mark.parametrize("steps", ANSWERS.values(), ids=ANSWERS)
def test_of_the_same_bytes_it_makes_what_botocores_client_makes(
    server: RawServer, shared: Clients, steps: Steps
) -> None:
    server.script = [steps]
    assert outcome(light, shared) == outcome(by_botocore, shared)
    server.script = [[whole(BODY)]]
    assert outcome(light, shared) == ["i-1"], "and whatever is left of the connection is not used again"


def test_a_kept_connection_that_was_closed_meanwhile_costs_one_request_more_and_no_failure(
    server: RawServer, shared: Clients
) -> None:
    """The close is seen only by sending: what was used right before is not looked at."""
    server.script = [[whole(BODY, "Connection: close"), Act.CLOSE], [whole(BODY), Act.CLOSE], [whole(BODY)]]
    assert outcome(light, shared) == ["i-1"], "the next one has a new connection"
    before = shared.calls()["ec2:DescribeInstances"]
    assert [outcome(light, shared) for _ in "12"] == [["i-1"]] * 2
    assert shared.calls()["ec2:DescribeInstances"] - before == 3, "each request that was sent"


def test_a_connection_that_was_idle_is_looked_at_before_it_is_used(
    server: RawServer, shared: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = [[whole(BODY), Act.CLOSE], [whole(BODY)]]
    monkeypatch.setattr("orchestrator.aws.light_transport._JUST_USED", -1.0)
    server.closed.clear()  # of the tests before
    before = shared.calls()["ec2:DescribeInstances"]
    assert outcome(light, shared) == ["i-1"]
    assert server.closed.wait(10)
    assert outcome(light, shared) == ["i-1"]
    assert shared.calls()["ec2:DescribeInstances"] - before == 2, "none was sent in vain"


def test_a_request_is_sent_once_more_only_where_no_answer_began(server: RawServer, shared: Clients) -> None:
    server.script = [[whole(BODY)], [whole(BODY)[:50], Act.RESET]]
    before = len(server.requests)
    assert outcome(light, shared) == ["i-1"]
    assert outcome(light, shared)[0] == "ConnectionClosedError"
    assert len(server.requests) - before == 2


def test_a_call_of_botocores_takes_the_same_connection(server: RawServer, shared: Clients) -> None:
    server.script = [[whole(BODY)]]
    outcome(light, shared)
    before = server.connections
    assert [outcome(ask, shared) for ask in (light, by_botocore, light)] == [["i-1"]] * 3
    assert server.connections == before


def test_128_threads_of_many_accounts_wait_for_no_connection_and_keep_theirs(
    server: RawServer, shared: Clients
) -> None:
    server.script = [[whole(EMPTY)]]
    before = server.connections

    def work(_number: int) -> None:
        for _again in "123":
            assert outcome(light, shared) == []

    in_threads(128, work)
    assert server.connections - before <= 128


def test_a_secret_with_a_line_break_is_never_sent(server: RawServer, shared: Clients) -> None:
    before = len(server.requests)
    with bound_to(Fixed("1\r\nx-evil: 1")), pytest.raises(AWS_FAILURES, match="line break"):
        light(shared)
    assert len(server.requests) == before


@pytest.mark.parametrize("steps", [[Act.STALL], [whole(BODY)[:200], Act.STALL]], ids=["silent", "silent in the middle"])
def test_a_server_that_falls_silent_is_waited_for_as_long_as_botocore_waits(
    server: RawServer, monkeypatch: pytest.MonkeyPatch, steps: Steps
) -> None:
    server.script = [steps]
    monkeypatch.setattr(clients_module, "_READ_TIMEOUT", 0.05)
    ours, botocores = fresh_outcomes(monkeypatch, f"http://127.0.0.1:{server.port}")
    assert ours == botocores
    assert ours[0] == "ReadTimeoutError"


def test_over_tls_it_waits_as_long_as_botocore_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = authority(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(mine.bundle))
    monkeypatch.setattr(clients_module, "_READ_TIMEOUT", 0.2)
    with raw_server(mine.server) as server:
        server.script = [[Act.STALL], [Act.STALL], [whole(BODY)[:200], Act.STALL]]
        for _ in range(2):
            ours, botocores = fresh_outcomes(monkeypatch, f"https://127.0.0.1:{server.port}")
            assert ours == botocores
            assert ours[0] == "ReadTimeoutError"


# --- where nothing answers ------------------------------------------------------------------------------------------


def fresh_outcomes(monkeypatch: pytest.MonkeyPatch, url: str) -> list[Any]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with closing_clients() as clients:
        assert clients.light_path is not None
        assert clients.light_path.serves("ec2", TARGET.region, "DescribeInstances")
        return [outcome(light, clients), outcome(by_botocore, clients)]


def test_an_endpoint_that_refuses_connections_or_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    closed.close()
    ours, botocores = fresh_outcomes(monkeypatch, url)
    assert ours == botocores
    assert ours[0] == "EndpointConnectionError"

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    ours, botocores = fresh_outcomes(monkeypatch, "http://ec2.example.invalid")
    assert ours == botocores
    assert ours[0] == "EndpointConnectionError"


def test_through_a_proxy_it_asks_for_the_whole_url_as_botocore_does(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://someone:secret@127.0.0.1:{server.port}")
    server.script = [[chunked(BODY)], [chunked(BODY)], [Act.CLOSE]]
    before = len(server.requests)
    assert fresh_outcomes(monkeypatch, "http://ec2.example.invalid") == [["i-1"], ["i-1"]]
    for request in server.requests[before:]:
        assert request.startswith(b"POST http://ec2.example.invalid/ HTTP/1.1\r\n")
        assert b"Proxy-Authorization: Basic" in request
    ours, botocores = fresh_outcomes(monkeypatch, "http://ec2.example.invalid")
    assert ours == botocores
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    ours, botocores = fresh_outcomes(monkeypatch, "http://ec2.example.invalid")
    assert ours == botocores
    assert ours[0] == "ProxyConnectionError"


def test_a_certificate_is_checked_against_the_bundle_that_botocore_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine, other = authority(tmp_path / "mine"), authority(tmp_path / "other")
    with raw_server(mine.server) as server:
        server.script = [[whole(BODY)]]
        for bundle, expected in ((mine.bundle, ["i-1"]), (other.bundle, None), (tmp_path / "none", None)):
            monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
            ours, botocores = fresh_outcomes(monkeypatch, f"https://127.0.0.1:{server.port}")
            assert ours == botocores
            assert ours == expected or (expected is None and ours[0] == "SSLError")


def test_a_server_without_tls_or_that_shakes_no_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients_module, "_READ_TIMEOUT", 0.05)
    monkeypatch.setattr(clients_module, "_CONNECT_TIMEOUT", 0.05)
    for shakes_hands in (True, False):
        with raw_server(shakes_hands=shakes_hands) as server:
            server.script = [[whole(BODY)]]
            ours, botocores = fresh_outcomes(monkeypatch, f"https://127.0.0.1:{server.port}")
            assert ours == botocores
            assert ours[1].name == "TRANSIENT"


# --- what may go by it ----------------------------------------------------------------------------------------------


def test_every_kind_declares_listings_alone_and_only_such_as_it_asks_for() -> None:
    for kind in DESCRIPTIONS:
        asked = {f"{service}:{name}" for service, names in kind.operations.items() for name in names}
        assert kind.listings <= asked
        assert all(one.partition(":")[2].startswith(("Describe", "List")) for one in kind.listings)


@pytest.mark.parametrize("operation", ["StopInstances", "DescribeRegions"])
def test_what_no_kind_declares_is_never_sent_by_it(shared: Clients, operation: str) -> None:
    assert shared.light_path is not None
    with pytest.raises(ValueError, match=f"ec2:{operation} is no listing"):
        shared.light_path.ask("ec2", TARGET.region, operation, b"", lambda _: None)  # type: ignore[arg-type,return-value]  # never read


def test_it_is_on_unless_it_is_switched_off() -> None:
    name = "STOP_ORCHESTRATOR_LIGHT_PATH"
    said = [Settings.from_env(around).light_path for around in ({}, {name: "on"}, {name: "off"})]
    assert said == [True, True, False]
    with pytest.raises(SettingsError, match=f"{name}='maybe': must be 'on' or 'off'"):
        Settings.from_env({name: "maybe"})
