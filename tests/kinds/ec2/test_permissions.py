"""What doctor asks of EC2: nothing but dry runs, about a real instance where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.retries import Retries
from orchestrator.core.model import Region
from orchestrator.core.model.marks import STOPPED_BY_TAG
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


def instance(instance_id: str, *tags: str, root: str = "ebs", more: str = "") -> str:
    items = "".join(f"<item><key>{tag}</key><value>true</value></item>" for tag in tags)
    return (
        f"<item><instanceId>{instance_id}</instanceId><rootDeviceType>{root}</rootDeviceType>"
        f"<tagSet>{items}</tagSet>{more}</item>"
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
    aws: LocalAws, answers: Aws, permissions: Ec2Permissions, resource_id: str | None
) -> None:
    answers.instances = [instances_answer(instance("i-00000000000000002", STOPPED_BY_TAG))]
    asked = (*permissions.ask(REGION, resource_id), *(one for _, one in permissions.ask_of_marked([REGION])))
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
    [(_, of_marked)] = permissions.ask_of_marked([REGION])
    assert {one.action for one in permissions.ask(REGION, None)} | {read.action, of_marked.action} == EC2.permissions


def test_the_tags_are_those_that_a_sweep_writes(aws: LocalAws, permissions: Ec2Permissions) -> None:
    """A role may allow these and no others."""
    permissions.ask(REGION, None)
    for operation in ("CreateTags", "DeleteTags"):
        form = aws.of(operation)[0].form
        keys = {form["Tag.1.Key"], form["Tag.2.Key"]}
        assert keys == {"stop-orchestrator:stopped-by", "stop-orchestrator:stopped-at"}


def test_an_instance_that_no_policy_spares_is_found_on_a_later_page(answers: Aws, permissions: Ec2Permissions) -> None:
    refused_in_any_case = instance("i-6", more="<instanceLifecycle>spot</instanceLifecycle>")
    refused_in_any_case += instance("i-7", more="<operator><managed>true</managed></operator>")
    spared = instance("i-1", "stop-orchestrator:protected") + instance("i-2", "stop-orchestrator:opt-out")
    answers.instances = [
        instances_answer(next_token="2"),
        instances_answer(spared + instance("i-3", root="instance-store") + refused_in_any_case, next_token="3"),
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


def test_a_start_is_asked_about_in_the_first_region_that_has_a_marked_instance(
    aws: LocalAws, answers: Aws, permissions: Ec2Permissions
) -> None:
    """The role denies the start of any other, and rightly: that refusal would mean nothing."""
    other = Region("eu-west-1")
    answers.instances = [instances_answer(), instances_answer(instance("i-00000000000000003", STOPPED_BY_TAG))]
    [(region, asked)] = permissions.ask_of_marked([REGION, other])
    assert (region, asked.action, asked.error, asked.not_asked) == (other, "ec2:StartInstances", None, "")
    assert [one.form["InstanceId.1"] for one in aws.of("StartInstances")] == ["i-00000000000000003"]
    wanted = [(one.form["Filter.2.Name"], one.form["Filter.2.Value.1"]) for one in aws.of("DescribeInstances")]
    assert wanted == [("tag-key", STOPPED_BY_TAG)] * 2


def test_without_a_marked_instance_a_start_is_not_asked_about(
    aws: LocalAws, answers: Aws, permissions: Ec2Permissions
) -> None:
    for nothing in (instances_answer(), refusal("RequestLimitExceeded", status=503)):
        answers.instances = [nothing]
        [(region, asked)] = permissions.ask_of_marked([REGION])
        assert (region, asked.error, asked.optional) == (REGION, None, True)
        assert "no instance was found that carries stop-orchestrator:stopped-by" in asked.not_asked
    assert aws.of("StartInstances") == []


def test_a_refused_start_of_a_marked_instance_is_an_answer(answers: Aws, permissions: Ec2Permissions) -> None:
    answers.instances = [instances_answer(instance("i-00000000000000003", STOPPED_BY_TAG))]
    answers.answer = "UnauthorizedOperation"
    [(_, asked)] = permissions.ask_of_marked([REGION])
    assert (asked.error is not None and asked.error.code, asked.optional) == ("UnauthorizedOperation", False)


def test_a_region_that_refuses_every_try_is_not_taken_for_one_without_instances(answers: Aws, clients: Clients) -> None:
    answers.instances = [refusal("AuthFailure", status=401)]
    with bound_to(Fixed(ONE)):
        asked, sample = Ec2Permissions(clients, Retries(attempts=2, sleep=lambda _: None)).read(REGION)
    assert (asked.error is not None and asked.error.code, sample) == ("AuthFailure", None)


def test_what_carries_no_mark_is_asked_about_in_the_first_region_that_has_such_an_instance(
    aws: LocalAws, answers: Aws, permissions: Ec2Permissions
) -> None:
    """Where the role's StartScope is `marked` it refuses that, whatever it allows of the others."""
    other = Region("eu-west-1")
    marked, opted_out = instance("i-1", STOPPED_BY_TAG), instance("i-2", "stop-orchestrator:opt-out")
    answers.instances = [instances_answer(marked + opted_out), instances_answer(instance("i-3"))]
    answers.answer = "UnauthorizedOperation"
    region, asked = permissions.ask_of_unmarked([REGION, other])
    assert (region, asked.error is not None and asked.error.code) == (other, "UnauthorizedOperation")
    assert [(one.form["InstanceId.1"], one.form["DryRun"]) for one in aws.of("StartInstances")] == [("i-3", "true")]


def test_without_an_unmarked_instance_the_start_scope_is_not_checked(answers: Aws, permissions: Ec2Permissions) -> None:
    answers.instances = [instances_answer()]
    _, asked = permissions.ask_of_unmarked([REGION])
    assert (asked.error, asked.not_asked) == (
        None,
        "no instance was found that carries no stop-orchestrator:stopped-by",
    )


def test_the_keys_that_rules_write_are_asked_about_in_one_dry_run_of_a_real_instance(
    aws: LocalAws, answers: Aws, permissions: Ec2Permissions
) -> None:
    answers.answer = "UnauthorizedOperation"
    asked = permissions.ask_of_tag_keys(REGION, "i-1", ["Owner-missing", "Stage"])
    assert (asked.action, asked.error is not None and asked.error.code) == ("ec2:CreateTags", "UnauthorizedOperation")
    [call] = aws.of("CreateTags")
    assert {call.form[name] for name in ("ResourceId.1", "Tag.1.Key", "Tag.2.Key", "DryRun")} == {
        "i-1", "Owner-missing", "Stage", "true",
    }  # fmt: skip


def test_without_an_instance_the_tag_keys_are_not_checked_where_aws_looks_at_the_id_first(
    answers: Aws, permissions: Ec2Permissions
) -> None:
    answers.answer = "InvalidInstanceID.NotFound"
    asked = permissions.ask_of_tag_keys(REGION, None, ["Stage"])
    assert (asked.error, "none to ask about" in asked.not_asked) == (None, True)
