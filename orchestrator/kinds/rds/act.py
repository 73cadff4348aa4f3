"""The calls that stop, start, describe and mark DB instances, and what AWS's codes mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.core.model import Action, Resource, ResourceState, Tags, Target
from orchestrator.kinds.rds.describe import databases_by_id, of_account
from orchestrator.kinds.rds.rules import resource_of
from orchestrator.kinds.shared.operations import (
    Call,
    ErrorTable,
    Profile,
    answer_with,
    plain_stop_instead,
    require_answer,
)

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


class RdsOperations:
    """shared.operations.Operations for one target's DB instances."""

    profile = PROFILE

    def __init__(self, client: Any, target: Target, partition: str) -> None:
        self._client = client
        self._target = target
        self._partition = partition

    def possible_action(self, _resource: Resource, action: Action) -> tuple[Action, str]:
        return plain_stop_instead(action)

    def change(self, resources: Sequence[Resource], action: Action) -> Mapping[str, ResourceState]:
        """Without a snapshot: its name would have to be free, and it takes permissions of its own.

        RDS does not say in which state one was before.
        """
        [resource] = resources
        call = self._client.start_db_instance if action.starts else self._client.stop_db_instance
        answer_with("DBInstance", lambda: call(DBInstanceIdentifier=resource.resource_id))
        return {resource.resource_id: ResourceState.UNKNOWN}

    def describe(self, resource_ids: Sequence[str], call: Call) -> Iterable[Resource]:
        raw = of_account(self._target.account_id, databases_by_id(self._client, resource_ids, call))
        return (resource_of(one, self._target, self._partition) for one in raw)

    def mark(self, resources: Sequence[Resource], tags: Tags) -> None:
        [resource] = resources
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        require_answer(lambda: self._client.add_tags_to_resource(ResourceName=resource.arn, Tags=pairs))

    def unmark(self, resources: Sequence[Resource], keys: Sequence[str]) -> None:
        [resource] = resources
        require_answer(lambda: self._client.remove_tags_from_resource(ResourceName=resource.arn, TagKeys=[*keys]))

    def untag(self, resources: Sequence[Resource], tags: Tags) -> None:
        """RDS takes keys alone; that the values are as they were the look right before has told."""
        self.unmark(resources, [*tags])
