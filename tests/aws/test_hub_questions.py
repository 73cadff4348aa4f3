"""The doctor's questions about the hub as AWS hears them, to the last page, and as whom CloudFormation is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.aws.clients import Clients
from orchestrator.aws.hub_questions import HubQuestions
from orchestrator.core.diagnosis.checks import StackInstance
from orchestrator.ports import TargetUnreadableError
from tests.support.local_aws import (
    Answer,
    LocalAws,
    Request,
    closing_clients,
    json_answer,
    serving,
    sts_refusal,
)

ONE, TWO = "111111111111", "222222222222"
CLOUDFORMATION = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


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
    """Two pages of everything."""

    def __init__(self) -> None:
        self.refused = ""

    def __call__(self, request: Request) -> Answer:
        if request.operation == self.refused:
            return sts_refusal("AccessDenied")
        if request.service == "organizations":
            return organizations_answer(request)
        if request.service == "cloudformation":
            return stack_set_answer(request)
        raise AssertionError(request.operation)


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


def test_a_list_whose_pages_go_in_a_circle_is_an_error(aws: LocalAws, clients: Clients) -> None:
    tokens = iter(["a", "b", "a"])
    aws.answering = lambda _: json_answer({"DelegatedAdministrators": [], "NextToken": next(tokens)})
    with pytest.raises(TargetUnreadableError, match="a next page that was read already"):
        HubQuestions(clients).delegated_administrators("member.org.stacksets.cloudformation.amazonaws.com")
