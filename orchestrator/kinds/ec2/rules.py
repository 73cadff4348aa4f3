"""What EC2's answers mean, purely: states in the project's words, when they changed, and what a sweep must not touch.

What AWS cannot stop, or another service owns, is an obstacle; what AWS did not say is one too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from orchestrator.core.model import (
    AwsError,
    Fact,
    Loss,
    Obstacle,
    ObstacleCode,
    Resource,
    ResourceState,
    Tags,
    Target,
    time_text,
)
from orchestrator.core.model.managed_by import MANAGED_BY_WORD
from orchestrator.core.model.owners import GROUP_TAG, managers_of_tagged, owner_of_tagged
from orchestrator.core.model.shared_texts import share_text, share_texts
from orchestrator.core.model.unreadable import spare_unreadable
from orchestrator.kinds.ec2.loss_words import INSTANCE_STORE, MAC, PUBLIC_IPV4

_STATES: Mapping[str, ResourceState] = {
    "pending": ResourceState.STARTING,
    "running": ResourceState.RUNNING,
    "stopping": ResourceState.STOPPING,
    "stopped": ResourceState.STOPPED,
    "shutting-down": ResourceState.GONE,
    "terminated": ResourceState.GONE,
}
# `User initiated (2026-11-25 19:00:12 GMT)`: the only place where EC2 says when an instance stopped.
_TRANSITION = re.compile(r"\((\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) (?:GMT|UTC)\)")

_SHUT_DOWN_INSIDE = "Client.InstanceInitiatedShutdown"
# In the codes of a stop that was asked for, of EC2 or in the instance; where such a stop was one, AWS says when.
_INITIATED = "Initiated"

# What some codes of EC2's StateReason mostly come from, where a start came to nothing; there are more of them:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html
_MOSTLY: Mapping[str, str] = {
    "Client.InternalError": "mostly a volume of it is encrypted by a KMS key of the account's own, and the key is "
    "disabled, or its key policy or the member role lacks kms:CreateGrant",
    "Client.InvalidSnapshot.NotFound": "a snapshot that it needs is gone",
    "Client.VolumeLimitExceeded": "the account's limit of EBS volumes or storage is reached",
    "Server.InsufficientInstanceCapacity": "AWS had no capacity for its instance type in its zone; undo again later",
    "Server.InternalError": "an error inside of AWS; undo again",
}

GROUP_FACT = "auto_scaling_group"
"""The name of the group that an instance is in."""
NODEGROUP_FACT = "eks_nodegroup"
"""The id of the node group that an instance is a node of, as its own kind has it: its cluster's name and its own."""
# EKS tags the nodes of its managed node groups by itself: https://github.com/eksctl-io/eksctl/issues/2607
_OF_NODEGROUP = ("eks:cluster-name", "eks:nodegroup-name")
_DETAILS: Mapping[str, str] = {
    "image": "ImageId",
    "vpc": "VpcId",
    "subnet": "SubnetId",
    "key_name": "KeyName",
    "platform": "PlatformDetails",
    "architecture": "Architecture",
}
"""What only conditions ask for, by their words: EC2's names."""
_OF_PRICES = ("tenancy", "elastic_ips")
"""Beside them, and what only prices ask for."""

_MAC_TYPES = "mac"
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/mac-instance-stop.html
_MAC_KEPT = (
    "Its Mac host is billed for 24 h at least, and after a stop it is scrubbed for 1 to 3 h or longer, in which the "
    "instance cannot be started"
)
_OF_AWS = "amazon"
"""Who owns a public IPv4 address that was assigned at the start; an Elastic IP is the account's, and stays."""


@dataclass(frozen=True, slots=True)
class InstanceStores:
    """Of each instance type that AWS told about, whether it has instance-store volumes."""

    known: Mapping[str, bool]
    refusal: str = ""
    """AWS's code where it told less than it was asked for."""


def resource_of(raw: Any, target: Target, partition: str, spot_types: Mapping[str, str]) -> Resource:
    """An instance as EC2 describes it, in the project's words; `spot_types` by the id of the spot request."""
    # EC2 leaves them out where there are none, and other servers the value of one that has none.
    tags = share_texts({tag.get("Key") or "": tag.get("Value") or "" for tag in raw.get("Tags", ())})
    instance_id, facts = raw["InstanceId"], share_texts(_facts(raw, spot_types))
    if GROUP_TAG in tags:  # of most instances there is none, and one fact more for each would cost memory
        facts[GROUP_FACT] = tags[GROUP_TAG]
    if all(tag in tags for tag in _OF_NODEGROUP):
        facts[NODEGROUP_FACT] = "/".join(tags[tag] for tag in _OF_NODEGROUP)
    aws_state = share_text(raw.get("State", {}).get("Name"))
    stopped_at, reason = transition_time(raw.get("StateTransitionReason")), raw.get("StateReason") or {}
    resource = Resource(
        kind="ec2",
        target=target,
        resource_id=instance_id,
        arn=f"arn:{partition}:ec2:{target.region}:{target.account_id}:instance/{instance_id}",
        name=tags.get("Name", ""),
        state=state_of(aws_state),
        aws_state=aws_state or "unknown",
        tags=tags,
        facts=facts,
        changed_at=stopped_at,
        started_at=raw.get("LaunchTime"),
        obstacle=obstacle(facts, tags),
        start_failure=start_failure(state_of(aws_state), reason, stopped_at),
        may_have_run=reason.get("Code") == _SHUT_DOWN_INSIDE,
        created_at=created_at(raw),
        details=_details(*map(raw.get, _DETAILS.values()), managers_of_tagged(tags), *_of_prices(raw)),
    )
    return spare_unreadable(resource)


def created_at(raw: Any) -> datetime | None:
    """About when it was launched first: when its first volume or network interface was attached, of which the primary
    one stays for good. Not its launch time, which each start changes.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceAttachment.html
    """
    attached = [one["Attachment"].get("AttachTime") for one in raw.get("NetworkInterfaces", ()) if "Attachment" in one]
    attached += [one["Ebs"].get("AttachTime") for one in raw.get("BlockDeviceMappings", ()) if "Ebs" in one]
    return min((time for time in attached if time is not None), default=None)


@lru_cache(maxsize=4096)
def _details(*values: Fact) -> Mapping[str, Fact]:
    """One mapping for all instances that are alike in these: most of a team's are."""
    return share_texts(dict(zip((*_DETAILS, MANAGED_BY_WORD, *_OF_PRICES), values, strict=True)))


def _of_prices(raw: Any) -> tuple[str | None, int]:
    """What only prices ask for: its tenancy, and of how many network interfaces the address is the account's own."""
    owners = [one.get("Association", {}).get("IpOwnerId") for one in raw.get("NetworkInterfaces", ())]
    return raw.get("Placement", {}).get("Tenancy"), sum(bool(one) and one != _OF_AWS for one in owners)


def _facts(raw: Any, spot_types: Mapping[str, str]) -> dict[str, Fact]:
    operator = raw.get("Operator", {})
    associations = [one.get("Association", {}) for one in raw.get("NetworkInterfaces", ())]
    return {
        "instance_type": raw.get("InstanceType"),
        "launched_at": time_text(raw.get("LaunchTime")),
        "root_device_type": raw.get("RootDeviceType"),
        "lifecycle": raw.get("InstanceLifecycle") or "on-demand",
        "spot_request_type": spot_types.get(raw.get("SpotInstanceRequestId", "")),
        "operator_managed": bool(operator.get("Managed")),
        "operator": operator.get("Principal"),
        "hibernation_configured": bool(raw.get("HibernationOptions", {}).get("Configured")),
        "availability_zone": raw.get("Placement", {}).get("AvailabilityZone"),
        "auto_assigned_public_ipv4": _OF_AWS in (one.get("IpOwnerId") for one in associations),
    }


def may_be_stopped(resource: Resource) -> bool:
    """Whether what a stop would lose matters: it runs, and nothing is in the way."""
    return resource.state is ResourceState.RUNNING and resource.obstacle is None


def with_losses(resource: Resource, stores: InstanceStores) -> Resource:
    """The same instance with what a stop of it would lose; one that is not stopped in any case as it is."""
    if not may_be_stopped(resource):
        return resource
    has_store = stores.known.get(str(resource.facts["instance_type"]))
    facts = {**resource.facts, "instance_storage_supported": has_store}
    return replace(resource, facts=facts, losses=tuple(_losses(facts, stores.refusal)))


def _losses(facts: Mapping[str, Fact], refusal: str) -> Iterator[Loss]:
    instance_type, has_store = str(facts["instance_type"]), facts["instance_storage_supported"]
    if facts["auto_assigned_public_ipv4"]:
        yield Loss(PUBLIC_IPV4)
    if has_store:
        yield Loss(INSTANCE_STORE, f"A stop erases the data on the instance-store volumes of its type {instance_type}")
    if has_store is None:
        told = refusal or "it does not tell of this type"
        text = f"Whether its type {instance_type} has instance-store volumes, whose data a stop erases, is unknown"
        yield Loss(INSTANCE_STORE, f"{text} (ec2:DescribeInstanceTypes: {told})", is_unknown=True)
    if instance_type.startswith(_MAC_TYPES):
        yield Loss(MAC, _MAC_KEPT)


def start_failure(
    state: ResourceState, reason: Mapping[str, str | None], changed_at: datetime | None
) -> AwsError | None:
    """Why an instance is stopped, if EC2 gives any reason but a stop that was asked for at a time; else None.

    Of what was to be started that is why it fell back, whatever the code.
    """
    code, message = reason.get("Code") or "", reason.get("Message") or ""
    if state is not ResourceState.STOPPED or not code or (changed_at is not None and _INITIATED in code):
        return None
    said = (message.removeprefix(f"{code}: ").strip(), _MOSTLY.get(code))
    return AwsError(code, "; ".join(filter(None, said)) or code)


def state_of(aws_state: str | None) -> ResourceState:
    """EC2's state, normalised; `unknown` for a state that is not in its documentation, or none."""
    return _STATES.get(aws_state or "", ResourceState.UNKNOWN)


def transition_time(reason: object) -> datetime | None:
    """When EC2's StateTransitionReason says that the last change of state was; None when it does not say."""
    match = _TRANSITION.search(str(reason or ""))
    return datetime.fromisoformat(f"{match[1]}T{match[2]}").replace(tzinfo=UTC) if match else None


def obstacle(facts: Mapping[str, Fact], tags: Tags) -> Obstacle | None:
    """Why an instance is kept whatever the policy says; None when nothing is in the way.

    What AWS did not say (an unknown root device, an unknown kind of spot request) is in the way.
    """
    cannot_stop = _cannot_be_stopped(facts)
    if cannot_stop is not None:
        return Obstacle(ObstacleCode.CANNOT_STOP, cannot_stop)
    owner = _owner(facts, tags)
    return Obstacle(ObstacleCode.OWNED, owner) if owner is not None else None


def _cannot_be_stopped(facts: Mapping[str, Fact]) -> str | None:
    root, lifecycle = facts.get("root_device_type"), facts.get("lifecycle")
    if root == "instance-store":
        return "Its root device is an instance store, which AWS cannot stop."
    if root != "ebs":
        return f"Its root device type is {root or 'unknown'}; only EBS-backed instances are stopped."
    if not facts.get("instance_type"):
        return "Its instance type is unknown, so a rule may be meant to spare it."
    if lifecycle == "spot":
        return _spot(facts)
    if lifecycle != "on-demand":
        return f"Its lifecycle is {lifecycle or 'unknown'}; only on-demand and persistent spot instances are stopped."
    return None


def _spot(facts: Mapping[str, Fact]) -> str | None:
    request_type = facts.get("spot_request_type")
    if request_type == "persistent":
        return None
    if request_type == "one-time":
        return "It is a one-time spot instance, which AWS cannot stop."
    return "It is a spot instance whose request could not be read; only persistent ones are stopped."


def _owner(facts: Mapping[str, Fact], tags: Tags) -> str | None:
    if facts.get("operator_managed"):
        return f"It is managed by the service {facts.get('operator') or 'that launched it'}."
    owner = owner_of_tagged(tags)
    return f"It belongs to {owner}, which would replace it." if owner else None
