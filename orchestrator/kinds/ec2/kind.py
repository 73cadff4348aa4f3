"""EC2 instances: what runs in one target, and stopping or starting some of it; runs inside `AccountsPort.bind`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import unreadable_when_refused
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Resource, Target
from orchestrator.core.model.copies import tell_once
from orchestrator.core.model.measured import Measured
from orchestrator.core.model.metric import MetricSpan
from orchestrator.core.model.price import Billed
from orchestrator.kinds.ec2.act import PROFILE, Ec2Operations
from orchestrator.kinds.ec2.describe import instances_by_id, running_instances
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.ec2.health import failed_health
from orchestrator.kinds.ec2.instance_types import InstanceTypes
from orchestrator.kinds.ec2.metrics import measure
from orchestrator.kinds.ec2.permissions import Ec2Permissions
from orchestrator.kinds.ec2.prices import billed
from orchestrator.kinds.ec2.rules import may_be_stopped, resource_of, with_losses
from orchestrator.kinds.ec2.volumes import volumes_of
from orchestrator.kinds.shared.engine import KindOnEngine
from orchestrator.kinds.shared.entry import KindEntry
from orchestrator.kinds.shared.looking import describe_each, look_at_each, require_all
from orchestrator.kinds.shared.operations import Call, in_portions

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


_SPOT_REQUESTS_A_CALL = 200


class Ec2Instances(KindOnEngine):
    """ports.Kind, ports.TargetHealth, ports.TargetMetrics and ports.TargetBilling for EC2 instances."""

    description = EC2
    profile = PROFILE

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        super().__init__(retries, now, pacing)
        self._clients = clients
        self._types = InstanceTypes()

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        with unreadable_when_refused("ec2:DescribeInstances"):
            raw = list(running_instances(self._clients, self._retries, target, with_stopped=with_stopped))
        if not raw:  # as most targets of an organization, and what comes now takes as long as reading one
            return ()
        return tell_once(self._resources(target, raw)).each

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        def described(ids: Sequence[str], call: Call) -> Iterable[Resource]:
            return self._resources(target, list(instances_by_id(self._clients, target, ids, call)))

        seen, refused = look_at_each(resource_ids, described, self._paced(target))
        return require_all(resource_ids, seen, refused, "ec2:DescribeInstances")

    def failed_health(self, target: Target, resource_ids: Sequence[str]) -> frozenset[str]:
        return failed_health(self._clients, self._retries, target.region, resource_ids)

    def measure(
        self, target: Target, wanted: Sequence[tuple[Resource, Collection[MetricSpan]]]
    ) -> Mapping[str, Measured]:
        paced = self._paced(target)
        types = {str(one.facts["instance_type"]) for one, _ in wanted}
        counts = self._types.accelerators(self._clients.ec2(target.region), types, paced)
        asked = [(one.resource_id, spans, counts.get(str(one.facts["instance_type"]))) for one, spans in wanted]
        client, call = self._clients.member("cloudwatch", target.region), replace(paced, service="cloudwatch").call
        return measure(client, call, asked, self._now())

    def billed(self, target: Target, resources: Sequence[Resource]) -> Mapping[str, Billed]:
        ids = [one.resource_id for one in resources]
        volumes = volumes_of(self._clients.ec2(target.region), ids, self._paced(target))
        return {one.resource_id: billed(one, volumes[one.resource_id]) for one in resources}

    def _operations(self, target: Target) -> Ec2Operations:
        described = partial(instances_by_id, self._clients, target)
        return Ec2Operations(self._clients.ec2(target.region), target, self._clients.partition, described)

    def _resources(self, target: Target, instances: Sequence[Any]) -> Iterable[Resource]:
        spot_types = self._spot_request_types(target, instances)
        found = [resource_of(raw, target, self._clients.partition, spot_types) for raw in instances]
        types = {str(one.facts["instance_type"]) for one in found if may_be_stopped(one)}
        stores = self._types.instance_stores(self._clients.ec2(target.region), types, self._paced(target))
        return (with_losses(one, stores) for one in found)

    def _spot_request_types(self, target: Target, instances: Iterable[Any]) -> dict[str, str]:
        """`one-time` or `persistent` by request id; what cannot be read is missing, and a missing one is kept."""
        client = self._clients.ec2(target.region)
        ids = [raw["SpotInstanceRequestId"] for raw in instances if raw.get("SpotInstanceRequestId")]
        types: dict[str, str] = {}
        for some in in_portions(ids, _SPOT_REQUESTS_A_CALL):
            found, _ = describe_each(some, partial(_spot_requests, client), self._paced(target))
            types.update((one["SpotInstanceRequestId"], one["Type"]) for one in found)
        return types


def _spot_requests(client: EC2Client, ids: Sequence[str], call: Call) -> Iterable[Any]:
    only_these: Any = [{"Name": "spot-instance-request-id", "Values": [*ids]}]
    ask = partial(client.describe_spot_instance_requests, Filters=only_these)
    return call("DescribeSpotInstanceRequests", ask).get("SpotInstanceRequests", ())


KIND = KindEntry(EC2, Ec2Instances, Ec2Permissions)
