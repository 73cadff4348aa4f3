"""AWS's refusal to read a target becomes its status, in AWS's own words."""

from __future__ import annotations

import pytest

from orchestrator.core.model import AwsError, TargetStatus
from orchestrator.core.model.aws_error_codes import coverage_of

BY_SCP = "User: x is not authorized to perform: ec2:DescribeInstances with an explicit deny in a service control policy"
NO_SCP = "User: x is not authorized to perform: a because no service control policy allows the a action"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDenied", TargetStatus.DENIED),
        ("AccessDeniedException", TargetStatus.DENIED),
        ("UnauthorizedOperation", TargetStatus.DENIED),
        ("AuthFailure", TargetStatus.REGION_DISABLED),
        ("OptInRequired", TargetStatus.REGION_DISABLED),
        ("RequestLimitExceeded", TargetStatus.FAILED),
        ("InternalError", TargetStatus.FAILED),
        ("", TargetStatus.FAILED),
        ("accessdenied", TargetStatus.FAILED),
    ],
)
def test_a_code_means_a_closed_door_a_disabled_region_or_a_failure(code: str, status: TargetStatus) -> None:
    assert coverage_of(AwsError(code, "because"), "ec2:DescribeInstances") == (
        status,
        f"ec2:DescribeInstances: {code}: because",
    )


def test_without_an_operation_the_detail_is_awss_words_alone() -> None:
    assert coverage_of(AwsError("AccessDenied", "no"), "") == (TargetStatus.DENIED, "AccessDenied: no")


@pytest.mark.parametrize("message", [BY_SCP, BY_SCP.upper(), NO_SCP])
def test_a_denial_by_a_service_control_policy_says_so_first(message: str) -> None:
    status, detail = coverage_of(AwsError("UnauthorizedOperation", message), "ec2:DescribeInstances")
    assert status is TargetStatus.DENIED
    assert detail == (f"denied by a service control policy; ec2:DescribeInstances: UnauthorizedOperation: {message}")


def test_a_failure_that_only_mentions_a_service_control_policy_is_no_denial() -> None:
    status, detail = coverage_of(AwsError("InternalError", BY_SCP), "")
    assert (status, detail) == (TargetStatus.FAILED, f"InternalError: {BY_SCP}")
