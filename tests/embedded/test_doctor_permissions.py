"""A correct deployment is healthy to `doctor`: as the hub's role, with the templates' policies and trust held."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import yaml
from moto.cloudformation.models import cloudformation_backends
from moto.organizations.models import FakeDelegatedAdministrator

from orchestrator.core.model.marks import MARKS
from orchestrator.demo.calls import Call
from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET, STACK_SETS, plant_canary, roll_out_role
from tests.kinds.rds.harness import seed
from tests.support import cloudformation
from tests.support.doctor import BY_SCP, DEV, FRANKFURT, IRELAND, NOT_ALLOWED, found
from tests.support.embedded import MANAGEMENT, OrganizationBuilder
from tests.support.fixtures import Ran, Run
from tests.support.permissions import (
    Document,
    Permissions,
    allowed_actions,
    diagnosing,
    enforce,
    pause,
    policy_of,
    without,
)
from tests.support.suites import only_in_full

ANCHOR, EXTERNAL_ID = "/stop-orchestrator/anchor", "an-external-id"
HUB_ROLE = "stop-orchestrator-hub"
MARKED = {**DEV, **dict.fromkeys(MARKS, "earlier")}
POLICY = """\
version: 1
name: test
organization: {include: [/Dev]}
regions: {include: [eu-central-1, eu-west-1]}
rules: [{name: dev, kinds: [ec2, rds], where: {tag: {Environment: dev}}}]
guardrails: {max_stops: 100}
"""


@dataclass
class Deployed:
    """A hub as the templates deploy it, in the management account or in a delegated administrator."""

    organization: OrganizationBuilder
    hub: str
    accounts: dict[str, str]
    permissions: Permissions
    run: Run

    def doctor(self, *arguments: str) -> Ran:
        """With the templates held against each of its calls."""
        gates = self.organization.front._gates
        self.organization.front._gates = (*gates, self._for_the_organization)
        enforce(self.organization, self.permissions)
        try:
            return self.run("doctor", *arguments)
        finally:
            pause(self.organization, self.permissions)
            self.organization.front._gates = gates

    def _for_the_organization(self, call: Call) -> None:
        """A delegated administrator is answered as the management account is; moto does not know of it."""
        if call.account_id == self.hub and call.service in {"organizations", "cloudformation"}:
            call.environ["HTTP_X_MOTO_ACCOUNT_ID"] = MANAGEMENT


@pytest.fixture(params=["management", "delegated"])
def hub_account(
    request: pytest.FixtureRequest, organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch
) -> str:
    if request.param == "management":
        return MANAGEMENT
    account = organization.account("tooling", "/Tools", role=False)
    monkeypatch.setattr(FakeDelegatedAdministrator, "SUPPORTED_SERVICES", [STACK_SETS])  # moto knows others
    client = organization.client("organizations")
    client.register_delegated_administrator(AccountId=account, ServicePrincipal=STACK_SETS)
    return account


@pytest.fixture
def deployed(
    organization: OrganizationBuilder, hub_account: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Deployed:
    accounts = members(organization, hub_account)
    for name, value in {**stores(organization, hub_account), **hub_role(organization, hub_account)}.items():
        monkeypatch.setenv(name, value)
    plant_canary(organization.client("organizations"), organization.id)
    permissions = Permissions(
        policy_of("member-role", "MemberRole"),
        policy_of("hub", "HubRole", AnchorName=ANCHOR, **management_of(hub_account)),
        hub_account,
        management_role(organization, hub_account) if hub_account != MANAGEMENT else None,
    )
    return Deployed(organization, hub_account, accounts, permissions, run)


def management_of(hub: str) -> dict[str, str]:
    """The parameter as it is deployed; a hub of the templates' tests is in ACCOUNT."""
    return {"ManagementAccountId": cloudformation.ACCOUNT if hub == MANAGEMENT else MANAGEMENT}


def management_role(organization: OrganizationBuilder, hub: str) -> Document:
    """The role that the template makes in the management account; what it may."""
    given = {"HubAccountId": hub, "OrganizationId": organization.id, "ExternalId": EXTERNAL_ID}
    role = cloudformation.resolved("management", **given)["Resources"]["ManagementRole"]["Properties"]
    trust = json.dumps(role["AssumeRolePolicyDocument"])
    organization.client("iam").create_role(RoleName=role["RoleName"], AssumeRolePolicyDocument=trust)
    return policy_of("management", "ManagementRole")


def members(organization: OrganizationBuilder, hub: str) -> dict[str, str]:
    """Accounts of an OU with the role that the template makes: with a marked instance, without one, with none."""
    accounts = {name: organization.account(name, "/Dev", role=False) for name in ("marked", "new", "empty")}
    organization.client("organizations").enable_aws_service_access(ServicePrincipal=STACK_SETS)
    role = cloudformation.resolved(
        "member-role", HubAccountId=hub, OrganizationId=organization.id, ExternalId=EXTERNAL_ID
    )["Resources"]["MemberRole"]
    trust = role["Properties"]["AssumeRolePolicyDocument"]
    roll_out_role(organization.client("cloudformation"), trust, [organization.unit("/Dev")])
    for name in ("marked", "new"):
        for tags in ({"stop-orchestrator:protected": ""}, {"stop-orchestrator:opt-out": "true"}, DEV):
            organization.instances(accounts[name], FRANKFURT, 1, tags)
        seed(organization, accounts[name], FRANKFURT, DEV)
    organization.instances(accounts["marked"], IRELAND, 1, MARKED)
    return accounts


def stores(organization: OrganizationBuilder, hub: str) -> dict[str, str]:
    """What the hub's template makes, and the environment that it gives the Lambda."""
    given = {"AnchorName": ANCHOR, "ExternalId": EXTERNAL_ID, **management_of(hub)}
    sweep = cloudformation.resolved("hub", **given)["Resources"]["Sweep"]
    text = json.dumps(sweep["Properties"]["Environment"]["Variables"]).replace(cloudformation.ACCOUNT, hub)
    variables: dict[str, str] = {name: str(value) for name, value in json.loads(text).items()}
    key = variables["STOP_ORCHESTRATOR_POLICY"].rpartition("/")[2]
    with organization.acting_in(hub):
        made = organization.hub()
        organization.client("s3").put_object(Bucket=BUCKET, Key=key, Body=POLICY)
        organization.client("ssm").put_parameter(
            Name=variables["STOP_ORCHESTRATOR_KILL_SWITCH"], Value="go", Type="String"
        )
        organization.client("sns").create_topic(Name=variables["STOP_ORCHESTRATOR_TOPIC"].rpartition(":")[2])
    return {**variables, **made, "STOP_ORCHESTRATOR_POLICY": f"s3://{BUCKET}/{key}"}


def hub_role(organization: OrganizationBuilder, hub: str) -> dict[str, str]:
    """The environment of someone who became the hub's role."""
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, "Action": "sts:AssumeRole"}
    with organization.acting_in(hub):
        organization.client("iam").create_role(
            RoleName=HUB_ROLE, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
    arn = f"arn:aws:iam::{hub}:role/{HUB_ROLE}"
    made = organization.client("sts").assume_role(RoleArn=arn, RoleSessionName="ann")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        "AWS_SESSION_TOKEN": made["SessionToken"],
    }


delegated = pytest.mark.parametrize("hub_account", ["delegated"], indirect=True)


def test_a_correct_deployment_is_healthy(deployed: Deployed) -> None:
    ran = deployed.doctor("--format", "json")
    assert set(deployed.permissions.refused) == {("member", "iam:SimulatePrincipalPolicy")}  # it is off by default
    assert (ran.exit_code, ran.report["healthy"], found(ran, "failed", "warning")) == (0, True, set())
    assert ("marked", "ec2:StartInstances", "ok") in found(ran, "ok")
    unknown = {(name, check) for name, check, _ in found(ran, "not_checked")}
    acting = {f"ec2:{one}" for one in ("StopInstances", "CreateTags", "DeleteTags")}
    assert {check for name, check in unknown if name == "empty"} >= acting
    assert {name for name, check in unknown if check == "ec2:StartInstances"} == {"new", "empty"}
    assert {one for one in unknown if one[0] == "hub"} == {("hub", "anchor")}  # the first sweep makes it
    assert not {(name, check) for name, check in unknown if name != "empty" and check in acting}


@pytest.mark.full
@delegated
def test_a_hub_that_only_plans_is_healthy_with_roles_that_only_let_it_look(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.permissions.member = policy_of("member-role", "MemberRole", Mode="plan")
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "plan")
    assert deployed.doctor("--format", "json").exit_code == 3  # the StackSet is to roll out more than is there
    [stack_set] = cloudformation_backends[MANAGEMENT][FRANKFURT].stacksets.values()
    stack_set.parameters = {"Mode": "plan"}
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "enforce")
    assert deployed.doctor("--format", "json").exit_code == 3
    monkeypatch.setenv("STOP_ORCHESTRATOR_MODE", "plan")
    ran = deployed.doctor("--format", "json")
    assert (ran.exit_code, ran.report["healthy"], found(ran, "failed")) == (0, True, set())
    assert ("marked", "ec2:StopInstances", "missing_permission") in found(ran, "ok")


RDS_ACTING = {
    f"rds:{one}" for one in ("StopDBInstance", "StartDBInstance", "AddTagsToResource", "RemoveTagsFromResource")
}


@delegated
def test_a_role_that_may_be_simulated_is_checked_for_what_has_no_dry_run(deployed: Deployed) -> None:
    deployed.permissions.member = policy_of("member-role", "MemberRole", PolicySimulation="on")
    ran = deployed.doctor("--format", "json")
    assert (ran.exit_code, deployed.permissions.refused) == (0, [])
    assert {check for name, check, _ in found(ran, "ok") if name == "new"} >= RDS_ACTING
    assert not [check for _, check, _ in found(ran, "not_checked") if check.startswith("rds")]
    deployed.permissions.member = without(deployed.permissions.member, "rds:StartDBInstance")
    ran = deployed.doctor("--format", "json")
    assert ("new", "rds:StartDBInstance", "missing_permission") in found(ran, "failed")
    assert {check for _, check, _ in found(ran, "failed")} == {"rds:StartDBInstance"}


@delegated
def test_a_role_without_a_kind_that_the_policy_names_is_told_with_the_parameter(deployed: Deployed) -> None:
    deployed.permissions.member = policy_of("member-role", "MemberRole", Kinds="ec2", PolicySimulation="on")
    ran = deployed.doctor("--format", "json")
    rows = [one for one in ran.report["checks"] if one["name"] == "rds:DescribeDBInstances"]
    assert {(one["status"], one["code"]) for one in rows} == {("failed", "missing_permission")}
    assert all("with rds in Kinds" in one["advice"] for one in rows)
    assert ran.exit_code == 3


@pytest.mark.full
@delegated
def test_its_table_has_one_line_of_what_was_not_checked(deployed: Deployed) -> None:
    text = " ".join(deployed.doctor().stdout.split())
    assert text.endswith("A sweep by this policy would work.")
    assert "ec2:StartInstances in 2 accounts" in text
    assert "rds (no dry runs) in 3 accounts" in text
    assert [text.count(one) for one in ("Not checked:", "3 not checked", "not checked")] == [1, 1, 1]  # the empty one's


@delegated
def test_the_hub_may_ask_what_doctor_asks_and_nothing_else(deployed: Deployed) -> None:
    deployed.doctor("--format", "json")
    permissions = deployed.permissions
    called = {action for role, action in permissions.actions if role == "hub"}
    own = diagnosing(permissions.hub)
    assert called - allowed_actions(diagnosing(permissions.hub, only=False)) == allowed_actions(own)
    assert {one["Sid"] for one in own["Statement"]} <= {sid for role, sid in permissions.used if role == "hub"}


@delegated
@pytest.mark.parametrize(
    ("role", "action", "who", "check", "status"),
    [
        ("member", "ec2:StartInstances", "marked", "ec2:StartInstances", "failed"),
        ("hub", "dynamodb:DescribeTable", "hub", "table", "failed"),
        *only_in_full(
            ("member", "ec2:StopInstances", "new", "ec2:StopInstances", "failed"),
            ("member", "rds:DescribeDBInstances", "new", "rds:DescribeDBInstances", "failed"),
            ("hub", "s3:PutObject", "hub", "bucket", "failed"),
            ("hub", "sns:GetTopicAttributes", "hub", "topic", "warning"),
            ("hub", "cloudformation:ListStackInstances", "hub", "stack_set", "not_checked"),
            ("hub", "organizations:ListDelegatedAdministrators", "hub", "delegated_administrator", "not_checked"),
            ("hub", "organizations:ListAWSServiceAccessForOrganization", "hub", "trusted_access", "not_checked"),
        ),
    ],
)
def test_a_permission_that_the_templates_lack_is_named(
    deployed: Deployed, role: str, action: str, who: str, check: str, status: str
) -> None:
    setattr(deployed.permissions, role, without(getattr(deployed.permissions, role), action))
    ran = deployed.doctor("--format", "json")
    rows = [row for row in ran.report["checks"] if (row["account_name"] or "hub", row["name"]) == (who, check)]
    assert {(one["status"], action in one["detail"]) for one in rows} == {(status, True)}
    assert (ran.exit_code == 3) is (status == "failed")


@pytest.mark.full
@delegated
def test_regions_that_a_service_control_policy_denies_everywhere_are_one_line_to_add(deployed: Deployed) -> None:
    denied = NOT_ALLOWED.format(action="ec2:DescribeInstances", why=BY_SCP)
    fault = Fault(code="UnauthorizedOperation", message=denied, status=403, operation="ec2:*", region=IRELAND)
    deployed.organization.front.faults.add(fault)
    rds = Fault(code="AccessDenied", message=denied, status=403, operation="rds:*", region=IRELAND)
    deployed.organization.front.faults.add(rds)
    ran = deployed.doctor("--format", "json")
    [line] = [one for one in ran.report["checks"] if one["name"] == "regions"]
    advised = yaml.safe_load(line["advice"][line["advice"].index("exclude:") :])
    assert (line["code"], advised) == ("scp", {"exclude": [IRELAND]})
    refused = {(name, code) for name, _, code in found(ran, "failed")}
    assert refused == {(name, "scp") for name in deployed.accounts}
