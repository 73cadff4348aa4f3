"""The calls that pause, resume, describe and mark clusters, and what AWS's codes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.core.model import Action, Resource, ResourceState, Tags, Target
from orchestrator.kinds.redshift_cluster.describe import clusters_by_id, of_account
from orchestrator.kinds.redshift_cluster.rules import resource_of
from orchestrator.kinds.shared.operations import (
    Call,
    ErrorTable,
    Profile,
    answer_with,
    plain_stop_instead,
    require_answer,
)

PROFILE = Profile(
    service="redshift",
    stop="PauseCluster",
    start="ResumeCluster",
    mark="CreateTags",
    unmark="DeleteTags",
    batch_size=10,
    resources_a_call=1,
    errors=ErrorTable(
        wrong_state=frozenset({"InvalidClusterState"}),
        # Also of one that has just become available: https://github.com/apache/airflow/issues/27276
        wrong_state_passes=True,
        no_capacity=frozenset({"InsufficientClusterCapacity"}),
    ),
    noun="cluster",
    destroyed="deleted",
)


class ClusterOperations:
    """shared.operations.Operations for one target's clusters."""

    profile = PROFILE

    def __init__(self, client: Any, target: Target, partition: str) -> None:
        self._client = client
        self._target = target
        self._partition = partition

    def possible_action(self, _resource: Resource, action: Action) -> tuple[Action, str]:
        return plain_stop_instead(action)

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        """Redshift does not say in which state one was before."""
        [resource] = resources
        call = self._client.resume_cluster if action.starts else self._client.pause_cluster
        answer_with("Cluster", lambda: call(ClusterIdentifier=resource.resource_id))
        return {resource.resource_id: ResourceState.UNKNOWN}

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        raw = of_account(self._target.account_id, clusters_by_id(self._client, resource_ids, call))
        return (resource_of(one, self._target, self._partition) for one in raw)

    def mark(self, resources: Sequence[Resource], tags: Tags) -> None:
        [resource] = resources
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        require_answer(lambda: self._client.create_tags(ResourceName=resource.arn, Tags=pairs))

    def unmark(self, resources: Sequence[Resource], keys: Sequence[str]) -> None:
        [resource] = resources
        require_answer(lambda: self._client.delete_tags(ResourceName=resource.arn, TagKeys=[*keys]))

    def untag(self, resources: Sequence[Resource], tags: Tags) -> None:
        """Redshift takes keys alone; that the values are as they were the look right before has told."""
        self.unmark(resources, [*tags])
