"""The calls that stop, start, describe and mark node groups, and what AWS's codes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.core.model import Action, Resource, ResourceState, Tags, Target
from orchestrator.kinds.eks_nodegroup.describe import each_group
from orchestrator.kinds.eks_nodegroup.rules import DESIRED_SIZE, MIN_SIZE, resource_of
from orchestrator.kinds.shared.operations import (
    Call,
    ErrorTable,
    Profile,
    answer_with,
    plain_stop_instead,
    require_answer,
)

PROFILE = Profile(
    service="eks",
    stop="UpdateNodegroupConfig",
    start="UpdateNodegroupConfig",
    mark="TagResource",
    unmark="UntagResource",
    batch_size=10,
    resources_a_call=1,
    # An update of it runs, which lasts minutes to hours: the next sweep looks again.
    errors=ErrorTable(wrong_state=frozenset({"ResourceInUseException", "InvalidRequestException"})),
    noun="node group",
    destroyed="deleted",
)


class EksOperations:
    """shared.operations.Operations for one target's node groups."""

    profile = PROFILE

    def __init__(self, client: Any, target: Target) -> None:
        self._client = client
        self._target = target

    def possible_action(self, _resource: Resource, action: Action) -> tuple[Action, str]:
        return plain_stop_instead(action)

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        """To size 0, or to what `restore` has. The largest size stays as it is: EKS takes no 0 for it.

        EKS does not say in which state one was before.
        """
        [resource] = resources
        cluster, _, group = resource.resource_id.partition("/")
        sizes = {"minSize": 0, "desiredSize": 0}
        if action.starts:
            before = resource.restore
            sizes = {"minSize": int(str(before[MIN_SIZE])), "desiredSize": int(str(before[DESIRED_SIZE]))}
        update = self._client.update_nodegroup_config
        answer_with("update", lambda: update(clusterName=cluster, nodegroupName=group, scalingConfig=sizes))
        return {resource.resource_id: ResourceState.UNKNOWN}

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        raw = each_group(self._client, self._target.account_id, resource_ids, call)
        return (resource_of(one, self._target) for one in raw)

    def mark(self, resources: Sequence[Resource], tags: Tags) -> None:
        [resource] = resources
        require_answer(lambda: self._client.tag_resource(resourceArn=resource.arn, tags={**tags}))

    def unmark(self, resources: Sequence[Resource], keys: Sequence[str]) -> None:
        [resource] = resources
        require_answer(lambda: self._client.untag_resource(resourceArn=resource.arn, tagKeys=[*keys]))

    def untag(self, resources: Sequence[Resource], tags: Tags) -> None:
        """EKS takes keys alone; that the values are as they were the look right before has told."""
        self.unmark(resources, [*tags])
