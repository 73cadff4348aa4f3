"""The calls that stop, start, describe and mark notebook instances, and what AWS's codes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.core.model import Action, Resource, ResourceState, Tags, Target
from orchestrator.kinds.sagemaker_notebook.describe import notebooks_by_name
from orchestrator.kinds.sagemaker_notebook.rules import resource_of
from orchestrator.kinds.shared.operations import Call, ErrorTable, Profile, plain_stop_instead, require_answer

PROFILE = Profile(
    service="sagemaker",
    stop="StopNotebookInstance",
    start="StartNotebookInstance",
    mark="AddTags",
    unmark="DeleteTags",
    batch_size=10,
    resources_a_call=1,
    # `Status (Updating) not in ([InService])` has the code of every mistake; what is wrong there lasts minutes.
    errors=ErrorTable(wrong_state=frozenset({"ValidationException"})),
    noun="notebook instance",
    destroyed="deleted",
)


class NotebookOperations:
    """shared.operations.Operations for one target's notebook instances."""

    profile = PROFILE

    def __init__(self, client: Any, target: Target, partition: str) -> None:
        self._client = client
        self._target = target
        self._partition = partition

    def possible_action(self, _resource: Resource, action: Action) -> tuple[Action, str]:
        return plain_stop_instead(action)

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        """SageMaker does not say in which state one was before."""
        [resource] = resources
        call = self._client.start_notebook_instance if action.starts else self._client.stop_notebook_instance
        require_answer(lambda: call(NotebookInstanceName=resource.resource_id))
        return {resource.resource_id: ResourceState.UNKNOWN}

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        found = notebooks_by_name(self._client, self._target.account_id, resource_ids, call)
        return (resource_of(raw, tags, self._target, self._partition) for raw, tags in found)

    def mark(self, resources: Sequence[Resource], tags: Tags) -> None:
        [resource] = resources
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        require_answer(lambda: self._client.add_tags(ResourceArn=resource.arn, Tags=pairs))

    def unmark(self, resources: Sequence[Resource], keys: Sequence[str]) -> None:
        [resource] = resources
        require_answer(lambda: self._client.delete_tags(ResourceArn=resource.arn, TagKeys=[*keys]))

    def untag(self, resources: Sequence[Resource], tags: Tags) -> None:
        """SageMaker takes keys alone; that the values are as they were the look right before has told."""
        self.unmark(resources, [*tags])
