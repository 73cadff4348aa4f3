"""What the answers about a group mean: its state by its sizes, what it runs, and what a sweep must not touch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.model import ObstacleCode, Resource, ResourceState
from orchestrator.core.model.resource import STARTS_AGAIN
from orchestrator.kinds.asg.rules import is_down, is_up, obstacle, resource_of, with_scheduled_actions
from tests.kinds.contract.harness import ACCOUNT, REGION
from tests.support.builders import a_resource

TARGET = a_resource(account_id=ACCOUNT, region=REGION).target
ARN = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0-1:autoScalingGroupName/web"
UP = {"LifecycleState": "InService", "InstanceType": "t3.micro", "ProtectedFromScaleIn": False}
PLAIN = {
    "AutoScalingGroupName": "web",
    "AutoScalingGroupARN": ARN,
    "MinSize": 1,
    "MaxSize": 4,
    "DesiredCapacity": 2,
    "Instances": [UP, UP],
    "Tags": [],
}
AT = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)


def group(**fields: Any) -> Resource:
    return resource_of({**PLAIN, **fields}, TARGET)


def sized(least: int | None, wanted: int | None, most: int | None, *states: str, **fields: Any) -> Resource:
    instances = [{**UP, "LifecycleState": one} for one in states]
    return group(MinSize=least, DesiredCapacity=wanted, MaxSize=most, Instances=instances, **fields)


def why(resource: Resource) -> tuple[str, str]:
    assert resource.obstacle is not None
    return resource.obstacle.code.value, resource.obstacle.sentence


@pytest.mark.parametrize(
    ("told", "state", "word"),
    [
        (sized(1, 2, 4, "InService", "Pending"), ResourceState.RUNNING, "running"),
        (sized(1, 2, 4, "Terminating:Wait", "InService"), ResourceState.RUNNING, "running"),
        (sized(1, 2, 4), ResourceState.STARTING, "starting"),
        (sized(1, 2, 4, "Pending:Wait", "Terminating"), ResourceState.STARTING, "starting"),
        (sized(0, 0, 0, "Terminating:Wait"), ResourceState.STOPPING, "stopping"),
        (sized(0, 0, 4, "InService"), ResourceState.STOPPING, "stopping"),
        (sized(0, 0, 0), ResourceState.STOPPED, "stopped"),
        (sized(0, 0, 4), ResourceState.UNKNOWN, "idle"),
        (sized(1, None, 4, "InService"), ResourceState.UNKNOWN, "unknown"),
        (sized(1, 2, None, "InService"), ResourceState.UNKNOWN, "unknown"),
        (sized(1, 2, 4, "InService", Status="Delete in progress"), ResourceState.GONE, "Delete in progress"),
        (sized(1, 2, 4, "InService", Status="Something new"), ResourceState.UNKNOWN, "Something new"),
    ],
)
def test_its_state_is_told_by_its_sizes_and_its_instances(told: Resource, state: ResourceState, word: str) -> None:
    assert (told.state, told.aws_state) == (state, word)


def test_a_group_at_size_0_that_scaling_may_start_is_down_and_neither_reported_nor_started_by_a_mark() -> None:
    idle, stopped, running = sized(0, 0, 4), sized(0, 0, 0), group()
    assert [is_up(one) for one in (idle, stopped, running)] == [False, False, True]
    assert [is_down(one) for one in (idle, stopped, running)] == [True, True, False]


def test_what_a_start_takes_is_known_of_what_runs_and_of_nothing_else() -> None:
    assert group().restore == {"min_size": 1, "max_size": 4, "desired_capacity": 2}
    for other in (sized(1, 2, 4), sized(0, 0, 0), sized(0, 0, 0, "Terminating"), group(Status="Delete in progress")):
        assert other.restore == {}


@pytest.mark.parametrize(
    ("told", "units"),
    [
        (group(), 2),
        (sized(1, 50, 60, "InService", "Pending"), 50),
        (sized(1, 1, 4, "InService", "InService", "Terminating"), 3),
        (group(DesiredCapacity=4, Instances=[{**UP, "WeightedCapacity": "4"}]), 1),
        (group(DesiredCapacity=4, DesiredCapacityType="vcpu"), 2),
        (sized(0, 0, 0), 1),
    ],
)
def test_guardrails_count_the_instances_that_it_runs(told: Resource, units: int) -> None:
    assert told.units == units


def test_a_plain_group_has_nothing_in_its_way_and_tells_what_it_is_made_of() -> None:
    told = group(
        Tags=[{"Key": "Name", "Value": "Web"}, {"Key": "aws:cloudformation:stack-name", "Value": "s"}],
        LaunchTemplate={"LaunchTemplateName": "web-template"},
        CreatedTime=AT,
    )
    assert (told.obstacle, told.name, told.arn, told.created_at) == (None, "Web", ARN, AT)
    assert (told.changed_at, told.started_at) == (None, None)
    assert (told.facts["instance_type"], told.facts["launch_template"]) == ("t3.micro", "web-template")
    assert told.details == {"managed_by": "cloudformation", "types": "2 t3.micro"}
    mixed = {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": "of-mixed"}}}
    assert group(MixedInstancesPolicy=mixed).facts["launch_template"] == "of-mixed"
    assert group(LaunchConfigurationName="old").facts["launch_template"] == "old"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"Operator": {"Principal": "ecs.amazonaws.com"}}, "Its operator is ecs.amazonaws.com: only that service"),
        ({"Tags": [{"Key": "eks:cluster-name", "Value": "c"}]}, "It belongs to an EKS cluster (tag eks:cluster-name)"),
        (
            {"Tags": [{"Key": "k8s.io/cluster-autoscaler/enabled", "Value": ""}]},
            "It belongs to an EKS or Kubernetes cluster",
        ),
        ({"Tags": [{"Key": "AmazonECSManaged", "Value": ""}]}, "It belongs to an ECS cluster (tag AmazonECSManaged)"),
        ({"Tags": [{"Key": "elasticbeanstalk:environment-id"}]}, "It belongs to an Elastic Beanstalk environment"),
        ({"Tags": [{"Key": "AWSBatchServiceTag", "Value": "b"}]}, "It belongs to an AWS Batch compute environment"),
    ],
)
def test_a_group_that_another_service_owns_is_kept(fields: dict[str, Any], sentence: str) -> None:
    code, told = why(group(**fields))
    assert code == ObstacleCode.OWNED
    assert told.startswith(sentence)


PROTECTED, STANDBY = {**UP, "ProtectedFromScaleIn": True}, {**UP, "LifecycleState": "Standby"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"Status": "Delete in progress"},
            "Its status is Delete in progress: AWS has one only for groups that are being deleted.",
        ),
        (
            {"SuspendedProcesses": [{"ProcessName": "AZRebalance"}, {"ProcessName": "Terminate"}]},
            "Its process Terminate is suspended: at size 0 its instances would run on.",
        ),
        (
            {"SuspendedProcesses": [{"ProcessName": "Launch"}]},
            "Its process Launch is suspended: a start would launch no instance again.",
        ),
        ({"Instances": [UP, PROTECTED]}, "1 of its instances is protected from scale-in: at size 0 it would run on."),
        (
            {"Instances": [PROTECTED, PROTECTED, UP]},
            "2 of its instances are protected from scale-in: at size 0 they would run on.",
        ),
        ({"Instances": [UP, STANDBY]}, "1 of its instances is on standby: at size 0 it would run on."),
        (
            {"WarmPoolConfiguration": {"PoolState": "Stopped"}},
            "It has a warm pool, which keeps instances of its own whatever the group's size.",
        ),
        ({"MinSize": None}, "AWS did not tell all of its sizes, so nothing would say as what to start it again."),
        (
            {"DesiredCapacity": 5},
            "Its desired capacity 5 is not within 1 and 4: AWS would refuse to start it so again.",
        ),
        ({"Tags": None}, "AWS did not tell its tags, so they may spare it."),
    ],
)
def test_what_would_run_on_or_not_come_back_is_in_the_way(fields: dict[str, Any], sentence: str) -> None:
    assert why(group(**fields)) == ("cannot_stop", sentence)


def test_processes_that_neither_end_nor_launch_instances_are_not_in_the_way() -> None:
    names = ("AlarmNotification", "ScheduledActions", "AZRebalance", "ReplaceUnhealthy", "HealthCheck")
    assert group(SuspendedProcesses=[{"ProcessName": one} for one in names]).obstacle is None


def test_an_answer_without_tags_is_not_taken_for_one_of_an_untagged_group() -> None:
    unread = {key: value for key, value in PLAIN.items() if key != "Tags"}
    assert why(resource_of(unread, TARGET))[1] == "AWS did not tell its tags, so they may spare it."


def test_what_is_in_the_way_is_told_by_what_reports_have_of_it() -> None:
    for fields in ({"Instances": [UP, PROTECTED]}, {"WarmPoolConfiguration": {}}, {"Operator": {"Principal": "x"}}):
        told = group(**fields)
        assert obstacle(told.facts, told.tags) == told.obstacle


# --- what starts it again ---------------------------------------------------------------------------------------------


def scheduled(name: str, **fields: Any) -> dict[str, Any]:
    return {"AutoScalingGroupName": "web", "ScheduledActionName": name, **fields}


MORNING = scheduled("morning", Recurrence="0 7 * * 1-5", TimeZone="Europe/Berlin", StartTime=AT, MinSize=1)


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        (
            [MORNING],
            "Its scheduled action morning (2026-11-30T06:00:00Z, 0 7 * * 1-5 Europe/Berlin) starts it again.",
        ),
        ([scheduled("once", DesiredCapacity=2)], "Its scheduled action once starts it again."),
        (
            [scheduled(one, MaxSize=3) for one in "dcba"],
            "Its 4 scheduled actions start it again: a, b, c and 1 more.",
        ),
        ([scheduled("evening", MinSize=0, MaxSize=0, DesiredCapacity=0)], None),
        ([{**MORNING, "AutoScalingGroupName": "other"}], None),
        ([], None),
    ],
)
def test_scheduled_actions_that_set_sizes_start_it_again(actions: list[dict[str, Any]], sentence: str | None) -> None:
    assert with_scheduled_actions(group(), actions).facts.get(STARTS_AGAIN) == sentence


def test_scheduled_actions_that_could_not_be_read_are_unknown_and_nothing_is_said_of_what_is_kept() -> None:
    told = with_scheduled_actions(group(), [], "AccessDenied").facts[STARTS_AGAIN]
    assert told == (
        "Whether a scheduled action starts it again is unknown (autoscaling:DescribeScheduledActions: AccessDenied)."
    )
    for kept in (sized(0, 0, 0), group(Operator={"Principal": "x"})):
        assert with_scheduled_actions(kept, [MORNING], "AccessDenied") is kept


def test_predictive_scaling_may_exceed_the_maximum_and_start_it_again() -> None:
    told = with_scheduled_actions(group(PredictedCapacity=3), [scheduled("once", MinSize=1)]).facts[STARTS_AGAIN]
    assert told == (
        "Its predictive scaling starts it again where that may exceed the group's maximum. "
        "Its scheduled action once starts it again."
    )
