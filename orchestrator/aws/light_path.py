"""The light path of listing calls: what a sweep asks of every target, at the cost of the network.

What decides where a call goes and how it is signed stays botocore's: endpoint, credentials, region and name of the
signature, proxies, certificates, time-outs. What is replaced is the machinery around one call (serializer, endpoint
rules for each call, events, a generic parser): 0.1 ms in place of 0.6 ms. Nothing but listings may go by it: the
kinds declare them, and each begins with Describe or List. `STOP_ORCHESTRATOR_LIGHT_PATH=off` switches it off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.hearing import Answered, Hearing
from orchestrator.aws.html_answers import refuse_unreadable, replace_message
from orchestrator.aws.light_transport import Connections, Raw, message
from orchestrator.aws.signing import signed_headers
from orchestrator.aws.xml_answers import RepairingParsers

_FORM_PROTOCOLS = frozenset({"ec2", "query"})
_FIRST_ERROR = 300
USER_AGENT = "stop-orchestrator"
_PREFIXES = ("Describe", "List")


class Page(Protocol):
    """An answer, read."""

    @property
    def request_id(self) -> str:
        """AWS's own; empty where it is among the headers."""
        ...

    @property
    def states(self) -> Sequence[str]:
        """Of each resource in it, in AWS's words."""
        ...


P = TypeVar("P", bound=Page)


@dataclass(frozen=True, slots=True)
class _Route:
    """Where one operation of one client goes."""

    client: Any
    url: str
    """Whose path is `/`."""
    service: str
    region: str
    """Both of the signature."""
    protocol: str
    head: str
    direct: Connections | None
    """None: through a proxy, by botocore's own session."""


class LightPath:
    """Sends listings. `client`: botocore's of that service and region, for whichever account is bound."""

    def __init__(
        self,
        listings: frozenset[str],
        client: Callable[[str, str], Any],
        credentials: Callable[[], ReadOnlyCredentials],
        count: Callable[[str, str], None],
        hearing: Hearing | None,
    ) -> None:
        self._listings = listings
        self._client = client
        self._credentials = credentials
        self._count = count
        self._hearing = hearing
        self._routes: dict[tuple[str, str, str], _Route | None] = {}

    def serves(self, service: str, region: str, operation: str) -> bool:
        """Whether `ask` can send it as botocore would; where not, botocore's own client has to be asked.

        Raises ValueError for an operation that no kind declares as a listing.
        """
        return self._route(service, region, operation) is not None

    def ask(self, service: str, region: str, operation: str, form: bytes, read: Callable[[bytes], P]) -> P:
        """The answer to that form, by `read`; tried once. Raises botocore's exceptions, as its client would."""
        route = self._route(service, region, operation)
        if route is None:
            raise ValueError(f"{service}:{operation} in {region} has to be asked by botocore's client")
        if self._hearing is None:
            return self._asked(route, operation, form, read)[0]
        return self._heard(self._hearing, route, operation, form, read)

    def _asked(self, route: _Route, operation: str, form: bytes, read: Callable[[bytes], P]) -> tuple[P, Raw]:
        raw = self._sent(route, operation, form)
        if raw.status >= _FIRST_ERROR:
            raise _refusal(route.client, operation, raw)
        refuse_unreadable(route.client.meta.endpoint_url, route.protocol, raw.content, raw.status)
        return read(raw.content), raw

    def _sent(self, route: _Route, operation: str, form: bytes) -> Raw:
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = signed_headers(self._credentials(), route.service, route.region, route.url, form, at)
        count = partial(self._count, route.service, operation)
        if route.direct is not None:
            return route.direct.post(message(route.head, headers, form), count)
        headers["user-agent"] = USER_AGENT
        request = AWSPreparedRequest("POST", route.url, headers, form, stream_output=False)  # type: ignore[arg-type]  # any mapping
        count()
        response = _session(route.client).send(request)
        return Raw(response.status_code, response.headers, response.content)

    def _heard(self, hearing: Hearing, route: _Route, operation: str, form: bytes, read: Callable[[bytes], P]) -> P:
        """As botocore's events tell it of other calls."""
        began = hearing.clock()
        told = partial(Answered, f"{route.service}:{operation}", route.client.meta.region_name)
        try:
            page, raw = self._asked(route, operation, form, read)
        except AWS_FAILURES as failure:
            error = error_of(failure)
            hearing.tell(told(hearing.clock() - began, _request_id(failure), error.code, error.message))
            raise
        request_id = raw.headers.get("x-amzn-requestid") or page.request_id
        states = tuple(page.states)
        hearing.tell(told(hearing.clock() - began, request_id, states=states if len(states) == 1 else ()))
        return page

    def _route(self, service: str, region: str, operation: str) -> _Route | None:
        key = (service, region, operation)
        try:
            return self._routes[key]
        except KeyError:
            if f"{service}:{operation}" not in self._listings or not operation.startswith(_PREFIXES):
                raise ValueError(f"{service}:{operation} is no listing that a kind declares") from None
            return self._routes.setdefault(key, _find_route(self._client(service, region), operation))


def _find_route(client: Any, operation: str) -> _Route | None:
    """None for whatever this path does not do exactly as botocore does."""
    model, signer = client.meta.service_model.operation_model(operation), client._request_signer  # noqa: SLF001 - no public way
    context: dict[str, Any] = {"client_region": client.meta.region_name, "client_config": client.meta.config}
    # Once for each client: by rules that botocore asks at every call, which need no parameter of these operations.
    url, headers, properties = client._resolve_endpoint_ruleset(model, {}, context)  # noqa: SLF001 - no public way
    parts, protocol = urlsplit(url), model.service_model.resolved_protocol
    is_plain = (
        protocol in _FORM_PROTOCOLS
        and model.http.get("requestUri") == "/"
        and not (model.endpoint or headers or properties or context.get("signing"))
        and model.resolved_auth_type in (None, "v4")
        and signer.signature_version == "v4"
        and parts.path in ("", "/")
        and not (parts.query or parts.fragment or parts.username or parts.password)
    )
    if not is_plain:
        return None
    url = f"{parts.scheme}://{parts.netloc}/"
    session = _session(client)
    is_proxied = session._proxy_config.proxy_url_for(url) is not None  # noqa: SLF001 - no public way
    direct = None if is_proxied else Connections(session, url)
    head = f"POST / HTTP/1.1\r\naccept-encoding: identity\r\nuser-agent: {USER_AGENT}\r\n"
    return _Route(client, url, signer.signing_name, signer.region_name, protocol, head, direct)


def _session(client: Any) -> Any:
    # botocore offers no public way to its HTTP session, which holds the proxies, certificates and pools.
    return client._endpoint.http_session  # noqa: SLF001 - no public way


def _refusal(client: Any, operation: str, raw: Raw) -> ClientError:
    """As botocore's client reads it. Raises ResponseParserError for what nobody can read."""
    model: Any = client.meta.service_model.operation_model(operation)
    protocol, endpoint = model.service_model.resolved_protocol, client.meta.endpoint_url
    answered = {"body": raw.content, "headers": HeadersDict(raw.headers), "status_code": raw.status}
    refuse_unreadable(endpoint, protocol, raw.content, raw.status)
    parsed = RepairingParsers().create_parser(protocol).parse(answered, model.output_shape)
    replace_message(endpoint, raw.content, raw.status, parsed)
    refused: ClientError = client.exceptions.from_code(parsed.get("Error", {}).get("Code"))(parsed, operation)
    return refused


def _request_id(failure: Exception) -> str:
    answer = failure.response if isinstance(failure, ClientError) else {}
    return str(answer.get("ResponseMetadata", {}).get("RequestId", ""))
