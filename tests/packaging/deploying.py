"""Templates small enough to read, what the deploy command did with them, and what AWS has of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.cloudformation.models import CloudFormationBackend

from tests.support.embedded import MANAGEMENT, OrganizationBuilder

ARTIFACTS = f"stop-orchestrator-artifacts-{MANAGEMENT}-eu-central-1"
ZIP = b"a zip"
ZIP_KEY = f"lambda/stop-orchestrator-{hashlib.sha256(ZIP).hexdigest()}.zip"
POLICY = "version: 1\nname: test\nregions: {include: [eu-central-1]}\n"
HUB = """
Parameters:
  CodeBucket: {Type: String}
  CodeKey: {Type: String}
  OrganizationId: {Type: String, AllowedPattern: "^o-[a-z0-9]+$"}
  Mode: {Type: String, Default: plan, AllowedValues: [plan, enforce]}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: {BucketName: evidence}
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      TableName: ledger
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: PK, AttributeType: S}, {AttributeName: SK, AttributeType: S}]
      KeySchema: [{AttributeName: PK, KeyType: HASH}, {AttributeName: SK, KeyType: RANGE}]
  Place: {Type: AWS::SSM::Parameter, Properties: {Name: /place, Type: String, Value: !Sub "${CodeBucket}/${CodeKey}"}}
  Switch: {Type: AWS::SSM::Parameter, Properties: {Name: /mode, Type: String, Value: !Ref Mode}}
"""
HUB_OUTPUTS = """
Outputs:
  PolicyLocation: {Value: !Sub "s3://${Bucket}/policy.yaml"}
  FunctionName: {Value: stop-orchestrator}
  ReportBucketName: {Value: !Ref Bucket}
  TableName: {Value: !Ref Table}
  KillSwitchName: {Value: !Ref Switch}
"""
MEMBERS = """
Parameters:
  TemplateURL: {Type: String, AllowedPattern: "^https://.+$"}
  OrganizationalUnitIds: {Type: CommaDelimitedList, AllowedPattern: "^ou-.+$"}
  HubAccountId: {Type: String, AllowedPattern: "^[0-9]{12}$", ConstraintDescription: an account id has 12 digits}
Resources:
  Place: {Type: AWS::SSM::Parameter, Properties: {Name: /template, Type: String, Value: !Ref TemplateURL}}
"""
MEMBER_ROLE = "Resources: {}\n"


@dataclass(frozen=True, slots=True)
class Ran:
    exit_code: int
    stdout: str
    stderr: str


Deploy = Callable[..., Ran]


_execute = CloudFormationBackend.execute_change_set


def executed(backend: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
    """Moto forgets to say afterwards what the stack is made from and puts out."""
    _execute(backend, change_set_name, stack_name)
    change_set = backend.change_sets[change_set_name]
    stack = change_set.stack
    stack._parse_template()
    stack.parameters, stack.output_map = change_set.parameters, stack._create_output_map()


def parameter_list(stack: Any) -> list[dict[str, Any]]:
    """Moto shows lists as Python writes them, numbers as such, and what CloudFormation hides as it is."""
    values = stack.resource_map.resolved_parameters
    hidden = stack.resource_map.no_echo_parameter_keys
    texts = {name: ",".join(one) if isinstance(one, list) else str(one) for name, one in values.items()}
    return [
        {"ParameterKey": name, "ParameterValue": "****" if name in hidden else text} for name, text in texts.items()
    ]


def stacks(hub: OrganizationBuilder) -> dict[str, str]:
    return {one["StackName"]: one["StackStatus"] for one in hub.client("cloudformation").describe_stacks()["Stacks"]}


def buckets(hub: OrganizationBuilder) -> set[str]:
    return {bucket["Name"] for bucket in hub.client("s3").list_buckets()["Buckets"]}


def parameter(hub: OrganizationBuilder, name: str) -> str:
    return str(hub.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def content(hub: OrganizationBuilder, bucket: str, key: str) -> bytes:
    body: bytes = hub.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def set_in(folder: Path, line: str) -> None:
    with (folder / "deploy.env").open("a") as env:
        env.write(f"{line}\n")
