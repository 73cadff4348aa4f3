"""RDS DB instances: what is up in one target, and stopping or starting some of it; runs inside `AccountsPort.bind`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Action, Outcome, Region, Resource, Target
from orchestrator.kinds.rds.act import PROFILE, RdsOperations
from orchestrator.kinds.rds.describe import OPERATION, all_databases
from orchestrator.kinds.rds.description import RDS
from orchestrator.kinds.rds.rules import is_up, resource_of
from orchestrator.kinds.shared.engine import Engine
from orchestrator.kinds.shared.entry import KindEntry
from orchestrator.kinds.shared.permissions import ReadingOnly
from orchestrator.ports import BatchGuard, TargetUnreadableError


class DbInstances:
    """ports.Kind for RDS DB instances. Those of clusters are reported as what their cluster owns."""

    description = RDS

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        self._clients = clients
        self._engine = Engine(PROFILE, self._operations, retries, now, pacing)

    def read(self, target: Target) -> tuple[Resource, ...]:
        client, call = self._clients.member("rds", target.region), self._engine.paced(target).call
        try:
            raw = list(all_databases(client, call))
        except AWS_FAILURES as failure:
            raise TargetUnreadableError(error_of(failure), f"rds:{OPERATION}") from failure
        resources = (resource_of(one, target, self._clients.partition) for one in raw)
        return tuple(resource for resource in resources if is_up(resource))

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        try:
            return self._operations(target).describe(resource_ids, self._engine.paced(target).call)
        except AWS_FAILURES as failure:
            raise TargetUnreadableError(error_of(failure), f"rds:{OPERATION}") from failure

    def act(
        self, target: Target, actions: Sequence[tuple[Resource, Action]], sweep_id: str, guard: BatchGuard
    ) -> tuple[Outcome, ...]:
        return self._engine.act(target, actions, sweep_id, guard)

    def recover_intents(
        self, target: Target, intents: Sequence[tuple[Resource, Action, datetime]], sweep_id: str
    ) -> tuple[Outcome, ...]:
        """Raises TargetUnreadableError when it cannot look."""
        fresh = self.look(target, [resource.resource_id for resource, _, _ in intents])
        return self._engine.recover_intents(target, intents, fresh, sweep_id)

    def _operations(self, target: Target) -> RdsOperations:
        return RdsOperations(self._clients.member("rds", target.region), target, self._clients.partition)


def _permissions(clients: Clients, retries: Retries) -> ReadingOnly:
    def list_ids(region: Region) -> Iterator[str]:
        databases = all_databases(clients.member("rds", region), lambda _, ask: ask())
        return (one["DBInstanceIdentifier"] for one in databases)

    return ReadingOnly(RDS, retries, list_ids)


KIND = KindEntry(RDS, DbInstances, _permissions)
