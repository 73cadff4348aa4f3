"""The member role grants exactly what the kinds in its `Kinds` declare, and takes back what nobody may ever do."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from cloudformation.parameters import parameters_of
from orchestrator.app import MEMBER_PERMISSIONS
from orchestrator.core.model import KindDescription
from orchestrator.kinds import registry
from orchestrator.settings import Settings
from tests.support.cloudformation import ACCOUNT, EVERYTHING, KEY, REGION, as_list, resolved, statements, text_of
from tests.support.permissions import policy_of

PROTECTED, OPT_OUT = (f"aws:ResourceTag/stop-orchestrator:{name}" for name in ("protected", "opt-out"))
MARK = "aws:ResourceTag/stop-orchestrator:stopped-by"
MARKS = ["stop-orchestrator:stopped-by", "stop-orchestrator:stopped-at", "stop-orchestrator:stop-after"]
DATES = [f"20??-{month:02}-{day}?" for month in range(1, 13) for day in range(4)]
ROLE_POLICIES, MANAGED_POLICY = 10_240, 6_144
"""Characters of all inline policies of one role, and of a managed policy, where other tools make the role:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""
MANY_KEYS = ",".join(KEY for _ in range(10))
UNTOLD = {"ecs:UpdateService", "eks:UpdateNodegroupConfig"}
"""Stop and start are one action of which IAM has no key for the size: docs/security.md."""


class Declared(NamedTuple):
    """What a kind asks of the member role, and the end of the ARN of one of its resources."""

    read: frozenset[str]
    stop: frozenset[str]
    """The action itself, without looks and marks; and what else only acting takes."""
    start: frozenset[str]
    marking: frozenset[str]
    arn: str

    @property
    def all(self) -> frozenset[str]:
        return self.read | self.stop | self.start | self.marking


def _declared(kind: KindDescription) -> Declared:
    """Marking is what both directions take and reading does not, but for an action that both ask for."""
    both = (kind.stop_permissions & kind.start_permissions) - kind.read_permissions
    marking = frozenset(one for one in both if "tag" in one.lower())
    service, _, rest = kind.arn_form.partition(":")
    return Declared(
        kind.read_permissions,
        kind.stop_permissions - kind.read_permissions - marking,
        kind.start_permissions - kind.read_permissions - marking,
        marking,
        f"{service}:{{}}:{rest.replace('{id}', 'main/one' if kind.name in NESTED else 'one').replace('*', '0a1b')}",
    )


NESTED = {"ecs_service", "eks_nodegroup"}
"""Kinds whose ids name what they are in: `cluster/service`."""
KINDS: Mapping[str, Declared] = {one.name: _declared(one) for one in registry.DESCRIPTIONS}
ALL = tuple(sorted(KINDS))
SUBSETS = (*((one,) for one in ALL), *(tuple(one for one in ALL if one != left) for left in ALL), ALL, ("ec2", "rds"))
"""Each kind alone, all but each, all, and the default."""
PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc")


def _named(kinds: Collection[str]) -> str:
    return ",".join(kinds)


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


def _differences(granted: set[str], declared: AbstractSet[str]) -> str:
    missing = [f"{action} is missing" for action in sorted(declared - granted)]
    return ", ".join([*missing, *(f"{action} is too much" for action in sorted(granted - declared))])


def _decision(kind: str, action: str, context: Mapping[str, Any], **parameters: str) -> str:
    """IAM's on that action and a resource of the kind: `Allow`, `Deny` where it is denied explicitly, or another."""
    arn = f"arn:aws:{KINDS[kind].arn.format(f'{REGION}:{ACCOUNT}')}"
    if action == "application-autoscaling:RegisterScalableTarget":
        arn = f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/0ec5"
    service = action.partition(":")[0]
    sent = {key: value for key, value in context.items() if key.startswith(("aws:", f"{service}:"))}
    asked = EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/member/sweep",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=arn,
        region=REGION,
        service_context={"aws:tagkeys": None, **{key.lower(): value for key, value in sent.items()}},
    )
    document = json.dumps(policy_of("member-role", "MemberRole", **parameters))
    return str(evaluate(asked, [parse_policy_document(document)]).decision)


SCALING = {
    "application-autoscaling:service-namespace": "ecs",
    "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
}
DOWN = {"autoscaling:MinSize": "0", "autoscaling:MaxSize": "0", **SCALING}
UP = {"autoscaling:MinSize": "1", "autoscaling:MaxSize": "4", **SCALING}
"""What a stop and a start of a group ask for. Each service is sent its own keys alone."""


# --- exactly what the kinds declare -----------------------------------------------------------------------------------


def test_the_template_knows_every_kind_and_no_other() -> None:
    pattern = parameters_of(text_of("member-role"))["Kinds"]
    assert all(pattern.accepts(one) for one in ALL)
    assert pattern.refused("ec2,lambda,rds, asg,") == ["lambda", ""]
    assert sorted(str(pattern.pattern).strip("^($)").split("|")) == list(ALL)


@pytest.mark.parametrize("kinds", SUBSETS, ids=_named)
def test_the_role_grants_exactly_what_the_named_kinds_declare(kinds: tuple[str, ...]) -> None:
    declared = MEMBER_PERMISSIONS.union(*(KINDS[one].all for one in kinds))
    assert not _differences(_granted(Kinds=_named(kinds)), declared)
    more = {**EVERYTHING["member-role"], "PolicySimulation": "off", "VolumeKeyArns": ""}
    assert not _differences(_granted(**{**more, "Kinds": _named(kinds)}), declared)


@pytest.mark.parametrize("kinds", SUBSETS, ids=_named)
def test_in_mode_plan_it_grants_exactly_what_reading_them_takes(kinds: tuple[str, ...]) -> None:
    declared = MEMBER_PERMISSIONS.union(*(KINDS[one].read for one in kinds))
    assert not _differences(_granted(Mode="plan", Kinds=_named(kinds)), declared)
    more = {**EVERYTHING["member-role"], "PolicySimulation": "off", "Mode": "plan"}
    assert not _differences(_granted(**{**more, "Kinds": _named(kinds)}), declared)


def test_by_default_it_grants_what_ec2_and_rds_declare() -> None:
    assert _granted() == _granted(Kinds="ec2,rds")


def test_the_order_of_kinds_and_a_kind_that_is_named_twice_change_nothing() -> None:
    assert _role(Kinds="rds_cluster,ec2,rds_cluster") == _role(Kinds="ec2,rds_cluster")
    assert _granted(Kinds="rds_cluster,asg") == _granted(Kinds="asg,rds_cluster")


@pytest.mark.parametrize("kind", ALL)
def test_without_a_kind_none_of_its_resources_can_be_stopped_started_or_tagged(kind: str) -> None:
    """Also where another kind is given the same action: DB instances and DB clusters are tagged by one."""
    one, others = KINDS[kind], _named(other for other in ALL if other != kind)
    context = {MARK: "a-sweep", "aws:TagKeys": MARKS[:1], **DOWN}
    for action in one.stop | one.start | one.marking:
        if action.startswith("elasticloadbalancing:"):
            continue  # it only reads, and of no resource of the kind
        assert _decision(kind, action, context, Kinds=kind) == "Allow", action
        assert _decision(kind, action, context, Kinds=others) != "Allow", action


def test_a_difference_is_named() -> None:
    assert _differences({"ec2:A", "ec2:B"}, {"ec2:B", "ec2:C"}) == "ec2:C is missing, ec2:A is too much"


def test_keys_of_volumes_add_one_permission_that_ec2_alone_can_use() -> None:
    assert _granted(VolumeKeyArns=KEY) - _granted() == {"kms:CreateGrant"}
    assert "kms:CreateGrant" not in _granted(VolumeKeyArns=KEY, Kinds="rds")
    grant = _by_name(VolumeKeyArns=KEY)["LetEc2DecryptVolumes"]
    assert grant["Resource"] == [KEY]
    assert grant["Condition"] == {
        "Bool": {"kms:GrantIsForAWSResource": "true"},
        "StringLike": {"kms:ViaService": ["ec2.*.amazonaws.com", "ec2.*.amazonaws.com"]},
    }


@pytest.mark.parametrize("mode", ["enforce", "plan"])
def test_the_role_may_be_simulated_only_where_that_is_switched_on_and_no_other_role(mode: str) -> None:
    added = _granted(Mode=mode, PolicySimulation="on") - _granted(Mode=mode)
    assert added == {"iam:SimulatePrincipalPolicy"}
    named = _by_name(Mode=mode, PolicySimulation="on", RolePath="/night/", RoleName="member")["DiagnoseThisRole"]
    assert named["Resource"] == f"arn:aws:iam::{ACCOUNT}:role/night/member"


@pytest.mark.parametrize("partition", PARTITIONS)
def test_everything_that_a_role_may_and_may_not_fits_into_its_policies(partition: str) -> None:
    most = {**EVERYTHING["member-role"], "Kinds": _named(ALL), "VolumeKeyArns": MANY_KEYS}
    role = resolved("member-role", {"AWS::Partition": partition}, **most)
    policies = role["Resources"]["MemberRole"]["Properties"]["Policies"]
    sizes = [len(json.dumps(one["PolicyDocument"], separators=(",", ":"))) for one in policies]
    assert sum(sizes) <= ROLE_POLICIES
    assert max(sizes) <= MANAGED_POLICY


# --- only if ----------------------------------------------------------------------------------------------------------


def _stops(kind: str) -> frozenset[str]:
    """What takes a resource of the kind down, and not what else a stop takes."""
    return frozenset(one for one in KINDS[kind].stop if not one.startswith("application-autoscaling:"))


def _starts(kind: str) -> frozenset[str]:
    """The same of a start."""
    beside = ("application-autoscaling:", "elasticloadbalancing:")
    return frozenset(one for one in KINDS[kind].start if not one.startswith(beside))


@pytest.mark.parametrize("kind", ALL)
def test_only_what_a_sweep_stopped_can_be_started_unless_the_start_scope_says_everything(kind: str) -> None:
    [action] = _starts(kind)
    everything = {"Kinds": kind, "StartScope": "everything"}
    assert _decision(kind, action, {**UP, MARK: "a-sweep"}, Kinds=kind) == "Allow"
    assert (_decision(kind, action, UP, Kinds=kind) == "Allow") is (action in UNTOLD)
    assert _decision(kind, action, UP, **everything) == "Allow"
    assert _decision(kind, action, UP, **everything, Mode="plan") != "Allow"


@pytest.mark.parametrize("kind", ALL)
def test_what_carries_no_mark_can_be_stopped_and_in_mode_plan_nothing_can(kind: str) -> None:
    [action] = _stops(kind)
    assert _decision(kind, action, DOWN, Kinds=kind) == "Allow"
    assert _decision(kind, action, {**DOWN, MARK: "a-sweep"}, Kinds=kind, Mode="plan") != "Allow"


@pytest.mark.parametrize("mode", ["enforce", "plan", "disabled"])
@pytest.mark.parametrize("kind", ALL)
def test_what_is_protected_or_opted_out_is_denied_in_every_mode_whatever_kinds_are_named(kind: str, mode: str) -> None:
    [action] = _stops(kind)
    for kinds in (kind, "ec2", "rds"):
        for tag, value in ((PROTECTED, ""), (OPT_OUT, "true"), (OPT_OUT, "9999-99-99"), (OPT_OUT, "")):
            context = {**DOWN, MARK: "a-sweep", tag: value}
            assert _decision(kind, action, context, Kinds=kinds, Mode=mode) == "Deny"
    assert _decision(kind, action, {**DOWN, OPT_OUT: "2020-12-31"}, Kinds=kind) == "Allow"


@pytest.mark.parametrize("kind", ALL)
def test_what_was_protected_after_its_stop_can_be_started_where_iam_can_tell_that_it_is_a_start(kind: str) -> None:
    [action] = _starts(kind)
    for tag in (PROTECTED, OPT_OUT):
        decision = _decision(kind, action, {**UP, MARK: "a-sweep", tag: "true"}, Kinds=kind)
        assert decision == ("Deny" if action in UNTOLD else "Allow")


@pytest.mark.parametrize("kind", ALL)
def test_only_its_marks_and_the_announcement_of_a_stop_can_be_written_or_deleted(kind: str) -> None:
    for action in KINDS[kind].marking:
        for keys, may in (
            (MARKS, "Allow"),
            (MARKS[2:], "Allow"),
            ([*MARKS, "Owner"], "implicit"),
            (["stop-orchestrator:stop"], "implicit"),
            (None, "implicit"),  # that deletes every tag
            (["stop-orchestrator:opt-out"], "Deny"),
            ([*MARKS, "stop-orchestrator:protected"], "Deny"),
        ):
            decision = _decision(kind, action, {"aws:TagKeys": keys}, Kinds=kind)
            assert (decision if decision in {"Allow", "Deny"} else "implicit") == may, (action, keys)


@pytest.mark.parametrize("kind", ALL)
def test_keys_of_tags_let_rules_write_exactly_these_in_mode_enforce_and_never_an_opt_out(kind: str) -> None:
    given = {"Kinds": kind, "TagKeys": "Owner-missing,team:reviewed,stop-orchestrator:opt-out"}
    for action in KINDS[kind].marking:
        assert _decision(kind, action, {"aws:TagKeys": ["Owner-missing", "team:reviewed"]}, **given) == "Allow"
        assert _decision(kind, action, {"aws:TagKeys": ["Owner-missing", "Owner"]}, **given) != "Allow"
        assert _decision(kind, action, {"aws:TagKeys": ["stop-orchestrator:opt-out"]}, **given) == "Deny"
        assert _decision(kind, action, {"aws:TagKeys": ["Owner-missing"]}, **given, Mode="plan") != "Allow"


@pytest.mark.parametrize(
    ("context", "may"),
    [
        ({"autoscaling:MinSize": "0", "autoscaling:MaxSize": "0"}, True),
        ({"autoscaling:MinSize": "0", "autoscaling:MaxSize": "1"}, False),
        ({"autoscaling:MinSize": "0"}, False),
        ({"autoscaling:MaxSize": "0"}, False),
        ({}, False),
        ({**UP, MARK: "a-sweep"}, True),
    ],
)
def test_a_group_can_be_set_to_zero_or_where_it_is_marked_to_other_sizes_and_what_it_launches_stays(
    context: dict[str, str], may: bool
) -> None:
    action = "autoscaling:UpdateAutoScalingGroup"
    assert (_decision("asg", action, context, Kinds="asg") == "Allow") is may
    for key, value in (("LaunchTemplateVersionSpecified", "true"), ("LaunchConfigurationName", "other")):
        for scope in ("marked", "everything"):
            decision = _decision("asg", action, {**context, f"autoscaling:{key}": value}, Kinds="asg", StartScope=scope)
            assert decision == "Deny"


def test_scaling_of_other_services_and_of_other_dimensions_stays_as_it_is() -> None:
    action = "application-autoscaling:RegisterScalableTarget"
    assert _decision("ecs_service", action, SCALING, Kinds="ecs_service") == "Allow"
    for key, value in (("service-namespace", "dynamodb"), ("scalable-dimension", "rds:cluster:ReadReplicaCount")):
        other = {**SCALING, f"application-autoscaling:{key}": value}
        assert _decision("ecs_service", action, other, Kinds="ecs_service") != "Allow"


def test_the_last_line_is_the_same_whatever_kinds_are_named() -> None:
    denied = [
        {sid: one for sid, one in _by_name(Kinds=_named(kinds)).items() if one["Effect"] == "Deny"} for kinds in SUBSETS
    ]
    assert all(one == denied[0] for one in denied)
    assert {one["Resource"] for one in denied[0].values()} == {"*"}
    stops = {action for kind in ALL for action in _stops(kind)}
    tags = {action for one in KINDS.values() for action in one.marking}
    assert set(denied[0]["NeverStopProtected"]["Action"]) == set(denied[0]["NeverStopOptedOut"]["Action"]) == stops
    assert set(denied[0]["NeverTouchOptOuts"]["Action"]) == tags
    assert denied[0]["NeverStopOptedOut"]["Condition"]["StringNotLike"] == {OPT_OUT: DATES}
    instance_store = denied[0]["NeverStopInstanceStore"]
    assert (instance_store["Action"], instance_store["Condition"]) == (
        "ec2:StopInstances",
        {"StringEquals": {"ec2:RootDeviceType": "instance-store"}},
    )


# --- who gets in ------------------------------------------------------------------------------------------------------


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
