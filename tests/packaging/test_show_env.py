"""`make show-env`: what is deployed comes back as a file, and deploying with that file changes no value."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cloudformation import show_env
from cloudformation.env_file import read_env
from tests.packaging.conftest import ROOT
from tests.packaging.deploying import HUB, MEMBERS, Deploy, Ran, set_in
from tests.support.embedded import MANAGEMENT, OrganizationBuilder
from tests.support.suites import only_in_full

_HUB_PARAMETERS = """Parameters:
  ExternalId: {Type: String, NoEcho: true, Default: ""}
  ScheduleExpression: {Type: String, Default: rate(1 day)}
  PreviewScheduleExpression: {Type: String, Default: rate(2 days)}
  OperatorArns: {Type: String, Default: ""}
  MemberRole: {Type: String, Default: stop-orchestrator-member}
  KillSwitchInStack: {Type: String, Default: "false"}
  FunctionName: {Type: String, Default: stop-orchestrator}"""
_MEMBER_PARAMETERS = """Parameters:
  RoleName: {Type: String, Default: stop-orchestrator-member}
  RolePath: {Type: String, Default: /}
  MemberMode: {Type: String, Default: enforce}
  Region: {Type: String}"""
_OPERATORS = "arn:aws:iam::123456789012:role/A #1,arn:aws:iam::123456789012:role/B"
_LINES = f"""Mode=enforce
ScheduleExpression=cron(0 20 * * ? *)
PreviewScheduleExpression=""
OperatorArns='{_OPERATORS}'
ExternalId=S3CRET
RolePath=/team/
RoleName=ours
MemberMode=plan
Tags=Team=platform,CostCenter=cc-1"""


@pytest.fixture
def show(folder: Path, capsys: pytest.CaptureFixture[str], organization: OrganizationBuilder) -> Deploy:
    del organization

    def _show(*what: str) -> Ran:
        code = show_env.main([*what, "--env", str(folder / "deploy.env"), "--templates", str(folder)])
        return Ran(code, *capsys.readouterr())

    return _show


@pytest.fixture
def deployed(folder: Path, run: Deploy, organization: OrganizationBuilder) -> None:
    del organization
    (folder / "hub" / "all.yaml").write_text(HUB.replace("Parameters:", _HUB_PARAMETERS, 1))
    (folder / "member-stackset.yaml").write_text(MEMBERS.replace("Parameters:", _MEMBER_PARAMETERS, 1))
    set_in(folder, _LINES)
    for what in ("members", "hub"):  # or the hub would be asked for its first plan
        ran = run(what, "--yes")
        assert ran.exit_code == 0, ran.stdout + ran.stderr


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("what", ["", *only_in_full("hub", "members", "hub members")])
def test_deploying_with_what_was_written_changes_no_value(run: Deploy, show: Deploy, folder: Path, what: str) -> None:
    shown = show(*what.split())
    assert (shown.exit_code, shown.stderr) == (0, "")
    (folder / "deploy.env").write_text(f"{shown.stdout}Policy={folder}/policy.yaml\n")
    for one in what.split() or ("hub", "members"):
        ran = run(one, "--dry-run")
        assert (ran.exit_code, ran.stderr) == (0, "")
        assert ("Parameters" in ran.stdout, "LOOSENS" in ran.stdout) == (False, False), ran.stdout


@pytest.mark.usefixtures("deployed")
def test_every_value_is_there_as_it_is_deployed_and_what_is_hidden_is_a_comment(show: Deploy, folder: Path) -> None:
    shown = show()
    (folder / "shown.env").write_text(shown.stdout)
    assert read_env(folder / "shown.env").values == {
        "Region": "eu-central-1",
        "StackName": "stop-orchestrator",
        "HubAccountId": MANAGEMENT,
        "OrganizationalUnitIds": "ou-1,ou-2",
        "OrganizationId": read_env(folder / "shown.env").values["OrganizationId"],
        "FunctionName": "stop-orchestrator",
        "Mode": "enforce",
        "ScheduleExpression": "cron(0 20 * * ? *)",
        "PreviewScheduleExpression": "",
        "OperatorArns": _OPERATORS,
        "RolePath": "/team/",
        "RoleName": "ours",
        "MemberMode": "plan",
        "Tags": "Team=platform,CostCenter=cc-1",
    } | {"Tags": "CostCenter=cc-1,Team=platform"}
    assert "# ExternalId: hidden. Without a line it stays as it is" in shown.stdout
    assert "S3CRET" not in shown.stdout
    assert "# The policy in place is s3://evidence/policy.yaml" in shown.stdout


@pytest.mark.usefixtures("deployed")
def test_a_file_that_was_lost_is_written_anew_and_two_stacks_that_differ_are_told(
    run: Deploy, show: Deploy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "deploy.env").write_text((folder / "deploy.env").read_text().replace("RoleName=ours", "RoleName=theirs"))
    assert run("hub", "--yes").exit_code == 0
    (folder / "deploy.env").unlink()
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    shown = show("hub", "members")
    assert "\nRoleName=theirs\n" in shown.stdout
    assert "# RoleName is another one above. Here it is ours: these stacks need two files." in shown.stdout


def test_without_a_stack_nothing_is_written_and_a_wrong_name_is_bad_usage(show: Deploy) -> None:
    none, wrong = show("hub"), show("hubs")
    assert (none.exit_code, none.stdout, wrong.exit_code, wrong.stdout) == (1, "", 2, "")
    assert "there is no stack stop-orchestrator in eu-central-1" in none.stderr
    assert "there is no stack hubs; there are hub, members" in wrong.stderr
    assert "no stack stop-orchestrator in eu-central-1" in show().stderr


@pytest.mark.full
@pytest.mark.usefixtures("deployed")
def test_make_writes_the_file_and_nothing_else_to_standard_output(folder: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-C", str(ROOT), "--no-print-directory", "show-env", "STACK=hub"]
    ran = subprocess.run(
        [*command, f"DEPLOY_ENV={folder / 'deploy.env'}"], check=False, capture_output=True, text=True, env=kept
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert all(line.startswith("#") or "=" in line for line in ran.stdout.splitlines() if line)
    assert "\nMode=enforce\n" in ran.stdout
