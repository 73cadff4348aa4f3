"""What the member role may do with EC2 instances, asked of EC2 itself by dry runs, which change nothing.

EC2 documents a dry run's answers (`DryRunOperation`, `UnauthorizedOperation`), and no order in which it looks at
permissions and at ids. So a real instance is asked about, where there is one.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.aws.pages import each_page
from orchestrator.aws.retries import Retries
from orchestrator.core.diagnosis.checks import Asked
from orchestrator.core.model import Region
from orchestrator.core.model.marks import MARKS
from orchestrator.core.policy.tag_keys import is_a_persons
from orchestrator.kinds.ec2.description import EC2

_NO_INSTANCE = "i-00000000000000000"
_WOULD_HAVE_SUCCEEDED = "DryRunOperation"
_ABOUT_NOTHING = "none to ask about, and AWS does not say if it looks at permissions before ids"
_PAGES, _PAGE_SIZE = 5, 100
_STATES = ["running", "stopped", "stopping"]


class Ec2Permissions:
    """doctor.PermissionsPort for EC2 instances; runs inside `AccountsPort.bind`."""

    needed = EC2.permissions

    def __init__(self, clients: Clients, retries: Retries) -> None:
        self._clients = clients
        self._retries = retries

    def read(self, region: Region) -> tuple[Asked, str | None]:
        found: list[str] = []
        asked = self._asked("ec2:DescribeInstances", lambda: found.extend(islice(self._stoppable(region), 1)))
        return asked, next(iter(found), None)

    def ask(self, region: Region, resource_id: str | None) -> tuple[Asked, ...]:
        return (*self._dry_runs(region, resource_id), *self._load_balancers(region))

    def _stoppable(self, region: Region) -> Iterator[str]:
        """Ids of instances that the role's own policy does not spare; a refusal of another one would mean nothing."""
        client: Any = self._clients.ec2(region)
        only_these = [{"Name": "instance-state-name", "Values": _STATES}]

        def ask(**more: str) -> Any:
            described = partial(client.describe_instances, Filters=only_these, MaxResults=_PAGE_SIZE, **more)
            return self._retries.call(described)

        for page in islice(each_page("DescribeInstances", ask), _PAGES):
            for reservation in page["Reservations"]:
                yield from (raw["InstanceId"] for raw in reservation["Instances"] if _is_unspared(raw))

    def _dry_runs(self, region: Region, resource_id: str | None) -> Iterator[Asked]:
        client: Any = self._clients.ec2(region)
        ids = [resource_id or _NO_INSTANCE]
        tags = [{"Key": key, "Value": "doctor"} for key in MARKS]
        keys = [{"Key": key} for key in MARKS]
        for action, call in (
            ("ec2:StopInstances", lambda: client.stop_instances(InstanceIds=ids, DryRun=True)),
            ("ec2:CreateTags", lambda: client.create_tags(Resources=ids, Tags=tags, DryRun=True)),
            ("ec2:StartInstances", lambda: client.start_instances(InstanceIds=ids, DryRun=True)),
            ("ec2:DeleteTags", lambda: client.delete_tags(Resources=ids, Tags=keys, DryRun=True)),
        ):
            yield self._asked(action, call, about_nothing=resource_id is None)
        yield self._asked(
            "ec2:DescribeSpotInstanceRequests",
            lambda: client.describe_spot_instance_requests(DryRun=True),
            optional=True,
        )

    def _load_balancers(self, region: Region) -> Iterator[Asked]:
        """They have no dry run, and reading them is harmless; only `undo --only-failed-health` needs them."""
        client, groups = self._clients.member("elbv2", region), "elasticloadbalancing:DescribeTargetGroups"
        health = "elasticloadbalancing:DescribeTargetHealth"
        found: list[Any] = []
        yield self._asked(
            groups, lambda: found.extend(client.describe_target_groups(PageSize=1)["TargetGroups"]), optional=True
        )
        if not found:
            yield Asked(health, not_asked="it has no dry run, and there is no target group to ask about")
            return
        arn = found[0]["TargetGroupArn"]
        yield self._asked(health, lambda: client.describe_target_health(TargetGroupArn=arn), optional=True)

    def _asked(
        self, action: str, call: Callable[[], object], *, optional: bool = False, about_nothing: bool = False
    ) -> Asked:
        try:
            self._retries.call(call)
        except AWS_FAILURES as failure:
            error = error_of(failure)
            if error.code == _WOULD_HAVE_SUCCEEDED:
                return Asked(action, optional=optional)
            if about_nothing and classify(failure) is Failure.REFUSED and error.code.startswith("Invalid"):
                return Asked(action, optional=optional, not_asked=f"{_ABOUT_NOTHING}: {error}")
            return Asked(action, error, optional=optional)
        return Asked(action, optional=optional)


def _is_unspared(raw: Any) -> bool:
    """IAM may hold a key in another case for ours, so whatever is spelt like one counts."""
    return raw.get("RootDeviceType") == "ebs" and not any(is_a_persons(tag["Key"]) for tag in raw.get("Tags", ()))
