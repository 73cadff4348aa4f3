"""Services read and acted on, in what they differ from other kinds: few calls, pages, names, and what AWS refuses."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.ecs.models import ecs_backends

from orchestrator.aws.clients import bound_to
from orchestrator.core.model import AccountId, Action, OutcomeStatus, ResourceState, Target
from orchestrator.demo.faults import Fault
from orchestrator.kinds.ecs_service.kind import KIND
from orchestrator.ports import TargetUnreadableError
from tests.kinds.contract.harness import ACCOUNT, REGION, RETRIES, refused
from tests.kinds.ecs_service.harness import (
    ALL_SUSPENDED,
    NOT_SUSPENDED,
    TASKS,
    Embedded,
    a_service,
    seed,
    service_of,
)
from tests.support.builders import AT
from tests.support.fake_ec2 import RecordingPacing
from tests.support.local_aws import Fixed

TARGET = Target(ACCOUNT, REGION)


class Region:
    """Both clients of a region with so many services in each cluster; counts its calls. What is below is for tests."""

    partition = "aws"

    def __init__(self, clusters: dict[str, int], desired: int = TASKS) -> None:
        self.clusters = clusters
        self.desired = desired
        self.calls: Counter[str] = Counter()
        self.asked: list[dict[str, Any]] = []
        self.deleted: set[str] = set()
        self.left_out: set[str] = set()
        self.failures: list[dict[str, str]] = []

    def member(self, _service: str, _region: str) -> Region:
        """As Clients.member."""
        return self

    def list_clusters(self, **asked: Any) -> dict[str, Any]:
        return self._page("ListClusters", "clusterArns", [arn(f"cluster/{one}") for one in self.clusters], asked)

    def list_services(self, **asked: Any) -> dict[str, Any]:
        cluster = asked["cluster"].rpartition("/")[2]
        if cluster in self.deleted:
            raise refused("ClusterNotFoundException", "Cluster not found.")
        names = [arn(f"service/{cluster}/web-{number}") for number in range(self.clusters[cluster])]
        return self._page("ListServices", "serviceArns", names, asked)

    def describe_services(self, **asked: Any) -> dict[str, Any]:
        self.calls["DescribeServices"] += 1
        assert len(asked["services"]) <= 10
        cluster = asked["cluster"].rpartition("/")[2]
        if cluster not in self.clusters or cluster in self.deleted:
            raise refused("ClusterNotFoundException", "Cluster not found.")
        services = [
            a_service(
                serviceName=one,
                serviceArn=arn(f"service/{cluster}/{one}"),
                clusterArn=arn(f"cluster/{cluster}"),
                desiredCount=self.desired,
            )
            for one in asked["services"]
            if one not in self.left_out
        ]
        return {"services": services, "failures": self.failures}

    def describe_scalable_targets(self, **asked: Any) -> dict[str, Any]:
        ids = [f"service/{name}/web-{number}" for name, size in self.clusters.items() for number in range(size)]
        ids = asked.get("ResourceIds", ids)
        rows = [{"ResourceId": one, "SuspendedState": NOT_SUSPENDED} for one in ids]
        return self._page("DescribeScalableTargets", "ScalableTargets", rows, asked, "NextToken", "MaxResults")

    def _page(
        self,
        name: str,
        key: str,
        rows: list[Any],
        asked: dict[str, Any],
        token: str = "nextToken",
        size: str = "maxResults",
    ) -> dict[str, Any]:
        self.calls[name] += 1
        self.asked.append(asked)
        start, end = int(asked.get(token, 0)), int(asked.get(token, 0)) + asked[size]
        return {key: rows[start:end], **({token: str(end)} if end < len(rows) else {})}


def arn(resource: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:ecs:{REGION}:{account}:{resource}"


def kind_of(region: Region) -> Any:
    return KIND.make(region, RETRIES, lambda: AT, RecordingPacing())  # type: ignore[arg-type]  # fakes


def read(region: Region, **more: Any) -> Any:
    with bound_to(Fixed(ACCOUNT)):
        return kind_of(region).read(TARGET, **more)


def look(region: Region, *ids: str) -> Any:
    with bound_to(Fixed(ACCOUNT)):
        return kind_of(region).look(TARGET, ids)


# --- how many calls ---------------------------------------------------------------------------------------------------


def test_five_clusters_of_thirty_services_are_twenty_four_calls() -> None:
    region = Region({f"apps-{number}": 30 for number in range(5)})
    assert len(read(region)) == 150
    assert region.calls == {"ListClusters": 1, "ListServices": 5, "DescribeServices": 15, "DescribeScalableTargets": 3}
    assert region.calls.total() == 24


def test_a_region_without_clusters_is_one_call_and_a_cluster_without_services_one_more() -> None:
    nothing, empty = Region({}), Region({"apps": 0})
    assert read(nothing) == read(empty) == ()
    assert (nothing.calls.total(), empty.calls.total()) == (1, 2)


def test_what_scales_services_is_not_asked_for_where_all_are_down() -> None:
    region = Region({"apps": 3}, desired=0)
    assert len(read(region, with_stopped=True)) == 3
    assert "DescribeScalableTargets" not in region.calls


def test_every_page_of_every_list_is_read() -> None:
    region = Region({"apps": 250, **{f"empty-{number}": 0 for number in range(120)}})
    assert len(read(region)) == 250
    assert (region.calls["ListClusters"], region.calls["ListServices"], region.calls["DescribeScalableTargets"]) == (
        2,
        3 + 120,
        5,
    )


def test_a_look_names_ten_services_a_call_and_fifty_scalable_targets() -> None:
    region = Region({"apps": 60, "jobs": 5})
    ids = [f"apps/web-{number}" for number in range(60)] + [f"jobs/web-{number}" for number in range(5)]
    assert list(look(region, *ids)) == ids
    assert region.calls == {"DescribeServices": 6 + 1, "DescribeScalableTargets": 2}


# --- what is missing, and what is not told ----------------------------------------------------------------------------


def test_a_cluster_that_is_deleted_while_it_is_read_has_no_services() -> None:
    region = Region({"apps": 1, "old": 1})
    region.deleted = {"old"}
    assert [one.resource_id for one in read(region)] == ["apps/web-0"]
    assert list(look(region, "apps/web-0", "old/web-0")) == ["apps/web-0"]


def test_a_service_that_is_missing_is_gone() -> None:
    region = Region({"apps": 2})
    region.left_out, region.failures = {"web-1"}, [{"arn": arn("service/apps/web-1"), "reason": "MISSING"}]
    assert list(look(region, "apps/web-0", "apps/web-1")) == ["apps/web-0"]


@pytest.mark.parametrize(
    ("failures", "words"),
    [
        ([], "ecs:DescribeServices: ResponseParserError: the answer leaves out web-1"),
        ([{"arn": arn("service/apps/web-1"), "reason": "ACCESS"}], "ecs:DescribeServices: ACCESS"),
    ],
)
def test_a_service_of_which_the_answer_tells_nothing_is_not_gone(failures: list[dict[str, str]], words: str) -> None:
    region = Region({"apps": 2})
    region.left_out, region.failures = {"web-1"}, failures
    for attempt in (lambda: read(region), lambda: look(region, "apps/web-1")):
        with pytest.raises(TargetUnreadableError, match=words):
            attempt()


def test_a_service_of_another_account_is_refused_and_the_target_with_it() -> None:
    with pytest.raises(TargetUnreadableError, match=r"WrongAccount.*222222222222.*111111111111"):
        kind_of(Region({"apps": 1})).read(Target(AccountId("222222222222"), REGION))


# --- over HTTP --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "attempts"),
    [
        ("ecs:ListClusters", ("read",)),
        ("ecs:ListServices", ("read",)),
        ("ecs:DescribeServices", ("read", "look")),
        ("application-autoscaling:DescribeScalableTargets", ("read", "look")),
    ],
)
def test_a_target_that_cannot_be_read_says_which_call_failed_in_awss_words(
    aws: Embedded, operation: str, attempts: tuple[str, ...]
) -> None:
    [one] = aws.add()
    aws.organization.front.faults.add(Fault("AccessDeniedException", "not authorized", 400, operation=operation))
    for attempt in attempts:
        with pytest.raises(
            TargetUnreadableError, match=f"^{operation}: AccessDeniedException: not authorized"
        ) as refusal:
            aws.read() if attempt == "read" else aws.look(one)
        assert refusal.value.operation == operation


def test_tasks_come_and_go_with_the_second_look_and_count_and_flags_are_as_before(aws: Embedded) -> None:
    flags = {**NOT_SUSPENDED, "DynamicScalingInSuspended": True}
    one = seed(aws.organization, aws.account, REGION, {"Environment": "dev"}, desired=3, flags=flags)
    outcome = aws.act(Action.STOP, [one])[one]
    assert outcome.status is OutcomeStatus.STOPPING
    assert (service_of(aws.account, one).desired_count, aws.flags_of(one)) == (0, ALL_SUSPENDED)
    assert aws.look(one)[one].state is ResourceState.STOPPED
    started = aws.act(Action.START, [one])[one]
    assert (started.status, service_of(aws.account, one).desired_count) == (OutcomeStatus.STARTING, 3)
    assert aws.look(one)[one].state is ResourceState.RUNNING
    assert (service_of(aws.account, one).desired_count, aws.flags_of(one)) == (3, flags)


def test_a_service_without_a_scalable_target_gets_none(aws: Embedded) -> None:
    one = seed(aws.organization, aws.account, REGION, {}, flags=None)
    aws.act(Action.STOP, [one])
    aws.look(one)
    aws.act(Action.START, [one])
    assert not {name for name in aws.clients.calls() if name.endswith("RegisterScalableTarget")}


def test_only_the_count_is_ever_updated_and_no_size_of_what_scales_it(aws: Embedded) -> None:
    [one] = aws.add()
    asked: list[Any] = []
    faults = aws.organization.front.faults
    for operation in ("ecs:UpdateService", "application-autoscaling:RegisterScalableTarget"):
        faults.add(Fault(operation=operation, effect=lambda call: asked.append(set(call.json))))
    aws.act(Action.STOP, [one])
    suspended = {"ServiceNamespace", "ResourceId", "ScalableDimension", "SuspendedState"}
    assert asked == [suspended, {"cluster", "service", "desiredCount"}]


def test_services_of_one_name_in_two_clusters_are_two(aws: Embedded) -> None:
    ids = [seed(aws.organization, aws.account, REGION, {}, cluster=cluster) for cluster in ("apps", "jobs")]
    services = ecs_backends[aws.account][REGION].services
    twin = services[ids[1].replace("/", ":")]
    services["jobs:" + ids[0].partition("/")[2]] = services.pop(f"jobs:{twin.name}")
    twin.name = ids[0].partition("/")[2]
    assert sorted(aws.read()) == sorted([ids[0], f"jobs/{twin.name}"])
    aws.act(Action.STOP, [ids[0]])
    assert (service_of(aws.account, ids[0]).desired_count, twin.desired_count) == (0, TASKS)


def test_what_was_deleted_meanwhile_failed_with_the_kinds_word(aws: Embedded) -> None:
    [one] = aws.add()
    guard = aws.guard()
    guard.before_admitting = lambda: aws.put(one, "INACTIVE")
    outcome = aws.act(Action.STOP, [one], guard)[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "ServiceNotActiveException")


# --- the embedded AWS refuses as AWS does -----------------------------------------------------------------------------


def client(aws: Embedded, service: str = "ecs") -> Any:
    return aws.organization.client(service, REGION)


def test_the_embedded_aws_takes_no_count_for_a_daemon(aws: Embedded) -> None:
    one = seed(aws.organization, aws.account, REGION, {}, flags=None, schedulingStrategy="DAEMON")
    obstacle = aws.read()[one].obstacle
    assert obstacle is not None
    assert "daemon" in obstacle.sentence
    outcome = aws.act(Action.STOP, [one], restore={"desired_count": 1})[one]
    assert (outcome.code, "daemon" in outcome.message) == ("InvalidParameterException", True)


def test_the_embedded_aws_takes_no_tags_by_a_short_arn(aws: Embedded) -> None:
    with aws.organization.acting_in(aws.account):
        client(aws).put_account_setting(name="serviceLongArnFormat", value="disabled")
    [one] = aws.add()
    resource = aws.read()[one]
    assert resource.obstacle is not None
    assert "short form" in resource.obstacle.sentence
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.code, "Long arn format" in outcome.message) == ("CannotMark", True)
    assert aws.word(one) == "running"


def test_the_embedded_aws_describes_at_most_ten(aws: Embedded) -> None:
    aws.add()
    with aws.organization.acting_in(aws.account), pytest.raises(ClientError, match="InvalidParameterException"):
        client(aws).describe_services(cluster="apps", services=[f"web-{number}" for number in range(11)])


def test_the_embedded_aws_has_pages(aws: Embedded) -> None:
    aws.add(3)
    with aws.organization.acting_in(aws.account):
        for service, operation, asked in (
            ("ecs", "list_services", {"cluster": "apps"}),
            ("application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "ecs"}),
        ):
            pages = list(
                client(aws, service).get_paginator(operation).paginate(**asked, PaginationConfig={"PageSize": 2})
            )
            assert len(pages) == 2


def test_the_embedded_aws_moves_a_count_into_the_sizes_of_its_scalable_target(aws: Embedded) -> None:
    one = seed(aws.organization, aws.account, REGION, {}, sizes=(2, 4))
    aws.someone(Action.STOP, [one])
    with aws.organization.acting_in(aws.account):
        client(aws, "application-autoscaling").register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId=f"service/{one}",
            ScalableDimension="ecs:service:DesiredCount",
            SuspendedState=NOT_SUSPENDED,
        )
    assert service_of(aws.account, one).desired_count == 2
