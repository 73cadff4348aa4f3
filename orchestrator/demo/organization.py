"""The demo's organization: what is in it, as data, and seeding it into an embedded AWS in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import boto3

ROLE = "stop-orchestrator-member"
EXTERNAL_ID = "demo-external-id"
BUCKET = "stop-orchestrator-demo"
TABLE = "stop-orchestrator"
POLICY_KEY = "policy.yaml"
FRANKFURT, MILAN, IRELAND, VIRGINIA = "eu-central-1", "eu-south-1", "eu-west-1", "us-east-1"
OPT_OUT, REASON, PROTECTED = (f"stop-orchestrator:{name}" for name in ("opt-out", "opt-out-reason", "protected"))
_IMAGE = "ami-00000000000000000"

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Some equal instances in one region. `quirk` is what the EC2 API alone cannot make in an embedded AWS."""

    count: int
    region: str
    tags: Tags
    launch: Mapping[str, Any] = field(default_factory=dict)
    quirk: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DemoAccount:
    name: str
    ou: str
    note: str
    fleets: tuple[Fleet, ...] = ()
    tags: Tags = field(default_factory=dict)
    has_role: bool = True
    suspended: bool = False
    milan_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Seeded:
    """`settings`: the environment for the Lambda and the command line; `summary`: what there is, for people."""

    settings: dict[str, str]
    summary: dict[str, Any]


UNITS: Mapping[str, Tags] = {
    "/Workloads": {},
    "/Workloads/Dev": {},
    "/Labs": {OPT_OUT: "true", REASON: "experiments run for weeks"},
    "/Production": {},
}
"""OU paths, parents first, with their tags."""


def accounts(today: date) -> tuple[DemoAccount, ...]:
    """Twelve with the management account, which moto makes itself."""
    soon, past = str(today + timedelta(days=14)), str(today - timedelta(days=3))
    dev = {"Environment": "dev", "Owner": "web", "CostCenter": "cc-100"}
    test = {"Environment": "test", "Owner": "data", "CostCenter": "cc-200"}
    production = {"Environment": "production", "Owner": "shop", "CostCenter": "cc-900"}
    return (
        DemoAccount(
            "dev-web",
            "/Workloads/Dev",
            "instances that opted out",
            (
                Fleet(14, FRANKFURT, {**dev, "Name": "web"}),
                Fleet(6, IRELAND, {**dev, "Name": "web-replica"}),
                Fleet(1, FRANKFURT, {**dev, "Name": "load-test", OPT_OUT: soon, REASON: "load test this week"}),
                Fleet(1, FRANKFURT, {**dev, "Name": "kept-for-good", OPT_OUT: "true"}),
                Fleet(1, FRANKFURT, {**dev, "Name": "spared-once", OPT_OUT: past, REASON: "demo for a customer"}),
                Fleet(1, IRELAND, {**dev, "Name": "spared-by-typo", OPT_OUT: "yes please"}),
                Fleet(1, IRELAND, {**dev, "Name": "license-server", PROTECTED: "legal"}),
            ),
        ),
        DemoAccount(
            "dev-data",
            "/Workloads/Dev",
            "what AWS or another service will not let go",
            (
                Fleet(12, FRANKFURT, {**test, "Name": "etl"}),
                Fleet(2, FRANKFURT, {**test, "Name": "stop-protected"}, launch={"DisableApiStop": True}),
                Fleet(3, VIRGINIA, {**test, "Name": "spot"}, launch={"InstanceMarketOptions": {"MarketType": "spot"}}),
                Fleet(4, VIRGINIA, {**test, "Name": "web-asg", "aws:autoscaling:groupName": "web"}),
                Fleet(3, VIRGINIA, {**test, "Name": "eks-node", "kubernetes.io/cluster/dev": "owned"}),
                Fleet(1, IRELAND, {**test, "Name": "scratch"}, quirk={"root_device_type": "instance-store"}),
                Fleet(
                    2,
                    IRELAND,
                    {**test, "Name": "auto-mode"},
                    quirk={"operator": {"Managed": True, "Principal": "eks.amazonaws.com"}},
                ),
            ),
        ),
        DemoAccount(
            "dev-mobile",
            "/Workloads/Dev",
            f"{MILAN} is disabled here",
            (
                Fleet(9, IRELAND, {**dev, "Name": "device-farm"}),
                Fleet(2, IRELAND, {**dev, "Name": "ci", "Role": "build-agent"}),
                Fleet(2, VIRGINIA, {"Environment": "dev", "Name": "untagged"}),
            ),
            milan_enabled=False,
        ),
        DemoAccount(
            "dev-analytics",
            "/Workloads/Dev",
            "notebooks are hibernated",
            (
                Fleet(
                    3,
                    FRANKFURT,
                    {**test, "Name": "notebook", "Role": "notebook"},
                    launch={"HibernationOptions": {"Configured": True}},
                ),
                Fleet(1, FRANKFURT, {**test, "Name": "old-notebook", "Role": "notebook"}),
                Fleet(11, MILAN, {**test, "Name": "report"}),
                Fleet(2, MILAN, {**test, "Name": "warehouse", "Tier": "critical"}),
            ),
        ),
        DemoAccount(
            "shared-tools", "/Workloads", "right under /Workloads", (Fleet(4, IRELAND, {**dev, "Name": "wiki"}),)
        ),
        DemoAccount(
            "dev-payments",
            "/Workloads/Dev",
            "the account opted out, with a date",
            (Fleet(8, FRANKFURT, {**dev, "Name": "payments"}),),
            tags={OPT_OUT: soon, REASON: "audit until then"},
        ),
        DemoAccount(
            "dev-legacy",
            "/Workloads/Dev",
            "nobody rolled out the member role",
            (Fleet(5, FRANKFURT, {**dev, "Name": "legacy"}),),
            has_role=False,
        ),
        DemoAccount("dev-closed", "/Workloads/Dev", "suspended", suspended=True),
        DemoAccount("lab-ml", "/Labs", "its OU opted out", (Fleet(10, VIRGINIA, {**dev, "Name": "training"}),)),
        DemoAccount("lab-robotics", "/Labs", "its OU opted out", (Fleet(6, IRELAND, {**dev, "Name": "simulator"}),)),
        DemoAccount(
            "shop-production",
            "/Production",
            "production: no rule matches it",
            (
                Fleet(22, FRANKFURT, {**production, "Name": "shop"}),
                Fleet(12, VIRGINIA, {**production, "Name": "shop-us"}),
                Fleet(1, FRANKFURT, {**production, "Name": "mislabelled", "Environment": "dev"}),
            ),
        ),
    )


def seed(environment: Mapping[str, str], today: date) -> Seeded:
    """Creates all of it over HTTP, and the quirks in moto's own memory, so it runs in the process that serves."""
    builder = _Builder(environment)
    organization = builder.client("organizations").create_organization(FeatureSet="ALL")["Organization"]
    builder.hub()
    parents = builder.organizational_units(UNITS)
    wanted = accounts(today)
    ids = {account.name: builder.account(account, parents, organization) for account in wanted}
    for account in wanted:
        if account.suspended:
            builder.client("organizations").close_account(AccountId=ids[account.name])
    return Seeded(
        settings={
            "STOP_ORCHESTRATOR_POLICY": f"s3://{BUCKET}/{POLICY_KEY}",
            "STOP_ORCHESTRATOR_EXTERNAL_ID": EXTERNAL_ID,
            "STOP_ORCHESTRATOR_REPORT_BUCKET": BUCKET,
            "STOP_ORCHESTRATOR_TABLE": TABLE,
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
    def hub(self) -> None:
        """Bucket, policy and table of the hub account, which is the management account here."""
        location: Any = {"LocationConstraint": FRANKFURT}
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        text = files("orchestrator.demo").joinpath("policy.yaml").read_bytes()
        self.client("s3").put_object(Bucket=BUCKET, Key=POLICY_KEY, Body=text)
        create_table(self.client("dynamodb"), TABLE)

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

    def account(self, account: DemoAccount, parents: Mapping[str, str], organization: Mapping[str, Any]) -> str:
        client = self.client("organizations")
        made = client.create_account(AccountName=account.name, Email=f"{account.name}@example.com")
        account_id = str(made["CreateAccountStatus"]["AccountId"])
        client.move_account(AccountId=account_id, SourceParentId=parents[""], DestinationParentId=parents[account.ou])
        if account.tags:
            client.tag_resource(ResourceId=account_id, Tags=_pairs(account.tags))
        with self.acting_in(account_id):
            if account.has_role:
                self._role(organization)
            if account.milan_enabled:
                self.client("account").enable_region(RegionName=MILAN)
            for fleet in account.fleets:
                self._launch(account_id, fleet)
        return account_id

    def _role(self, organization: Mapping[str, Any]) -> None:
        trust = member_trust(organization["MasterAccountId"], organization["Id"], EXTERNAL_ID)
        self.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))

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
            for name, value in fleet.quirk.items():
                setattr(backend.get_instance(launched["InstanceId"]), name, value)


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


def create_table(client: Any, name: str) -> None:
    """The table of DESIGN section 5, as the templates create it."""
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


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _pairs(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
