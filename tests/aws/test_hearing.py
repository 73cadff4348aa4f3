"""What a listener hears of calls in member accounts, and that it costs none of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.failures import AWS_FAILURES
from orchestrator.aws.hearing import Answered, Hearing
from orchestrator.aws.retries import Retries
from orchestrator.core.model import AccountId, Region, Target
from orchestrator.kinds.ec2.describe import running_instances
from tests.support.local_aws import (
    Answer,
    Answering,
    Fixed,
    LocalAws,
    Request,
    closing_clients,
    instances_answer,
    refusal,
)

REGION = Region("eu-west-1")
ACCOUNT = "000000000001"
STOPPING = (
    "<StopInstancesResponse><requestId>r-1</requestId><instancesSet><item><instanceId>i-1</instanceId><currentState>"
    "<code>64</code><name>stopping</name></currentState><previousState><code>16</code><name>running</name>"
    "</previousState></item></instancesSet></StopInstancesResponse>"
)
ONE = "<item><instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></instanceState></item>"


@pytest.fixture
def answers() -> Answering:
    def answer(request: Request) -> Answer:
        if request.operation == "DescribeInstances":
            return instances_answer(ONE, owner=ACCOUNT)
        return Answer(STOPPING) if request.operation == "StopInstances" else refusal("OperationNotPermitted")

    return answer


@pytest.fixture
def heard() -> list[Answered]:
    return []


@pytest.fixture
def clients(aws: LocalAws, heard: list[Answered]) -> Iterator[Clients]:
    with closing_clients(hearing=Hearing(heard.append, lambda: 1.0)) as made:
        yield made


def test_each_call_is_heard_with_its_states_or_awss_refusal(clients: Clients, heard: list[Answered]) -> None:
    client = clients.ec2(REGION)
    with bound_to(Fixed(ACCOUNT)):
        client.stop_instances(InstanceIds=["i-1"])
        list(running_instances(clients, Retries(), Target(AccountId(ACCOUNT), REGION)))
        with pytest.raises(ClientError):
            client.start_instances(InstanceIds=["i-1"])
    stop, describe, start = heard
    assert (stop.call, stop.states, stop.request_id) == ("ec2:StopInstances", ("running", "stopping"), "r-1")
    assert (describe.call, describe.states, describe.code) == ("ec2:DescribeInstances", ("running",), "")
    assert (start.call, start.code, start.states) == ("ec2:StartInstances", "OperationNotPermitted", ())
    assert {one.region for one in heard} == {REGION}


def test_a_listener_whose_terminal_hung_up_costs_no_call(aws: LocalAws) -> None:
    def hang_up(_: Answered) -> None:
        raise OSError(5, "Input/output error")

    with closing_clients(hearing=Hearing(hang_up, lambda: 1.0)) as clients, bound_to(Fixed(ACCOUNT)):
        answer = clients.ec2(REGION).stop_instances(InstanceIds=["i-1"])
    assert answer["StoppingInstances"][0]["CurrentState"]["Name"] == "stopping"


@pytest.mark.parametrize(
    "answer",
    [instances_answer(ONE, owner=ACCOUNT), refusal("UnauthorizedOperation"), Answer("no XML"), Answer("", 502)],
)
def test_a_listing_is_heard_alike_whichever_way_it_goes(
    aws: LocalAws, clients: Clients, heard: list[Answered], answer: Answer
) -> None:
    aws.answering = lambda _: answer
    path = clients.light_path
    for clients.light_path in (path, None):
        with bound_to(Fixed(ACCOUNT)), suppress(*AWS_FAILURES):
            list(running_instances(clients, Retries(attempts=1), Target(AccountId(ACCOUNT), REGION)))
    ours, botocores = heard
    assert (ours.call, ours.region, ours.code) == (botocores.call, botocores.region, botocores.code)
    assert ours.request_id == botocores.request_id
