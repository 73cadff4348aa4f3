"""The calls that stop and start DB clusters with all of their members, and what AWS's codes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.core.model import Action, Resource, ResourceState
from orchestrator.kinds.rds_cluster.describe import CLUSTERS
from orchestrator.kinds.rds_cluster.rules import resource_of
from orchestrator.kinds.shared.database_calls import DatabaseOperations
from orchestrator.kinds.shared.operations import Call, ErrorTable, Profile, answer_with

PROFILE = Profile(
    service="rds",
    stop="StopDBCluster",
    start="StartDBCluster",
    mark="AddTagsToResource",
    unmark="RemoveTagsFromResource",
    batch_size=10,
    resources_a_call=1,
    errors=ErrorTable(
        # Of the cluster, or of a member of it. It does not pass within seconds, so the next sweep looks again.
        wrong_state=frozenset({"InvalidDBClusterStateFault", "InvalidDBInstanceState"}),
        no_capacity=frozenset({"InsufficientDBClusterCapacityFault", "InsufficientDBInstanceCapacity"}),
    ),
    noun="DB cluster",
    destroyed="deleted",
)


class DbClusterOperations(DatabaseOperations):
    """shared.operations.Operations for one target's DB clusters."""

    profile = PROFILE

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        """RDS does not say in which state one was before."""
        [resource] = resources
        call = self._client.start_db_cluster if action.starts else self._client.stop_db_cluster
        answer_with("DBCluster", lambda: call(DBClusterIdentifier=resource.resource_id))
        return {resource.resource_id: ResourceState.UNKNOWN}

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        raw = CLUSTERS.of_account(self._target.account_id, CLUSTERS.by_id(self._client, resource_ids, call))
        return (resource_of(one, self._target, self._partition) for one in raw)
