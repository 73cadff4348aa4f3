"""The calls that stop and start DB instances, and what AWS's codes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.core.model import Action, Resource, ResourceState
from orchestrator.kinds.rds.describe import INSTANCES
from orchestrator.kinds.rds.rules import resource_of
from orchestrator.kinds.shared.database_calls import DatabaseOperations
from orchestrator.kinds.shared.operations import Call, ErrorTable, Profile, answer_with

PROFILE = Profile(
    service="rds",
    stop="StopDBInstance",
    start="StartDBInstance",
    mark="AddTagsToResource",
    unmark="RemoveTagsFromResource",
    batch_size=10,
    resources_a_call=1,
    errors=ErrorTable(
        # It does not pass: starting, backing up or maintenance last minutes to hours, so the next sweep looks again.
        wrong_state=frozenset({"InvalidDBInstanceState"}),
        no_capacity=frozenset({"InsufficientDBInstanceCapacity"}),
    ),
    noun="DB instance",
    destroyed="deleted",
)


class RdsOperations(DatabaseOperations):
    """shared.operations.Operations for one target's DB instances."""

    profile = PROFILE

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        """Without a snapshot: its name would have to be free, and it takes permissions of its own.

        RDS does not say in which state one was before.
        """
        [resource] = resources
        call = self._client.start_db_instance if action.starts else self._client.stop_db_instance
        answer_with("DBInstance", lambda: call(DBInstanceIdentifier=resource.resource_id))
        return {resource.resource_id: ResourceState.UNKNOWN}

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        raw = INSTANCES.of_account(self._target.account_id, INSTANCES.by_id(self._client, resource_ids, call))
        return (resource_of(one, self._target, self._partition) for one in raw)
