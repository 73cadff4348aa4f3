"""IAM's policy simulator: what it is asked of a role, and what its answers come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.clients import Clients
from orchestrator.aws.policy_simulator import PolicySimulator
from orchestrator.aws.retries import Retries
from orchestrator.core.diagnosis.checks import Code, refusal_code
from orchestrator.core.model import AccountId, AwsError, Region
from orchestrator.ports import TargetUnreadableError

ACCOUNT, FRANKFURT = AccountId("111111111111"), Region("eu-central-1")
ACTIONS = ("x:Start", "x:Stop")


def result(action: str, decision: str = "allowed", **detail: dict[str, bool]) -> dict[str, Any]:
    return {"EvalActionName": action, "EvalDecision": decision, **detail}


class FakeIam:
    """Stands for Clients and for its client of IAM; `answers` are pages, or what is raised."""

    partition, common_region = "aws", "us-east-1"

    def __init__(self, *answers: Any) -> None:
        self.answers = [*answers]
        self.asked: list[dict[str, Any]] = []

    def member(self, service: str, region: str) -> FakeIam:
        assert (service, region) == ("iam", "us-east-1")
        return self

    def simulate_principal_policy(self, **asked: Any) -> Any:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "SimulatePrincipalPolicy")


def simulated(iam: FakeIam, actions: Sequence[str] = ACTIONS, form: str = "x:thing/{id}/*") -> dict[str, Any]:
    simulator = PolicySimulator(cast("Clients", iam), Retries(attempts=1), "path/member")
    return dict(simulator.simulate(ACCOUNT, FRANKFURT, form, actions))


def test_the_role_is_asked_about_a_marked_resource_and_the_keys_of_marks() -> None:
    iam = FakeIam({"EvaluationResults": [result("x:Start"), result("x:Stop")]})
    assert simulated(iam) == {"x:Start": None, "x:Stop": None}
    [asked] = iam.asked
    assert asked["PolicySourceArn"] == "arn:aws:iam::111111111111:role/path/member"
    assert asked["ResourceArns"] == ["arn:aws:x:eu-central-1:111111111111:thing/doctor/doctor/doctor"]
    assert asked["ActionNames"] == [*ACTIONS]
    mark, keys = asked["ContextEntries"]
    assert (mark["ContextKeyName"], mark["ContextKeyType"]) == (
        "aws:ResourceTag/stop-orchestrator:stopped-by",
        "string",
    )
    assert (keys["ContextKeyName"], keys["ContextKeyType"]) == ("aws:TagKeys", "stringList")


def test_every_page_is_read() -> None:
    iam = FakeIam(
        {"EvaluationResults": [result("x:Start")], "Marker": "more"},
        {"EvaluationResults": [result("x:Stop", "implicitDeny")]},
    )
    assert [error is None for error in simulated(iam).values()] == [True, False]
    assert iam.asked[1]["Marker"] == "more"


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (result("x:Stop", "implicitDeny"), Code.MISSING_PERMISSION, "no identity-based policy allows"),
        (result("x:Stop", "explicitDeny"), Code.MISSING_PERMISSION, "explicit deny in an identity-based policy"),
        (
            result("x:Stop", "implicitDeny", OrganizationsDecisionDetail={"AllowedByOrganizations": False}),
            Code.SCP,
            "service control policy",
        ),
        (
            result("x:Stop", "implicitDeny", PermissionsBoundaryDecisionDetail={"AllowedByPermissionsBoundary": False}),
            Code.MISSING_PERMISSION,
            "no permissions boundary allows",
        ),
    ],
)
def test_a_denial_says_by_what(answer: dict[str, Any], code: Code, words: str) -> None:
    error = simulated(FakeIam({"EvaluationResults": [answer]}), ["x:Stop"])["x:Stop"]
    assert isinstance(error, AwsError)
    assert (refusal_code(error), words in error.message) == (code, True)


def test_actions_that_aws_does_not_take_together_are_asked_one_by_one() -> None:
    iam = FakeIam(
        refused("InvalidInput"),
        {"EvaluationResults": [result("x:Start")]},
        {"EvaluationResults": [result("x:Stop", "explicitDeny")]},
    )
    assert [error is None for error in simulated(iam).values()] == [True, False]
    assert [one["ActionNames"] for one in iam.asked] == [[*ACTIONS], ["x:Start"], ["x:Stop"]]


def test_what_the_answer_does_not_name_is_not_taken_for_allowed() -> None:
    found = simulated(FakeIam({"EvaluationResults": [result("x:Start")]}))
    assert found["x:Start"] is None
    assert found["x:Stop"].code == "NoAnswer"


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidInput"])
def test_a_refusal_of_the_simulation_is_no_verdict(code: str) -> None:
    with pytest.raises(TargetUnreadableError) as raised:
        simulated(FakeIam(refused(code)), ["x:Stop"])
    assert raised.value.error.code == code
