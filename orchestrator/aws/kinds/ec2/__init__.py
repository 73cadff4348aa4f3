"""EC2 instances: what runs in one target, and stopping some of it; runs inside `AccountsPort.bind`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.aws.kinds.ec2.reading import running_instances
from orchestrator.aws.kinds.ec2.stopping import StopRun
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, Fact, Outcome, Resource, Target
from orchestrator.ports import TargetUnreadableError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_SPOT_REQUESTS_A_CALL = 200


class Ec2Instances:
    """ports.Kind for EC2 instances."""

    name = "ec2"
    read_permissions = frozenset({"ec2:DescribeInstances", "ec2:DescribeSpotInstanceRequests"})
    act_permissions = frozenset({"ec2:DescribeInstances", "ec2:StopInstances", "ec2:CreateTags"})

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime]) -> None:
        self._clients = clients
        self._retries = retries
        self._now = now

    def read(self, target: Target) -> tuple[Resource, ...]:
        client = self._clients.ec2(target.region)
        try:
            raw = list(running_instances(self._clients, self._retries, target.region))
        except AWS_FAILURES as failure:
            raise TargetUnreadableError(error_of(failure), "ec2:DescribeInstances") from failure
        spot_types = self._spot_request_types(client, raw)
        return tuple(_resource(instance, target, self._clients.partition, spot_types) for instance in raw)

    def stop(self, target: Target, stops: Sequence[tuple[Resource, Action]], sweep_id: str) -> tuple[Outcome, ...]:
        client = self._clients.ec2(target.region)
        return StopRun(client, self._retries, self._now, sweep_id).stop(stops)

    def _spot_request_types(self, client: EC2Client, instances: Iterable[Any]) -> dict[str, str]:
        """`one-time` or `persistent` by request id; what cannot be read is missing, and a missing one is kept."""
        ids = [raw["SpotInstanceRequestId"] for raw in instances if raw.get("SpotInstanceRequestId")]
        types: dict[str, str] = {}
        for start in range(0, len(ids), _SPOT_REQUESTS_A_CALL):
            types.update(self._some_spot_request_types(client, ids[start : start + _SPOT_REQUESTS_A_CALL]))
        return types

    def _some_spot_request_types(self, client: EC2Client, ids: list[str]) -> dict[str, str]:
        only_these = [{"Name": "spot-instance-request-id", "Values": ids}]
        try:
            answer: Any = self._retries.call(
                lambda: client.describe_spot_instance_requests(Filters=only_these)  # type: ignore[arg-type]  # a plain dict
            )
        except AWS_FAILURES as failure:
            if classify(failure) is Failure.REGION_DISABLED:
                raise TargetUnreadableError(error_of(failure), "ec2:DescribeSpotInstanceRequests") from failure
            return {}
        return {request["SpotInstanceRequestId"]: request["Type"] for request in answer.get("SpotInstanceRequests", ())}


def _resource(raw: Any, target: Target, partition: str, spot_types: dict[str, str]) -> Resource:
    tags = {tag["Key"]: tag["Value"] for tag in raw.get("Tags", ())}
    instance_id = raw["InstanceId"]
    return Resource(
        kind=Ec2Instances.name,
        target=target,
        resource_id=instance_id,
        arn=f"arn:{partition}:ec2:{target.region}:{target.account_id}:instance/{instance_id}",
        name=tags.get("Name", ""),
        state=raw.get("State", {}).get("Name") or "unknown",
        tags=tags,
        facts=_facts(raw, spot_types),
    )


def _facts(raw: Any, spot_types: dict[str, str]) -> dict[str, Fact]:
    operator = raw.get("Operator", {})
    launched: datetime | None = raw.get("LaunchTime")
    return {
        "instance_type": raw.get("InstanceType"),
        "launched_at": launched.strftime("%Y-%m-%dT%H:%M:%SZ") if launched else None,
        "root_device_type": raw.get("RootDeviceType"),
        "lifecycle": raw.get("InstanceLifecycle") or "on-demand",
        "spot_request_type": spot_types.get(raw.get("SpotInstanceRequestId", "")),
        "operator_managed": bool(operator.get("Managed")),
        "operator": operator.get("Principal"),
        "hibernation_configured": bool(raw.get("HibernationOptions", {}).get("Configured")),
        "availability_zone": raw.get("Placement", {}).get("AvailabilityZone"),
    }
