"""Which instances of one target a load balancer misses, by the health that their target groups say they have."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import unreadable_when_refused
from orchestrator.aws.pages import NEXT_MARKER, each_page
from orchestrator.aws.retries import Retries
from orchestrator.kinds.shared.operations import answer_with
from orchestrator.ports import TargetUnreadableError

_PAGE_SIZE = 400
_WELL = frozenset({"healthy", "initial"})
# On its way out of the group; or the group has no load balancer, or has none in the instance's zone.
_NOT_MISSED = frozenset({"Target.DeregistrationInProgress", "Target.NotInUse", "Target.NotRegistered"})
_GROUP_IS_GONE = "TargetGroupNotFound"


def failed_health(clients: Clients, retries: Retries, region: str, ids: Collection[str]) -> frozenset[str]:
    """Those of the bound account's instances that some target group has, and calls neither `healthy` nor `initial`.

    A stopped one is `unused` or `unhealthy` there. Raises TargetUnreadableError: all or nothing.
    """
    if not ids:
        return frozenset()
    health = _Health(clients.member("elbv2", region), retries)
    return frozenset(ids).intersection(one for arn in health.groups_of_instances() for one in health.missed(arn))


class _Health:
    def __init__(self, client: Any, retries: Retries) -> None:
        self._client = client
        self._retries = retries

    def groups_of_instances(self) -> Iterator[str]:
        """Their ARNs. Page by page: a page that is tried again does not cost those before it."""

        def ask(**more: str) -> Any:
            groups = partial(self._client.describe_target_groups, PageSize=_PAGE_SIZE, **more)
            return self._retries.call(partial(answer_with, "TargetGroups", groups))

        with unreadable_when_refused("elasticloadbalancing:DescribeTargetGroups"):
            for page in each_page("DescribeTargetGroups", ask, NEXT_MARKER):
                yield from (one["TargetGroupArn"] for one in page["TargetGroups"] if one["TargetType"] == "instance")

    def missed(self, group: str) -> Iterator[str]:
        ask = partial(self._client.describe_target_health, TargetGroupArn=group)
        try:
            with unreadable_when_refused("elasticloadbalancing:DescribeTargetHealth"):
                answer = self._retries.call(partial(answer_with, "TargetHealthDescriptions", ask))
        except TargetUnreadableError as refusal:
            if refusal.error.code == _GROUP_IS_GONE:  # deleted since it was listed
                return
            raise
        for one in answer["TargetHealthDescriptions"]:
            health = one["TargetHealth"]
            if health["State"] not in _WELL and health.get("Reason") not in _NOT_MISSED:
                yield one["Target"]["Id"]
