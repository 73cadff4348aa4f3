"""ECS services: what is up in one target, and stopping or starting some of it; runs inside `AccountsPort.bind`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Region, Resource, ResourceState, Target
from orchestrator.core.model.copies import tell_once
from orchestrator.core.model.price import Billed
from orchestrator.kinds.ecs_service.act import PROFILE, EcsOperations
from orchestrator.kinds.ecs_service.describe import DESCRIBE, all_flags, all_services, cluster_arns, service_names
from orchestrator.kinds.ecs_service.description import ECS_SERVICE
from orchestrator.kinds.ecs_service.prices import billed
from orchestrator.kinds.ecs_service.rules import is_up, resource_of, service_id
from orchestrator.kinds.shared.engine import KindOnEngine
from orchestrator.kinds.shared.entry import KindEntry
from orchestrator.kinds.shared.looking import look_at_each, require_all
from orchestrator.kinds.shared.operations import Call
from orchestrator.kinds.shared.permissions import ReadingOnly
from orchestrator.ports import TargetUnreadableError

T = TypeVar("T")


class EcsServices(KindOnEngine):
    """ports.Kind and ports.TargetBilling for ECS services."""

    description = ECS_SERVICE
    profile = PROFILE

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        super().__init__(retries, now, pacing)
        self._clients = clients

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        """A region without clusters costs one call; what scales services is asked for only where one is up."""
        named = _Named()
        call = named.by(self._paced(target).call)
        try:
            raw = list(all_services(self._clients.member("ecs", target.region), target.account_id, call))
            is_any_up = any(one.get("desiredCount") for one in raw)
            flags = all_flags(self._scaling(target), call) if is_any_up else {}
        except AWS_FAILURES as failure:
            raise TargetUnreadableError(error_of(failure), named.operation) from failure
        partition = self._clients.partition
        told = tell_once(resource_of(one, target, partition, flags.get(service_id(one))) for one in raw)
        down = {ResourceState.STOPPING, ResourceState.STOPPED} if with_stopped else {ResourceState.STOPPING}
        return tuple(resource for resource in told.each if is_up(resource) or resource.state in down)

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        operations, named = self._operations(target), _Named()
        seen, refused = look_at_each(
            resource_ids, lambda some, call: operations.describe(some, named.by(call)), self._paced(target)
        )
        return require_all(resource_ids, seen, refused, named.operation)

    def billed(self, target: Target, resources: Sequence[Resource]) -> Mapping[str, Billed]:
        del target  # what the listing told is all that it takes
        return {one.resource_id: billed(one) for one in resources}

    def _operations(self, target: Target) -> EcsOperations:
        ecs = self._clients.member("ecs", target.region)
        return EcsOperations(ecs, self._scaling(target), self._paced(target), self._clients.partition)

    def _scaling(self, target: Target) -> Any:
        return self._clients.member("application-autoscaling", target.region)


class _Named:
    """Calls by name, of which the last is kept: where a target cannot be read, that is the one that failed."""

    def __init__(self) -> None:
        self.operation = f"{PROFILE.service}:{DESCRIBE}"

    def by(self, call: Call) -> Call:
        """The same calls."""

        def named(operation: str, function: Callable[[], T]) -> T:
            self.operation = operation if ":" in operation else f"{PROFILE.service}:{operation}"
            return call(operation, function)

        return named


def _permissions(clients: Clients, retries: Retries) -> ReadingOnly:
    def list_ids(region: Region) -> Iterator[str]:
        client = clients.member("ecs", region)
        for cluster in cluster_arns(client, _once):
            for name in service_names(client, cluster, _once):
                yield f"{cluster.rpartition('/')[2]}/{name}"

    return ReadingOnly(ECS_SERVICE, retries, list_ids)


def _once(_: str, ask: Callable[[], T]) -> T:
    return ask()


KIND = KindEntry(ECS_SERVICE, EcsServices, _permissions)
