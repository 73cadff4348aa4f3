"""The member role grants exactly what the loaded kinds declare, and takes back what nobody may ever do."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from typing import Any

import pytest

from orchestrator.app import MEMBER_PERMISSIONS
from orchestrator.core.model import KindDescription
from orchestrator.kinds import registry
from orchestrator.settings import Settings
from tests.support.cloudformation import ACCOUNT, EVERYTHING, as_list, resolved, statements

PROTECTED, OPT_OUT = (f"aws:ResourceTag/stop-orchestrator:{name}" for name in ("protected", "opt-out"))
MARKS = ["stop-orchestrator:stopped-by", "stop-orchestrator:stopped-at", "stop-orchestrator:stop-after"]
DATES = [f"20??-{month:02}-{day}?" for month in range(1, 13) for day in range(4)]
ROLE_POLICIES = 10_240
"""Characters of all inline policies of one role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
INSTANCES = f"arn:aws:ec2:*:{ACCOUNT}:instance/*"


def _role(**parameters: str) -> dict[str, Any]:
    properties: dict[str, Any] = resolved("member-role", **parameters)["Resources"]["MemberRole"]["Properties"]
    return properties


def _granted(**parameters: str) -> set[str]:
    return {
        action
        for statement in statements(_role(**parameters)["Policies"])
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
    }


def _by_name(**parameters: str) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in statements(_role(**parameters)["Policies"])}


def _is_of(service: str, statement: dict[str, Any]) -> bool:
    return {action.partition(":")[0] for action in as_list(statement["Action"])} == {service}


def _differences(granted: set[str], declared: AbstractSet[str]) -> str:
    missing = [f"{action} is missing" for action in sorted(declared - granted)]
    return ", ".join([*missing, *(f"{action} is too much" for action in sorted(granted - declared))])


def test_the_member_role_grants_exactly_what_the_kinds_declare() -> None:
    declared = MEMBER_PERMISSIONS | registry.permissions()
    assert not _differences(_granted(), declared)


def test_in_mode_plan_it_grants_exactly_what_reading_takes() -> None:
    declared = MEMBER_PERMISSIONS | registry.read_permissions()
    assert not _differences(_granted(Mode="plan"), declared)
    assert not _differences(_granted(Mode="plan", **EVERYTHING["member-role"]), declared)


@pytest.mark.parametrize("kind", registry.DESCRIPTIONS, ids=lambda kind: kind.name)
def test_a_kind_s_own_statements_grant_exactly_what_it_declares(kind: KindDescription) -> None:
    own = [_by_name()[sid] for sid in kind.role_statements]
    granted = {action for statement in own for action in as_list(statement["Action"])}
    assert {statement["Effect"] for statement in own} == {"Allow"}
    assert not _differences(granted - MEMBER_PERMISSIONS, kind.permissions)


def test_no_two_kinds_share_a_statement() -> None:
    named = [sid for kind in registry.DESCRIPTIONS for sid in kind.role_statements]
    assert len(named) == len(set(named))


def test_a_difference_is_named() -> None:
    assert _differences({"ec2:A", "ec2:B"}, {"ec2:B", "ec2:C"}) == "ec2:C is missing, ec2:A is too much"


def test_keys_of_volumes_add_one_permission_that_ec2_alone_can_use() -> None:
    key = EVERYTHING["member-role"]["VolumeKeyArns"]
    assert _granted(VolumeKeyArns=key) - _granted() == {"kms:CreateGrant"}
    grant = _by_name(VolumeKeyArns=key)["LetEc2DecryptVolumes"]
    assert grant["Resource"] == [key]
    assert grant["Condition"] == {
        "Bool": {"kms:GrantIsForAWSResource": "true"},
        "StringLike": {"kms:ViaService": ["ec2.*.amazonaws.com", "ec2.*.amazonaws.com"]},
    }


@pytest.mark.parametrize("mode", ["enforce", "plan", "disabled"])
def test_what_may_never_be_stopped_is_denied_in_every_mode(mode: str) -> None:
    denied = {name: one for name, one in _by_name(Mode=mode).items() if one["Effect"] == "Deny"}
    never = {name: one for name, one in denied.items() if not _is_of("rds", one)}
    assert {name: (as_list(one["Action"]), one["Condition"]) for name, one in never.items()} == {
        "NeverStopProtected": (["ec2:StopInstances"], {"Null": {PROTECTED: "false"}}),
        "NeverStopOptedOut": (
            ["ec2:StopInstances", "rds:StopDBInstance"],
            {"Null": {OPT_OUT: "false"}, "StringNotLike": {OPT_OUT: DATES}},
        ),
        "NeverStopInstanceStore": (
            ["ec2:StopInstances"],
            {"StringEquals": {"ec2:RootDeviceType": "instance-store"}},
        ),
        "NeverTouchOptOuts": (
            ["ec2:CreateTags", "ec2:DeleteTags"],
            {"ForAnyValue:StringLike": {"aws:TagKeys": ["stop-orchestrator:opt-out*", "stop-orchestrator:protected*"]}},
        ),
    }
    assert {one["Resource"] for one in denied.values()} == {"*"}


def test_everything_that_a_role_may_and_may_not_fits_into_its_inline_policies() -> None:
    policies = _role(**EVERYTHING["member-role"])["Policies"]
    texts = [json.dumps(one["PolicyDocument"], separators=(",", ":")) for one in policies]
    assert sum(map(len, texts)) <= ROLE_POLICIES


def test_what_changes_anything_is_limited_to_instances_of_the_account() -> None:
    changing = ("StopInstances", "StartWhatWasStopped", "MarkWhatWasStopped")
    assert {_by_name()[name]["Resource"] for name in changing} == {INSTANCES}


def test_only_what_a_sweep_stopped_can_be_started() -> None:
    condition = _by_name()["StartWhatWasStopped"]["Condition"]
    assert condition == {"Null": {"aws:ResourceTag/stop-orchestrator:stopped-by": "false"}}


def test_what_no_sweep_stopped_can_be_started_only_where_the_start_scope_says_everything() -> None:
    starts = {"StartAnyInstance": ["ec2:StartInstances"], "StartAnyDatabase": ["rds:StartDBInstance"]}
    found = _by_name(StartScope="everything")
    assert {name: as_list(found[name]["Action"]) for name in starts} == starts
    assert not any("Condition" in found[name] for name in starts)
    assert found["StartAnyInstance"]["Resource"] == INSTANCES
    assert not starts.keys() & _by_name().keys()
    assert not starts.keys() & _by_name(StartScope="everything", Mode="plan").keys()


def test_only_its_two_marks_and_the_announcement_of_a_stop_can_be_written_or_deleted() -> None:
    for sid in ("MarkWhatWasStopped", "MarkDatabases"):
        assert _by_name()[sid]["Condition"] == {
            "ForAllValues:StringEquals": {"aws:TagKeys": MARKS},
            "Null": {"aws:TagKeys": "false"},
        }


def test_keys_of_tags_let_rules_write_exactly_these_in_mode_enforce_and_without_them_none() -> None:
    given = _by_name(TagKeys="Owner-missing,team:reviewed")
    added = {sid: one for sid, one in given.items() if sid not in _by_name()}
    assert {sid: as_list(one["Action"]) for sid, one in added.items()} == {
        "WriteTagsOfRules": ["ec2:CreateTags", "ec2:DeleteTags"],
        "WriteTagsOfRulesOnDatabases": ["rds:AddTagsToResource", "rds:RemoveTagsFromResource"],
    }
    for one in added.values():
        assert one["Condition"] == {
            "ForAllValues:StringEquals": {"aws:TagKeys": ["Owner-missing", "team:reviewed"]},
            "Null": {"aws:TagKeys": "false"},
        }
    plan = _by_name(TagKeys="Owner-missing", Mode="plan")
    assert not added.keys() & plan.keys()


def test_only_the_hub_s_role_gets_in_from_the_same_organization_with_the_external_id() -> None:
    trust = {one["Sid"]: one for one in statements(_role(ExternalId="an-id")["AssumeRolePolicyDocument"])}
    let_in, named = trust["LetTheHubIn"], trust["LetTheHubNameItsSweep"]
    hub = {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/stop-orchestrator-hub"}
    assert (let_in["Effect"], let_in["Action"]) == ("Allow", "sts:AssumeRole")
    assert let_in["Condition"] == {
        "ArnEquals": hub,
        "StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5", "sts:ExternalId": "an-id"},
    }
    assert named["Action"] == ["sts:SetSourceIdentity", "sts:TagSession"]
    assert named["Condition"] == {"ArnEquals": hub, "StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}


def test_without_an_external_id_none_is_asked_for() -> None:
    [let_in, _] = list(statements(_role()["AssumeRolePolicyDocument"]))
    assert let_in["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}


def test_disabled_shuts_the_door() -> None:
    [let_in, _] = list(statements(_role(Mode="disabled")["AssumeRolePolicyDocument"]))
    assert let_in["Effect"] == "Deny"


def test_the_hub_reaches_the_member_role_and_no_other_in_its_organization_alone() -> None:
    role = resolved("hub", MemberRole="path/member")["Resources"]["HubRole"]
    [assume] = [one for one in statements(role["Properties"]["Policies"]) if one["Sid"] == "AssumeMemberRoles"]
    assert assume["Resource"] == "arn:aws:iam::*:role/path/member"
    assert assume["Condition"] == {"StringEquals": {"aws:ResourceOrgID": "o-a1b2c3d4e5"}}


def _hub_statements(**parameters: str) -> dict[str, dict[str, Any]]:
    role = resolved("hub", **parameters)["Resources"]["HubRole"]["Properties"]
    return {one["Sid"]: one for one in statements(role["Policies"])}


def test_a_hub_elsewhere_may_become_one_role_in_the_management_account_and_list_no_tags_itself() -> None:
    found = _hub_statements(ManagementAccountId="999999999999", ManagementRolePath="/night/")
    assert found["AssumeManagementRole"]["Resource"] == (
        "arn:aws:iam::999999999999:role/night/stop-orchestrator-management"
    )
    assert "ListTagsOfAccounts" not in found


def test_a_hub_in_the_management_account_lists_tags_itself_and_becomes_no_role_for_it() -> None:
    found = _hub_statements(ManagementAccountId=ACCOUNT)
    assert found["ListTagsOfAccounts"]["Action"] == "tag:GetResources"
    assert "AssumeManagementRole" not in found


def test_a_hub_that_does_not_know_the_management_account_may_neither() -> None:
    assert not {"AssumeManagementRole", "ListTagsOfAccounts"} & set(_hub_statements())


def test_the_management_role_may_list_tags_alone() -> None:
    role = resolved("management", **EVERYTHING["management"])["Resources"]["ManagementRole"]["Properties"]
    assert [one["Action"] for one in statements(role["Policies"])] == ["tag:GetResources"]


def test_the_management_role_lets_in_whom_the_member_roles_let_in() -> None:
    given = {"ExternalId": "an-id", "HubRolePath": "/platform/"}
    management = resolved("management", **given)["Resources"]["ManagementRole"]["Properties"]
    assert management["AssumeRolePolicyDocument"] == _role(**given)["AssumeRolePolicyDocument"]


@pytest.mark.parametrize(
    ("parameters", "role"),
    [
        ({}, None),
        ({"ManagementAccountId": ACCOUNT}, None),
        ({"ManagementAccountId": "999999999999"}, "/stop-orchestrator-management"),
        ({"ManagementAccountId": "999999999999", "ManagementRolePath": "/a/"}, "/a/stop-orchestrator-management"),
    ],
)
def test_the_hub_s_functions_know_the_role_that_the_management_template_makes(
    parameters: dict[str, str], role: str | None
) -> None:
    functions = resolved("hub", ScaleOut="enabled", **parameters)["Resources"]
    for name in ("Sweep", "Step", "Doctor"):
        environment = functions[name]["Properties"]["Environment"]["Variables"]
        settings = Settings.from_env({key: str(value) for key, value in environment.items()})
        assert settings.management_role == role
