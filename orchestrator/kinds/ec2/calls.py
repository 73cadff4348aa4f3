"""The calls on one target's instances through botocore: describing some of them, stopping or starting some of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from botocore.parsers import ResponseParserError

from orchestrator.kinds.ec2.attempts import Seen
from orchestrator.kinds.ec2.describe import IDS_A_FILTER, PAGE_SIZE
from orchestrator.kinds.ec2.paced import Paced
from orchestrator.kinds.ec2.transitions import START, Goal

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


class Ec2Calls:
    """One target's. Raises botocore's exceptions."""

    def __init__(self, client: EC2Client, paced: Paced) -> None:
        self._client = client
        self._paced = paced
        self.retries = paced.retries

    def wait(self, goal: Goal, ids: Sequence[str]) -> None:
        """Until AWS's rates allow `change` for these."""
        self._paced.wait(goal.operation, len(ids))

    def change(self, goal: Goal, ids: list[str], *, hibernate: bool) -> dict[str, str]:
        """Stops or starts them, tried once: the state that each was in before."""
        arguments: dict[str, Any] = {"InstanceIds": ids, "Hibernate": True} if hibernate else {"InstanceIds": ids}

        def call() -> Any:
            client = self._client
            answer = client.start_instances(**arguments) if goal is START else client.stop_instances(**arguments)
            return _listed(answer, goal.answer)

        changes = self._paced.now(goal.operation, call)
        return {change["InstanceId"]: change.get("PreviousState", {}).get("Name", "") for change in changes}

    def describe(self, ids: Sequence[str], *, tries: bool = True) -> dict[str, Seen]:
        """Each instance that AWS still knows. By filter, since an unknown id would be an error.

        Without `tries` each of its calls is made once.
        """
        seen: dict[str, Seen] = {}
        for start in range(0, len(ids), IDS_A_FILTER):
            only_these = [{"Name": "instance-id", "Values": list(ids[start : start + IDS_A_FILTER])}]
            for reservations in self._pages({"Filters": only_these, "MaxResults": PAGE_SIZE}, tries=tries):
                for reservation in reservations:
                    seen.update((raw["InstanceId"], Seen.of(raw)) for raw in reservation["Instances"])
        return seen

    def _pages(self, arguments: dict[str, Any], *, tries: bool) -> Iterator[Any]:
        call = self._paced.call if tries else self._paced.once
        while True:
            page = call("DescribeInstances", lambda: self._page(arguments))
            yield page["Reservations"]
            if not page.get("NextToken"):
                return
            arguments["NextToken"] = page["NextToken"]

    def _page(self, arguments: dict[str, Any]) -> Any:
        page = self._client.describe_instances(**arguments)
        _listed(page, "Reservations")
        return page


def _listed(answer: Any, key: str) -> Any:
    """Raises ResponseParserError for an answer without the list (a page of a proxy): that is not an empty one."""
    if key not in answer:
        raise ResponseParserError(f"the answer has no {key}")
    return answer[key]
