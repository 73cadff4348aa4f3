"""The hub's template goes up by URL before anybody agreed: what is left of it, and where."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cloudformation.assemble import assemble
from cloudformation.stacks import ChangeSet, Stack
from orchestrator.demo.calls import Answer, Call
from tests.packaging.deploying import ARTIFACTS, MEMBERS, Deploy, buckets, content, set_in, stacks
from tests.support.embedded import OrganizationBuilder

GIVEN = "our-own"
_prepare = Stack.prepare


@pytest.fixture
def key(folder: Path) -> str:
    return f"templates/hub-{hashlib.sha256(assemble(folder / 'hub').encode()).hexdigest()}.yaml"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """What CloudFormation is given as the template."""
    templates: list[Mapping[str, Any]] = []

    def prepare(stack: Stack, template: Mapping[str, Any], *values: Any) -> ChangeSet:
        templates.append(template)
        return _prepare(stack, template, *values)

    monkeypatch.setattr(Stack, "prepare", prepare)
    return templates


@pytest.fixture
def given(organization: OrganizationBuilder, folder: Path) -> str:
    """A bucket of somebody's own, which keeps versions and has something in it."""
    s3 = organization.client("s3")
    s3.create_bucket(Bucket=GIVEN, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket=GIVEN, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=GIVEN, Key="theirs", Body=b"theirs")
    set_in(folder, f"ArtifactBucket={GIVEN}")
    return GIVEN


def versions(organization: OrganizationBuilder, bucket: str) -> list[str]:
    found = organization.client("s3").list_object_versions(Bucket=bucket)
    return [one["Key"] for kind in ("Versions", "DeleteMarkers") for one in found.get(kind, ())]


def test_the_hub_s_template_is_assembled_and_goes_up_by_its_digest_and_url(
    organization: OrganizationBuilder, run: Deploy, folder: Path, key: str, sent: list[Mapping[str, Any]]
) -> None:
    ran = run("hub", typed="yes\n")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    assert sent == [{"TemplateURL": f"https://{ARTIFACTS}.s3.eu-central-1.amazonaws.com/{key}"}]
    assert content(organization, ARTIFACTS, key) == assemble(folder / "hub").encode()
    assert f"uploaded s3://{ARTIFACTS}/{key}" in ran.stdout.partition("Type yes")[0]
    assert "deleted again" not in ran.stdout


@pytest.mark.usefixtures("organization")
def test_a_template_of_one_file_needs_no_bucket(run: Deploy, sent: list[Mapping[str, Any]]) -> None:
    """Nor the right to use one: an account that is not the hub's deploys those."""
    ran = run("members", "--dry-run")
    assert (ran.exit_code, "upload" in ran.stdout) == (0, False)
    assert sent == [{"TemplateBody": MEMBERS}]


@pytest.mark.full
def test_a_look_says_that_the_template_was_uploaded_and_is_gone_again(
    organization: OrganizationBuilder, run: Deploy, key: str
) -> None:
    ran = run("hub", "--dry-run")
    assert f"uploaded s3://{ARTIFACTS}/{key}" in ran.stdout
    assert "What was uploaded is deleted again." in ran.stdout
    assert buckets(organization) == set()


@pytest.mark.parametrize(("arguments", "typed"), [(["--dry-run"], ""), ([], "no\n")])
def test_nothing_is_left_in_a_given_bucket_either_and_nothing_else_is_taken_from_it(
    organization: OrganizationBuilder, run: Deploy, given: str, arguments: list[str], typed: str
) -> None:
    ran = run("hub", *arguments, typed=typed)
    assert "Nothing was changed." in ran.stdout + ran.stderr
    assert versions(organization, given) == ["theirs"]


@pytest.mark.full
def test_what_an_earlier_deployment_uploaded_stays(
    organization: OrganizationBuilder, run: Deploy, folder: Path, key: str
) -> None:
    run("hub", "--yes")
    set_in(folder, "Mode=enforce")
    ran = run("hub", "--dry-run")
    assert ran.exit_code == 0
    assert content(organization, ARTIFACTS, key)
    assert "deleted again" not in ran.stdout


@pytest.mark.full
def test_another_template_that_changes_nothing_does_not_stay(
    organization: OrganizationBuilder, run: Deploy, monkeypatch: pytest.MonkeyPatch, folder: Path, key: str
) -> None:
    run("hub", "--yes")
    before = versions(organization, ARTIFACTS)
    (folder / "hub" / "more.yaml").write_text("Description: In other words.\n")
    monkeypatch.setattr(Stack, "prepare", lambda stack, *_: ChangeSet(stack._client, stack, "", "", "UPDATE", ()))
    ran = run("hub")
    assert (ran.exit_code, "Nothing to do." in ran.stdout) == (0, True)
    assert versions(organization, ARTIFACTS) == before
    assert key in before


@pytest.mark.full
def test_a_bucket_that_somebody_else_began_to_use_meanwhile_stays(
    organization: OrganizationBuilder, run: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(stack: Stack, template: Mapping[str, Any], *values: Any) -> ChangeSet:
        organization.client("s3").put_object(Bucket=ARTIFACTS, Key="lambda/theirs.zip", Body=b"theirs")
        return _prepare(stack, template, *values)

    monkeypatch.setattr(Stack, "prepare", prepare)
    assert run("hub", "--dry-run").exit_code == 0
    assert versions(organization, ARTIFACTS) == ["lambda/theirs.zip"]


@pytest.mark.full
def test_an_upload_that_fails_after_the_yes_leaves_nothing_either(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    def refuse(call: Call) -> Answer | None:
        is_zip = call.environ["REQUEST_METHOD"] == "PUT" and "/lambda/" in str(call.environ["PATH_INFO"])
        return Answer(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>") if is_zip else None

    organization.front._gates = (refuse, *organization.front._gates)
    ran = run("hub", typed="yes\n")
    assert (ran.exit_code, "AccessDenied" in ran.stderr) == (1, True)
    assert (stacks(organization), buckets(organization)) == ({}, set())


@pytest.mark.full
def test_what_cannot_be_deleted_again_is_told(organization: OrganizationBuilder, run: Deploy) -> None:
    def refuse(call: Call) -> Answer | None:
        is_deletion = call.service == "s3" and call.environ["REQUEST_METHOD"] == "DELETE"
        return Answer(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>") if is_deletion else None

    organization.front._gates = (refuse, *organization.front._gates)
    ran = run("hub", "--dry-run")
    assert f"What was uploaded stays in the bucket {ARTIFACTS}:" in ran.stderr
    assert "AccessDenied" in ran.stderr
    assert buckets(organization) == {ARTIFACTS}


def test_parts_that_make_no_template_are_told_before_aws_is_asked(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    (folder / "hub" / "more.yaml").write_text("Transform: AWS::Serverless-2016-10-31\n")
    ran = run("hub", "--yes")
    assert (ran.exit_code, "more.yaml:1: Transform is no section" in ran.stderr) == (2, True)
    assert organization.front.calls["sts:GetCallerIdentity"] == 0
