"""What an organization asks of every role, who gets into the hub's, and what a licence adds to the member's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from tests.support.cloudformation import ACCOUNT, EVERYTHING, NAMES, broken_rules, resolved, statements, template

OPERATORS = f"arn:aws:iam::{ACCOUNT}:role/platform/*"
LICENSE = "arn:aws:license-manager:eu-central-1:222222222222:license-configuration:lic-0123456789abcdef0"
INSTANCE = f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/i-0123456789abcdef0"
MARK = "aws:resourcetag/stop-orchestrator:stopped-by"
PATHS = {"hub": "HubRolePath", "management": "ManagementRolePath", "member-role": "RolePath"}
BOUNDARIES = {
    "hub": "HubPermissionsBoundaryArn",
    "management": "ManagementPermissionsBoundaryArn",
    "member-role": "PermissionsBoundaryArn",
}


def roles(name: str, **parameters: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for logical_id, one in resolved(name, **parameters)["Resources"].items():
        if one["Type"] == "AWS::IAM::Role":
            yield logical_id, one["Properties"]


def decided(action: str, resource: str, **context: Any) -> str:
    """What the member role's own policies say to one of the resources that EC2 asks about."""
    role = resolved("member-role")["Resources"]["MemberRole"]["Properties"]
    documents = [parse_policy_document(json.dumps(one["PolicyDocument"])) for one in role["Policies"]]
    asked = EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/stop-orchestrator-member/sweep",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region="eu-central-1",
        service_context={"aws:tagkeys": None, **context},
    )
    return str(evaluate(asked, documents).decision)


def test_every_role_of_every_template_takes_a_path_and_a_permissions_boundary() -> None:
    having = {name for name in NAMES if list(roles(name, **EVERYTHING[name]))}
    assert having == set(PATHS)
    for name in having:
        given = {**EVERYTHING[name], PATHS[name]: "/teams/night/", BOUNDARIES[name]: "arn:aws:iam::aws:policy/Limit"}
        for logical_id, role in roles(name, **given):
            assert role["Path"] == "/teams/night/", logical_id
            assert role["PermissionsBoundary"] == "arn:aws:iam::aws:policy/Limit", logical_id


def test_a_hub_role_without_a_path_has_none_written_so_that_no_deployed_one_is_replaced() -> None:
    for logical_id, role in roles("hub", ScaleOut="enabled"):
        assert not {"Path", "PermissionsBoundary"} & set(role), logical_id


def test_a_boundary_of_each_account_s_own_is_named_once_for_all_accounts() -> None:
    [(_, role)] = roles("member-role", PermissionsBoundaryArn="arn:aws:iam::*:policy/limits/boundary")
    assert role["PermissionsBoundary"] == f"arn:aws:iam::{ACCOUNT}:policy/limits/boundary"


@pytest.mark.parametrize("path", ["/", "/platform/", "/teams/night/"])
def test_the_member_role_lets_the_hub_s_role_in_below_its_path(path: str) -> None:
    hub = resolved("hub", HubRolePath=path)["Outputs"]["HubRoleArn"]["Value"]
    member = resolved("member-role", HubRolePath=path)["Resources"]["MemberRole"]["Properties"]
    trusted = {one["Condition"]["ArnEquals"]["aws:PrincipalArn"] for one in statements(member) if "Principal" in one}
    assert trusted == {hub}


def test_operators_bring_their_source_identity_and_tags_and_nobody_else_does() -> None:
    def trust(**parameters: str) -> dict[str, dict[str, Any]]:
        role = resolved("hub", **parameters)["Resources"]["HubRole"]["Properties"]
        return {one["Sid"]: one for one in statements(role["AssumeRolePolicyDocument"])}

    kept = trust(OperatorArns=OPERATORS)["LetOperatorsKeepTheirIdentity"]
    assert (kept["Effect"], kept["Action"]) == ("Allow", ["sts:SetSourceIdentity", "sts:TagSession"])
    assert kept["Condition"] == {"ArnLike": {"aws:PrincipalArn": [OPERATORS]}}
    assert set(trust()) == {"LetLambdaRun"}


@pytest.mark.parametrize("action", ["ec2:StopInstances", "ec2:StartInstances"])
def test_an_instance_under_license_manager_can_be_stopped_and_started_though_its_license_has_no_mark(
    action: str,
) -> None:
    assert decided(action, LICENSE) == "Allow"
    assert decided(action, INSTANCE, **{MARK: "20261123T190000Z-7f3a9c"}) == "Allow"


def test_a_license_lets_no_instance_be_started_that_no_sweep_stopped() -> None:
    assert decided("ec2:StartInstances", INSTANCE) != "Allow"
    assert decided("ec2:TerminateInstances", LICENSE) != "Allow"


def test_the_roll_out_goes_on_at_its_width_while_some_accounts_fail() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html"""
    stack_set = resolved("member-stackset")["Resources"]["MemberRoles"]["Properties"]
    assert stack_set["OperationPreferences"]["ConcurrencyMode"] == "SOFT_FAILURE_TOLERANCE"


def test_the_table_cannot_be_deleted_by_mistake() -> None:
    assert resolved("hub")["Resources"]["Table"]["Properties"]["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("mode", ["approve", "enforce"])
def test_somebody_has_to_hear_of_what_a_sweep_does_that_may_act(mode: str) -> None:
    [said] = broken_rules("hub", Mode=mode)
    assert said.startswith("AlarmEmail is needed")
    assert broken_rules("hub", Mode=mode, AlarmEmail="platform@example.com") == []
    assert broken_rules("hub", Mode="plan") == []


def test_a_stop_that_failed_is_an_alarm() -> None:
    alarm = resolved("hub")["Resources"]["StopsFailedAlarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Threshold"], alarm["Statistic"]) == ("StopsFailed", 0, "Sum")
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_every_part_of_the_hub_that_makes_a_role_is_held_here() -> None:
    declared = {name for name, one in template("hub")["Resources"].items() if one["Type"] == "AWS::IAM::Role"}
    assert {logical_id for logical_id, _ in roles("hub", **EVERYTHING["hub"])} == declared
