"""What doctor asks of EC2: nothing but dry runs, about a real instance where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Region
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.ec2.permissions import Ec2Permissions
from tests.support.local_aws import (
    Answer,
    Fixed,
    LocalAws,
    Request,
    closing_clients,
    instances_answer,
    refusal,
    serving,
)

REGION = Region("eu-central-1")
ONE = "111111111111"
MUTATING = ("StopInstances", "StartInstances", "CreateTags", "DeleteTags")


def instance(instance_id: str, *tags: str, root: str = "ebs") -> str:
    items = "".join(f"<item><key>{tag}</key><value>true</value></item>" for tag in tags)
    return (
        f"<item><instanceId>{instance_id}</instanceId><rootDeviceType>{root}</rootDeviceType>"
        f"<tagSet>{items}</tagSet></item>"
    )


class Aws:
    """`instances` are EC2's pages; a dry run has `answer`."""

    def __init__(self) -> None:
        self.instances = [instances_answer()]
        self.answer = "DryRunOperation"

    def __call__(self, request: Request) -> Answer:
        if request.operation == "DescribeInstances":
            return self.instances.pop(0) if len(self.instances) > 1 else self.instances[0]
        return refusal(self.answer if "DryRun" in request.form else "UnauthorizedOperation", status=412)


@pytest.fixture
def answers() -> Aws:
    return Aws()


@pytest.fixture
def aws(answers: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    with serving(answers, monkeypatch) as server:
        yield server


@pytest.fixture
def clients(aws: LocalAws) -> Iterator[Clients]:
    with closing_clients() as made:
        yield made


@pytest.fixture
def permissions(clients: Clients) -> Iterator[Ec2Permissions]:
    with bound_to(Fixed(ONE)):
        yield Ec2Permissions(clients, Retries(attempts=1))


@pytest.mark.parametrize("resource_id", [None, "i-00000000000000001"])
def test_whatever_could_change_something_is_a_dry_run(
    aws: LocalAws, permissions: Ec2Permissions, resource_id: str | None
) -> None:
    asked = permissions.ask(REGION, resource_id)
    changing = [request for request in aws.requests if request.operation in MUTATING]
    assert [request.form["DryRun"] for request in changing] == ["true"] * len(MUTATING)
    assert all("i-0000000000000000" in str(request.form) for request in changing)
    changes = [one for one in asked if one.action.removeprefix("ec2:") in MUTATING]
    assert [(one.error, one.not_asked) for one in changes] == [(None, "")] * len(MUTATING)


@pytest.mark.parametrize(
    ("code", "resource_id", "is_an_answer"),
    [
        ("InvalidInstanceID.NotFound", None, False),
        ("InvalidInstanceID.NotFound", "i-00000000000000001", True),
        ("UnauthorizedOperation", None, True),
        ("RequestLimitExceeded", None, True),
        ("OptInRequired", None, True),
    ],
)
def test_an_answer_about_an_instance_that_is_not_there_proves_nothing(
    answers: Aws, permissions: Ec2Permissions, code: str, resource_id: str | None, *, is_an_answer: bool
) -> None:
    answers.answer = code
    stop = next(one for one in permissions.ask(REGION, resource_id) if one.action == "ec2:StopInstances")
    assert (stop.error is not None and stop.error.code) == (code if is_an_answer else False)
    assert ("none to ask about" in stop.not_asked) is not is_an_answer


def test_every_declared_action_is_asked_for_or_said_not_to_be(permissions: Ec2Permissions) -> None:
    read, _ = permissions.read(REGION)
    assert {one.action for one in permissions.ask(REGION, None)} | {read.action} == EC2.permissions


def test_the_tags_are_those_that_a_sweep_writes(aws: LocalAws, permissions: Ec2Permissions) -> None:
    """A role may allow these and no others."""
    permissions.ask(REGION, None)
    for operation in ("CreateTags", "DeleteTags"):
        form = aws.of(operation)[0].form
        keys = {form["Tag.1.Key"], form["Tag.2.Key"]}
        assert keys == {"stop-orchestrator:stopped-by", "stop-orchestrator:stopped-at"}


def test_an_instance_that_no_policy_spares_is_found_on_a_later_page(answers: Aws, permissions: Ec2Permissions) -> None:
    spared = instance("i-1", "stop-orchestrator:protected") + instance("i-2", "stop-orchestrator:opt-out")
    answers.instances = [
        instances_answer(next_token="2"),
        instances_answer(spared + instance("i-3", root="instance-store"), next_token="3"),
        instances_answer(instance("i-4") + instance("i-5")),
    ]
    asked, sample = permissions.read(REGION)
    assert (asked.error, sample) == (None, "i-4")


def test_the_search_for_an_instance_ends(aws: LocalAws, answers: Aws, permissions: Ec2Permissions) -> None:
    answers.instances = [instances_answer(next_token=f"{number}") for number in range(9)]
    asked, sample = permissions.read(REGION)
    assert (asked.error, sample, len(aws.requests)) == (None, None, 5)


def test_a_region_that_cannot_be_read_has_nothing_to_ask_about(answers: Aws, permissions: Ec2Permissions) -> None:
    answers.instances = [refusal("UnauthorizedOperation", status=403)]
    asked, sample = permissions.read(REGION)
    assert (asked.error is not None and asked.error.code, sample) == ("UnauthorizedOperation", None)
