"""An organization in an embedded AWS, built from outside and asked from outside: without any of the product's code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.cloudformation.models import cloudformation_backends
from moto.ec2.models import ec2_backends
from moto.organizations.models import organizations_backends

from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.organization import (
    BUCKET,
    STACK_SETS,
    TABLE,
    create_table,
    member_trust,
    roll_out_role,
)
from orchestrator.demo.server import EmbeddedAws

ROLE, STACK_SET = "stop-orchestrator-member", "stop-orchestrator-members"
MANAGEMENT = "123456789012"
LAUNCHED = datetime(2020, 1, 1, 8)  # noqa: DTZ001 - as moto has it; long ago, as most instances: not started by hand
# Making a session and clients is what takes a test's time; they keep nothing of it.
_SESSIONS: dict[str, AnyAccount] = {}


class OrganizationBuilder(AnyAccount):
    """Starts with an organization and a hub's bucket and table; the rest is added call by call."""

    def __init__(self, aws: EmbeddedAws) -> None:
        if aws.url not in _SESSIONS:
            _SESSIONS[aws.url] = AnyAccount(aws.environment)
        vars(self).update(vars(_SESSIONS[aws.url]))
        self.front = aws.front
        self.environment = aws.environment
        made = self.client("organizations").create_organization(FeatureSet="ALL")["Organization"]
        self.id: str = made["Id"]
        self._parents = {"": self.client("organizations").list_roots()["Roots"][0]["Id"]}

    def hub(self) -> dict[str, str]:
        """A bucket and a table, and the settings that name them."""
        location: Any = {"LocationConstraint": "eu-central-1"}
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        create_table(self.client("dynamodb"), TABLE)
        return {"STOP_ORCHESTRATOR_REPORT_BUCKET": BUCKET, "STOP_ORCHESTRATOR_TABLE": TABLE}

    def unit(self, path: str, tags: Mapping[str, str] | None = None) -> str:
        """The OU at that path; the units above it are made where they are missing."""
        if path not in self._parents:
            parent, _, name = path.rpartition("/")
            parent_id = self.unit(parent) if parent else self._parents[""]
            made = self.client("organizations").create_organizational_unit(ParentId=parent_id, Name=name)
            self._parents[path] = made["OrganizationalUnit"]["Id"]
        if tags:
            self.client("organizations").tag_resource(ResourceId=self._parents[path], Tags=_pairs(tags))
        return self._parents[path]

    def account(
        self,
        name: str,
        ou: str = "",
        tags: Mapping[str, str] | None = None,
        *,
        role: bool = True,
        external_id: str | None = None,
        trusted: str = MANAGEMENT,
    ) -> str:
        client = self.client("organizations")
        made = client.create_account(AccountName=name, Email=f"{name}@example.com", Tags=_pairs(tags or {}))
        account_id = str(made["CreateAccountStatus"]["AccountId"])
        if ou:
            client.move_account(
                AccountId=account_id, SourceParentId=self._parents[""], DestinationParentId=self.unit(ou)
            )
        if role:
            self.member_role(account_id, external_id, trusted)
        return account_id

    def appear(self, name: str) -> None:
        """An account is there all at once, in moto's own memory: for when no call may be made."""
        backend = organizations_backends[MANAGEMENT]["aws"]
        backend.create_account(AccountName=name, Email=f"{name}@example.com")

    def member_role(self, account_id: str, external_id: str | None = None, trusted: str = MANAGEMENT) -> None:
        trust = member_trust(trusted, self.id, external_id)
        with self.acting_in(account_id):
            self.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))

    def enrol(self, *ous: str, external_id: str | None = None) -> None:
        """Rolls the member role out by a StackSet, to what is in these OUs by now."""
        self.client("organizations").enable_aws_service_access(ServicePrincipal=STACK_SETS)
        trust = member_trust(MANAGEMENT, self.id, external_id)
        roll_out_role(self.client("cloudformation"), trust, [self.unit(ou) for ou in ous])

    def stack_instance(self, account_id: str, **changes: Any) -> None:
        """What CloudFormation says of that account's stack instance from now on."""
        backend = cloudformation_backends[MANAGEMENT]["eu-central-1"]
        stack_set = backend.describe_stack_set(STACK_SET)
        instance = next(one for one in stack_set.stack_instances if one.account_id == account_id)
        as_made = instance.to_dict()
        instance.to_dict = lambda: {**as_made, **changes}

    def trust(self, account_id: str, external_id: str | None = None, trusted: str = MANAGEMENT) -> None:
        """Changes whom the member role lets in, as somebody in that account does by hand."""
        document = json.dumps(member_trust(trusted, self.id, external_id))
        with self.acting_in(account_id):
            self.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=document)

    def close(self, account_id: str) -> None:
        self.client("organizations").close_account(AccountId=account_id)

    def instances(
        self, account_id: str, region: str, count: int = 1, tags: Mapping[str, str] | None = None, **launch: Any
    ) -> list[str]:
        """Launches and gives back the ids."""
        with self.acting_in(account_id):
            launched = self.client("ec2", region).run_instances(
                ImageId="ami-00000000000000000",
                MinCount=count,
                MaxCount=count,
                TagSpecifications=[{"ResourceType": "instance", "Tags": _pairs(tags)}] if tags else [],
                **{"InstanceType": "t3.micro", **launch},
            )
        ids = [instance["InstanceId"] for instance in launched["Instances"]]
        for one in ids:
            self.in_memory(account_id, region, one).launch_time = LAUNCHED
        return ids

    def act(self, operation: str, account_id: str, region: str, **arguments: Any) -> Any:
        """Calls EC2 as someone in that account does, such as `terminate_instances`."""
        with self.acting_in(account_id):
            return getattr(self.client("ec2", region), operation)(**arguments)

    def in_memory(self, account_id: str, region: str, instance_id: str) -> Any:
        """The instance in moto's own memory, for what EC2's API cannot make."""
        return ec2_backends[account_id][region].get_instance(instance_id)

    def forget(self, account_id: str, region: str, instance_id: str) -> None:
        """As EC2 forgets an instance some time after it was terminated."""
        for reservation in ec2_backends[account_id][region].reservations.values():
            reservation.instances = [one for one in reservation.instances if one.id != instance_id]

    def described(self, account_id: str, region: str) -> dict[str, dict[str, Any]]:
        """EC2's own description of every instance there, by id."""
        with self.acting_in(account_id):
            pages = list(self.client("ec2", region).get_paginator("describe_instances").paginate())
        reservations = [reservation for page in pages for reservation in page["Reservations"]]
        return {one["InstanceId"]: one for reservation in reservations for one in reservation["Instances"]}

    def tags(self, account_id: str, region: str) -> dict[str, dict[str, str]]:
        """By instance id."""
        described = self.described(account_id, region)
        return {one: {tag["Key"]: tag["Value"] for tag in raw.get("Tags", ())} for one, raw in described.items()}

    def down(self, account_id: str, region: str) -> set[str]:
        """The ids that EC2 says are stopped or stopping."""
        states = {one: raw["State"]["Name"] for one, raw in self.described(account_id, region).items()}
        return {one for one, state in states.items() if state in {"stopping", "stopped"}}


@contextmanager
def refused(code: str, words: str = "") -> Iterator[pytest.ExceptionInfo[ClientError]]:
    """AWS refuses what is called inside, with this code and these words in its message."""
    with pytest.raises(ClientError) as refusal:
        yield refusal
    error = refusal.value.response["Error"]
    assert error["Code"] == code
    assert words in error["Message"]


def session(credentials: dict[str, str]) -> Any:
    """A plain boto3 session with what AssumeRole gave."""
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name="eu-central-1",
    )


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
