"""A made-up EC2 behind HTTP for `Ec2Instances`: instances as XML, the spot requests that it admits to, and tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.local_aws import EC2_NAMESPACE, Answer, Request, instances_answer


def an_instance(
    instance_id: str = "i-1",
    state: str = "running",
    spot: str = "",
    reason: str = "",
    launched: str = "",
    tags: Mapping[str, str] | None = None,
) -> str:
    lifecycle = f"<instanceLifecycle>spot</instanceLifecycle><spotInstanceRequestId>{spot}</spotInstanceRequestId>"
    items = "".join(f"<item><key>{key}</key><value>{value}</value></item>" for key, value in (tags or {}).items())
    return (
        f"<item><instanceId>{instance_id}</instanceId><instanceState><name>{state}</name></instanceState>"
        f"<reason>{reason}</reason><rootDeviceType>ebs</rootDeviceType>{lifecycle if spot else ''}"
        f"{f'<launchTime>{launched}</launchTime>' if launched else ''}<tagSet>{items}</tagSet></item>"
    )


@dataclass
class MadeUpEc2:
    """Knows instances by id and gives those that a filter asks for; `refused` answers an operation in its place."""

    instances: dict[str, str] = field(default_factory=dict)
    spot_types: dict[str, str] = field(default_factory=dict)
    refused: dict[str, list[Answer]] = field(default_factory=dict)
    """Answers that come first, one for each call."""
    untold: dict[str, Answer] = field(default_factory=dict)
    """By id, the answer to every describe that asks for it too."""

    def __call__(self, request: Request) -> Answer:
        if self.refused.get(request.operation):
            return self.refused[request.operation].pop(0)
        untold = next((self.untold[one] for one in asked_for(request) if one in self.untold), None)
        if untold is not None:
            return untold
        if request.operation == "DescribeInstances":
            return instances_answer("".join(self.instances[one] for one in asked_for(request) if one in self.instances))
        if request.operation == "DescribeSpotInstanceRequests":
            return self._spot_requests(request)
        return Answer(
            f'<{request.operation}Response xmlns="{EC2_NAMESPACE}"><requestId>a-request</requestId>'
            f"<return>true</return></{request.operation}Response>"
        )

    def _spot_requests(self, request: Request) -> Answer:
        items = "".join(
            f"<item><spotInstanceRequestId>{one}</spotInstanceRequestId><type>{self.spot_types[one]}</type></item>"
            for one in asked_for(request)
            if one in self.spot_types
        )
        return Answer(
            f'<DescribeSpotInstanceRequestsResponse xmlns="{EC2_NAMESPACE}"><spotInstanceRequestSet>{items}'
            "</spotInstanceRequestSet></DescribeSpotInstanceRequestsResponse>"
        )


def asked_for(request: Request) -> list[str]:
    """The values of its filter."""
    return [value for key, value in request.form.items() if key.startswith("Filter.1.Value.")]
