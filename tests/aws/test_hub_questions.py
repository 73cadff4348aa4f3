"""The doctor's questions as AWS hears them: nothing but dry runs, and as whom CloudFormation is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.aws.clients import Clients, bound_to
from orchestrator.aws.hub_questions import HubQuestions
from orchestrator.aws.retries import Retries
from orchestrator.core.diagnosis.checks import StackInstance
from orchestrator.core.model import Region
from orchestrator.kinds.ec2.description import EC2
from orchestrator.kinds.ec2.permissions import Ec2Permissions
from orchestrator.ports import TargetUnreadableError
from tests.support.local_aws import (
    Answer,
    Fixed,
    LocalAws,
    Request,
    closing_clients,
    instances_answer,
    json_answer,
    refusal,
    serving,
    sts_refusal,
)

REGION = Region("eu-central-1")
ONE, TWO = "111111111111", "222222222222"
CLOUDFORMATION = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
MUTATING = ("StopInstances", "StartInstances", "CreateTags", "DeleteTags")
NEEDED = EC2.permissions


def instance(instance_id: str, *tags: str, root: str = "ebs") -> str:
    items = "".join(f"<item><key>{tag}</key><value>true</value></item>" for tag in tags)
    return (
        f"<item><instanceId>{instance_id}</instanceId><rootDeviceType>{root}</rootDeviceType>"
        f"<tagSet>{items}</tagSet></item>"
    )


def stack_instance(account: str, status: str, more: str = "", stack: str = "arn:stack") -> str:
    return (
        f"<member><Account>{account}</Account><Status>{status}</Status><StackId>{stack}</StackId>{more}"
        "<StackInstanceStatus><DetailedStatus>SUCCEEDED</DetailedStatus></StackInstanceStatus></member>"
    )


def cloudformation_answer(operation: str, result: str) -> Answer:
    return Answer(
        f'<{operation}Response xmlns="{CLOUDFORMATION}"><{operation}Result>{result}</{operation}Result>'
        f"</{operation}Response>"
    )


def organizations_answer(request: Request) -> Answer:
    first = "NextToken" not in request.json
    key, field = {
        "ListDelegatedAdministrators": ("DelegatedAdministrators", "Id"),
        "ListAWSServiceAccessForOrganization": ("EnabledServicePrincipals", "ServicePrincipal"),
    }[request.operation]
    return json_answer({key: [{field: "one" if first else "two"}], **({"NextToken": "2"} if first else {})})


def stack_set_answer(request: Request) -> Answer:
    if request.operation == "DescribeStackSet":
        drift = "<StackSetDriftDetectionDetails><DriftStatus>IN_SYNC</DriftStatus></StackSetDriftDetectionDetails>"
        return cloudformation_answer(request.operation, f"<StackSet>{drift}</StackSet>")
    if "NextToken" in request.form:
        rows = stack_instance(TWO, "OUTDATED", "<StatusReason>why</StatusReason>", stack="")
        return cloudformation_answer(request.operation, f"<Summaries>{rows}</Summaries>")
    rows = stack_instance(ONE, "CURRENT", "<DriftStatus>IN_SYNC</DriftStatus>")
    return cloudformation_answer(request.operation, f"<Summaries>{rows}</Summaries><NextToken>2</NextToken>")


class Aws:
    """Two pages of everything; `instances` are EC2's pages."""

    def __init__(self) -> None:
        self.instances = [instances_answer()]
        self.refused = ""

    def __call__(self, request: Request) -> Answer:
        if request.operation == self.refused:
            return sts_refusal("AccessDenied")
        if request.operation == "DescribeInstances":
            return self.instances.pop(0) if len(self.instances) > 1 else self.instances[0]
        if request.service == "organizations":
            return organizations_answer(request)
        if request.service == "cloudformation":
            return stack_set_answer(request)
        return refusal("DryRunOperation" if "DryRun" in request.form else "UnauthorizedOperation", status=412)


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


# --- one account ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource_id", [None, "i-00000000000000001"])
def test_whatever_could_change_something_is_a_dry_run(
    aws: LocalAws, permissions: Ec2Permissions, resource_id: str | None
) -> None:
    asked = permissions.ask(REGION, resource_id)
    changing = [request for request in aws.requests if request.operation in MUTATING]
    assert [request.form["DryRun"] for request in changing] == ["true"] * len(MUTATING)
    assert all("i-0000000000000000" in str(request.form) for request in changing)
    assert {one.about_nothing for one in asked if one.action.removeprefix("ec2:") in MUTATING} == {resource_id is None}


def test_every_declared_action_is_asked_for_or_said_not_to_be(permissions: Ec2Permissions) -> None:
    read, _ = permissions.read(REGION)
    assert {one.action for one in permissions.ask(REGION, None)} | {read.action} == NEEDED


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
    answers.instances = [instances_answer(next_token="again")]
    asked, sample = permissions.read(REGION)
    assert (asked.error, sample, len(aws.requests)) == (None, None, 5)


def test_a_region_that_cannot_be_read_has_nothing_to_ask_about(answers: Aws, permissions: Ec2Permissions) -> None:
    answers.instances = [refusal("UnauthorizedOperation", status=403)]
    asked, sample = permissions.read(REGION)
    assert (asked.error is not None and asked.error.code, sample) == ("UnauthorizedOperation", None)


# --- the hub ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("as_delegated", "call_as"), [(True, "DELEGATED_ADMIN"), (False, "SELF")])
def test_the_stack_set_is_read_to_its_last_page_and_as_what_the_hub_is(
    aws: LocalAws, clients: Clients, *, as_delegated: bool, call_as: str
) -> None:
    found = HubQuestions(clients).stack_set("members", as_delegated=as_delegated)
    assert (found.name, found.drift, found.error) == ("members", "IN_SYNC", None)
    assert found.instances == (
        StackInstance(ONE, "CURRENT", "SUCCEEDED", drift="IN_SYNC"),
        StackInstance(TWO, "OUTDATED", "SUCCEEDED", "why", has_stack=False),
    )
    assert {request.form["CallAs"] for request in aws.requests} == {call_as}


@pytest.mark.parametrize("operation", ["DescribeStackSet", "ListStackInstances"])
def test_a_stack_set_that_cannot_be_asked_says_why(answers: Aws, clients: Clients, operation: str) -> None:
    answers.refused = operation
    found = HubQuestions(clients).stack_set("members", as_delegated=False)
    assert (found.error is not None and found.error.code, found.instances) == ("AccessDenied", ())


def test_services_and_administrators_are_read_to_the_last_page(aws: LocalAws, clients: Clients) -> None:
    hub = HubQuestions(clients)
    assert hub.trusted_services() == hub.delegated_administrators("service") == {"one", "two"}
    assert {request.json["ServicePrincipal"] for request in aws.of("ListDelegatedAdministrators")} == {"service"}


def test_an_identity_that_aws_does_not_know_is_a_refusal(answers: Aws, clients: Clients) -> None:
    answers.refused = "GetCallerIdentity"
    with pytest.raises(TargetUnreadableError, match="sts:GetCallerIdentity: AccessDenied"):
        HubQuestions(clients).identity()
