"""AWS's refusal to read a target becomes its status, in AWS's own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model import UNREADABLE, AwsError, TargetStatus
from orchestrator.core.model.aws_error_codes import (
    DENIED_CODES,
    UNAUTHENTICATED_CODES,
    coverage_of,
    denied_action,
    denied_explicitly,
    lacks_own_permission,
)

BY_SCP = "User: x is not authorized to perform: ec2:DescribeInstances with an explicit deny in a service control policy"
NO_SCP = "User: x is not authorized to perform: a because no service control policy allows the a action"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDenied", TargetStatus.DENIED),
        ("AccessDeniedException", TargetStatus.DENIED),
        ("UnauthorizedOperation", TargetStatus.DENIED),
        ("RequestLimitExceeded", TargetStatus.FAILED),
        ("InternalError", TargetStatus.FAILED),
        ("", TargetStatus.FAILED),
        ("accessdenied", TargetStatus.FAILED),
    ],
)
def test_a_code_means_a_closed_door_or_a_failure(code: str, status: TargetStatus) -> None:
    assert coverage_of(AwsError(code, "because"), "ec2:DescribeInstances") == (
        status,
        f"ec2:DescribeInstances: {code}: because",
    )


@given(code=st.sampled_from(sorted(UNAUTHENTICATED_CODES | DENIED_CODES)) | st.text(max_size=40), message=st.text())
def test_no_refusal_takes_a_target_out_of_the_coverage(code: str, message: str) -> None:
    assert coverage_of(AwsError(code, message), "x:Describe")[0] in UNREADABLE


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


@pytest.mark.parametrize(
    ("code", "message", "explicitly"),
    [
        ("UnauthorizedOperation", BY_SCP, True),
        ("AccessDenied", BY_SCP.upper(), True),
        ("CannotMark", f"not stopped, as it cannot be marked: UnauthorizedOperation: {BY_SCP}", True),
        ("UnauthorizedOperation", NO_SCP, False),
        ("AccessDenied", "", False),
        ("InternalError", BY_SCP, False),
        ("", BY_SCP, False),
    ],
)
def test_a_denial_by_name_is_told_from_a_missing_permission_and_from_a_failure(
    code: str, message: str, explicitly: bool
) -> None:
    assert denied_explicitly(code, message) is explicitly


def test_a_denial_names_the_action_that_it_is_about() -> None:
    error = AwsError("AccessDenied", "User: x is not authorized to perform: sts:TagSession on resource: y")
    assert denied_action(error, ("sts:SetSourceIdentity", "sts:TagSession")) == "sts:TagSession"
    assert denied_action(error, ("sts:AssumeRole",)) is None


def test_a_permission_that_the_caller_itself_lacks_is_told_by_the_policy_that_misses_it() -> None:
    why = "because no identity-based policy allows the sts:AssumeRole action"
    error = AwsError("AccessDenied", f"User: x is not authorized to perform: sts:AssumeRole on resource: y {why}")
    assert lacks_own_permission(error, "sts:AssumeRole")
    assert not lacks_own_permission(error, "sts:TagSession")
    assert not lacks_own_permission(AwsError("AccessDenied", NO_SCP), "a")
