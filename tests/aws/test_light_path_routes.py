"""Where the light path sends a call, beside botocore's client in the same environment; nothing is ever connected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore import awsrequest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import NewConnectionError

from orchestrator.aws import clients as clients_module
from orchestrator.aws import light_path
from orchestrator.aws.clients import bound_to
from orchestrator.aws.failures import AWS_FAILURES
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Region, Target
from orchestrator.kinds.ec2.describe import running_instances
from tests.support.local_aws import Fixed, closing_clients

ACCOUNT = AccountId("111111111111")
ONCE = Retries(attempts=1, sleep=lambda _: None)
REGIONS = ("eu-west-1", "us-east-1", "af-south-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "eusc-de-east-1")
ENDPOINTS = (
    "http://127.0.0.1:9",
    "http://127.0.0.1:80/",
    "https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com",
    "https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com:443",
    "https://gateway.example.com:8443/aws",
    "https://gateway.example.com/?team=platform",
    "https://someone:secret@gateway.example.com",
    "http://[::1]:4566",
    "HTTP://GATEWAY.example.com",
)
PROXIES = ("http://proxy.example.com:3128", "https://someone:secret@proxy.example.com:3129", "proxy.example.com:80")
NOT_THESE = ("*", "amazonaws.com", ".amazonaws.com,amazonaws.com.cn", "gateway.example.com", "127.0.0.1", "10.0.0.0/8")
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^,]+),")
_CONFIGURED = (
    "host",
    "port",
    "proxy",
    "_tunnel_host",
    "timeout",
    "cert_reqs",
    "ca_certs",
    "socket_options",
    "cert_file",
)


@contextmanager
def _not_connecting(patch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What connections would have been opened, with all that they are configured by."""
    opened: list[Any] = []

    def connect(self: Any) -> None:
        opened.append((type(self).__name__, *(str(getattr(self, name, None)) for name in _CONFIGURED)))
        raise NewConnectionError(self, "not in a test")

    patch.setattr(awsrequest.AWSHTTPConnection, "connect", connect)
    patch.setattr(awsrequest.AWSHTTPSConnection, "connect", connect)
    yield opened


def routes(
    environment: Mapping[str, str], region: str, timeouts: tuple[float, float] = (5, 30)
) -> tuple[Any, Any, str]:
    """Of both paths the connection, URL and scope of the signature, or the failure; and which way ours went."""
    with pytest.MonkeyPatch.context() as patch, _not_connecting(patch) as opened:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        patch.delenv("AWS_ENDPOINT_URL")
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(clients_module, "_CONNECT_TIMEOUT", timeouts[0])
        patch.setattr(clients_module, "_READ_TIMEOUT", timeouts[1])
        sent: list[Any] = []
        sign = light_path.signed_headers

        def signed(*arguments: Any) -> dict[str, str]:
            headers = sign(*arguments)
            sent.append((arguments[3], _scope(headers["authorization"])))
            return headers

        patch.setattr(light_path, "signed_headers", signed)
        with closing_clients() as clients:
            path, found = clients.light_path, []
            for clients.light_path in (path, None):
                failure = _ask(clients, Region(region), sent)
                found.append((failure, *opened, *sent))
                opened.clear()
                sent.clear()
        return found[0], found[1], _way(path)


def _ask(clients: Any, region: Region, sent: list[Any]) -> str:
    def note(request: Any, **_: Any) -> None:
        sent.append((request.url, _scope(request.headers["Authorization"].decode())))

    try:
        clients.ec2(region).meta.events.register("before-send.ec2", note, unique_id="note")
        with bound_to(Fixed(ACCOUNT)):
            list(running_instances(clients, ONCE, Target(ACCOUNT, region)))
    except AWS_FAILURES as failure:
        return f"{type(failure).__name__}: {failure}"
    return "nothing failed"


def _way(path: Any) -> str:
    (route,) = path._routes.values() or (None,)
    return "botocore's client" if route is None else "direct" if route.direct else "botocore's session"


def _scope(authorization: str) -> str:
    match = _SCOPE.search(authorization)
    assert match is not None
    return match[1]


@pytest.mark.parametrize(
    ("environment", "region", "way"),
    [
        ({}, "eu-west-1", "direct"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "us-gov-west-1", "direct"),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "us-east-1", "direct"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_EC2": ENDPOINTS[2]}, "eu-west-1", "direct"),
        ({"AWS_ENDPOINT_URL": ENDPOINTS[4]}, "eu-west-1", "botocore's client"),
        ({"HTTPS_PROXY": PROXIES[0]}, "cn-north-1", "botocore's session"),
        ({"HTTPS_PROXY": PROXIES[0], "NO_PROXY": "amazonaws.com"}, "eu-west-1", "direct"),
        ({"HTTP_PROXY": PROXIES[1], "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "eu-west-1", "botocore's session"),
        ({"AWS_CA_BUNDLE": "/etc/mine.pem", "REQUESTS_CA_BUNDLE": "/etc/other.pem"}, "eu-west-1", "direct"),
        ({"REQUESTS_CA_BUNDLE": "/etc/other.pem"}, "eu-west-1", "direct"),
    ],
)
def test_it_goes_where_botocores_client_goes(environment: dict[str, str], region: str, way: str) -> None:
    ours, botocores, gone = routes(environment, region)
    assert ours == botocores
    assert len(ours) == 3, "one connection, one request"
    assert gone == way


def _maybe(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.just({}) | values.map(lambda value: {name: value})


ENVIRONMENTS = st.tuples(
    _maybe("AWS_USE_FIPS_ENDPOINT", st.sampled_from(["true", "false"])),
    _maybe("AWS_USE_DUALSTACK_ENDPOINT", st.sampled_from(["true", "false"])),
    _maybe("AWS_ENDPOINT_URL", st.sampled_from(ENDPOINTS)),
    _maybe("AWS_ENDPOINT_URL_EC2", st.sampled_from(ENDPOINTS)),
    _maybe("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", st.sampled_from(["true", "false"])),
    _maybe("HTTP_PROXY", st.sampled_from(PROXIES)),
    _maybe("HTTPS_PROXY", st.sampled_from(PROXIES)),
    _maybe("https_proxy", st.sampled_from(PROXIES)),
    _maybe("NO_PROXY", st.sampled_from(NOT_THESE)),
    _maybe("AWS_CA_BUNDLE", st.sampled_from(["/etc/mine.pem", "mine.pem"])),
    _maybe("REQUESTS_CA_BUNDLE", st.sampled_from(["/etc/other.pem"])),
).map(lambda parts: {name: value for part in parts for name, value in part.items()})


@pytest.mark.full
@given(
    environment=ENVIRONMENTS,
    region=st.sampled_from(REGIONS),
    timeouts=st.tuples(st.sampled_from([1, 5, 2.5]), st.sampled_from([1, 30, 0.5])),
)
def test_it_goes_where_botocores_client_goes_in_any_environment(
    environment: dict[str, str], region: str, timeouts: tuple[float, float]
) -> None:
    ours, botocores, _ = routes(environment, region, timeouts)
    assert ours == botocores
