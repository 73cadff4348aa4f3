"""DescribeAutoScalingGroups and DescribeScheduledActions, page by page: all of a region, or groups by their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from orchestrator.aws.failures import require_account
from orchestrator.aws.pages import each_page
from orchestrator.core.model import AccountId
from orchestrator.kinds.shared.operations import Call, answer_with, in_portions

OPERATION = "DescribeAutoScalingGroups"
_SCHEDULED = "DescribeScheduledActions"
_PAGE_SIZE = 100
"""The most that the service gives, and with it the most names that it takes.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html
"""


def all_groups(client: Any, call: Call) -> Iterator[Any]:
    """As botocore names their fields, whatever their sizes. Raises botocore's exceptions."""
    return _pages(client, call, {})


def groups_by_name(client: Any, names: Sequence[str], call: Call) -> Iterator[Any]:
    """Those that the service knows; it leaves the others out."""
    for some in in_portions(names, _PAGE_SIZE):
        yield from _pages(client, call, {"AutoScalingGroupNames": [*some]})


def of_account(account_id: AccountId, groups: Iterable[Any]) -> Iterator[Any]:
    """The same groups. Raises botocore's exception at one whose ARN is not of that account."""
    for one in groups:
        require_account(OPERATION, account_id, one.get("AutoScalingGroupARN") or "")
        yield one


def scheduled_actions(client: Any, call: Call) -> Iterator[Any]:
    """All of a region, whatever they set. Raises botocore's exceptions."""

    def ask(**more: str) -> Any:
        actions = partial(client.describe_scheduled_actions, MaxRecords=_PAGE_SIZE, **more)
        return call(_SCHEDULED, partial(answer_with, "ScheduledUpdateGroupActions", actions))

    for page in each_page(_SCHEDULED, ask):
        yield from page["ScheduledUpdateGroupActions"]


def _pages(client: Any, call: Call, asked: dict[str, Any]) -> Iterator[Any]:
    """A page that is tried again does not cost those before it. Without instances nothing would tell of protection."""

    def ask(**more: str) -> Any:
        groups = partial(
            client.describe_auto_scaling_groups, MaxRecords=_PAGE_SIZE, IncludeInstances=True, **asked, **more
        )
        return call(OPERATION, partial(answer_with, "AutoScalingGroups", groups))

    for page in each_page(OPERATION, ask):
        yield from page["AutoScalingGroups"]
