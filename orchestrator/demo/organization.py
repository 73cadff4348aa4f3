"""Seeding the demo's organization into an embedded AWS in this process, and clients that act in any account of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

from orchestrator.core.model import ActivePolicy
from orchestrator.core.model.bulk_tags import CANARY_TAG
from orchestrator.core.policy.loading import load_policy
from orchestrator.demo.accounts import FRANKFURT, IRELAND, MILAN, UNITS, VIRGINIA, DemoAccount, Tags, accounts, pairs
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import seeded
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.ledger.records import active_policy_item
from orchestrator.settings import DEFAULT_STACK_SET

ROLE = "stop-orchestrator-member"
STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"
EXTERNAL_ID = "demo-external-id"
BUCKET = "stop-orchestrator-demo"
TABLE = "stop-orchestrator"
POLICY_KEY = "policy.yaml"
PRICES_KEY = "prices/made-up-prices.csv"
_RUNNING_DAY, _RUNS_AGAIN_IN = "wed ", timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Seeded:
    """`settings`: the environment for the Lambda and the command line; `summary`: what there is, for people."""

    settings: dict[str, str]
    summary: dict[str, Any]


def seed(environment: Mapping[str, str], today: date) -> Seeded:
    """Creates all of it over HTTP, and the quirks in moto's own memory, so it runs in the process that serves."""
    builder = _Builder(environment)
    organization = builder.client("organizations").create_organization(FeatureSet="ALL")["Organization"]
    builder.hub(today)
    parents = builder.organizational_units(UNITS)
    plant_canary(builder.client("organizations"), organization["Id"])
    wanted = accounts(today)
    made = {account.name: builder.account(account, parents) for account in wanted}
    ids = {name: account_id for name, (account_id, _) in made.items()}
    builder.roll_out(parents, organization, [ids[account.name] for account in wanted if not account.has_role])
    for account in wanted:
        if account.suspended:
            builder.client("organizations").close_account(AccountId=ids[account.name])
    return Seeded(
        settings={
            "STOP_ORCHESTRATOR_POLICY": f"s3://{BUCKET}/{POLICY_KEY}",
            "STOP_ORCHESTRATOR_EXTERNAL_ID": EXTERNAL_ID,
            "STOP_ORCHESTRATOR_REPORT_BUCKET": BUCKET,
            "STOP_ORCHESTRATOR_TABLE": TABLE,
            "STOP_ORCHESTRATOR_PRICES": f"s3://{BUCKET}/{PRICES_KEY}",
            "STOP_ORCHESTRATOR_WORKERS": "16",
        },
        summary={
            "id": organization["Id"],
            "management_account_id": organization["MasterAccountId"],
            "regions": [FRANKFURT, MILAN, IRELAND, VIRGINIA],
            "accounts": [
                {
                    "id": ids[account.name],
                    "name": account.name,
                    "ou": account.ou,
                    "note": account.note,
                    "regions": [FRANKFURT, *([MILAN] if account.milan_enabled else []), IRELAND, VIRGINIA],
                    "resources": made[account.name][1],
                }
                for account in wanted
            ],
        },
    )


class _Builder(AnyAccount):
    def hub(self, today: date) -> None:
        """Bucket, policy, prices and table of the hub account, which is the management account here."""
        location: Any = {"LocationConstraint": FRANKFURT}
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        text = files("orchestrator.demo").joinpath("policy.yaml").read_text()
        text = text.replace(_RUNNING_DAY, f"{today + _RUNS_AGAIN_IN:%a} ".lower(), 1)
        self.client("s3").put_object(Bucket=BUCKET, Key=POLICY_KEY, Body=text.encode())
        prices = files("orchestrator.demo").joinpath("made-up-prices.csv").read_bytes()
        self.client("s3").put_object(Bucket=BUCKET, Key=PRICES_KEY, Body=prices)
        create_table(self.client("dynamodb"), TABLE)
        self.client("dynamodb").put_item(TableName=TABLE, Item=active_policy(text, "the demo"))

    def organizational_units(self, wanted: Mapping[str, Tags]) -> dict[str, str]:
        client = self.client("organizations")
        ids = {"": client.list_roots()["Roots"][0]["Id"]}
        for path, tags in wanted.items():
            parent, _, name = path.rpartition("/")
            made = client.create_organizational_unit(ParentId=ids[parent], Name=name)
            ids[path] = made["OrganizationalUnit"]["Id"]
            if tags:
                client.tag_resource(ResourceId=ids[path], Tags=pairs(tags))
        return ids

    def account(self, account: DemoAccount, parents: Mapping[str, str]) -> tuple[str, dict[str, int]]:
        """Its id, and how many resources of each kind are in it."""
        client = self.client("organizations")
        made = client.create_account(AccountName=account.name, Email=f"{account.name}@example.com")
        account_id = str(made["CreateAccountStatus"]["AccountId"])
        client.move_account(AccountId=account_id, SourceParentId=parents[""], DestinationParentId=parents[account.ou])
        if account.tags:
            client.tag_resource(ResourceId=account_id, Tags=pairs(account.tags))
        with self.acting_in(account_id):
            if account.milan_enabled:
                self.client("account").enable_region(RegionName=MILAN)
            made = seeded(self, account, account_id)
        return account_id, made

    def roll_out(self, parents: Mapping[str, str], organization: Mapping[str, Any], but_not: Sequence[str]) -> None:
        """The member role by a StackSet to every OU, and so to every account but these."""
        trust = member_trust(organization["MasterAccountId"], organization["Id"], EXTERNAL_ID)
        self.client("organizations").enable_aws_service_access(ServicePrincipal=STACK_SETS)
        top = [unit_id for path, unit_id in parents.items() if path.count("/") == 1]
        roll_out_role(self.client("cloudformation"), trust, top)
        if but_not:
            self.client("cloudformation").delete_stack_instances(
                StackSetName=DEFAULT_STACK_SET, Accounts=[*but_not], Regions=[FRANKFURT], RetainStacks=False
            )


def plant_canary(client: Any, organization_id: str) -> None:
    """On the root, as `make deploy-management` does."""
    root = client.list_roots()["Roots"][0]["Id"]
    client.tag_resource(ResourceId=root, Tags=pairs({CANARY_TAG: organization_id}))


def member_trust(hub_account_id: str, organization_id: str, external_id: str | None = None) -> dict[str, Any]:
    """The member role's trust policy, as the StackSet rolls it out."""
    conditions = {"aws:PrincipalOrgID": organization_id}
    if external_id is not None:
        conditions["sts:ExternalId"] = external_id
    statement = {
        "Sid": "LetTheHubIn",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{hub_account_id}:root"},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        "Condition": {"StringEquals": conditions},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def roll_out_role(client: Any, trust: Mapping[str, Any], unit_ids: Sequence[str]) -> None:
    """A service-managed StackSet with nothing but the member role, to these OUs and those below them."""
    properties = {"RoleName": ROLE, "AssumeRolePolicyDocument": trust}
    template = {"Resources": {"MemberRole": {"Type": "AWS::IAM::Role", "Properties": properties}}}
    client.create_stack_set(
        StackSetName=DEFAULT_STACK_SET,
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        PermissionModel="SERVICE_MANAGED",
        AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
    )
    targets = {"OrganizationalUnitIds": [*unit_ids]}
    client.create_stack_instances(StackSetName=DEFAULT_STACK_SET, DeploymentTargets=targets, Regions=[FRANKFURT])


def create_table(client: Any, name: str) -> None:
    """The table of the ledger, as the templates create it."""
    keys = ("PK", "SK", "GSI1PK", "GSI1SK")
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=_key_schema("PK", "SK"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "GSI1",
                "KeySchema": _key_schema("GSI1PK", "GSI1SK"),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def active_policy(text: str, by: str) -> dict[str, dict[str, str]]:
    """The item by which schedules may act by this text of a policy, as deploying it writes it."""
    policy = load_policy(text, "the policy", DESCRIPTIONS)
    item = active_policy_item(policy.name, ActivePolicy(policy.sha256, by, "2026-11-23T18:00:00Z"))
    return {name: {"S": str(value)} for name, value in item.items()}


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
