"""DescribeInstances' answer in XML, in one walk over it: what decisions need, as botocore would name the fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET

from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp

from orchestrator.aws.failures import wrong_account
from orchestrator.aws.pages import NEXT_TOKEN_IN_XML
from orchestrator.aws.xml_answers import repair_xml
from orchestrator.core.model import AccountId

OPERATION = "DescribeInstances"
_NO_XML = (ET.ParseError, LookupError, ValueError)
"""The latter two for an encoding that expat does not know, such as that of a proxy's page."""
_NAMESPACE = re.compile(rb"""((?:[^<]|<[?!])*<[^<>]*?)\sxmlns=("[^"]*"|'[^']*')""")
"""In the root's tag: what stands before it, and it."""


@dataclass(frozen=True, slots=True)
class Instances:
    """One page."""

    instances: Sequence[dict[str, Any]]
    next_token: str
    request_id: str

    @property
    def states(self) -> Sequence[str]:
        """For whoever hears of the call."""
        return [one["State"]["Name"] or "" for one in self.instances]


def read_instances(account_id: AccountId, content: bytes) -> Instances:
    """The page. Raises ResponseParserError for what is no answer to this question: an empty list must be one that EC2
    gave. Raises as `wrong_account` says for instances of another account.
    """
    try:
        root = _root(content)
    except _NO_XML as broken:
        try:
            root = _root(repair_xml(content))
        except _NO_XML:
            raise ResponseParserError(f"{OPERATION} answered something that is no XML: {broken}") from broken
    reservations = root.find("reservationSet")
    if root.tag != f"{OPERATION}Response" or reservations is None:
        raise ResponseParserError(f"{OPERATION} answered a <{root.tag}> without reservations")
    instances: list[dict[str, Any]] = []
    for reservation in reservations:
        owner = reservation.findtext("ownerId")
        if owner != account_id:
            raise wrong_account(OPERATION, account_id, owner)
        instances += [_instance(item) for item in reservation.iterfind("instancesSet/item")]
    return Instances(instances, root.findtext(NEXT_TOKEN_IN_XML.answered) or "", root.findtext("requestId") or "")


def _root(content: bytes) -> ET.Element:
    """Without namespaces: AWS's ends in a slash, other servers' do not."""
    named = _NAMESPACE.match(content)
    if named is not None:
        content = content[: named.end(1)] + content[named.end() :]
    # As botocore, whatever encoding the answer names.
    return ET.fromstring(content, ET.XMLParser(encoding="utf-8"))  # noqa: S314 - expat without external entities


def _instance(item: ET.Element) -> dict[str, Any]:
    parts = {part.tag: part for part in item}
    texts = {tag: part.text or "" for tag, part in parts.items()}
    none: Iterable[ET.Element] = ()
    return {
        "InstanceId": texts.get("instanceId"),
        "InstanceType": texts.get("instanceType"),
        "InstanceLifecycle": texts.get("instanceLifecycle"),
        "SpotInstanceRequestId": texts.get("spotInstanceRequestId"),
        "RootDeviceType": texts.get("rootDeviceType"),
        "State": {"Name": _text(parts.get("instanceState"), "name")},
        "StateTransitionReason": texts.get("reason"),
        "StateReason": {
            "Code": _text(parts.get("stateReason"), "code"),
            "Message": _text(parts.get("stateReason"), "message"),
        },
        "LaunchTime": _time(texts.get("launchTime")),
        "Placement": {
            "AvailabilityZone": _text(parts.get("placement"), "availabilityZone"),
            "Tenancy": _text(parts.get("placement"), "tenancy"),
        },
        "ImageId": texts.get("imageId"),
        "VpcId": texts.get("vpcId"),
        "SubnetId": texts.get("subnetId"),
        "KeyName": texts.get("keyName"),
        "PlatformDetails": texts.get("platformDetails"),
        "Architecture": texts.get("architecture"),
        "NetworkInterfaces": [_interface(interface) for interface in parts.get("networkInterfaceSet", none)],
        "BlockDeviceMappings": [
            {"Ebs": {"AttachTime": _attached(device.find("ebs"))}} for device in parts.get("blockDeviceMapping", none)
        ],
        "Operator": {
            "Managed": _text(parts.get("operator"), "managed") == "true",
            "Principal": _text(parts.get("operator"), "principal"),
        },
        "HibernationOptions": {"Configured": _text(parts.get("hibernationOptions"), "configured") == "true"},
        "Tags": [
            {"Key": tag.findtext("key") or "", "Value": tag.findtext("value") or ""}
            for tag in parts.get("tagSet", none)
        ],
    }


def _interface(item: ET.Element) -> dict[str, Any]:
    return {
        "Association": {"IpOwnerId": _text(item.find("association"), "ipOwnerId")},
        "Attachment": {"AttachTime": _attached(item.find("attachment"))},
    }


def _attached(element: ET.Element | None) -> datetime | None:
    """When it was attached; None where that is not told, or is no time: conditions alone look at it."""
    with suppress(ValueError, ResponseParserError):
        return _time(_text(element, "attachTime"))
    return None


def _text(element: ET.Element | None, name: str) -> str | None:
    return None if element is None else element.findtext(name)


def _time(text: str | None) -> datetime | None:
    """As botocore reads it. Raises ResponseParserError: no instance is taken for one that never started."""
    if text is None:
        return None
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    try:
        return parse_timestamp(text)
    except ValueError as unclear:
        raise ResponseParserError(f"{OPERATION} answered a launch time that is none: {unclear}") from unclear
