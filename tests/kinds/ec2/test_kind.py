"""What an EC2 instance becomes: a resource with its facts; and what AWS would not say is never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.pacing import Pacing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Region, Resource, ResourceState, Target
from orchestrator.kinds.ec2.kind import Ec2Instances
from orchestrator.ports import TargetUnreadableError
from tests.support.builders import AT
from tests.support.local_aws import (
    EC2_NAMESPACE,
    Answer,
    Fixed,
    LocalAws,
    Request,
    closing_clients,
    instances_answer,
    refusal,
    serving,
    types_answer,
)

TARGET = Target(AccountId("111111111111"), Region("eu-west-1"))


def an_instance(instance_id: str = "i-1", state: str = "running", spot: str = "", rest: str = "") -> str:
    lifecycle = f"<instanceLifecycle>spot</instanceLifecycle><spotInstanceRequestId>{spot}</spotInstanceRequestId>"
    return (
        f"<item><instanceId>{instance_id}</instanceId><instanceState><name>{state}</name></instanceState>"
        "<instanceType>t3.micro</instanceType><rootDeviceType>ebs</rootDeviceType>"
        f"{lifecycle if spot else ''}{rest}</item>"
    )


@dataclass
class Ec2:
    """Instances, and the spot requests that it admits to."""

    instances: list[str] = field(default_factory=list)
    spot_types: dict[str, str] = field(default_factory=dict)
    refused: dict[str, Answer] = field(default_factory=dict)
    stores: dict[str, str] = field(default_factory=lambda: {"t3.micro": "false"})
    """Whether each type that it knows has instance-store volumes."""

    def __call__(self, request: Request) -> Answer:
        if request.operation in self.refused:
            return self.refused[request.operation]
        if request.operation == "DescribeInstances":
            return instances_answer("".join(self.instances))
        asked = [value for key, value in request.form.items() if key.startswith("Filter.1.Value.")]
        if request.operation == "DescribeInstanceTypes":
            return types_answer(asked, self.stores)
        items = "".join(
            f"<item><spotInstanceRequestId>{one}</spotInstanceRequestId><type>{self.spot_types[one]}</type></item>"
            for one in asked
            if one in self.spot_types
        )
        return Answer(
            f'<DescribeSpotInstanceRequestsResponse xmlns="{EC2_NAMESPACE}"><spotInstanceRequestSet>{items}'
            "</spotInstanceRequestSet></DescribeSpotInstanceRequestsResponse>"
        )


@pytest.fixture
def ec2() -> Ec2:
    return Ec2()


@pytest.fixture
def aws(ec2: Ec2, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    with serving(ec2, monkeypatch) as server:
        yield server


@pytest.fixture
def kind(aws: LocalAws) -> Iterator[Ec2Instances]:
    with closing_clients() as clients:
        yield make_kind(clients)


def make_kind(clients: Clients) -> Ec2Instances:
    return Ec2Instances(clients, Retries(attempts=2, sleep=lambda _: None), lambda: AT, Pacing({}))


def read(kind: Ec2Instances) -> tuple[Resource, ...]:
    with bound_to(Fixed(TARGET.account_id)):
        return kind.read(TARGET)


def test_an_instance_becomes_a_resource_with_its_place_its_name_and_its_tags(ec2: Ec2, kind: Ec2Instances) -> None:
    tags = "<tagSet><item><key>Name</key><value>web</value></item><item><key>Env</key><value/></item></tagSet>"
    ec2.instances = [an_instance("i-1", rest=tags)]
    (resource,) = read(kind)
    assert (resource.kind, resource.target, resource.resource_id) == ("ec2", TARGET, "i-1")
    assert resource.arn == "arn:aws:ec2:eu-west-1:111111111111:instance/i-1"
    assert (resource.name, resource.state, resource.aws_state) == ("web", ResourceState.RUNNING, "running")
    assert resource.tags == {"Name": "web", "Env": ""}


def test_its_facts_are_those_that_decisions_look_at(ec2: Ec2, kind: Ec2Instances) -> None:
    rest = (
        "<instanceType>t3.micro</instanceType><launchTime>2026-11-20T08:15:30.000Z</launchTime>"
        "<placement><availabilityZone>eu-west-1a</availabilityZone></placement>"
        "<hibernationOptions><configured>true</configured></hibernationOptions>"
        "<operator><managed>true</managed><principal>eks.amazonaws.com</principal></operator>"
    )
    ec2.instances = [an_instance(rest=rest)]
    assert read(kind)[0].facts == {
        "instance_type": "t3.micro",
        "launched_at": "2026-11-20T08:15:30Z",
        "root_device_type": "ebs",
        "lifecycle": "on-demand",
        "spot_request_type": None,
        "operator_managed": True,
        "operator": "eks.amazonaws.com",
        "hibernation_configured": True,
        "availability_zone": "eu-west-1a",
        "auto_assigned_public_ipv4": False,
    }


def test_an_instance_of_which_aws_says_nothing_but_its_id_is_kept(ec2: Ec2, kind: Ec2Instances) -> None:
    ec2.instances = ["<item><instanceId>i-1</instanceId></item>"]
    (resource,) = read(kind)
    assert (resource.state, resource.aws_state) == (ResourceState.UNKNOWN, "unknown")
    assert resource.obstacle is not None


def test_the_type_of_a_spot_request_decides_whether_its_instance_can_be_stopped(
    ec2: Ec2, kind: Ec2Instances, aws: LocalAws
) -> None:
    ec2.instances = [an_instance("i-1", spot="sir-1"), an_instance("i-2", spot="sir-2"), an_instance("i-3")]
    ec2.spot_types = {"sir-1": "one-time", "sir-2": "persistent"}
    found = {resource.resource_id: resource for resource in read(kind)}
    assert [found[one].facts["spot_request_type"] for one in ("i-1", "i-2", "i-3")] == ["one-time", "persistent", None]
    assert [found[one].obstacle is None for one in ("i-1", "i-2", "i-3")] == [False, True, True]
    assert aws.operations() == ["DescribeInstances", "DescribeSpotInstanceRequests", "DescribeInstanceTypes"]


def test_without_spot_instances_nothing_is_asked_about_them(ec2: Ec2, kind: Ec2Instances, aws: LocalAws) -> None:
    ec2.instances = [an_instance()]
    read(kind)
    assert "DescribeSpotInstanceRequests" not in aws.operations()


def test_spot_requests_are_asked_for_in_portions_that_a_filter_takes(
    ec2: Ec2, kind: Ec2Instances, aws: LocalAws
) -> None:
    ec2.instances = [an_instance(f"i-{number}", spot=f"sir-{number}") for number in range(450)]
    ec2.spot_types = {f"sir-{number}": "persistent" for number in range(450)}
    assert {resource.facts["spot_request_type"] for resource in read(kind)} == {"persistent"}
    portions = [len(request.form) - 3 for request in aws.of("DescribeSpotInstanceRequests")]
    assert portions == [200, 200, 50]


@pytest.mark.parametrize(
    "refused",
    [
        refusal("UnauthorizedOperation", "no"),
        refusal("InternalError", status=500),
        Answer("<p>"),
        Answer("<html><body>Sign in</body></html>"),
    ],
)
def test_a_spot_instance_whose_request_cannot_be_read_is_kept_and_the_rest_is_read(
    ec2: Ec2, kind: Ec2Instances, refused: Answer
) -> None:
    ec2.instances = [an_instance("i-1", spot="sir-1"), an_instance("i-2")]
    ec2.refused = {"DescribeSpotInstanceRequests": refused}
    spot, plain = read(kind)
    assert spot.obstacle is not None
    assert "could not be read" in spot.obstacle.sentence
    assert plain.obstacle is None


@pytest.mark.parametrize("code", ["AuthFailure", "UnauthorizedOperation", "SomethingNew"])
def test_a_target_that_cannot_be_described_is_unreadable_with_awss_words(
    ec2: Ec2, kind: Ec2Instances, code: str
) -> None:
    ec2.refused = {"DescribeInstances": refusal(code, "AWS's words", status=401)}
    with pytest.raises(TargetUnreadableError) as unreadable:
        read(kind)
    assert str(unreadable.value) == f"ec2:DescribeInstances: {code}: AWS's words"


def test_the_permissions_it_names_are_the_calls_that_it_makes(kind: Ec2Instances) -> None:
    assert kind.description.read_permissions == {
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeSpotInstanceRequests",
        "ec2:DescribeVolumes",
        "cloudwatch:GetMetricData",
        "cloudwatch:ListMetrics",
    }
    assert kind.description.act_permissions == {
        f"ec2:{operation}"
        for operation in ("DescribeInstances", "StopInstances", "StartInstances", "CreateTags", "DeleteTags")
    } | {"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth"}
