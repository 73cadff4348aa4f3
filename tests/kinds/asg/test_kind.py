"""Groups read and acted on, in what they differ from other kinds: pages, sizes, hooks, tags, what starts them again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.core.model import AccountId, Action, OutcomeStatus, ResourceState
from orchestrator.core.model.resource import STARTS_AGAIN
from orchestrator.demo.faults import Fault
from orchestrator.kinds.asg.describe import all_groups, groups_by_name, of_account, scheduled_actions
from orchestrator.kinds.shared.marks import STOPPED_BY_TAG
from orchestrator.ports import TargetUnreadableError
from tests.kinds.asg.harness import Embedded, InMemory, seed
from tests.kinds.contract.harness import REGION

PROXY_PAGE = Fault(body="<html><body>busy</body></html>", status=200)
SIZES = (1, 4, 2)


class Pages:
    """A client that gives so many names a page."""

    def __init__(self, *pages: list[str]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def describe_auto_scaling_groups(self, **asked: Any) -> dict[str, Any]:
        return self._page("AutoScalingGroups", "AutoScalingGroupName", asked)

    def describe_scheduled_actions(self, **asked: Any) -> dict[str, Any]:
        return self._page("ScheduledUpdateGroupActions", "ScheduledActionName", asked)

    def _page(self, key: str, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        page = int(asked.get("NextToken", "0"))
        more = {"NextToken": str(page + 1)} if page + 1 < len(self.pages) else {}
        return {key: [{name: one} for one in self.pages[page]], **more}


def once(_: str, ask: Any) -> Any:
    return ask()


def sizes(aws: Embedded, name: str) -> tuple[int, int, int]:
    group = aws.group(name)
    return group.min_size, group.max_size, group.desired_capacity


def client_of(aws: Embedded) -> Any:
    return aws.organization.client("autoscaling", REGION)


def test_every_page_of_a_hundred_is_read_with_instances_and_an_empty_one_is_not_the_end() -> None:
    client = Pages(["a", "b"], [], ["c"])
    assert [one["AutoScalingGroupName"] for one in all_groups(client, once)] == ["a", "b", "c"]
    assert [asked.get("NextToken") for asked in client.asked] == [None, "1", "2"]
    assert {(asked["MaxRecords"], asked["IncludeInstances"]) for asked in client.asked} == {(100, True)}
    assert [one["ScheduledActionName"] for one in scheduled_actions(client, once)] == ["a", "b", "c"]


def test_certain_ones_are_asked_for_by_at_most_a_hundred_names_and_none_by_no_call() -> None:
    client = Pages([])
    assert list(groups_by_name(client, [f"g-{number}" for number in range(250)], once)) == []
    assert [len(asked["AutoScalingGroupNames"]) for asked in client.asked] == [100, 100, 50]
    assert list(groups_by_name(client, [], once)) == []
    assert len(client.asked) == 3, "without names AWS would describe every group"


@pytest.mark.parametrize("arn", ["arn:aws:autoscaling:eu-central-1:222222222222:autoScalingGroup:x", "", None])
def test_a_group_of_another_account_is_refused_and_the_target_with_it(arn: str | None) -> None:
    with pytest.raises(ClientError, match=r"WrongAccount.*111111111111"):
        list(of_account(AccountId("111111111111"), [{"AutoScalingGroupARN": arn} if arn else {}]))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("AccessDenied", "not authorized", 403), "AccessDenied: not authorized"),
        (PROXY_PAGE, "ResponseParserError"),
    ],
)
def test_a_target_that_cannot_be_read_says_which_call_failed_in_awss_words(
    aws: Embedded, fault: Fault, words: str
) -> None:
    fault.operation = "autoscaling:DescribeAutoScalingGroups"
    aws.organization.front.faults.add(fault)
    for attempt in (aws.read, lambda: aws.look("any")):
        with pytest.raises(TargetUnreadableError, match=f"^autoscaling:DescribeAutoScalingGroups: {words}"):
            attempt()


def test_an_empty_region_costs_one_call_and_one_whose_groups_are_kept_too(aws: Embedded) -> None:
    calls: list[str] = []
    aws.organization.front.faults.add(Fault(operation="autoscaling:*", effect=lambda call: calls.append(call.action)))
    assert aws.read() == {}
    aws.add(1, {"eks:cluster-name": "blue"})
    assert len(aws.read()) == 1
    assert calls.count("DescribeAutoScalingGroups") == 2
    assert "DescribeScheduledActions" not in calls
    aws.add()
    aws.read()
    assert calls.count("DescribeScheduledActions") == 1


# --- stopping and starting --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [SIZES, (2, 2, 2), (0, 100, 3), (3, 3, 3)])
def test_a_stop_sets_all_sizes_to_0_in_one_call_and_a_start_gives_them_back_exactly(
    aws: Embedded, given: tuple[int, int, int]
) -> None:
    least, most, wanted = given
    one = seed(aws.organization, aws.account, REGION, {}, MinSize=least, MaxSize=most, DesiredCapacity=wanted)
    assert aws.act(Action.STOP, [one])[one].status is OutcomeStatus.STOPPING
    assert sizes(aws, one) == (0, 0, 0)
    assert aws.log.count("stop") == 1
    assert aws.look(one)[one].state is ResourceState.STOPPED
    started = aws.act(Action.START, [one])[one]
    assert (started.status, sizes(aws, one)) == (OutcomeStatus.STARTING, given)
    assert aws.log.count("start") == 1
    assert aws.see([started], timedelta(minutes=1))[one].status is OutcomeStatus.STARTED
    assert len(aws.group(one).active_instances()) == wanted


def test_nothing_but_sizes_is_sent_so_that_its_launch_template_and_its_policy_stay(aws: Embedded) -> None:
    forms: list[Any] = []
    aws.organization.front.faults.add(
        Fault(operation="autoscaling:UpdateAutoScalingGroup", effect=lambda call: forms.append(call.form))
    )
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    fields = {"Action", "Version", "AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity"}
    assert [set(form) for form in forms] == [fields]
    assert aws.look(one)[one].facts["launch_template"] == "web"


def test_it_is_stopping_until_its_lifecycle_hooks_end(aws: Embedded) -> None:
    [one] = aws.add()
    hook: dict[str, Any] = {"AutoScalingGroupName": one, "LifecycleHookName": "drain"}
    with aws.organization.acting_in(aws.account):
        client_of(aws).put_lifecycle_hook(**hook, LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING")
    assert aws.act(Action.STOP, [one])[one].status is OutcomeStatus.STOPPING
    assert [aws.look(one)[one].state for _ in range(3)] == [ResourceState.STOPPING] * 3
    with aws.organization.acting_in(aws.account):
        client_of(aws).delete_lifecycle_hook(**hook)
    assert aws.look(one)[one].state is ResourceState.STOPPED


def test_its_instances_are_terminated_once_it_is_stopped_and_new_ones_come(aws: Embedded) -> None:
    [one] = aws.add()
    before = {state.instance.id for state in aws.group(one).instance_states}
    aws.act(Action.STOP, [one])
    aws.look(one)
    with aws.organization.acting_in(aws.account):
        told = aws.organization.client("ec2", REGION).describe_instances(InstanceIds=[*before])["Reservations"]
    assert {row["State"]["Name"] for each in told for row in each["Instances"]} == {"terminated"}
    aws.act(Action.START, [one])
    assert not before & {state.instance.id for state in aws.group(one).instance_states}


def test_marks_are_on_the_group_alone_and_no_new_instance_inherits_them(aws: Embedded) -> None:
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    marks = [tag for tag in aws.group(one).tags if tag["Key"].startswith("stop-orchestrator:")]
    assert len(marks) == 2
    assert not any(str(tag["PropagateAtLaunch"]).lower() == "true" for tag in marks)
    aws.look(one)
    aws.act(Action.START, [one])
    tags = [state.instance.get_tags() for state in aws.group(one).instance_states]
    assert not any(tag["key"].startswith("stop-orchestrator:") for some in tags for tag in some)


def test_after_a_start_its_marks_stay_until_an_instance_is_in_service(aws: Embedded) -> None:
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    aws.look(one)
    outcome = aws.act(Action.START, [one])[one]
    assert STOPPED_BY_TAG in aws.tags(one)
    assert aws.see([outcome], timedelta(minutes=1))[one].status is OutcomeStatus.STARTED
    assert STOPPED_BY_TAG not in aws.tags(one)


@pytest.mark.parametrize(("code", "status"), [("ScalingActivityInProgress", 400), ("ResourceContention", 500)])
@pytest.mark.parametrize("action", [Action.STOP, Action.START])
def test_what_is_busy_for_seconds_is_asked_again(aws: Embedded, action: Action, code: str, status: int) -> None:
    [one] = aws.add()
    if action.starts:
        aws.act(Action.STOP, [one])
        aws.look(one)
    text = f"The group {one} has a pending update"
    aws.organization.front.faults.add(
        Fault(code, text, status, operation="autoscaling:UpdateAutoScalingGroup", times=2)
    )
    outcome = aws.act(action, [one])[one]
    assert outcome.status in {OutcomeStatus.STOPPING, OutcomeStatus.STARTING}
    assert aws.log.count("start" if action.starts else "stop") == 3


def test_one_that_stays_busy_fails_in_awss_words_and_loses_its_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = InMemory(monkeypatch)
    [one] = aws.add()
    aws.refuse("stop", one, ("ScalingActivityInProgress", "The group {id} has a scaling activity"))
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "ScalingActivityInProgress")
    assert aws.log.count("stop") == 4, "as often as retries allow"
    assert aws.tags(one) == {}


def test_nothing_is_started_whose_sizes_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = InMemory(monkeypatch)
    [one] = aws.add()
    aws.someone(Action.STOP, [one])
    aws.restores.clear()
    assert aws.act(Action.START, [one])[one].status is not OutcomeStatus.STARTED
    assert "start" not in aws.log


# --- what starts it again ---------------------------------------------------------------------------------------------


def test_scheduled_actions_are_told_of_when_read_and_when_looked_at(aws: Embedded) -> None:
    one, other = aws.add(2)
    with aws.organization.acting_in(aws.account):
        client_of(aws).put_scheduled_update_group_action(
            AutoScalingGroupName=one, ScheduledActionName="morning", Recurrence="0 7 * * *", MinSize=1, MaxSize=4
        )
    for found in (aws.read(), aws.look(one, other)):
        assert found[one].facts[STARTS_AGAIN] == "Its scheduled action morning (0 7 * * *) starts it again."
        assert STARTS_AGAIN not in found[other].facts


def test_scheduled_actions_that_are_denied_leave_the_groups_read(aws: Embedded) -> None:
    [one] = aws.add()
    aws.organization.front.faults.add(
        Fault("AccessDenied", "no", 403, operation="autoscaling:DescribeScheduledActions")
    )
    assert "is unknown (autoscaling:DescribeScheduledActions: AccessDenied)" in str(aws.read()[one].facts[STARTS_AGAIN])


# --- the embedded AWS answers as AWS does -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [{"MinSize": 3}, {"MaxSize": 1}, {"DesiredCapacity": 9}, {"MinSize": 5, "MaxSize": 4}]
)
def test_the_embedded_aws_takes_no_sizes_that_do_not_fit(aws: Embedded, wrong: dict[str, int]) -> None:
    [one] = aws.add()
    asked: Any = {"DesiredCapacity": 2, **wrong}
    with aws.organization.acting_in(aws.account), pytest.raises(ClientError, match="ValidationError"):
        client_of(aws).update_auto_scaling_group(AutoScalingGroupName=one, **asked)
    assert sizes(aws, one) == SIZES


def test_the_embedded_aws_refuses_tags_and_sizes_of_a_group_that_is_not_there(aws: Embedded) -> None:
    tag: Any = {"ResourceId": "nope", "ResourceType": "auto-scaling-group", "Key": "a", "Value": "b"}
    with aws.organization.acting_in(aws.account):
        client = client_of(aws)
        for call in (
            lambda: client.update_auto_scaling_group(AutoScalingGroupName="nope", MinSize=0),
            lambda: client.create_or_update_tags(Tags=[tag]),
            lambda: client.delete_tags(Tags=[tag]),
        ):
            with pytest.raises(ClientError, match="ValidationError"):
                call()


def test_the_embedded_aws_ends_no_instance_that_is_protected(aws: Embedded) -> None:
    [one] = aws.add()
    with aws.organization.acting_in(aws.account):
        client_of(aws).set_instance_protection(
            AutoScalingGroupName=one,
            InstanceIds=[aws.group(one).instance_states[0].instance.id],
            ProtectedFromScaleIn=True,
        )
    obstacle = aws.read()[one].obstacle
    assert obstacle is not None
    assert "protected from scale-in" in obstacle.sentence
    aws.act(Action.STOP, [one])
    assert [aws.look(one)[one].state for _ in range(3)] == [ResourceState.STOPPING] * 3


@pytest.mark.parametrize("name", ["a#b", "a/b/c", "team *", "with spaces", "a|b?c=d&e", "ü-ß"])
def test_a_name_with_any_character_is_read_stopped_and_started(aws: Embedded, name: str) -> None:
    seed(aws.organization, aws.account, REGION, {}, AutoScalingGroupName=name)
    assert aws.read()[name].arn.endswith(f":autoScalingGroupName/{name}")
    assert aws.act(Action.STOP, [name])[name].status is OutcomeStatus.STOPPING
    aws.look(name)
    assert aws.act(Action.START, [name])[name].status is OutcomeStatus.STARTING
    assert sizes(aws, name) == SIZES
