"""The calls that size, describe and mark Auto Scaling groups, and what AWS's codes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.core.model import Action, Resource, ResourceState, Tags, Target
from orchestrator.kinds.asg.describe import groups_by_name, of_account
from orchestrator.kinds.asg.rules import SIZES, resource_of
from orchestrator.kinds.shared.operations import Call, ErrorTable, Profile, plain_stop_instead, require_answer

_RESIZE = "UpdateAutoScalingGroup"
PROFILE = Profile(
    service="autoscaling",
    stop=_RESIZE,
    start=_RESIZE,
    mark="CreateOrUpdateTags",
    unmark="DeleteTags",
    batch_size=10,
    resources_a_call=1,
    errors=ErrorTable(
        # A pending change of the group, or of its tags, is over in seconds. With a status of 500 it is a passing fault.
        # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html#API_UpdateAutoScalingGroup_Errors
        wrong_state=frozenset({"ScalingActivityInProgress", "ResourceContention"}),
        wrong_state_passes=True,
    ),
    noun="Auto Scaling group",
    destroyed="deleted",
)


class AsgOperations:
    """shared.operations.Operations for one target's groups."""

    profile = PROFILE

    def __init__(self, client: Any, target: Target) -> None:
        self._client = client
        self._target = target

    def possible_action(self, _resource: Resource, action: Action) -> tuple[Action, str]:
        return plain_stop_instead(action)

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        """All three sizes in one call, as AWS refuses a minimum above the desired capacity; and nothing but sizes.

        A maximum of 0 keeps scaling policies from starting it. A start gives back what the intent of the stop has.
        AWS does not say as what it was before.
        """
        [resource] = resources
        sizes = {field: int(resource.restore[name] or 0) if action.starts else 0 for name, field in SIZES.items()}
        resize = self._client.update_auto_scaling_group
        require_answer(lambda: resize(AutoScalingGroupName=resource.resource_id, **sizes))
        return {resource.resource_id: ResourceState.UNKNOWN}

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        raw = of_account(self._target.account_id, groups_by_name(self._client, resource_ids, call))
        return (resource_of(one, self._target) for one in raw)

    def mark(self, resources: Sequence[Resource], tags: Tags) -> None:
        """On the group alone: instances that inherited a mark would be taken for stopped by a sweep."""
        [resource] = resources
        marks = [{**_tag(resource, key), "Value": value, "PropagateAtLaunch": False} for key, value in tags.items()]
        require_answer(lambda: self._client.create_or_update_tags(Tags=marks))

    def unmark(self, resources: Sequence[Resource], keys: Sequence[str]) -> None:
        [resource] = resources
        require_answer(lambda: self._client.delete_tags(Tags=[_tag(resource, key) for key in keys]))

    def untag(self, resources: Sequence[Resource], tags: Tags) -> None:
        """The service goes by keys alone; that the values are as they were the look right before has told."""
        self.unmark(resources, [*tags])


def _tag(resource: Resource, key: str) -> dict[str, Any]:
    return {"ResourceId": resource.resource_id, "ResourceType": "auto-scaling-group", "Key": key}
