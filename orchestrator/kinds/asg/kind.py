"""Auto Scaling groups: what is up in one target, and sizing some of it; runs inside `AccountsPort.bind`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, error_of, unreadable_when_refused
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Region, Resource, ResourceState, Target
from orchestrator.core.model.copies import tell_once
from orchestrator.core.model.price import Billed
from orchestrator.kinds.asg.act import PROFILE, AsgOperations
from orchestrator.kinds.asg.describe import OPERATION, all_groups, of_account, scheduled_actions
from orchestrator.kinds.asg.description import ASG
from orchestrator.kinds.asg.prices import billed
from orchestrator.kinds.asg.rules import is_down, is_up, may_be_stopped, resource_of, with_scheduled_actions
from orchestrator.kinds.shared.engine import KindOnEngine
from orchestrator.kinds.shared.entry import KindEntry
from orchestrator.kinds.shared.looking import look_at_each, require_all
from orchestrator.kinds.shared.permissions import ReadingOnly


class AutoScalingGroups(KindOnEngine):
    """ports.Kind and ports.TargetBilling for Auto Scaling groups. What other services own is reported as that."""

    description = ASG
    profile = PROFILE

    def __init__(self, clients: Clients, retries: Retries, now: Callable[[], datetime], pacing: Pacing) -> None:
        super().__init__(retries, now, pacing)
        self._clients = clients

    def read(self, target: Target, *, with_stopped: bool = False) -> tuple[Resource, ...]:
        with unreadable_when_refused(f"autoscaling:{OPERATION}"):
            raw = list(of_account(target.account_id, all_groups(self._client(target), self._paced(target).call)))
        told = self._with_scheduled_actions(target, [resource_of(one, target) for one in raw])
        return tuple(
            one
            for one in tell_once(told).each
            if is_up(one) or one.state is ResourceState.STOPPING or (with_stopped and is_down(one))
        )

    def look(self, target: Target, resource_ids: Sequence[str]) -> Mapping[str, Resource]:
        seen, refused = look_at_each(resource_ids, self._operations(target).describe, self._paced(target))
        told = {one.resource_id: one for one in self._with_scheduled_actions(target, [*seen.values()])}
        return require_all(resource_ids, told, refused, f"autoscaling:{OPERATION}")

    def billed(self, target: Target, resources: Sequence[Resource]) -> Mapping[str, Billed]:
        del target  # what the listing told is all that it takes
        return {one.resource_id: billed(one) for one in resources}

    def _with_scheduled_actions(self, target: Target, groups: Sequence[Resource]) -> Sequence[Resource]:
        """One call for all, and none where no group may be stopped; where it is refused, each says so."""
        if not any(map(may_be_stopped, groups)):
            return groups
        actions: list[Any] = []
        refusal = ""
        try:
            actions = list(scheduled_actions(self._client(target), self._paced(target).call))
        except AWS_FAILURES as failure:
            refusal = error_of(failure).code
        return [with_scheduled_actions(one, actions, refusal) for one in groups]

    def _client(self, target: Target) -> Any:
        return self._clients.member("autoscaling", target.region)

    def _operations(self, target: Target) -> AsgOperations:
        return AsgOperations(self._client(target), target)


def _permissions(clients: Clients, retries: Retries) -> ReadingOnly:
    def list_ids(region: Region) -> Iterator[str]:
        groups = all_groups(clients.member("autoscaling", region), lambda _, ask: ask())
        return (one["AutoScalingGroupName"] for one in groups)

    return ReadingOnly(ASG, retries, list_ids)


KIND = KindEntry(ASG, AutoScalingGroups, _permissions)
