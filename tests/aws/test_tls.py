"""One SSL context for all connections: the bundle that botocore names is loaded once, and checked as botocore does."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import SSLError

from orchestrator.aws import tls
from orchestrator.aws.clients import Clients, bound_to
from tests.support.local_aws import Fixed, closing_clients, in_threads
from tests.support.raw_server import Act, Authority, RawServer, authority, raw_server

BODY = b"<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


@pytest.fixture
def mine(tmp_path: Path) -> Authority:
    return authority(tmp_path / "mine")


@pytest.fixture
def server(mine: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    """Each answer ends its connection."""
    with raw_server(mine.server) as made:
        made.script = [[ANSWER, Act.CLOSE]]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{made.port}")
        monkeypatch.setenv("AWS_CA_BUNDLE", str(mine.bundle))
        yield made


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each time that OpenSSL reads a bundle, in contexts made from here on."""
    seen: list[str] = []

    class Counting(ssl.SSLContext):
        def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
            seen.append(str(cafile))
            super().load_verify_locations(cafile, capath, cadata)

    monkeypatch.setattr("botocore.httpsession.SSLContext", Counting)
    monkeypatch.setattr(tls, "_shared", {})
    return seen


def ask(clients: Clients, region: str = "eu-west-1") -> None:
    with bound_to(Fixed("111111111111")):
        clients.ec2(region).describe_instances()


def test_the_bundle_is_loaded_once_for_all_clients_connections_and_threads(
    server: RawServer, mine: Authority, loads: list[str]
) -> None:
    with closing_clients() as one, closing_clients() as other:

        def work(number: int) -> None:
            ask(other if number % 2 else one, f"eu-west-{number % 3 + 1}")

        in_threads(12, work)
    assert server.connections == 12
    assert loads == [str(mine.bundle)]


def test_a_bundle_that_was_exchanged_is_loaded_again(
    server: RawServer, mine: Authority, loads: list[str], tmp_path: Path
) -> None:
    right = mine.bundle.read_bytes()
    mine.bundle.write_bytes(authority(tmp_path / "other").bundle.read_bytes() + b"\n# as it was before\n")
    with closing_clients() as clients:
        with pytest.raises(SSLError, match="certificate verify failed"):
            ask(clients)
        mine.bundle.write_bytes(right)
        ask(clients)
    assert len(loads) == 2


def test_a_bundle_that_is_not_there_is_no_bundle_that_trusts_all(
    server: RawServer, mine: Authority, loads: list[str]
) -> None:
    pem = mine.bundle.read_bytes()
    mine.bundle.unlink()
    with closing_clients() as clients:
        for _again in "12":
            with pytest.raises(SSLError):
                ask(clients)
        mine.bundle.write_bytes(pem)
        ask(clients)


def test_clients_with_different_bundles_do_not_share_their_trust(
    server: RawServer, mine: Authority, loads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing_clients() as trusting:
        ask(trusting)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority(tmp_path / "other").bundle))
        with closing_clients() as careful, pytest.raises(SSLError, match="certificate verify failed"):
            ask(careful)
        ask(trusting)


def test_a_name_that_the_certificate_does_not_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads: list[str]
) -> None:
    elsewhere = authority(tmp_path / "elsewhere", host="192.0.2.1")
    with raw_server(elsewhere.server) as server:
        server.script = [[ANSWER]]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{server.port}")
        monkeypatch.setenv("AWS_CA_BUNDLE", str(elsewhere.bundle))
        with closing_clients() as clients, pytest.raises(SSLError, match=r"192\.0\.2\.1|doesn't match|mismatch"):
            ask(clients)
