"""CloudFormation templates as CloudFormation sees them: conditions and intrinsic functions resolved, as far as ours go.

`python -m tests.support.cloudformation FOLDER` writes each template there as JSON, as it is by default, with everything
on, and so on: linters that do not resolve conditions see what would be deployed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from cloudformation.assemble import read_source
from orchestrator.kinds.registry import KINDS

Node = Any
FOLDER = Path(__file__).parents[2] / "cloudformation"
EARLIER_HUB = Path(__file__).parents[1] / "templates" / "earlier" / "hub-0.1.0.yaml"
"""The hub's template as the version before had it, byte for byte."""
NAMES = ("guardrails", "hub", "key", "management", "member-role", "member-stackset")
ACCOUNT, REGION, PARTITION = "111111111111", "eu-central-1", "aws"
ORGANIZATION = "o-a1b2c3d4e5"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"
READERS = "arn:aws:iam::222222222222:role/reports,arn:aws:iam::333333333333:root"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": PARTITION,
    "AWS::Region": REGION,
    "AWS::StackName": "stop-orchestrator",
    "AWS::URLSuffix": "amazonaws.com",
}
NEEDED: Mapping[str, Mapping[str, str]] = {
    "guardrails": {"ApproverArns": "arn:aws:iam::*:role/approver", "TargetIds": "r-ab12"},
    "hub": {"OrganizationId": ORGANIZATION, "CodeBucket": "code-bucket", "CodeKey": "stop-orchestrator.zip"},
    "key": {"OrganizationId": ORGANIZATION},
    "management": {"HubAccountId": ACCOUNT, "OrganizationId": ORGANIZATION},
    "member-role": {"HubAccountId": ACCOUNT, "OrganizationId": ORGANIZATION},
    "member-stackset": {
        "TemplateURL": "https://code-bucket.s3.eu-central-1.amazonaws.com/member-role.yaml",
        "OrganizationalUnitIds": "ou-ab12-c3d4e5f6,ou-ab12-0a1b2c3d",
        "HubAccountId": ACCOUNT,
        "OrganizationId": ORGANIZATION,
    },
}
"""Parameters without a default."""
EVERYTHING: Mapping[str, Mapping[str, str]] = {
    "guardrails": {"TagValues": "enforce"},
    "hub": {
        "ExternalId": "an-external-id",
        "PreviewScheduleExpression": "cron(0 12 * * ? *)",
        "ReservedConcurrency": "2",
        "ScaleOut": "enabled",
        "ObjectLockMode": "GOVERNANCE",
        "AccessLogBucket": "access-logs",
        "KmsKeyArn": KEY,
        "ReportReaderArns": READERS,
        "SigningKeyArn": KEY,
        "AnchorName": "/stop-orchestrator/anchor",
        "AlarmEmail": "platform@example.com",
        "OptOutLinks": "on",
        "OperatorArns": f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Platform_*",
        "HubRolePath": "/platform/",
        "HubPermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        "ManagementAccountId": "999999999999",
    },
    "key": {"ReportReaderArns": READERS},
    "management": {
        "ExternalId": "an-external-id",
        "HubRolePath": "/platform/",
        "ManagementPermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    },
    "member-role": {
        "ExternalId": "an-external-id",
        "Kinds": ",".join(KINDS),
        "PolicySimulation": "on",
        "StartScope": "everything",
        "VolumeKeyArns": KEY,
        "TagKeys": "Owner-missing,team:reviewed",
        "PermissionsBoundaryArn": "arn:aws:iam::*:policy/boundary",
        "HubRolePath": "/platform/",
    },
    "member-stackset": {},
}
"""Whatever can be switched on."""
VARIANTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    name: {"default": {}, "everything": EVERYTHING[name]} for name in NAMES
} | {
    "hub": {
        "default": {},
        "everything": EVERYTHING["hub"],
        "scale-out": {"ScaleOut": "enabled"},
        "management": {"ManagementAccountId": ACCOUNT},
    },
    "management": {
        "default": {},
        "everything": EVERYTHING["management"],
        "delegated": {"ListingDelegation": "not-needed"},
    },
    "member-role": {
        "default": {},
        "everything": EVERYTHING["member-role"],
        "plan": {"Mode": "plan"},
        "disabled": {"Mode": "disabled"},
    },
}

_NO_VALUE = object()
_SUBSTITUTED = re.compile(r"\$\{(!?)([^}]+)\}")
_ARNS = {
    "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm:{}"),
    "AWS::DynamoDB::Table": ("dynamodb", "table/{}"),
    "AWS::KMS::Key": ("kms", "key/{}"),
    "AWS::Events::Rule": ("events", "rule/{}"),
    "AWS::Lambda::Function": ("lambda", "function:{}"),
    "AWS::Logs::LogGroup": ("logs", "log-group:{}:*"),
    "AWS::SNS::Topic": ("sns", "{}"),
    "AWS::SQS::Queue": ("sqs", "{}"),
    "AWS::StepFunctions::StateMachine": ("states", "stateMachine:{}"),
}
_NAME_PROPERTIES = (
    "AlarmName",
    "FunctionName",
    "LogGroupName",
    "Name",
    "QueueName",
    "RoleName",
    "StateMachineName",
    "TopicName",
)
_REF_IS_ARN = ("AWS::SNS::Topic", "AWS::StepFunctions::StateMachine")


class _Loader(yaml.CSafeLoader):
    """The short forms of intrinsic functions, made long."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> Node:
    if isinstance(node, yaml.ScalarNode):
        value: Node = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)


@cache
def text_of(name: str) -> str:
    """What CloudFormation gets; the hub's is assembled from its parts."""
    parts = FOLDER / name
    return read_source(parts if parts.is_dir() else FOLDER / f"{name}.yaml")


def template(name: str) -> dict[str, Any]:
    """As it is written, with the long forms of intrinsic functions."""
    return parse(text_of(name))


def parse(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(text, _Loader)
    return loaded


def resolved(name: str, where: Mapping[str, str] = MappingProxyType({}), /, **parameters: str) -> dict[str, Any]:
    """As it would be deployed with these parameters, and the defaults of the others; `where` has pseudo ones."""
    return resolved_text(text_of(name), {**NEEDED[name], **parameters}, where)


def resolved_text(
    text: str, parameters: Mapping[str, str], where: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """The same of any template."""
    return _Resolution(parse(text), parameters, {**PSEUDO, **where}).template()


def broken_rules(name: str, **parameters: str) -> list[str]:
    """What CloudFormation says of these parameters by the template's own Rules, before it does anything."""
    resolution = _Resolution(template(name), {**NEEDED[name], **parameters}, PSEUDO)
    return [*resolution.broken_rules()]


def policy_documents(node: Node, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every IAM policy document anywhere below a node, by its path."""
    if isinstance(node, dict):
        if "Statement" in node and "Version" in node:
            yield path, node
        for key, value in node.items():
            yield from policy_documents(value, f"{path}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from policy_documents(value, f"{path}/{number}")


def statements(node: Node) -> Iterator[dict[str, Any]]:
    for _, document in policy_documents(node):
        for one in document["Statement"]:
            branches = one["Fn::If"][1:] if "Fn::If" in one else [one]
            yield from (branch for branch in branches if "Effect" in branch)


def as_list(value: Node) -> list[Any]:
    return value if isinstance(value, list) else [value]


class _Resolution:
    """One template with one set of parameters. Raises KeyError where something refers to what is not there."""

    def __init__(self, source: dict[str, Any], parameters: Mapping[str, str], pseudo: Mapping[str, str]) -> None:
        self._source = source
        self._pseudo = pseudo
        self._account = f"{pseudo['AWS::Region']}:{ACCOUNT}"
        self._partition = pseudo["AWS::Partition"]
        self._values = {
            name: _typed(declared["Type"], parameters.get(name, declared.get("Default")))
            for name, declared in source["Parameters"].items()
        }
        unknown = set(parameters) - set(self._values)
        assert not unknown, f"no such parameters: {unknown}"
        self._functions: Mapping[str, Callable[[Node], Node]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::And": lambda parts: all(self._value(part) for part in parts),
            "Fn::Or": lambda parts: any(self._value(part) for part in parts),
            "Fn::Not": lambda parts: not self._value(parts[0]),
            "Fn::Equals": lambda parts: str(self._value(parts[0])) == str(self._value(parts[1])),
            "Fn::If": lambda parts: self._value(parts[1] if self._condition(parts[0]) else parts[2]),
            "Fn::Join": lambda parts: parts[0].join(map(str, self._value(parts[1]))),
            "Fn::Select": lambda parts: self._value(parts[1])[int(parts[0])],
            "Fn::FindInMap": lambda parts: self._source["Mappings"][parts[0]][self._value(parts[1])][parts[2]],
            "Fn::Contains": lambda parts: self._value(parts[1]) in parts[0],
            "Fn::Split": lambda parts: str(self._value(parts[1])).split(parts[0]),
            "Fn::GetAtt": lambda parts: self._attribute(*parts),
            "Fn::Sub": self._sub,
        }

    def template(self) -> dict[str, Any]:
        wanted = {
            section: {
                name: self._value({key: value for key, value in item.items() if key != "Condition"})
                for name, item in self._source[section].items()
                if "Condition" not in item or self._condition(item["Condition"])
            }
            for section in ("Resources", "Outputs")
        }
        kept = {key: self._source[key] for key in ("AWSTemplateFormatVersion", "Description")}
        return {**kept, **wanted}

    def broken_rules(self) -> Iterator[str]:
        for rule in self._source.get("Rules", {}).values():
            if self._value(rule["RuleCondition"]):
                for one in rule["Assertions"]:
                    if not self._value(one["Assert"]):
                        yield one["AssertDescription"]

    def _value(self, node: Node) -> Node:
        if isinstance(node, list):
            return [value for one in node if (value := self._value(one)) is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, argument)] = node.items()
            if name in self._functions and not (name == "Condition" and not isinstance(argument, str)):
                return self._functions[name](argument)
        return {key: value for key, one in node.items() if (value := self._value(one)) is not _NO_VALUE}

    def _condition(self, name: str) -> bool:
        return bool(self._value(self._source["Conditions"][name]))

    def _ref(self, name: str) -> Node:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._values:
            return self._values[name]
        return self._attribute(name, "Arn") if self._resource(name)["Type"] in _REF_IS_ARN else self._name(name)

    def _attribute(self, name: str, attribute: str) -> str:
        if attribute != "Arn":
            assert attribute.endswith("Name"), attribute
            return self._name(name)
        kind, physical = self._resource(name)["Type"], self._name(name)
        if kind == "AWS::S3::Bucket":
            return f"arn:{self._partition}:s3:::{physical}"
        if kind == "AWS::IAM::Role":
            path = self._value(self._resource(name)["Properties"].get("Path", "/"))
            return f"arn:{self._partition}:iam::{ACCOUNT}:role{'/' if path is _NO_VALUE else path}{physical}"
        service, form = _ARNS[kind]
        return f"arn:{self._partition}:{service}:{self._account}:{form.format(physical)}"

    def _name(self, name: str) -> str:
        properties = self._resource(name).get("Properties", {})
        given = next((properties[key] for key in _NAME_PROPERTIES if key in properties), name.lower())
        return str(self._value(given))

    def _resource(self, name: str) -> dict[str, Any]:
        resource: dict[str, Any] = self._source["Resources"][name]
        assert "Condition" not in resource or self._condition(resource["Condition"]), f"{name} is not there"
        return resource

    def _sub(self, argument: Node) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        values = {name: self._value(value) for name, value in given.items()}

        def value(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            if name in values:
                return str(values[name])
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return _SUBSTITUTED.sub(value, text)


def _typed(kind: str, value: Node) -> Node:
    assert value is not None, "a parameter without a value"
    if kind == "CommaDelimitedList":
        return str(value).split(",")
    return int(value) if kind == "Number" else str(value)


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        for variant, parameters in VARIANTS[name].items():
            document = resolved(name, **parameters)
            (folder / f"{name}-{variant}.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
