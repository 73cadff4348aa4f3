"""Seeding the demo's organization into an embedded AWS in this process, and clients that act in any account of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import boto3

from orchestrator.core.model import ActivePolicy
from orchestrator.core.model.bulk_tags import CANARY_TAG
from orchestrator.core.policy.loading import load_policy
from orchestrator.demo.accounts import FRANKFURT, IRELAND, MILAN, UNITS, VIRGINIA, DemoAccount, Fleet, Tags, accounts
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
_IMAGE = "ami-00000000000000000"
_RUNNING_DAY, _RUNS_AGAIN_IN = "wed ", timedelta(days=3)
_RUNNING_SINCE = timedelta(days=10)


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
    ids = {account.name: builder.account(account, parents) for account in wanted}
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
                    "instances": sum(fleet.count for fleet in account.fleets),
                }
                for account in wanted
            ],
        },
    )


class AnyAccount:
    """Clients of an embedded AWS that act in any account without a role, by moto's own header."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._url = environment["AWS_ENDPOINT_URL"]
        self._session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        self._made: dict[tuple[str, str | None], Any] = {}
        self._account: ContextVar[str | None] = ContextVar("account", default=None)

    def client(self, service: str, region: str | None = None) -> Any:
        """One client per service and region, for whatever account is current."""
        key = (service, region)
        if key not in self._made:
            made = self._session.client(service, region_name=region, endpoint_url=self._url)  # type: ignore[call-overload]  # the name is a variable
            made.meta.events.register("before-send", self._name_account)
            self._made[key] = made
        return self._made[key]

    @contextmanager
    def acting_in(self, account_id: str) -> Iterator[None]:
        token = self._account.set(account_id)
        try:
            yield
        finally:
            self._account.reset(token)

    def _name_account(self, request: Any, **_: object) -> None:
        account_id = self._account.get()
        if account_id is not None:
            request.headers["x-moto-account-id"] = account_id


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
                client.tag_resource(ResourceId=ids[path], Tags=_pairs(tags))
        return ids

    def account(self, account: DemoAccount, parents: Mapping[str, str]) -> str:
        client = self.client("organizations")
        made = client.create_account(AccountName=account.name, Email=f"{account.name}@example.com")
        account_id = str(made["CreateAccountStatus"]["AccountId"])
        client.move_account(AccountId=account_id, SourceParentId=parents[""], DestinationParentId=parents[account.ou])
        if account.tags:
            client.tag_resource(ResourceId=account_id, Tags=_pairs(account.tags))
        with self.acting_in(account_id):
            if account.milan_enabled:
                self.client("account").enable_region(RegionName=MILAN)
            for fleet in account.fleets:
                self._launch(account_id, fleet)
        return account_id

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

    def _launch(self, account_id: str, fleet: Fleet) -> None:
        answer = self.client("ec2", fleet.region).run_instances(
            ImageId=_IMAGE,
            MinCount=fleet.count,
            MaxCount=fleet.count,
            InstanceType="t3.micro",
            TagSpecifications=[{"ResourceType": "instance", "Tags": _pairs(fleet.tags)}],
            **fleet.launch,
        )
        from moto.ec2.models import ec2_backends  # noqa: PLC0415 - only the process that serves may import moto

        backend = ec2_backends[account_id][fleet.region]
        for launched in answer["Instances"]:
            instance = backend.get_instance(launched["InstanceId"])
            instance.launch_time -= _RUNNING_SINCE  # else each would be one that was started by hand
            for name, value in fleet.quirk.items():
                setattr(instance, name, value)


def plant_canary(client: Any, organization_id: str) -> None:
    """On the root, as `make deploy-management` does."""
    root = client.list_roots()["Roots"][0]["Id"]
    client.tag_resource(ResourceId=root, Tags=_pairs({CANARY_TAG: organization_id}))


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


def _pairs(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
