"""DescribeInstances on the hot path: the one call that a sweep makes for every target.

botocore sends (its own pools, proxies and certificates) and parses errors; what is left out is its per-call
machinery (serializer, endpoint rules, events, a generic parser), which costs more than the call: 0.55 ms against
0.25 ms a call, and 0.3 ms against 0.05 ms an instance.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from orchestrator.aws.clients import Clients, bound_credentials
from orchestrator.aws.failures import wrong_account
from orchestrator.aws.hearing import Answered
from orchestrator.aws.pages import NEXT_TOKEN_IN_XML, each_page
from orchestrator.aws.retries import Retries
from orchestrator.aws.signing import signed_headers
from orchestrator.aws.xml_answers import RepairingParsers, repair_xml
from orchestrator.core.model import Target
from orchestrator.kinds.shared.operations import Call

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PAGE_SIZE = 1000
IDS_A_FILTER = 200
_OPERATION = "DescribeInstances"
_ANY = {"Action": _OPERATION, "Version": "2016-11-15", "MaxResults": str(PAGE_SIZE)}
_RUNNING = {
    **_ANY,
    "Filter.1.Name": "instance-state-name",
    "Filter.1.Value.1": "pending",
    "Filter.1.Value.2": "running",
    "Filter.1.Value.3": "stopping",
}
_FIRST_PAGE = urlencode(_RUNNING).encode()
_HEADERS = {"user-agent": "stop-orchestrator"}
_OK = 200
_Calling = Callable[[Callable[[], ET.Element]], ET.Element]
"""Makes a call, once or more often."""
_NO_XML = (ET.ParseError, LookupError, ValueError)
"""The latter two for an encoding that expat does not know, such as that of a proxy's page."""
_NAMESPACE = re.compile(rb"""\sxmlns=("[^"]*"|'[^']*')""")


def running_instances(clients: Clients, retries: Retries, target: Target) -> Iterator[dict[str, Any]]:
    """The target's instances that are pending, running or stopping, as botocore would name their fields; its account is
    bound.

    Only the fields that decisions need. Raises botocore's exceptions, also for an answer about another account.
    """
    return _instances(clients, target, retries.call, _RUNNING, _FIRST_PAGE)


def instances_by_id(clients: Clients, target: Target, ids: Sequence[str], call: Call) -> Iterator[dict[str, Any]]:
    """Those of the target's instances that AWS knows, in whatever state, each call made through `call`.

    By filter: an unknown id would be an error. Raises as `running_instances`.
    """
    for start in range(0, len(ids), IDS_A_FILTER):
        values = enumerate(ids[start : start + IDS_A_FILTER], 1)
        asked = {**_ANY, "Filter.1.Name": "instance-id", **{f"Filter.1.Value.{n}": one for n, one in values}}
        yield from _instances(clients, target, lambda one: call(_OPERATION, one), asked, urlencode(asked).encode())


def _instances(
    clients: Clients, target: Target, call: _Calling, asked: Mapping[str, str], first_page: bytes
) -> Iterator[dict[str, Any]]:
    client = clients.ec2(target.region)

    def ask(**more: str) -> ET.Element:
        body = urlencode({**asked, **more}).encode() if more else first_page
        return call(partial(_call, clients, client, body))

    for root in each_page(_OPERATION, ask, NEXT_TOKEN_IN_XML, ET.Element.findtext):
        for reservation in root.iterfind("reservationSet/item"):
            owner = reservation.findtext("ownerId")
            if owner != target.account_id:
                raise wrong_account(_OPERATION, target.account_id, owner)
            yield from (_instance(item) for item in reservation.iterfind("instancesSet/item"))


def _call(clients: Clients, client: EC2Client, body: bytes) -> ET.Element:
    url = f"{client.meta.endpoint_url.rstrip('/')}/"
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = signed_headers(bound_credentials(), "ec2", client.meta.region_name, url, body, at)
    request = AWSPreparedRequest("POST", url, {**headers, **_HEADERS}, body, stream_output=False)  # type: ignore[arg-type]  # any mapping
    clients.count("ec2", _OPERATION)
    began = clients.hearing.clock() if clients.hearing else 0.0
    # botocore offers no public way to its HTTP session, which holds the proxies, certificates and pools.
    response = client._endpoint.http_session.send(request)  # type: ignore[attr-defined]  # noqa: SLF001 - no public way
    if response.status_code != _OK:
        refusal = _refusal(response, client)
        _tell(clients, client, began, response, refusal.response.get("Error", {}))
        raise refusal
    root = _answer(response.content)
    _tell(clients, client, began, response, {}, root)
    return root


def _tell(
    clients: Clients, client: EC2Client, began: float, response: Any, error: Any, root: ET.Element | None = None
) -> None:
    """Whoever listens, of this call past botocore's events."""
    if clients.hearing is None:
        return
    names = [one.text or "" for one in root.iterfind(".//instanceState/name")] if root is not None else []
    request_id = response.headers.get("x-amzn-RequestId") or (root.findtext("requestId") if root is not None else "")
    clients.hearing.tell(
        Answered(
            f"ec2:{_OPERATION}",
            client.meta.region_name,
            clients.hearing.clock() - began,
            request_id or "",
            error.get("Code", ""),
            error.get("Message", ""),
            tuple(names) if len(names) == 1 else (),
        )
    )


def _answer(content: bytes) -> ET.Element:
    """The answer without namespaces (AWS's ends in a slash, other servers' do not).

    Raises ResponseParserError for what is no answer to this question: an empty list must be one that EC2 gave.
    """
    try:
        root = _root(content)
    except _NO_XML as broken:
        try:
            root = _root(repair_xml(content))
        except _NO_XML:
            raise ResponseParserError(f"{_OPERATION} answered something that is no XML: {broken}") from broken
    if root.tag != f"{_OPERATION}Response" or root.find("reservationSet") is None:
        raise ResponseParserError(f"{_OPERATION} answered a <{root.tag}> without reservations")
    return root


def _root(content: bytes) -> ET.Element:
    return ET.fromstring(_NAMESPACE.sub(b"", content, count=1))  # noqa: S314 - expat without external entities


def _refusal(response: Any, client: EC2Client) -> ClientError:
    raw = {"body": response.content, "headers": response.headers, "status_code": response.status_code}
    shape: Any = client.meta.service_model.operation_model(_OPERATION).output_shape
    return ClientError(RepairingParsers().create_parser("ec2").parse(raw, shape), _OPERATION)


def _instance(item: ET.Element) -> dict[str, Any]:
    launched = _text(item, "launchTime")
    return {
        "InstanceId": _text(item, "instanceId"),
        "InstanceType": _text(item, "instanceType"),
        "InstanceLifecycle": _text(item, "instanceLifecycle"),
        "SpotInstanceRequestId": _text(item, "spotInstanceRequestId"),
        "RootDeviceType": _text(item, "rootDeviceType"),
        "State": {"Name": _text(item, "instanceState", "name")},
        "StateTransitionReason": _text(item, "reason"),
        "StateReason": {"Code": _text(item, "stateReason", "code"), "Message": _text(item, "stateReason", "message")},
        "LaunchTime": datetime.fromisoformat(launched) if launched else None,
        "Placement": {"AvailabilityZone": _text(item, "placement", "availabilityZone")},
        "NetworkInterfaces": [
            {"Association": {"IpOwnerId": owner}}
            for interface in item.iterfind("networkInterfaceSet/item")
            if (owner := _text(interface, "association", "ipOwnerId")) is not None
        ],
        "Operator": {
            "Managed": _text(item, "operator", "managed") == "true",
            "Principal": _text(item, "operator", "principal"),
        },
        "HibernationOptions": {"Configured": _text(item, "hibernationOptions", "configured") == "true"},
        "Tags": [
            {"Key": _text(tag, "key"), "Value": _text(tag, "value") or ""} for tag in item.iterfind("tagSet/item")
        ],
    }


def _text(element: ET.Element, *names: str) -> str | None:
    return element.findtext("/".join(names))
