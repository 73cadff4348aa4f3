"""Looking at certain instances again: as they are now, in whatever state, and nothing guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from orchestrator.aws.clients import bound_to
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, AwsError, Region, ResourceState, Target
from orchestrator.kinds.ec2.kind import Ec2Instances
from orchestrator.ports import LookRefusedError, TargetUnreadableError
from tests.support.builders import AT
from tests.support.fake_ec2 import RecordingPacing
from tests.support.local_aws import Answer, Fixed, LocalAws, closing_clients, refusal
from tests.support.made_up_ec2 import MadeUpEc2, an_instance, asked_for

TARGET = Target(AccountId("111111111111"), Region("eu-west-1"))
REASON = "User initiated (2026-11-23 19:00:00 GMT)"


@pytest.fixture
def ec2() -> MadeUpEc2:
    return MadeUpEc2()


@pytest.fixture
def answers(ec2: MadeUpEc2) -> MadeUpEc2:
    return ec2


@pytest.fixture
def pacing() -> RecordingPacing:
    return RecordingPacing()


@pytest.fixture
def kind(aws: LocalAws, pacing: RecordingPacing) -> Iterator[Ec2Instances]:
    with closing_clients() as clients, bound_to(Fixed(TARGET.account_id)):
        yield Ec2Instances(clients, Retries(attempts=2, sleep=lambda _: None), lambda: AT, pacing)  # type: ignore[arg-type]  # a fake


@pytest.mark.parametrize(
    ("aws_state", "state"),
    [
        ("pending", ResourceState.STARTING),
        ("running", ResourceState.RUNNING),
        ("stopping", ResourceState.STOPPING),
        ("stopped", ResourceState.STOPPED),
        ("shutting-down", ResourceState.GONE),
        ("terminated", ResourceState.GONE),
        ("something-new", ResourceState.UNKNOWN),
    ],
)
def test_an_instance_is_seen_in_whatever_state_it_is(
    ec2: MadeUpEc2, kind: Ec2Instances, aws_state: str, state: ResourceState
) -> None:
    ec2.instances = {"i-1": an_instance(state=aws_state)}
    seen = kind.look(TARGET, ["i-1"])["i-1"]
    assert (seen.state, seen.aws_state) == (state, aws_state)


def test_it_is_the_same_resource_that_a_read_gives_and_when_its_state_changed(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws
) -> None:
    instance = an_instance(spot="sir-1", reason=REASON, launched="2026-11-20T08:15:30.000Z", tags={"Name": "web"})
    ec2.instances, ec2.spot_types = {"i-1": instance, "running": instance}, {"sir-1": "persistent"}
    (read,), looked = kind.read(TARGET), kind.look(TARGET, ["i-1"])["i-1"]
    assert looked == read
    assert looked.started_at == datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC)


def test_the_time_of_the_last_change_is_known_where_ec2_tells_it(ec2: MadeUpEc2, kind: Ec2Instances) -> None:
    ec2.instances = {"i-1": an_instance(state="stopped", reason=REASON), "i-2": an_instance("i-2")}
    found = kind.look(TARGET, ["i-1", "i-2"])
    assert [found[one].changed_at for one in ("i-1", "i-2")] == [AT, None]


def test_what_aws_does_not_know_any_more_is_missing(ec2: MadeUpEc2, kind: Ec2Instances) -> None:
    ec2.instances = {"i-1": an_instance()}
    assert list(kind.look(TARGET, ["i-1", "i-2"])) == ["i-1"]


def test_instances_are_asked_for_by_a_filter_of_at_most_two_hundred_ids_and_no_state(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws, pacing: RecordingPacing
) -> None:
    wanted = [f"i-{number}" for number in range(450)]
    ec2.instances = {one: an_instance(one) for one in wanted}
    assert list(kind.look(TARGET, wanted)) == wanted
    assert [len(asked_for(request)) for request in aws.requests] == [200, 200, 50]
    assert {request.form["Filter.1.Name"] for request in aws.requests} == {"instance-id"}
    assert not any("Filter.2.Name" in request.form or "InstanceId.1" in request.form for request in aws.requests)
    assert pacing.waits == [(TARGET.account_id, TARGET.region, "ec2:DescribeInstances", 0)] * 3


def test_looking_at_nothing_asks_nothing(kind: Ec2Instances, aws: LocalAws) -> None:
    assert kind.look(TARGET, []) == {}
    assert aws.requests == []


def test_a_throttled_look_is_told_to_the_pacing_and_tried_again(
    ec2: MadeUpEc2, kind: Ec2Instances, pacing: RecordingPacing
) -> None:
    ec2.instances = {"i-1": an_instance()}
    ec2.refused = {"DescribeInstances": [refusal("RequestLimitExceeded", status=503)]}
    assert list(kind.look(TARGET, ["i-1"])) == ["i-1"]
    assert pacing.told == [(TARGET.account_id, TARGET.region, "ec2:DescribeInstances")]
    assert len(pacing.waits) == 2


def test_a_target_that_cannot_be_looked_at_is_unreadable_with_awss_words(ec2: MadeUpEc2, kind: Ec2Instances) -> None:
    ec2.refused = {"DescribeInstances": [refusal("UnauthorizedOperation", "AWS's words", 403)]}
    with pytest.raises(TargetUnreadableError) as unreadable:
        kind.look(TARGET, ["i-1"])
    assert str(unreadable.value) == "ec2:DescribeInstances: UnauthorizedOperation: AWS's words"


# --- one that AWS does not tell of ------------------------------------------------------------------------------------


def test_one_that_aws_refuses_to_tell_of_costs_no_other_its_look(ec2: MadeUpEc2, kind: Ec2Instances) -> None:
    wanted = [f"i-{number}" for number in range(50)]
    ec2.instances = {one: an_instance(one) for one in wanted[:-1]}
    ec2.untold = {"i-37": refusal("SomethingNew", "AWS says no, and does not say of whom")}
    with pytest.raises(LookRefusedError) as refused:
        kind.look(TARGET, wanted)
    assert set(refused.value.seen) == set(wanted) - {"i-37", "i-49"}, "and one that is gone is no refused one"
    assert refused.value.refused == {"i-37": AwsError("SomethingNew", "AWS says no, and does not say of whom")}
    assert str(refused.value).startswith("ec2:DescribeInstances: SomethingNew")


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "RequestLimitExceeded", "OptInRequired"])
def test_what_says_nothing_of_one_instance_makes_the_target_unreadable_without_halving(
    ec2: MadeUpEc2, kind: Ec2Instances, aws: LocalAws, code: str
) -> None:
    ec2.untold = {"i-1": refusal(code, "no", 403)}
    with pytest.raises(TargetUnreadableError) as unreadable:
        kind.look(TARGET, ["i-0", "i-1", "i-2"])
    assert not isinstance(unreadable.value, LookRefusedError)
    assert len(aws.requests) == (1 if code == "UnauthorizedOperation" else 2)


@pytest.mark.parametrize("failure", [refusal("InternalError", status=500), refusal("SomethingNew")])
def test_one_spot_request_that_cannot_be_read_costs_no_other_spot_instance_its_type(
    ec2: MadeUpEc2, kind: Ec2Instances, failure: Answer
) -> None:
    numbers = range(8)
    ec2.instances = {f"i-{number}": an_instance(f"i-{number}", spot=f"sir-{number}") for number in numbers}
    ec2.spot_types = {f"sir-{number}": "persistent" for number in numbers}
    ec2.untold = {"sir-5": failure}
    seen = kind.look(TARGET, list(ec2.instances))
    assert [one for one, resource in seen.items() if resource.facts["spot_request_type"] is None] == ["i-5"]
