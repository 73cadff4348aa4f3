"""`doctor` says why an account or its role would keep a sweep from working, and tells the causes apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.core.decide.scope import NAME_THE_REGIONS
from orchestrator.demo.faults import Fault
from tests.support.doctor import (
    BY_SCP,
    DEV,
    FRANKFURT,
    IRELAND,
    MILAN,
    NO_POLICY,
    NO_SCP,
    RULES,
    Doctor,
    Row,
    account_id,
    found,
    mark,
    not_enrolled,
    refuse,
    row,
)
from tests.support.embedded import MANAGEMENT, ROLE, OrganizationBuilder
from tests.support.suites import only_in_full

# --- an account that would not be swept -------------------------------------------------------------------------------


def no_role(organization: OrganizationBuilder) -> None:
    sick = account_id(organization, "sick")
    with organization.acting_in(sick):
        organization.client("iam").delete_role(RoleName=ROLE)
    failed = {"DetailedStatus": "FAILED"}
    organization.stack_instance(sick, Status="OUTDATED", StackInstanceStatus=failed, StackId=None)


def outdated(organization: OrganizationBuilder) -> None:
    sick = account_id(organization, "sick")
    with organization.acting_in(sick):
        organization.client("iam").delete_role(RoleName=ROLE)
    organization.stack_instance(sick, Status="OUTDATED", StatusReason="Account sick should have quota for roles")


def other_hub(organization: OrganizationBuilder) -> None:
    organization.trust(account_id(organization, "sick"), trusted="999999999999")


def other_external_id(organization: OrganizationBuilder) -> None:
    organization.trust(account_id(organization, "sick"), external_id="another")


def no_source_identity(organization: OrganizationBuilder) -> None:
    message = f"User: x is not authorized to perform: sts:SetSourceIdentity on resource: arn:aws:iam::1:role/{ROLE}"
    fault = Fault(code="AccessDenied", message=message, status=403, account=account_id(organization, "sick"))
    organization.front.faults.add(fault)


def role_denied_by_scp(organization: OrganizationBuilder) -> None:
    message = f"User: x is not authorized to perform: sts:AssumeRole on resource: y {BY_SCP}"
    fault = Fault(code="AccessDenied", message=message, status=403, account=account_id(organization, "sick"))
    organization.front.faults.add(fault)


@pytest.mark.parametrize(
    ("befalls", "code", "words"),
    [
        (no_role, "no_role", "never created a stack there"),
        (other_external_id, "wrong_trust", "the external id"),
        *only_in_full(
            (outdated, "outdated", "last operation failed there"),
            (other_hub, "wrong_trust", "its trust does not fit"),
            (no_source_identity, "wrong_trust", "does not allow sts:SetSourceIdentity"),
            (not_enrolled, "not_enrolled", "add its OU /Dev to the targets of the StackSet stop-orchestrator-members"),
            (role_denied_by_scp, "scp", "a service control policy denies it"),
        ),
    ],
)
def test_why_a_role_cannot_be_assumed(
    enrolled: OrganizationBuilder, doctor: Doctor, befalls: Callable[[OrganizationBuilder], None], code: str, words: str
) -> None:
    befalls(enrolled)
    ran = doctor()
    assert (ran.exit_code, ran.report["healthy"]) == (3, False)
    assert found(ran, "failed", "warning") == {("sick", "role", code)}
    assert words in row(ran, "role")["advice"]
    assert row(ran, "role")["detail"].startswith("sts:AssumeRole: AccessDenied: User: ")


@pytest.mark.parametrize(
    "account", [{"role": False}, *only_in_full({"external_id": "another"}, {"trusted": "999999999999"})]
)
def test_where_no_stack_set_can_be_asked_it_says_that_it_cannot_tell(
    organization: OrganizationBuilder, doctor: Doctor, account: Row
) -> None:
    organization.account("sick", **account)
    ran = doctor()
    assert ("sick", "role", "no_role_or_wrong_trust") in found(ran, "failed")
    assert row(ran, "role")["advice"].startswith("no role, or it does not trust this hub")
    assert ("hub", "stack_set", "no_stack_set") in found(ran, "warning")


def test_where_the_stack_set_may_not_be_asked_it_says_that_it_cannot_tell(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    denied = Fault(code="AccessDenied", message="not authorized", status=403, operation="cloudformation:*")
    enrolled.front.faults.add(denied)
    other_hub(enrolled)
    ran = doctor()
    assert found(ran, "failed") == {("sick", "role", "no_role_or_wrong_trust")}
    assert ("hub", "stack_set", "missing_permission") in found(ran, "not_checked")


@pytest.mark.parametrize(
    ("action", "status", "why", "code"),
    [
        ("ec2:StopInstances", "failed", NO_POLICY, "missing_permission"),
        ("elasticloadbalancing:DescribeTargetGroups", "warning", BY_SCP, "scp"),
        *only_in_full(
            ("ec2:DescribeRegions", "warning", BY_SCP, "scp"),
            ("ec2:StopInstances", "failed", BY_SCP, "scp"),
            ("ec2:StopInstances", "failed", NO_SCP, "scp"),
            ("ec2:StartInstances", "failed", NO_POLICY, "missing_permission"),
            ("ec2:CreateTags", "failed", NO_POLICY, "missing_permission"),
            ("ec2:DeleteTags", "failed", BY_SCP, "scp"),
            ("ec2:DescribeInstances", "failed", NO_POLICY, "missing_permission"),
            ("ec2:DescribeSpotInstanceRequests", "warning", NO_POLICY, "missing_permission"),
        ),
    ],
)
def test_a_missing_permission_is_named_and_a_service_control_policy_told_apart(
    enrolled: OrganizationBuilder, doctor: Doctor, action: str, status: str, why: str, code: str
) -> None:
    mark(enrolled, "sick")
    refuse(enrolled, action, why)
    ran = doctor()
    assert ran.exit_code == (3 if status == "failed" else 0)
    assert found(ran, "failed", "warning") == {("sick", action, code)}
    assert row(ran, action)["status"] == status
    assert why.format(action=action) in row(ran, action)["detail"]


def test_regions_that_may_not_be_listed_leave_an_account_unswept_where_the_policy_includes_them_by_pattern(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    refuse(enrolled, "ec2:DescribeRegions", BY_SCP)
    ran = doctor(regions=(FRANKFURT, "eu-west-1*"))
    assert (ran.exit_code, found(ran, "failed")) == (3, {("sick", "ec2:DescribeRegions", "scp")})
    assert row(ran, "ec2:DescribeRegions")["advice"].endswith(NAME_THE_REGIONS)


def test_a_kind_is_asked_about_where_a_rule_of_the_policy_names_it(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    enrolled.front.faults.add(Fault(code="AccessDenied", message="not authorized", status=403, operation="rds:*"))
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, set())
    assert not [one for one in ran.report["checks"] if one["name"].startswith("rds:")]
    ran = doctor(body=RULES.replace("name: dev", "name: dev, kinds: [rds]"))
    assert ("sick", "rds:DescribeDBInstances", "missing_permission") in found(ran, "failed")
    assert ("sick", "rds (no dry runs)", "not_checked") in found(ran, "not_checked")
    assert not [one for one in ran.report["checks"] if one["name"] == "ec2:StopInstances"]


def test_a_region_that_a_service_control_policy_closes_is_named(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    refuse(enrolled, "ec2:DescribeInstances", BY_SCP, region=IRELAND)
    ran = doctor()
    refused = [one for one in ran.report["checks"] if one["status"] == "failed"]
    assert [(one["account_name"], one["region"], one["code"]) for one in refused] == [("sick", IRELAND, "scp")]


def test_a_disabled_region_that_the_policy_names_is_a_warning(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    with enrolled.acting_in(account_id(enrolled, "well")):
        enrolled.client("account").enable_region(RegionName=MILAN)
    ran = doctor(regions=(FRANKFURT, MILAN))
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("sick", "region", "region_disabled")})
    assert (row(ran, "region")["region"], row(ran, "region")["status"]) == (MILAN, "warning")


@pytest.mark.full
def test_a_disabled_region_that_a_pattern_catches_is_no_warning(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    ran = doctor(regions=('"eu-*"',))
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, set())
    assert ("sick", "region", "region_disabled") in found(ran, "ok")


@pytest.mark.full
def test_an_enabled_region_that_accepts_no_credentials_is_not_swept(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    closed = Fault(code="AuthFailure", message="AWS was not able to validate", status=401, region=IRELAND)
    enrolled.front.faults.add(closed)
    ran = doctor()
    assert ("sick", "ec2:DescribeInstances", "unreadable") in found(ran, "failed")
    assert ran.exit_code == 3


@pytest.mark.full
def test_a_suspended_account_is_named_and_is_no_gap(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    enrolled.close(account_id(enrolled, "sick"))
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("sick", "account", "suspended")})


@pytest.mark.full
def test_what_the_policy_excludes_is_not_looked_at(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    other_hub(enrolled)
    ran = doctor(body=RULES + f'organization: {{exclude_accounts: ["{account_id(enrolled, "sick")}"]}}\n')
    assert (ran.exit_code, {one["account_name"] for one in ran.report["checks"]}) == (0, {None, "well"})


def test_an_account_that_aws_does_not_answer_for_does_not_hide_the_others(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    enrolled.front.faults.add(Fault(code="ValidationError", account=account_id(enrolled, "sick"), operation="sts:*"))
    ran = doctor()
    assert found(ran, "failed") == {("sick", "role", "unreadable")}
    assert ("well", "ec2:StopInstances", "ok") in found(ran, "ok")


# --- the roll-out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DriftStatus": "DRIFTED"}, "drifted"),
        *only_in_full(({"Status": "OUTDATED"}, "outdated"), ({"Status": "INOPERABLE"}, "outdated")),
    ],
)
def test_a_role_that_works_though_its_stack_is_not_as_rolled_out_is_a_warning(
    enrolled: OrganizationBuilder, doctor: Doctor, changes: Row, code: str
) -> None:
    enrolled.stack_instance(account_id(enrolled, "sick"), **changes)
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("sick", "stack_instance", code)})


def test_a_role_that_was_made_by_hand_is_not_enrolled(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    enrolled.account("by-hand")
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("by-hand", "stack_instance", "not_enrolled")})


def test_a_drifted_stack_is_named_where_its_role_refuses(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    other_hub(enrolled)
    enrolled.stack_instance(account_id(enrolled, "sick"), DriftStatus="DRIFTED")
    ran = doctor()
    assert "the stack drifted: somebody changed or deleted the role by hand" in row(ran, "role")["advice"]


@pytest.mark.full
def test_where_every_account_refuses_the_hub_is_to_be_looked_at_first(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    for name in ("sick", "well"):
        enrolled.trust(account_id(enrolled, name), external_id="right")
    assert ("hub", "assume_role", "no_role_or_wrong_trust") in found(doctor(), "warning")
    assert doctor("--external-id", "right").exit_code == 0


@pytest.mark.full
def test_the_management_account_gets_no_role_from_a_stack_set(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    ran = doctor(body=RULES + "organization: {include_management_account: true}\n")
    refused = next(one for one in ran.report["checks"] if one["status"] == "failed")
    assert (refused["account_id"], refused["code"]) == (MANAGEMENT, "no_role_or_wrong_trust")
    assert "StackSets leave the management account out" in refused["advice"]


# --- what can be asked about ------------------------------------------------------------------------------------------


def test_without_an_instance_a_permission_is_not_checked_unless_it_is_refused(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    empty = enrolled.account("empty")
    actions = {f"ec2:{one}" for one in ("StopInstances", "StartInstances", "CreateTags", "DeleteTags")}
    assert {("empty", action, "not_checked") for action in actions} <= found(doctor(), "not_checked")
    refuse(enrolled, "ec2:StopInstances", NO_POLICY, account=empty)
    assert ("empty", "ec2:StopInstances", "missing_permission") in found(doctor(), "failed")


@pytest.mark.full
def test_an_instance_that_the_role_spares_on_purpose_is_not_asked_about(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    spared = enrolled.account("spared")
    (protected,) = enrolled.instances(spared, FRANKFURT, 1, {"stop-orchestrator:protected": "yes"})
    denied = "with an explicit deny in an identity-based policy"
    refuse(enrolled, "ec2:StopInstances", denied, account=spared, instance=protected)
    assert ("spared", "ec2:StopInstances", "not_checked") in found(doctor(), "not_checked")
    enrolled.instances(spared, IRELAND, 1, DEV)
    assert ("spared", "ec2:StopInstances", "ok") in found(doctor(), "ok")
