"""Redshift clusters: what is up in one target, and pausing or resuming some of it; runs inside `AccountsPort.bind`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import unreadable_when_refused
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Region, Resource, ResourceState, Target
from orchestrator.core.model.copies import tell_once
from orchestrator.core.model.price import Billed
from orchestrator.kinds.redshift_cluster.act import PROFILE, ClusterOperations
from orchestrator.kinds.redshift_cluster.describe import OPERATION, all_clusters, of_account
from orchestrator.kinds.redshift_cluster.description import REDSHIFT_CLUSTER
from orchestrator.kinds.redshift_cluster.prices import billed
from orchestrator.kinds.redshift_cluster.rules import is_up, resource_of
from orchestrator.kinds.shared.engine import KindOnEngine
from orchestrator.kinds.shared.entry import KindEntry
from orchestrator.kinds.shared.looking import look_at_each, require_all
from orchestrator.kinds.shared.permissions import ReadingOnly


class RedshiftClusters(KindOnEngine):
    """ports.Kind and ports.TargetBilling for Redshift clusters."""

    description = REDSHIFT_CLUSTER
    profile = PROFILE

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        super().__init__(retries, now, pacing)
        self._clients = clients

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        with unreadable_when_refused(f"redshift:{OPERATION}"):
            found = all_clusters(self._clients.member("redshift", target.region), self._paced(target).call)
            raw = list(of_account(target.account_id, found))
        told = tell_once(resource_of(one, target, self._clients.partition) for one in raw)
        down = {ResourceState.STOPPING, ResourceState.STOPPED} if with_stopped else {ResourceState.STOPPING}
        return tuple(resource for resource in told.each if is_up(resource) or resource.state in down)

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        seen, refused = look_at_each(resource_ids, self._operations(target).describe, self._paced(target))
        return require_all(resource_ids, seen, refused, f"redshift:{OPERATION}")

    def billed(self, target: Target, resources: Sequence[Resource]) -> Mapping[str, Billed]:
        del target  # what the listing told is all that it takes
        return {one.resource_id: billed(one) for one in resources}

    def _operations(self, target: Target) -> ClusterOperations:
        return ClusterOperations(self._clients.member("redshift", target.region), target, self._clients.partition)


def _permissions(clients: Clients, retries: Retries) -> ReadingOnly:
    def list_ids(region: Region) -> Iterator[str]:
        clusters = all_clusters(clients.member("redshift", region), lambda _, ask: ask())
        return (one["ClusterIdentifier"] for one in clusters)

    return ReadingOnly(REDSHIFT_CLUSTER, retries, list_ids)


KIND = KindEntry(REDSHIFT_CLUSTER, RedshiftClusters, _permissions)
