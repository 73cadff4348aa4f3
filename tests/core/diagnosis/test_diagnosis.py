"""From AWS's answers to checks: which of two causes it is, and what is said where nobody can tell."""

from __future__ import annotations

import pytest

from orchestrator.core.diagnosis import accounts as doctor_accounts
from orchestrator.core.diagnosis import hub as doctor_hub
from orchestrator.core.diagnosis.checks import (
    Asked,
    Check,
    CheckStatus,
    Code,
    Diagnosis,
    Enrolment,
    StackInstance,
    StackSet,
    TableShape,
    diagnosis_document,
    in_order,
)
from orchestrator.core.model import ALL_REGIONS, AwsError, Coverage, Region, TargetStatus
from orchestrator.core.policy.schema.scope import RegionScope
from tests.support.builders import ACCOUNT, REGION, an_account

DENIED = AwsError("AccessDenied", "User: hub is not authorized to perform: sts:AssumeRole on resource: role")
HUB = "999999999999"
CURRENT = StackInstance(ACCOUNT, "CURRENT", "SUCCEEDED")


def refused(answer: AwsError, *instances: StackInstance, error: AwsError | None = None) -> Check:
    account = an_account(ou="/Dev")
    return doctor_accounts.role_refused(account, answer, StackSet("s", instances, error=error).enrolment(account))


def asked(code: str, message: str = "", **how: bool) -> Check:
    return doctor_accounts.permission(an_account(), REGION, Asked("ec2:StopInstances", AwsError(code, message), **how))


# --- the role ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DENIED, Code.WRONG_TRUST),
        (AwsError("AccessDenied", DENIED.message + " with an explicit deny in a service control policy"), Code.SCP),
        (AwsError("AccessDenied", "because no service control policy allows the sts:AssumeRole action"), Code.SCP),
        (AwsError("AccessDenied", "not authorized to perform: sts:SetSourceIdentity on role"), Code.WRONG_TRUST),
        (AwsError("AccessDenied", "not authorized to perform: sts:TagSession on role"), Code.WRONG_TRUST),
        (
            AwsError("AccessDenied", "because no identity-based policy allows the sts:AssumeRole action"),
            Code.MISSING_PERMISSION,
        ),
        (AwsError("RegionDisabledException", "STS is not activated"), Code.UNREADABLE),
        (AwsError("ConnectTimeoutError", "no answer"), Code.UNREADABLE),
        (AwsError("InternalError", "a service control policy could not be looked at"), Code.UNREADABLE),
    ],
)
def test_what_aws_says_of_a_role_comes_before_what_the_stack_set_says(error: AwsError, code: Code) -> None:
    check = refused(error, CURRENT)
    assert (check.status, check.code) == (CheckStatus.FAILED, code)
    assert str(error) in check.detail
    assert check.advice


@pytest.mark.parametrize(
    ("instance", "code"),
    [
        (CURRENT, Code.WRONG_TRUST),
        (StackInstance(ACCOUNT, "CURRENT", drift="DRIFTED"), Code.WRONG_TRUST),
        (StackInstance(ACCOUNT, "OUTDATED", "FAILED"), Code.OUTDATED),
        (StackInstance(ACCOUNT, "INOPERABLE"), Code.OUTDATED),
        (StackInstance(ACCOUNT, "OUTDATED", "PENDING", has_stack=False), Code.NO_ROLE),
    ],
)
def test_the_stack_instance_tells_why_a_role_refuses(instance: StackInstance, code: Code) -> None:
    check = refused(DENIED, instance)
    assert check.code is code
    assert check.detail.endswith(f"; StackSet s: {instance.text}")


def test_the_stack_set_knows_who_is_not_enrolled() -> None:
    assert refused(DENIED, StackInstance("222222222222", "CURRENT")).code is Code.NOT_ENROLLED


@pytest.mark.parametrize("code", ["StackSetNotFoundException", "AccessDenied", "ValidationError"])
def test_without_a_stack_set_nobody_can_tell_and_it_says_so(code: str) -> None:
    check = refused(DENIED, error=AwsError(code, ""))
    assert check.code is Code.NO_ROLE_OR_WRONG_TRUST
    assert "AWS answers the same for both" in check.advice


def test_the_management_account_is_in_no_stack_set() -> None:
    management = an_account(is_management=True)
    enrolment = StackSet("s", (CURRENT,)).enrolment(management)
    assert doctor_accounts.role_refused(management, DENIED, enrolment).code is Code.NO_ROLE_OR_WRONG_TRUST
    assert doctor_accounts.enrolled(management, enrolment) is None


def test_of_several_stack_instances_the_worst_counts() -> None:
    drifted, outdated = StackInstance(ACCOUNT, "CURRENT", drift="DRIFTED"), StackInstance(ACCOUNT, "OUTDATED")
    account = an_account()
    for instances, worst in (((CURRENT, drifted), drifted), ((drifted, outdated, CURRENT), outdated)):
        assert StackSet("s", instances).enrolment(account).instance == worst


@pytest.mark.parametrize(
    ("instance", "code"),
    [
        (CURRENT, Code.OK),
        (None, Code.NOT_ENROLLED),
        (StackInstance(ACCOUNT, "OUTDATED"), Code.OUTDATED),
        (StackInstance(ACCOUNT, "CURRENT", drift="DRIFTED"), Code.DRIFTED),
        (StackInstance(ACCOUNT, "CURRENT", drift="NOT_CHECKED"), Code.OK),
    ],
)
def test_a_role_that_works_is_held_against_the_stack_set(instance: StackInstance | None, code: Code) -> None:
    check = doctor_accounts.enrolled(an_account(), Enrolment("s", is_known=True, instance=instance))
    assert check is not None
    assert (check.code, check.status) == (code, CheckStatus.OK if code is Code.OK else CheckStatus.WARNING)


# --- permissions and regions ------------------------------------------------------------------------------------------


def test_what_aws_allows_is_a_permission() -> None:
    assert doctor_accounts.permission(an_account(), REGION, Asked("ec2:DescribeRegions")).status is CheckStatus.OK


@pytest.mark.parametrize("optional", [True, False])
def test_a_refused_action_fails_unless_a_sweep_works_without_it(*, optional: bool) -> None:
    check = asked("UnauthorizedOperation", "no", optional=optional)
    assert check.code is Code.MISSING_PERMISSION
    assert check.status is (CheckStatus.WARNING if optional else CheckStatus.FAILED)


def test_an_answer_that_is_no_denial_is_no_missing_permission() -> None:
    assert asked("InternalError", "a service control policy").code is Code.UNREADABLE
    assert asked("RequestLimitExceeded").code is Code.UNREADABLE


@pytest.mark.parametrize("code", ["AuthFailure", "OptInRequired", "InvalidClientTokenId"])
@pytest.mark.parametrize("region", [REGION, ALL_REGIONS])
def test_a_target_that_accepts_no_credentials_is_not_swept_and_is_not_called_disabled(
    code: str, region: Region
) -> None:
    check = doctor_accounts.permission(an_account(), region, Asked("ec2:DescribeRegions", AwsError(code, "")))
    assert (check.status, check.code) == (CheckStatus.FAILED, Code.UNREADABLE)
    assert "clock" in check.advice


def test_what_has_no_dry_run_is_not_checked() -> None:
    check = doctor_accounts.permission(an_account(), REGION, Asked("x:Do", not_asked="it has no dry run"))
    assert (check.status, check.detail) == (CheckStatus.NOT_CHECKED, "it has no dry run")


def test_a_disabled_region_is_a_warning_only_where_the_policy_names_it() -> None:
    for pattern, status in ((REGION, CheckStatus.WARNING), ("eu-*", CheckStatus.OK)):
        check = doctor_accounts.disabled_region(an_account(), REGION, "", RegionScope(include=(pattern,)))
        assert (check.code, check.status) == (Code.REGION_DISABLED, status)


@pytest.mark.parametrize(
    ("status", "code"),
    [(TargetStatus.EXCLUDED, None), (TargetStatus.SUSPENDED, Code.SUSPENDED), (TargetStatus.FAILED, Code.UNREADABLE)],
)
def test_an_account_that_is_left_out_says_why(status: TargetStatus, code: Code | None) -> None:
    check = doctor_accounts.left_out(Coverage(ACCOUNT, "name", "/", REGION, status, "why"))
    assert (check.code if check else None) is code


# --- the hub ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "detail"),
    [
        (TableShape("ACTIVE", ("PK", "SK"), ("GSI1PK", "GSI1SK")), "t"),
        (TableShape("ACTIVE", ("PK", "SK"), ()), "t: its index GSI1 is missing"),
        (TableShape("ACTIVE", ("PK", "SK"), ("A",)), "t: its index GSI1 has A, not GSI1PK, GSI1SK"),
        (TableShape("ACTIVE", ("SK", "PK"), ("GSI1PK", "GSI1SK")), "t: its keys are SK, PK, not PK, SK"),
        (TableShape("DELETING", ("PK", "SK"), ("GSI1PK", "GSI1SK")), "t: its status is DELETING"),
    ],
)
def test_a_table_is_held_against_what_the_ledger_needs(shape: TableShape, detail: str) -> None:
    check = doctor_hub.table("t", shape)
    assert (check.detail, check.status) == (detail, CheckStatus.OK if detail == "t" else CheckStatus.FAILED)


def test_a_hub_that_is_no_delegated_administrator_is_told_how_to_become_one() -> None:
    assert doctor_hub.delegated_administrator(HUB, {HUB}).status is CheckStatus.OK
    check = doctor_hub.delegated_administrator(HUB, {"111111111111"})
    assert (check.status, check.code) == (CheckStatus.WARNING, Code.NOT_DELEGATED)
    assert f"--account-id {HUB}" in check.advice


def test_one_account_that_refuses_says_nothing_of_the_hub() -> None:
    one = refused(DENIED, CURRENT)
    assert doctor_hub.refused_everywhere([one]) is None
    assert doctor_hub.refused_everywhere([one, doctor_accounts.role_assumed(an_account("222222222222"))]) is None
    assert doctor_hub.refused_everywhere([one, one]) is not None


# --- the diagnosis ----------------------------------------------------------------------------------------------------


def test_only_what_failed_is_unhealthy() -> None:
    warned = doctor_hub.stack_set(StackSet("s", error=AwsError("StackSetNotFoundException", "")))
    unknown = doctor_hub.not_checked("trusted_access", "denied")
    failed = refused(DENIED, CURRENT)
    assert Diagnosis((warned, unknown)).exit_code == 0
    assert Diagnosis((warned, unknown, failed)).exit_code == 3
    assert Diagnosis((warned,), ended=True).exit_code == 1
    assert diagnosis_document(Diagnosis((warned,), ended=True))["healthy"] is False


def test_the_order_is_the_same_whichever_account_answers_first() -> None:
    one, other = (doctor_accounts.role_assumed(an_account(number * 12)) for number in "12")
    hub = doctor_hub.ok("identity")
    assert in_order([other, hub, one]) == (hub, one, other) == in_order([one, hub, other])
