"""Every mistake in `config/deploy.env`, with the real templates: told at once, each with its line, before any call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from cloudformation import deploy
from cloudformation.checks import Lines, mistakes, role_of_members
from cloudformation.inputs import TEMPLATES, declared_parameters
from cloudformation.regions import dns_suffix, partitions, region_problem
from cloudformation.tags import read_tags
from orchestrator.demo.faults import Fault
from tests.packaging.conftest import ROOT
from tests.support.embedded import MANAGEMENT, OrganizationBuilder

TEMPLATES_FOLDER = ROOT / "cloudformation"
DECLARED = declared_parameters(TEMPLATES_FOLDER)
KEY = "arn:aws:kms:{}:111122223333:key/a"
WRONG = """Region=eu-centrl-1
HubAccountId=999988887777
OrganizationalUnitIds=ou-ab12-c3d4e5f6, ou-nonsense
ScheduleExpression=cron(0 20 * * * *)
PreviewScheduleExpression=rate(1 hours)
ScheduleTimezone=CEST
MemberRole=ours
RoleName=theirs
Mode=enforce
OrganizationId=org
PermissionsBoundaryArn=boundary
CoverageAlarmPercent=800
Tags=Team
Policy={policy}
Moed=plan
"""


def told(values: Mapping[str, str], what: str = "hub") -> list[str]:
    return [problem.text for problem in mistakes(Lines(what, values, DECLARED))]


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text("version: 2\nname: x\n")
    (tmp_path / "deploy.env").write_text(WRONG.format(policy=tmp_path / "policy.yaml"))
    return tmp_path / "deploy.env"


def test_all_is_told_at_once_before_any_call_but_the_one_for_the_account(
    organization: OrganizationBuilder, wrong: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sum(organization.front.calls.values())
    assert deploy.main(["hub", "--yes", "--env", str(wrong)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for place, mistake in (
        (":1", "Region: 'eu-centrl-1' is no region; did you mean eu-central-1?"),
        (":2", f"HubAccountId: '999988887777' is not the account of these credentials, which is {MANAGEMENT}: use"),
        (":3", "OrganizationalUnitIds: 'ou-nonsense' is not right: OUs look like ou-ab12-c3d4e5f6, a root like r-ab12"),
        (":4", "ScheduleExpression: "),
        (":5", "PreviewScheduleExpression: "),
        (":6", "ScheduleTimezone: 'CEST' is an abbreviation and has no daylight saving; use Europe/Berlin"),
        (":7", "MemberRole: 'ours' is not the role that RolePath and RoleName make, 'theirs': leave this line out"),
        (":10", "OrganizationId: 'org' is not right: an organization id looks like o-a1b2c3d4e5"),
        (":11", "PermissionsBoundaryArn: 'boundary' "),
        (":12", "CoverageAlarmPercent: '800' must be a number at least 0 and at most 100"),
        (":13", "Tags: 'Team' must be of the form Key=value, several separated by commas"),
        (":15", "Moed is unknown; did you mean Mode?"),
        ("", "AlarmEmail is missing: Mode=enforce needs an address"),
    ):
        assert f"{wrong}{place}: {mistake}" in err
    assert "policy.yaml:1: version:" in err
    assert organization.front.calls["sts:GetCallerIdentity"] == sum(organization.front.calls.values()) - before == 1


def test_the_account_is_compared_for_the_hub_alone(
    organization: OrganizationBuilder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The StackSet may be another account's business: it is deployed by the management account for a hub elsewhere."""
    env = tmp_path / "deploy.env"
    env.write_text("Region=eu-central-1\nHubAccountId=999988887777\nOrganizationalUnitIds=ou-ab12-c3d4e5f6\n")
    for what in ("hub", "remove-hub"):
        assert deploy.main([what, "--dry-run", "--env", str(env)]) == 2
        assert "deploy.env:2: HubAccountId: '999988887777' is not the account" in capsys.readouterr().err
    assert organization.front.calls["cloudformation:DescribeStacks"] == 0
    assert deploy.main(["members", "--dry-run", "--env", str(env)]) == 0


def test_an_account_that_cannot_be_asked_for_is_told_with_the_rest_and_is_a_failure_alone(
    organization: OrganizationBuilder, wrong: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Fault(body="<html><body>Sign in</body></html>", status=403, operation="sts:GetCallerIdentity")
    organization.front.faults.add(page)
    assert deploy.main(["hub", "--yes", "--env", str(wrong)]) == 2
    err = capsys.readouterr().err
    assert "Region: 'eu-centrl-1' is no region" in err
    assert re.search(r"the account was not compared: .*answered with HTTP status 403 and an HTML page", err)
    wrong.write_text("Region=eu-central-1\n")
    assert deploy.main(["hub", "--yes", "--env", str(wrong)]) == 1
    err = capsys.readouterr().err
    assert "answered with HTTP status 403 and an HTML page" in err
    assert (len(err.splitlines()), "Sign in" in err) == (1, False)


def test_without_any_region_it_is_said_where_one_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "deploy.env").write_text("Mode=on\n")
    assert deploy.main(["hub", "--yes", "--env", str(tmp_path / "deploy.env")]) == 2
    err = capsys.readouterr().err
    assert "deploy.env: Region is missing: the region of the stack, such as eu-central-1" in err
    assert "Mode: 'on' must be one of plan, approve, enforce" in err


@pytest.mark.parametrize("what", TEMPLATES)
def test_a_line_is_checked_whatever_is_deployed(what: str) -> None:
    assert told({"OrganizationalUnitIds": "x", "ScheduleTimezone": "PST", "ApproverArns": "y"}, what) == [
        "OrganizationalUnitIds: 'x' is not right: OUs look like ou-ab12-c3d4e5f6, a root like r-ab12",
        "ScheduleTimezone: 'PST' is an abbreviation and has no daylight saving; use America/Los_Angeles or Asia/Manila",
        "ApproverArns: 'y' is not right: ARN patterns of roles, each with some part of a name",
    ]


@pytest.mark.parametrize(
    ("values", "made", "problems"),
    [
        ({}, "stop-orchestrator-member", 0),
        ({"RoleName": "ours"}, "ours", 0),
        ({"RoleName": "ours", "RolePath": "/team/a/"}, "team/a/ours", 0),
        ({"RoleName": "ours", "RolePath": "/team/", "MemberRole": "team/ours"}, "team/ours", 0),
        ({"RoleName": "ours", "MemberRole": "theirs"}, "ours", 1),
        ({"RolePath": "/team/", "MemberRole": "stop-orchestrator-member"}, "team/stop-orchestrator-member", 1),
        ({"MemberRole": "theirs"}, "stop-orchestrator-member", 1),
    ],
)
def test_the_member_role_is_made_from_path_and_name_and_a_line_of_its_own_agrees(
    values: dict[str, str], made: str, problems: int
) -> None:
    assert role_of_members(Lines("hub", values, DECLARED)) == made
    assert len(told(values)) == problems


@pytest.mark.parametrize("mode", ["approve", "enforce"])
def test_what_acts_needs_an_address(mode: str) -> None:
    assert len(told({"Mode": mode})) == 1
    assert told({"Mode": mode, "AlarmEmail": "a@example.com"}) == told({"Mode": "plan"}) == told({}) == []
    assert told({"Mode": mode}, "members") == []


def test_arns_belong_to_the_partition_of_the_region_and_keys_to_the_region() -> None:
    assert told({"Region": "eu-central-1", "KmsKeyArn": KEY.format("eu-central-1")}) == []
    assert told({"Region": "eu-central-1", "KmsKeyArn": KEY.format("us-east-1")}) == [
        "KmsKeyArn: the key is in us-east-1, and must be in Region=eu-central-1"
    ]
    assert told({"Region": "cn-north-1", "PermissionsBoundaryArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}) == [
        "PermissionsBoundaryArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' is of partition aws, cn-north-1 of aws-cn"
    ]


def test_regions_of_every_partition_are_known_and_others_get_the_nearest() -> None:
    for region in ("eu-central-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"):
        assert region_problem(region) is None
    assert set(partitions().values()) >= {"aws", "aws-cn", "aws-us-gov", "aws-eusc"}
    assert region_problem("eu-centrl-1") == "'eu-centrl-1' is no region; did you mean eu-central-1?"
    assert region_problem("Frankfurt") == "'Frankfurt' is no region; regions look like eu-central-1"
    assert region_problem("aws-global") is not None
    assert [dns_suffix(one) for one in ("us-gov-west-1", "cn-north-1", "eusc-de-east-1")] == [
        "amazonaws.com",
        "amazonaws.com.cn",
        "amazonaws.eu",
    ]


@pytest.mark.parametrize(
    ("tags", "wrong"),
    [
        ("Team=platform,CostCenter=cc-1", ""),
        ("Team", "'Team' must be of the form Key=value"),
        ("Team=a,Team=b", "the key 'Team' is there twice"),
        ("aws:x=y", "'aws:x' begins with aws:, which is AWS's own"),
        ("Team=a;b", "the value 'a;b' must be of letters, digits, spaces and + - = . _ : / @"),
    ],
)
def test_tags_are_checked_as_cloudformation_would(tags: str, wrong: str) -> None:

    assert [problem.text.partition("Tags: ")[2][: len(wrong)] for problem in read_tags(tags)[1]] == [wrong] * bool(
        wrong
    )
