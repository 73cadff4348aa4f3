"""The templates in each of AWS's partitions: what their patterns take, what their ARNs, principals and hosts are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import pytest

from orchestrator.aws.partitions import dns_suffix
from orchestrator.settings import Settings
from tests.support.cloudformation import ACCOUNT, EVERYTHING, NAMES, VARIANTS, resolved, template, text_of

REGIONS: Mapping[str, tuple[str, ...]] = {
    "aws": ("us-east-1", "eu-central-1", "ap-southeast-5", "me-south-1", "il-central-1", "mx-central-1"),
    "aws-us-gov": ("us-gov-east-1", "us-gov-west-1"),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
    "aws-eusc": ("eusc-de-east-1",),
    "aws-iso": ("us-iso-east-1",),
    "aws-iso-b": ("us-isob-east-1",),
    "aws-iso-e": ("eu-isoe-west-1",),
    "aws-iso-f": ("us-isof-south-1",),
}
"""Every partition that botocore knows, with its forms of names."""
EVERY_REGION = [(partition, region) for partition, regions in REGIONS.items() for region in regions]
FOUR = {"aws": "eu-central-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1", "aws-eusc": "eusc-de-east-1"}
KEY = "arn:{partition}:kms:{region}:111111111111:key/0a1b2c3d-0000-4000-8000-000000000000"
BOUNDARIES = ("arn:{partition}:iam::111111111111:policy/a/boundary", "arn:{partition}:iam::aws:policy/Limit")
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "ApproverArns": ("arn:{partition}:iam::*:role/approver", "arn:{partition}:iam::111111111111:role/a/approver"),
    "CommonRegion": ("", "{region}"),
    "ReportReaderArns": (
        "",
        "arn:{partition}:iam::111111111111:role/reports",
        "arn:{partition}:iam::111111111111:root",
    ),
    "HubPermissionsBoundaryArn": BOUNDARIES,
    "KmsKeyArn": (KEY,),
    "ManagementPermissionsBoundaryArn": BOUNDARIES,
    "OperatorArns": ("arn:{partition}:iam::111111111111:role/a,arn:{partition}:iam::111111111111:role/b/*",),
    "PermissionsBoundaryArn": (*BOUNDARIES, "arn:{partition}:iam::*:policy/a/boundary"),
    "SigningKeyArn": (KEY,),
    "TemplateURL": ("https://a-bucket.s3.{region}.{suffix}/templates/member-role.yaml",),
    "VolumeKeyArns": (KEY, "arn:{partition}:kms:*:*:key/*", "arn:{partition}:kms:{region}:*:key/mrk-0a1b"),
}
"""Of each parameter that has a region, a partition or a host in it."""
_ARN = re.compile(r"arn:(aws[a-z-]*):")
_HOST = re.compile(r"[a-z0-9.*-]+\.amazonaws\.[a-z.]+")


def filled_in(example: str, partition: str, region: str) -> str:
    return example.format(partition=partition, region=region, suffix=dns_suffix(partition))


def deployed(name: str, variant: Mapping[str, str], partition: str) -> dict[str, Any]:
    """The template as it would be there, its parameters' ARNs too."""
    region = FOUR[partition]
    where = {"AWS::Partition": partition, "AWS::Region": region, "AWS::URLSuffix": dns_suffix(partition)}
    values = {key: value.replace("arn:aws:", f"arn:{partition}:") for key, value in variant.items()}
    if name == "guardrails":
        values["ApproverArns"] = f"arn:{partition}:iam::*:role/approver"
    return resolved(name, where, **values)


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from texts(one)
    elif isinstance(node, str):
        yield node


@pytest.mark.parametrize("name", NAMES)
def test_every_pattern_takes_the_values_of_every_partition(name: str) -> None:
    for parameter, declared in template(name)["Parameters"].items():
        for example in EXAMPLES.get(parameter, ()):
            for partition, region in EVERY_REGION:
                value = filled_in(example, partition, region)
                assert re.search(declared["AllowedPattern"], value), (parameter, value)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_with_a_region_a_partition_or_a_host_has_an_example(name: str) -> None:
    telling = re.compile(r"arn:|https|region", re.IGNORECASE)
    for parameter, declared in template(name)["Parameters"].items():
        pattern = f"{declared.get('AllowedPattern', '')} {declared.get('ConstraintDescription', '')}"
        if telling.search(pattern) or parameter.endswith(("Arn", "Arns", "Region", "Regions", "URL")):
            assert parameter in EXAMPLES, parameter


@pytest.mark.parametrize("name", NAMES)
def test_a_pattern_still_refuses_what_is_none_of_it(name: str) -> None:
    for parameter, declared in template(name)["Parameters"].items():
        for wrong in ("arn:aws:kms", "Frankfurt", "eu-central", "arn:gcp:iam::1:role/a", "http://a/b"):
            if parameter in EXAMPLES:
                assert not re.search(declared["AllowedPattern"], wrong), (parameter, wrong)


@pytest.mark.parametrize("partition", FOUR)
@pytest.mark.parametrize(("name", "variant"), [(name, one) for name in NAMES for one in VARIANTS[name]])
def test_every_arn_and_every_host_is_of_the_partition_that_the_stack_is_in(
    name: str, variant: str, partition: str
) -> None:
    """Principals of services are `service.amazonaws.com` everywhere, and KMS may name a service by that too."""
    document = deployed(name, VARIANTS[name][variant], partition)
    for text in texts(document):
        assert set(_ARN.findall(text)) <= {partition}, text
    suffix = dns_suffix(partition)
    assert {
        host
        for text in texts(document)
        for host in _HOST.findall(text)
        if not host.endswith(("amazonaws.com", suffix)) and ".console." not in host
    } == set()


@pytest.mark.parametrize("partition", FOUR)
def test_kms_lets_the_services_in_by_the_partition_s_own_hosts(partition: str) -> None:
    """https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html: kms:ViaService names the endpoint."""
    region, suffix = FOUR[partition], dns_suffix(partition)
    hub = json.dumps(deployed("hub", EVERYTHING["hub"], partition))
    for service in ("s3", "dynamodb", "sns"):
        assert f'"{service}.{region}.{suffix}"' in hub
    assert f'"ec2.*.{suffix}"' in json.dumps(deployed("member-role", EVERYTHING["member-role"], partition))


@pytest.mark.parametrize(
    ("partition", "console"),
    [
        ("aws", "console.aws.amazon.com"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
        ("aws-cn", "console.amazonaws.cn"),
        ("aws-eusc", "console.amazonaws-eusc.eu"),
    ],
)
def test_the_dashboard_is_in_the_partition_s_own_console(partition: str, console: str) -> None:
    url = deployed("hub", {}, partition)["Outputs"]["DashboardUrl"]["Value"]
    assert url.startswith(f"https://{FOUR[partition]}.{console}/cloudwatch/")


@pytest.mark.parametrize("partition", FOUR)
def test_the_settings_take_what_the_template_gives_them(partition: str) -> None:
    sweep = deployed("hub", EVERYTHING["hub"], partition)["Resources"]["Sweep"]["Properties"]
    variables = {name: str(value) for name, value in sweep["Environment"]["Variables"].items()}
    settings = Settings.from_env({**variables, "STOP_ORCHESTRATOR_COMMON_REGION": FOUR[partition]})
    assert settings.topic == f"arn:{partition}:sns:{FOUR[partition]}:{ACCOUNT}:stop-orchestrator-news"


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_cfn_lint_finds_nothing_in_any_of_the_four_partitions(name: str) -> None:
    """Resource types and properties differ; of eusc-de-east-1 cfn-lint knows the name, and no differences yet."""
    assert [f"{one.rule.id} line {one.linenumber}: {one.message}" for one in _cfn_lint(text_of(name))] == []


@pytest.mark.full
@pytest.mark.parametrize("partition", ["aws-us-gov", "aws-cn"])
def test_cfn_lint_would_find_what_is_not_in_a_partition(partition: str) -> None:
    broken = text_of("management").replace("AWS::Organizations::ResourcePolicy", "AWS::AIOps::InvestigationGroup")
    assert any(FOUR[partition] in one.message for one in _cfn_lint(broken))


def _cfn_lint(text: str) -> list[Any]:
    cfnlint = import_module("cfnlint")  # seconds, of which a process without these tests has no need
    return list(cfnlint.lint(text, config=import_module("cfnlint.config").ManualArgs(regions=[*FOUR.values()])))
