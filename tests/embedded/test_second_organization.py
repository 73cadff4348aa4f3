"""An organization that someone else seeds, over HTTP with plain boto3 and as in AWS, is swept like any other."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest

from orchestrator.demo.server import EmbeddedAws
from tests.support.embedded import OrganizationBuilder, session
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import FRANKFURT, IRELAND, MILAN

ADMIN, MEMBER = "OrganizationAccountAccessRole", "stop-orchestrator-member"
POLICY = """\
organization: {include: [/Dev]}
rules:
  - name: dev
    where: {all: [{tag: {Environment: dev}}, {not: {tag: {Tier: critical}}}]}
"""


def created(organizations: Any, name: str) -> str:
    status = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    described = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])
    account: str = described["CreateAccountStatus"]["AccountId"]
    return account


def admin_of(account: str, by: Any) -> Any:
    role = f"arn:aws:iam::{account}:role/{ADMIN}"
    return session(by.client("sts").assume_role(RoleArn=role, RoleSessionName="seed")["Credentials"])


def let_in(admin: Any, management: str, organization_id: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{management}:root"},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization_id, "sts:ExternalId": "second"}},
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    admin.client("iam").create_role(RoleName=MEMBER, AssumeRolePolicyDocument=json.dumps(trust))


def launch(admin: Any, region: str, **tags: str) -> set[str]:
    launched = admin.client("ec2", region_name=region).run_instances(
        ImageId="ami-12345678",
        InstanceType="t3.micro",
        MinCount=2,
        MaxCount=2,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        ],
    )
    return {instance["InstanceId"] for instance in launched["Instances"]}


def states(admin: Any, region: str) -> dict[str, str]:
    pages = admin.client("ec2", region_name=region).get_paginator("describe_instances").paginate()
    instances = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
    return {one["InstanceId"]: one["State"]["Name"] for one in instances}


@pytest.mark.full
def test_an_organization_of_another_account_seeded_from_outside_is_swept_exactly(
    organization: OrganizationBuilder,
    server: EmbeddedAws,
    run: Run,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    urlopen(Request(f"{server.url}/moto-api/reset", method="POST")).close()
    first = boto3.Session()
    organizations = first.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    management = created(organizations, "second-management")
    hub = admin_of(management, first)
    organizations.remove_account_from_organization(AccountId=management)

    organizations = hub.client("organizations")
    second = organizations.create_organization(FeatureSet="ALL")["Organization"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    dev = organizations.create_organizational_unit(ParentId=root, Name="Dev")["OrganizationalUnit"]["Id"]
    admins = {}
    for name in ("web", "data", "spared", "production"):
        account = created(organizations, name)
        if name != "production":
            organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=dev)
        if name == "spared":
            tags = [{"Key": "stop-orchestrator:opt-out", "Value": "true"}]
            organizations.tag_resource(ResourceId=account, Tags=tags)
        admins[name] = admin_of(account, hub)
        let_in(admins[name], management, second["Id"])
    admins["data"].client("account").enable_region(RegionName=MILAN)
    wanted = {
        ("web", FRANKFURT): launch(admins["web"], FRANKFURT, Environment="dev"),
        ("web", IRELAND): launch(admins["web"], IRELAND, Environment="dev"),
        ("data", MILAN): launch(admins["data"], MILAN, Environment="dev"),
    }
    launch(admins["web"], FRANKFURT, Environment="dev", Tier="critical")
    launch(admins["data"], FRANKFURT, Environment="production")
    launch(admins["spared"], FRANKFURT, Environment="dev")
    launch(admins["production"], IRELAND, Environment="dev")

    credentials = hub.get_credentials()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", credentials.access_key),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_key),
        ("AWS_SESSION_TOKEN", credentials.token),
        ("STOP_ORCHESTRATOR_EXTERNAL_ID", "second"),
    ):
        monkeypatch.setenv(name, value)
    path = policy(POLICY, FRANKFURT, IRELAND, MILAN)
    ran = run("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy", path)
    assert (ran.exit_code, ran.report["organization_id"]) == (0, second["Id"])
    for name, admin in admins.items():
        for region in (FRANKFURT, IRELAND) + ((MILAN,) if name == "data" else ()):
            down = {one for one, state in states(admin, region).items() if state in {"stopping", "stopped"}}
            assert down == wanted.get((name, region), set()), (name, region)
    assert ran.report["totals"]["stopped"] == 6
