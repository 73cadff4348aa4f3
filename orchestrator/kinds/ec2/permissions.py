"""What the member role may do with EC2 instances, asked of EC2 itself by dry runs, which change nothing.

EC2 documents a dry run's answers (`DryRunOperation`, `UnauthorizedOperation`), and no order in which it looks at
permissions and at ids. So a real instance is asked about, where there is one; and StartInstances of one that carries a
mark, as the role denies it of every other one.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from orchestrator.aws.clients import Clients
from orchestrator.aws.failures import AWS_FAILURES, Failure, classify, error_of
from orchestrator.aws.pages import each_page
from orchestrator.aws.retries import Retries
from orchestrator.core.diagnosis.checks import Asked
from orchestrator.core.model import Region
from orchestrator.core.model.marks import MARKS, STOPPED_BY_TAG
from orchestrator.core.policy.tag_keys import is_a_persons
from orchestrator.kinds.ec2.description import EC2

_NO_INSTANCE = "i-00000000000000000"
_WOULD_HAVE_SUCCEEDED = "DryRunOperation"
_ABOUT_NOTHING = "none to ask about, and AWS does not say if it looks at permissions before ids"
_NOTHING_MARKED = (
    f"no instance was found that carries {STOPPED_BY_TAG}, and the role allows it of no other: ask again after a sweep "
    "that stopped something"
)
_NOTHING_UNMARKED = f"no instance was found that carries no {STOPPED_BY_TAG}"
_PAGES, _PAGE_SIZE = 5, 100
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_ANY = ({"Name": "instance-state-name", "Values": ["running", "stopped", "stopping"]},)
_MARKED = (
    {"Name": "instance-state-name", "Values": ["stopped", "running"]},
    {"Name": "tag-key", "Values": [STOPPED_BY_TAG]},
)


class Ec2Permissions:
    """doctor.PermissionsPort for EC2 instances; runs inside `AccountsPort.bind`."""

    description = EC2

    def __init__(self, clients: Clients, retries: Retries) -> None:
        self._clients = clients
        self._retries = retries

    def read(self, region: Region) -> tuple[Asked, str | None]:
        found: list[str] = []
        asked = self._asked("ec2:DescribeInstances", lambda: found.extend(islice(self._stoppable(region), 1)))
        return asked, next(iter(found), None)

    def ask(self, region: Region, resource_id: str | None) -> tuple[Asked, ...]:
        return (*self._dry_runs(region, resource_id), *self._load_balancers(region), *self._metrics(region))

    def ask_of_marked(self, regions: Sequence[Region]) -> tuple[tuple[Region, Asked], ...]:
        action = "ec2:StartInstances"
        for region in regions:
            marked = self._marked(region)
            if marked is not None:
                start = partial(self._clients.ec2(region).start_instances, InstanceIds=[marked], DryRun=True)
                return ((region, self._asked(action, start)),)
        return ((regions[0], Asked(action, optional=True, not_asked=_NOTHING_MARKED)),)

    def ask_of_unmarked(self, regions: Sequence[Region]) -> tuple[Region, Asked]:
        action = "ec2:StartInstances"
        for region in regions:
            unmarked = self._unmarked(region)
            if unmarked is not None:
                start = partial(self._clients.ec2(region).start_instances, InstanceIds=[unmarked], DryRun=True)
                return region, self._asked(action, start)
        return regions[0], Asked(action, optional=True, not_asked=_NOTHING_UNMARKED)

    def ask_of_tag_keys(self, region: Region, resource_id: str | None, keys: Sequence[str]) -> Asked:
        client: Any = self._clients.ec2(region)
        tags = [{"Key": key, "Value": "doctor"} for key in keys]
        write = partial(client.create_tags, Resources=[resource_id or _NO_INSTANCE], Tags=tags, DryRun=True)
        return self._asked("ec2:CreateTags", write, about_nothing=resource_id is None)

    def _unmarked(self, region: Region) -> str | None:
        """The id of an instance without a mark; None also where the region does not answer this once."""
        try:
            found = self._instances(region, *_ANY)
            return next((raw["InstanceId"] for raw in found if _can_be_stopped(raw) and not _is_marked(raw)), None)
        except AWS_FAILURES:
            return None

    def _stoppable(self, region: Region) -> Iterator[str]:
        return (raw["InstanceId"] for raw in self._instances(region, *_ANY) if _can_be_stopped(raw))

    def _marked(self, region: Region) -> str | None:
        """The id of an instance that the role may start; None also where the region does not answer this once."""
        try:
            return next((raw["InstanceId"] for raw in self._instances(region, *_MARKED)), None)
        except AWS_FAILURES:
            return None

    def _instances(self, region: Region, *filters: dict[str, Any]) -> Iterator[Any]:
        """Those of the first pages. Raises botocore's exceptions."""
        client: Any = self._clients.ec2(region)

        def ask(**more: str) -> Any:
            return self._retries.call(
                partial(client.describe_instances, Filters=[*filters], MaxResults=_PAGE_SIZE, **more)
            )

        for page in islice(each_page("DescribeInstances", ask), _PAGES):
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]

    def _dry_runs(self, region: Region, resource_id: str | None) -> Iterator[Asked]:
        client: Any = self._clients.ec2(region)
        ids = [resource_id or _NO_INSTANCE]
        tags = [{"Key": key, "Value": "doctor"} for key in MARKS]
        keys = [{"Key": key} for key in MARKS]
        for action, call in (
            ("ec2:StopInstances", lambda: client.stop_instances(InstanceIds=ids, DryRun=True)),
            ("ec2:CreateTags", lambda: client.create_tags(Resources=ids, Tags=tags, DryRun=True)),
            ("ec2:DeleteTags", lambda: client.delete_tags(Resources=ids, Tags=keys, DryRun=True)),
        ):
            yield self._asked(action, call, about_nothing=resource_id is None)
        yield self._asked(
            "ec2:DescribeSpotInstanceRequests",
            lambda: client.describe_spot_instance_requests(DryRun=True),
            optional=True,
        )
        yield self._asked("ec2:DescribeInstanceTypes", lambda: client.describe_instance_types(DryRun=True))
        # Only what prices need: without it what volumes cost is unknown.
        yield self._asked("ec2:DescribeVolumes", lambda: client.describe_volumes(DryRun=True), optional=True)

    def _load_balancers(self, region: Region) -> Iterator[Asked]:
        """They have no dry run, and reading them is harmless; only `undo --only-failed-health` needs them."""
        client, groups = self._clients.member("elbv2", region), "elasticloadbalancing:DescribeTargetGroups"
        health = "elasticloadbalancing:DescribeTargetHealth"
        found: list[Any] = []
        yield self._asked(
            groups, lambda: found.extend(client.describe_target_groups(PageSize=1)["TargetGroups"]), optional=True
        )
        if not found:
            nothing = "it has no dry run, and there is no target group to ask about"
            yield Asked(health, optional=True, not_asked=nothing)
            return
        arn = found[0]["TargetGroupArn"]
        yield self._asked(health, lambda: client.describe_target_health(TargetGroupArn=arn), optional=True)

    def _metrics(self, region: Region) -> Iterator[Asked]:
        """Neither has a dry run, reading is harmless, and a span before any metric was kept costs no data; only rules
        with `idle` need them.
        """
        client = self._clients.member("cloudwatch", region)
        metric = {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization"}
        query = {"Id": "any", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Maximum"}}
        times = {"StartTime": _LONG_AGO, "EndTime": _LONG_AGO + timedelta(minutes=5)}
        for action, call in (
            ("cloudwatch:GetMetricData", lambda: client.get_metric_data(MetricDataQueries=[query], **times)),
            ("cloudwatch:ListMetrics", lambda: client.list_metrics(Namespace="CWAgent", RecentlyActive="PT3H")),
        ):
            yield self._asked(action, call, optional=True)

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


def _is_marked(raw: Any) -> bool:
    """IAM may hold a key in another case for the mark, so that counts."""
    return any(tag["Key"].lower() == STOPPED_BY_TAG for tag in raw.get("Tags", ()))


def _can_be_stopped(raw: Any) -> bool:
    """Whether neither EC2 nor the role's own policy refuses it in any case; such a refusal would mean nothing.

    IAM may hold a key in another case for ours, so whatever is spelt like one counts.
    """
    is_stoppable = raw.get("RootDeviceType") == "ebs" and not raw.get("InstanceLifecycle")
    is_managed = raw.get("Operator", {}).get("Managed", False)
    return is_stoppable and not is_managed and not any(is_a_persons(tag["Key"]) for tag in raw.get("Tags", ()))
