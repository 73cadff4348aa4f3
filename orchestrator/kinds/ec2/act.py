"""The calls that stop, start, describe and mark EC2 instances, and what AWS's codes mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.core.model import Action, Resource, ResourceState, Tags, Target
from orchestrator.kinds.ec2.rules import resource_of, state_of
from orchestrator.kinds.shared.operations import Call, ErrorTable, Profile, answer_with, require_answer

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

PROFILE = Profile(
    service="ec2",
    stop="StopInstances",
    start="StartInstances",
    mark="CreateTags",
    unmark="DeleteTags",
    # StopInstances and StartInstances count instances too, 1,000 at once: "Request throttling for the Amazon EC2 API".
    batch_size=50,
    resources_a_call=50,
    errors=ErrorTable(
        wrong_state=frozenset({"IncorrectInstanceState"}),
        wrong_state_passes=True,
        no_capacity=frozenset(
            {"InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientReservedInstanceCapacity"}
        ),
    ),
    noun="instance",
    destroyed="terminated",
)
Described = Callable[[Sequence[str], Call], Iterable[Any]]
"""Instances by their ids, in botocore's words, each call made through `Call`."""


class Ec2Operations:
    """shared.operations.Operations for one target's instances."""

    profile = PROFILE

    def __init__(self, client: EC2Client, target: Target, partition: str, described: Described) -> None:
        self._client = client
        self._target = target
        self._partition = partition
        self._described = described

    def possible_action(self, resource: Resource, action: Action) -> tuple[Action, str]:
        if action is Action.HIBERNATE and not resource.facts.get("hibernation_configured"):
            return Action.STOP, "hibernation is not configured: plain stop instead"
        return action, ""

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        ids = [resource.resource_id for resource in resources]
        part = "StartingInstances" if action.starts else "StoppingInstances"
        changes = answer_with(part, lambda: self._call(ids, action))[part]
        return {one["InstanceId"]: state_of(one.get("PreviousState", {}).get("Name")) for one in changes}

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        """Without what only decisions look at: the types of spot requests."""
        raw = self._described(resource_ids, call)
        return (resource_of(one, self._target, self._partition, {}) for one in raw)

    def mark(self, resources: Sequence[Resource], tags: Tags) -> None:
        pairs: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
        ids = [one.resource_id for one in resources]
        require_answer(lambda: self._client.create_tags(Resources=ids, Tags=pairs))

    def unmark(self, resources: Sequence[Resource], keys: Sequence[str]) -> None:
        ids = [one.resource_id for one in resources]
        require_answer(lambda: self._client.delete_tags(Resources=ids, Tags=[{"Key": key} for key in keys]))

    def untag(self, resources: Sequence[Resource], tags: Tags) -> None:
        """A tag with another value stays.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html
        """
        pairs: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
        ids = [one.resource_id for one in resources]
        require_answer(lambda: self._client.delete_tags(Resources=ids, Tags=pairs))

    def _call(self, ids: list[str], action: Action) -> Any:
        if action.starts:
            return self._client.start_instances(InstanceIds=ids)
        if action is Action.HIBERNATE:
            return self._client.stop_instances(InstanceIds=ids, Hibernate=True)
        return self._client.stop_instances(InstanceIds=ids)
