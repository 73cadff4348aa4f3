"""EKS node groups: what is up in one target, and stopping or starting some of it; runs inside `AccountsPort.bind`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import unreadable_when_refused
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Region, Resource, ResourceState, Target
from orchestrator.core.model.copies import tell_once
from orchestrator.core.model.price import Billed
from orchestrator.kinds.eks_nodegroup.act import PROFILE, EksOperations
from orchestrator.kinds.eks_nodegroup.describe import all_ids
from orchestrator.kinds.eks_nodegroup.description import EKS_NODEGROUP
from orchestrator.kinds.eks_nodegroup.prices import billed
from orchestrator.kinds.eks_nodegroup.rules import is_up
from orchestrator.kinds.shared.engine import KindOnEngine
from orchestrator.kinds.shared.entry import KindEntry
from orchestrator.kinds.shared.looking import look_at_each, require_all
from orchestrator.kinds.shared.permissions import ReadingOnly

T = TypeVar("T")


class NodeGroups(KindOnEngine):
    """ports.Kind and ports.TargetBilling for EKS managed node groups."""

    description = EKS_NODEGROUP
    profile = PROFILE

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        super().__init__(retries, now, pacing)
        self._clients = clients

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        paced = self._paced(target)

        def call(operation: str, function: Callable[[], T], /) -> T:
            with unreadable_when_refused(f"eks:{operation}"):
                return paced.call(operation, function)

        client = self._clients.member("eks", target.region)
        with unreadable_when_refused("eks:DescribeNodegroup"):  # an answer about another group or account
            told = tell_once(self._operations(target).describe([*all_ids(client, call)], call))
        down = {ResourceState.STOPPING, ResourceState.STOPPED} if with_stopped else {ResourceState.STOPPING}
        return tuple(resource for resource in told.each if is_up(resource) or resource.state in down)

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        seen, refused = look_at_each(resource_ids, self._operations(target).describe, self._paced(target))
        return require_all(resource_ids, seen, refused, "eks:DescribeNodegroup")

    def billed(self, target: Target, resources: Sequence[Resource]) -> Mapping[str, Billed]:
        del target  # what was read of each is all that it takes
        return {one.resource_id: billed(one) for one in resources}

    def _operations(self, target: Target) -> EksOperations:
        return EksOperations(self._clients.member("eks", target.region), target)


def _permissions(clients: Clients, retries: Retries) -> ReadingOnly:
    def list_ids(region: Region) -> Iterator[str]:
        return all_ids(clients.member("eks", region), lambda _, ask: ask())

    return ReadingOnly(EKS_NODEGROUP, retries, list_ids)


KIND = KindEntry(EKS_NODEGROUP, NodeGroups, _permissions)
