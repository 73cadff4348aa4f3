"""One sentence on what a person can do, for whatever AWS says."""

from __future__ import annotations

import pytest

from orchestrator.core.model import TargetStatus
from orchestrator.core.report.html.words import COVERAGE
from orchestrator.core.report.what_to_do import code_in, what_to_do


@pytest.mark.parametrize(
    ("status", "code", "message", "said"),
    [
        ("failed", "UnauthorizedOperation", "You are not authorized", "member role"),
        (
            "denied",
            "AccessDenied",
            "with an explicit deny in a service control policy",
            "service control policy forbids",
        ),
        ("denied", "AccessDenied", "sts:AssumeRole: AccessDenied: not authorized to perform: sts:AssumeRole", "Deploy"),
        ("failed", "IncorrectInstanceState", "", "in some minutes"),
        ("failed", "InsufficientInstanceCapacity", "", "no room"),
        ("failed", "RequestLimitExceeded", "", "fewer calls"),
        ("failed", "OperationNotPermitted", "", "Stop protection"),
        ("unknown", "", "", "Nobody could see"),
        ("not_attempted", "", "", "before its turn"),
        ("failed", "NobodyKnowsThis", "", "explain"),
        ("a status of a later release", "", "", "explain"),
    ],
)
def test_each_refusal_has_something_to_do(status: str, code: str, message: str, said: str) -> None:
    found = what_to_do(status, code, message)
    assert said in found
    assert found.endswith(".")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ec2:DescribeInstances: UnauthorizedOperation: You are not authorized", "UnauthorizedOperation"),
        ("denied by a service control policy; sts:AssumeRole: AccessDenied: User: arn", "AccessDenied"),
        ("ec2:DescribeInstances: ConnectTimeoutError", "ConnectTimeoutError"),
        ("ec2:DescribeInstances: InvalidInstanceID.NotFound: it is gone", "InvalidInstanceID.NotFound"),
        ("", ""),
        ("nothing of the kind", ""),
    ],
)
def test_awss_code_is_found_in_the_detail_of_a_target(text: str, code: str) -> None:
    assert code_in(text) == code


def test_every_status_has_its_words() -> None:
    assert set(COVERAGE) == set(TargetStatus)
