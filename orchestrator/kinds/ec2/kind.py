"""EC2 instances: what runs in one target, and stopping or starting some of it; runs inside `AccountsPort.bind`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, Fact, Outcome, Resource, Target
from orchestrator.kinds.ec2.act import ActRun
from orchestrator.kinds.ec2.describe import instances_by_id, running_instances
from orchestrator.kinds.ec2.health import failed_health
from orchestrator.kinds.ec2.marks import StopTags
from orchestrator.kinds.ec2.paced import Paced
from orchestrator.kinds.ec2.recovery import Intent, Settling
from orchestrator.kinds.ec2.transitions import START, STOP, goal_of
from orchestrator.ports import BatchGuard, TargetUnreadableError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


_SPOT_REQUESTS_A_CALL = 200


class Ec2Instances:
    """ports.Kind for EC2 instances."""

    name = "ec2"
    read_permissions = frozenset({"ec2:DescribeInstances", "ec2:DescribeSpotInstanceRequests"})
    act_permissions = frozenset(
        {
            "ec2:DescribeInstances",
            "ec2:StopInstances",
            "ec2:StartInstances",
            "ec2:CreateTags",
            "ec2:DeleteTags",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
        }
    )

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        self._clients = clients
        self._retries = retries
        self._now = now
        self._pacing = pacing

    def read(self, target: Target) -> tuple[Resource, ...]:
        raw = self._all_or_nothing(lambda: running_instances(self._clients, self._retries, target.region))
        spot_types = self._spot_request_types(self._clients.ec2(target.region), raw)
        return tuple(_resource(instance, target, self._clients.partition, spot_types) for instance in raw)

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        """With the fact `state_transition`: when and why the state changed last, in EC2's words, where it says so."""
        raw = self._all_or_nothing(lambda: instances_by_id(self._clients, self._paced(target), resource_ids))
        spot_types = self._spot_request_types(self._clients.ec2(target.region), raw)
        return {
            instance["InstanceId"]: _with_transition(
                _resource(instance, target, self._clients.partition, spot_types), instance
            )
            for instance in raw
        }

    def failed_health(self, target: Target, resource_ids: Sequence[str]) -> frozenset[str]:
        return failed_health(self._clients, self._retries, target.region, resource_ids)

    def act(
        self, target: Target, wanted: Sequence[tuple[Resource, Action]], sweep_id: str, guard: BatchGuard
    ) -> tuple[Outcome, ...]:
        client = self._clients.ec2(target.region)
        outcomes: list[Outcome] = []
        for goal in (STOP, START):
            some = [(resource, action) for resource, action in wanted if goal_of(action) is goal]
            outcomes += ActRun(goal, client, self._paced(target), self._now, sweep_id, guard).act(some)
        return tuple(outcomes)

    def settle(
        self, target: Target, intents: Sequence[tuple[Resource, Action, datetime]], sweep_id: str
    ) -> tuple[Outcome, ...]:
        """Raises TargetUnreadableError when it cannot look."""
        fresh = self.look(target, [resource.resource_id for resource, _, _ in intents])
        tags = StopTags(self._clients.ec2(target.region), self._paced(target))
        return Settling(tags, sweep_id, self._now).settle([Intent.of(intent, fresh) for intent in intents])

    def _paced(self, target: Target) -> Paced:
        return Paced(target, self._pacing, self._retries)

    def _all_or_nothing(self, read: Callable[[], Iterable[Any]]) -> list[Any]:
        try:
            return list(read())
        except AWS_FAILURES as failure:
            raise TargetUnreadableError(error_of(failure), "ec2:DescribeInstances") from failure

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


def _with_transition(resource: Resource, raw: Any) -> Resource:
    return replace(resource, facts={**resource.facts, "state_transition": raw.get("StateTransitionReason") or ""})


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
