"""The member role's template, rolled out to OUs by a StackSet: whom it lets in, and how new accounts come in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.demo.organization import STACK_SETS
from tests.support.cloudformation import resolved
from tests.support.embedded import MANAGEMENT, ROLE, OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT

HUB_ROLE = "stop-orchestrator-hub"


class RollOut:
    """The StackSet, the hub's own role, and what a sweep of that role sees."""

    def __init__(self, organization: OrganizationBuilder, run: Run, policy: str) -> None:
        self.organization = organization
        self._run = run
        self._policy = policy
        self._client = organization.client("cloudformation")
        self.parameters = {"HubAccountId": MANAGEMENT, "OrganizationId": organization.id, "ExternalId": "a-secret"}

    def create(self, *units: str, **parameters: str) -> None:
        self.organization.client("organizations").enable_aws_service_access(ServicePrincipal=STACK_SETS)
        given = {**self.parameters, **parameters}
        self._client.create_stack_set(
            StackSetName=ROLE,
            TemplateBody=json.dumps(resolved("member-role", **given)),  # moto keeps what !If takes out of a list
            PermissionModel="SERVICE_MANAGED",
            AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self.deploy(*units)

    def deploy(self, *units: str) -> None:
        """What AWS does by itself when an account comes into one of these OUs; moto does it when told to."""
        targets = {"OrganizationalUnitIds": [self.organization.unit(unit) for unit in units]}
        self._client.create_stack_instances(StackSetName=ROLE, DeploymentTargets=targets, Regions=[FRANKFURT])

    def swept(self) -> dict[str, Any]:
        ran = self._run("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy", self._policy)
        return ran.report

    def statuses(self) -> dict[str, str]:
        """By account."""
        return {row["account_id"]: row["status"] for row in self.swept()["coverage"] if row["status"] != "excluded"}


@pytest.fixture
def roll_out(organization: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch) -> RollOut:
    trust = {"Effect": "Allow", "Principal": {"AWS": MANAGEMENT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    organization.client("iam").create_role(RoleName=HUB_ROLE, AssumeRolePolicyDocument=document)
    assume_hub(organization, monkeypatch, HUB_ROLE)
    monkeypatch.setenv("STOP_ORCHESTRATOR_EXTERNAL_ID", "a-secret")
    return RollOut(organization, run, policy(DEV_RULE, FRANKFURT))


def assume_hub(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """From here on the environment's credentials are those of that role in the hub account."""
    role = f"arn:aws:iam::{MANAGEMENT}:role/{name}"
    answer = organization.client("sts").assume_role(RoleArn=role, RoleSessionName="the-lambda")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", answer["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", answer["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", answer["SessionToken"])


def test_a_new_account_in_an_enrolled_ou_is_swept_at_the_next_sweep_with_no_other_step(roll_out: RollOut) -> None:
    organization = roll_out.organization
    old = organization.account("old", "/Dev", role=False)
    roll_out.create("/Dev")
    assert roll_out.statuses() == {old: "scanned"}
    new = organization.account("new", "/Dev", role=False)
    [instance] = organization.instances(new, FRANKFURT, 1, DEV)
    assert roll_out.statuses() == {old: "scanned", new: "denied"}
    roll_out.deploy("/Dev")
    assert roll_out.statuses() == {old: "scanned", new: "scanned"}
    assert organization.down(new, FRANKFURT) == {instance}


def test_an_account_outside_of_the_ous_is_denied(roll_out: RollOut) -> None:
    inside = roll_out.organization.account("inside", "/Dev", role=False)
    outside = roll_out.organization.account("outside", "/Production", role=False)
    roll_out.create("/Dev")
    assert roll_out.statuses() == {inside: "scanned", outside: "denied"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"HubAccountId": "999999999999"},
        {"HubRoleName": "another-role"},
        {"OrganizationId": "o-0000000000"},
        {"ExternalId": "another-secret"},
        {"Mode": "disabled"},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_the_role_lets_nobody_in_but_the_hubs_own_role_of_this_organization(
    roll_out: RollOut, parameters: dict[str, str]
) -> None:
    account = roll_out.organization.account("dev", "/Dev", role=False)
    roll_out.create("/Dev", **parameters)
    assert roll_out.statuses() == {account: "denied"}


def test_another_role_of_the_hub_account_does_not_get_in(roll_out: RollOut, monkeypatch: pytest.MonkeyPatch) -> None:
    organization = roll_out.organization
    account = organization.account("dev", "/Dev", role=False)
    roll_out.create("/Dev")
    trust = {"Effect": "Allow", "Principal": {"AWS": MANAGEMENT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    organization.client("iam").create_role(RoleName="somebody", AssumeRolePolicyDocument=document)
    assume_hub(organization, monkeypatch, "somebody")
    assert roll_out.statuses() == {account: "denied"}
