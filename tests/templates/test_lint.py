"""cfn-lint on each template, parliament on each statement. Checkov is heavy: `make check-templates` runs it."""

from __future__ import annotations

import json
import warnings
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from tests.support.cloudformation import NAMES, VARIANTS, policy_documents, resolved, template, text_of

EVERY_STATEMENT = [
    pytest.param(path, statement, id=f"{name}-{variant}-{path.split('/')[1]}-{statement['Sid']}")
    for name in NAMES
    for variant, parameters in VARIANTS[name].items()
    for path, document in policy_documents(resolved(name, **parameters)["Resources"])
    for statement in document["Statement"]
]
WRONG = {
    # Executions have two forms of ARN, and parliament wants both; no child of ours is an express one.
    "WatchBatches": ["RESOURCE_MISMATCH"],
    # It does not know what EC2 asks for an instance under License Manager; AWS's own policy for Cloud9 has it so.
    "StopAndStartUnderLicense": ["RESOURCE_MISMATCH"],
    # Of the eight actions one has that key; of the others ...IfExists holds, as it has to.
    "NeverStopProtected": ["UNKNOWN_CONDITION_FOR_ACTION"] * 7,
    "NeverStopOptedOut": ["UNKNOWN_CONDITION_FOR_ACTION"] * 7,
}


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_cfn_lint_finds_nothing(name: str) -> None:
    """As `make check` sees to on each commit."""
    found = _cfn_lint(text_of(name))
    assert [f"{one.rule.id} line {one.linenumber}: {one.message}" for one in found] == []


@pytest.mark.full
def test_cfn_lint_would_find_something() -> None:
    broken = text_of("management").replace("!Ref DelegationToTheHub", "!Ref NoSuchThing")
    assert [one.rule.id for one in _cfn_lint(broken)] == ["E6101"]


@pytest.mark.full
@pytest.mark.parametrize("name", ["hub", "member-role", "member-stackset"])
def test_whatever_can_have_tags_takes_those_of_its_stack(name: str) -> None:
    """CloudFormation puts a stack's tags on these, the StackSet among them, whose tags go on into every account."""
    schemas = import_module("cfnlint.schema").PROVIDER_SCHEMA_MANAGER
    types = {one["Type"] for one in template(name)["Resources"].values()}
    tagging = {one: schemas.get_resource_schema("us-east-1", one).schema.get("tagging", {}) for one in types}
    taking = {one for one, said in tagging.items() if said.get("taggable") and said.get("tagOnCreate", True)}
    important = {"AWS::CloudFormation::StackSet", "AWS::IAM::Role", "AWS::DynamoDB::Table", "AWS::S3::Bucket"}
    assert important & types <= taking


@pytest.mark.parametrize(("path", "statement"), EVERY_STATEMENT)
def test_parliament_finds_nothing(path: str, statement: dict[str, Any]) -> None:
    assert _findings(path, statement) == WRONG.get(statement["Sid"], [])


@pytest.mark.parametrize(
    ("change", "issue"),
    [
        ({"Action": "ec2:StopInstance"}, "UNKNOWN_ACTION"),
        ({"Resource": "arn:aws:s3:::bucket"}, "RESOURCE_MISMATCH"),
        ({"Condition": {"StringEquals": {"ec2:NoSuchKey": "a"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
    ],
)
def test_parliament_would_find_something(change: dict[str, Any], issue: str) -> None:
    good = {"Sid": "StopThem", "Effect": "Allow", "Action": "ec2:StopInstances", "Resource": "arn:aws:ec2:*:*:*/*"}
    assert issue in _findings("", {**good, **change})


@pytest.mark.parametrize("name", NAMES)
def test_every_suppression_of_checkov_has_its_reason(name: str) -> None:
    for resource in template(name)["Resources"].values():
        for skipped in resource.get("Metadata", {}).get("checkov", {}).get("skip", ()):
            assert set(skipped) == {"id", "comment"}
            assert len(skipped["comment"].split()) >= 4


def _cfn_lint(text: str) -> list[Any]:
    cfnlint = import_module("cfnlint")  # seconds, of which a process without these tests has no need
    return list(cfnlint.lint(text, config=import_module("cfnlint.config").ManualArgs(regions=["eu-central-1"])))


@cache
def _parliament() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it reads its own files by way of pkg_resources
        return import_module("parliament")


def _findings(path: str, statement: dict[str, Any]) -> list[str]:
    # A role's trust has no resource, and a key's policy the resource *: they are about the role or key itself.
    is_about_itself = path.endswith(("/AssumeRolePolicyDocument", "/KeyPolicy"))
    whole = {**statement, "Resource": "*"} if is_about_itself else statement
    policy = json.dumps({"Version": "2012-10-17", "Statement": [whole]})
    found = [str(finding.issue) for finding in _parliament().analyze_policy_string(policy).findings]
    return [issue for issue in found if not (is_about_itself and issue == "RESOURCE_STAR")]
