"""`make deploy-...` against the embedded AWS's CloudFormation, with templates small enough to read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Event
from moto.s3.models import s3_backends

from cloudformation import deploy
from orchestrator import app
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.demo.calls import Answer, Call
from orchestrator.ledger.ledger import Ledger
from tests.packaging.conftest import ROOT
from tests.packaging.deploying import (
    ARTIFACTS,
    MEMBER_ROLE,
    POLICY,
    ZIP,
    ZIP_KEY,
    Deploy,
    buckets,
    content,
    parameter,
    set_in,
    stacks,
)
from tests.support.embedded import MANAGEMENT, OrganizationBuilder
from tests.support.suites import only_in_full

# --- looking and refusing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "typed", "exit_code"), [(["--dry-run"], "", 0), ([], "no\n", 1), *only_in_full(([], "", 1))]
)
def test_the_change_set_is_shown_and_nothing_is_left_of_it(
    organization: OrganizationBuilder, run: Deploy, arguments: list[str], typed: str, exit_code: int
) -> None:
    ran = run("hub", *arguments, typed=typed)
    assert ran.exit_code == exit_code
    assert re.search(r"Add +│ Bucket +│ AWS::S3::Bucket", ran.stdout)
    assert re.search(rf"OrganizationId +│ {organization.id} +│ this command", ran.stdout)
    assert "Nothing was changed." in ran.stdout + ran.stderr
    assert ("Type yes" in ran.stdout) is (arguments == [])
    assert (stacks(organization), buckets(organization)) == ({}, set())


def test_without_a_terminal_nobody_is_asked_and_nothing_is_done(organization: OrganizationBuilder, run: Deploy) -> None:
    ran = run("hub", terminal=False)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--yes" in ran.stderr
    assert organization.front.calls["sts:GetCallerIdentity"] == 0


def test_every_mistake_is_told_at_once_with_its_line_and_aws_is_asked_for_the_account_alone(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    (folder / "policy.yaml").write_text("version: 2\nname: x\n")
    set_in(folder, "Mode=on\nMoed=plan\nCodeKey=mine\nRegion=eu-west-1\nwhat")
    before = sum(organization.front.calls.values())
    ran = run("hub", "--yes")
    assert (ran.exit_code, ran.stdout) == (2, "")
    for mistake in (
        "deploy.env:5: Mode: 'on' must be one of plan, enforce",
        "deploy.env:6: Moed is unknown; did you mean Mode?",
        "deploy.env:7: CodeKey is filled in by this command; leave it out",
        "deploy.env:8: Region is there twice, first in line 1",
        "deploy.env:9: this line is not of the form Name=value",
        "policy.yaml:1: version:",
    ):
        assert mistake in ran.stderr
    assert organization.front.calls["sts:GetCallerIdentity"] == sum(organization.front.calls.values()) - before == 1


@pytest.mark.usefixtures("organization")
def test_a_missing_parameter_is_told_with_what_it_is(run: Deploy, folder: Path) -> None:
    (folder / "deploy.env").write_text("Region=eu-central-1\nHubAccountId=12\n")
    ran = run("members", "--yes")
    assert ran.exit_code == 2
    assert "OrganizationalUnitIds is missing: like ^ou-.+$" in ran.stderr
    assert "deploy.env:2: HubAccountId: '12' is not right: an account id has 12 digits" in ran.stderr


def active(organization: OrganizationBuilder, policy: str = "test") -> dict[str, str]:
    """The item of the version by which schedules may act."""
    key = {"PK": {"S": f"POLICY#{policy}"}, "SK": {"S": "ACTIVE"}}
    found = organization.client("dynamodb").get_item(TableName="ledger", Key=key).get("Item", {})
    return {name: value["S"] for name, value in found.items()}


@pytest.mark.full
def test_a_policy_in_place_that_nobody_activated_is_asked_about(organization: OrganizationBuilder, run: Deploy) -> None:
    run("hub", "--yes")
    key = {"PK": {"S": "POLICY#test"}, "SK": {"S": "ACTIVE"}}
    organization.client("dynamodb").delete_item(TableName="ledger", Key=key)
    assert run("hub", typed="no\n").exit_code == 1
    assert active(organization) == {}
    assert run("hub", typed="yes\n").exit_code == 0
    assert active(organization)["policy_sha256"] == hashlib.sha256(POLICY.encode()).hexdigest()


# --- deploying --------------------------------------------------------------------------------------------------------


def test_yes_uploads_executes_puts_the_policy_and_prints_the_outputs(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    ran = run("hub", typed="yes\n")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    assert stacks(organization) == {"stop-orchestrator": "CREATE_COMPLETE"}
    assert parameter(organization, "/place") == f"{ARTIFACTS}/{ZIP_KEY}"
    assert content(organization, ARTIFACTS, ZIP_KEY) == ZIP
    assert content(organization, "evidence", "policy.yaml") == POLICY.encode()
    assert active(organization)["policy_sha256"] == hashlib.sha256(POLICY.encode()).hexdigest()
    assert active(organization)["activated_by"].startswith("arn:aws:")
    assert re.search(r"test +│ new +│ +│ +│ never ", ran.stdout)
    assert "becomes the active version of its policy" in ran.stdout
    assert re.search(r"PolicyLocation +│ s3://evidence/policy\.yaml", ran.stdout)
    assert "CREATE_COMPLETE              AWS::CloudFormation::Stack stop-orchestrator" in ran.stdout


@pytest.mark.full
def test_the_bucket_that_is_made_is_private(organization: OrganizationBuilder, run: Deploy) -> None:
    run("hub", "--yes")
    blocked = organization.client("s3").get_public_access_block(Bucket=ARTIFACTS)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}


@pytest.mark.usefixtures("organization")
def test_the_bucket_that_is_made_wants_tls(run: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TLS, as here, it lets nobody in: nothing is deployed. It is kept here to be looked at."""
    monkeypatch.setattr("cloudformation.artifacts.ArtifactBucket._speaks_tls", lambda _: True)
    monkeypatch.setattr("cloudformation.artifacts.ArtifactBucket.take_back", lambda _: False)
    assert run("hub", "--yes").exit_code == 1
    policy = json.loads(s3_backends[MANAGEMENT]["aws"].buckets[ARTIFACTS].policy)
    [statement] = policy["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_given_bucket_has_to_be_there(organization: OrganizationBuilder, run: Deploy, folder: Path) -> None:
    set_in(folder, "ArtifactBucket=our-own")
    ran = run("hub", "--yes")
    assert (ran.exit_code, buckets(organization)) == (1, set())
    assert "there is no bucket our-own" in ran.stderr
    assert stacks(organization) == {}


def test_an_update_without_changes_asks_nothing_and_does_nothing(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    run("hub", "--yes")
    before = organization.front.calls["cloudformation:ExecuteChangeSet"]
    ran = run("hub")
    assert (ran.exit_code, "Type yes" in ran.stdout) == (0, False)
    assert "Nothing to do." in ran.stdout
    assert organization.front.calls["cloudformation:ExecuteChangeSet"] == before


@pytest.mark.full
def test_another_mode_is_shown_as_the_change_that_it_is(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    run("hub", "--yes")
    set_in(folder, "Mode=enforce")
    ran = run("hub", typed="yes\n")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    assert re.search(r"Mode +│ plan +│ enforce +│ LOOSENS; deploy.env", ran.stdout)
    assert "CodeKey" not in ran.stdout
    assert stacks(organization) == {"stop-orchestrator": "UPDATE_COMPLETE"}
    assert parameter(organization, "/mode") == "enforce"


@pytest.mark.full
def test_another_policy_alone_is_asked_about_and_put(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    run("hub", "--yes")
    other = f"{POLICY.replace('test', 'other')}rules: [{{name: dev, where: {{tag: {{Environment: dev}}}}}}]\n"
    (folder / "policy.yaml").write_text(other)
    declined = run("hub", typed="no\n")
    assert declined.exit_code == 1
    assert "policy other, line 1: guardrails: warning: no guardrail limits how much" in declined.stdout
    assert content(organization, "evidence", "policy.yaml") == POLICY.encode()
    assert active(organization, "other") == {}
    assert run("hub", typed="yes\n").exit_code == 0
    assert active(organization, "other")["policy_sha256"] == hashlib.sha256(other.encode()).hexdigest()
    assert b"other" in content(organization, "evidence", "policy.yaml")
    assert stacks(organization) == {"stop-orchestrator": "CREATE_COMPLETE"}


@pytest.mark.parametrize("other", [{"name": {"S": "/other"}}, *only_in_full({})])
def test_the_table_names_the_kill_switch_only_after_a_yes_and_again_where_it_does_not(
    organization: OrganizationBuilder, run: Deploy, other: dict[str, Any]
) -> None:
    run("hub", typed="no\n")
    assert organization.front.calls["dynamodb:PutItem"] == 0
    ran = run("hub", typed="yes\n")
    assert "names the kill switch /mode" in ran.stdout
    [table] = organization.client("dynamodb").list_tables()["TableNames"]
    ledger = Ledger(DynamoItems(organization.client("dynamodb"), table, time.sleep), app.now)
    assert ledger.kill_switch() == "/mode"
    item: Any = {"PK": {"S": "SETTINGS"}, "SK": {"S": "KILL_SWITCH"}, **other}
    organization.client("dynamodb").put_item(TableName=table, Item=item)
    refused = run("hub", typed="no\n")
    assert "The table does not name the stack's kill switch" in refused.stdout
    assert item in organization.client("dynamodb").scan(TableName=table)["Items"]
    assert run("hub", typed="yes\n").exit_code == 0
    assert ledger.kill_switch() == "/mode"


def test_the_members_get_their_template_by_its_digest(organization: OrganizationBuilder, run: Deploy) -> None:
    assert run("members", typed="yes\n").exit_code == 0
    key = f"templates/member-role-{hashlib.sha256(MEMBER_ROLE.encode()).hexdigest()}.yaml"
    assert parameter(organization, "/template") == f"https://{ARTIFACTS}.s3.eu-central-1.amazonaws.com/{key}"
    assert content(organization, ARTIFACTS, key) == MEMBER_ROLE.encode()
    assert stacks(organization) == {"stop-orchestrator-members": "CREATE_COMPLETE"}


# --- failing ----------------------------------------------------------------------------------------------------------


def failing(status: str, resource: str, reason: str) -> Callable[[CloudFormationBackend, str, str | None], None]:
    """Moto never rolls back: what CloudFormation does then, as it tells it."""

    def execute(backend: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
        del stack_name
        stack = backend.stacks[backend.change_sets[change_set_name].stack_id]
        for name, state, why in (
            (resource, "UPDATE_FAILED", reason),
            ("Place", "UPDATE_FAILED", "Resource update cancelled"),
        ):
            stack.events.append(
                Event(stack.stack_id, stack.name, name, "", "AWS::SSM::Parameter", state, why, resource_properties=None)
            )
        stack._add_stack_event(status)
        stack.status = status

    return execute


@pytest.mark.full
def test_a_rollback_is_told_with_the_resource_that_failed_and_the_reason(
    organization: OrganizationBuilder, run: Deploy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("hub", "--yes")
    set_in(folder, "Mode=enforce")
    execute = failing("UPDATE_ROLLBACK_COMPLETE", "Switch", "Parameter /mode is not yours")
    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", execute)
    ran = run("hub", "--yes")
    assert ran.exit_code == 1
    assert ran.stderr.splitlines() == [
        "stop-orchestrator is UPDATE_ROLLBACK_COMPLETE.",
        "Switch (AWS::SSM::Parameter) UPDATE_FAILED: Parameter /mode is not yours",
    ]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("ROLLBACK_COMPLETE", "Remove it (make remove-...)"),
        *only_in_full(("UPDATE_IN_PROGRESS", "somebody is changing it")),
    ],
)
def test_a_stack_that_cannot_be_changed_now_is_left_alone(
    organization: OrganizationBuilder, run: Deploy, monkeypatch: pytest.MonkeyPatch, status: str, told: str
) -> None:
    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", failing(status, "Bucket", "no"))
    monkeypatch.setattr("cloudformation.stacks.Stack.watch", lambda *_: None)
    run("hub", "--yes")
    ran = run("hub", "--yes")
    assert (ran.exit_code, told in ran.stderr) == (1, True)
    assert stacks(organization) == {"stop-orchestrator": status}


def test_a_change_set_that_is_refused_is_told_and_thrown_away(
    organization: OrganizationBuilder, run: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("status", "FAILED"), ("status_reason", "no such type")):
        monkeypatch.setattr(ChangeSet, name, property(lambda _, value=value: value, lambda *_: None), raising=False)
    ran = run("hub", "--yes")
    assert (ran.exit_code, "refuses the change set: no such type" in ran.stderr) == (1, True)
    assert (stacks(organization), buckets(organization)) == ({}, set())


def test_what_aws_refuses_is_told_in_its_words(
    organization: OrganizationBuilder, run: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    del organization

    def refused(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "CreateChangeSet")

    monkeypatch.setattr("cloudformation.stacks.Stack.prepare", refused)
    ran = run("hub", "--yes")
    assert (ran.exit_code, "(AccessDenied)" in ran.stderr, "not you" in ran.stderr) == (1, True, True)


# --- removing ---------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_removal_leaves_the_evidence_and_with_the_last_stack_nothing_else(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    run("hub", "--yes")
    run("members", "--yes")
    shown = run("remove-hub", typed="no\n")
    assert shown.exit_code == 1
    assert re.search(r"stays +│ Bucket", shown.stdout)
    assert re.search(r"Remove +│ Switch", shown.stdout)
    assert len(stacks(organization)) == 2
    assert run("remove-hub", typed="yes\n").exit_code == 0
    assert buckets(organization) == {"evidence", ARTIFACTS}
    assert run("remove-members", "--yes").exit_code == 0
    assert (stacks(organization), buckets(organization)) == ({}, {"evidence"})
    assert content(organization, "evidence", "policy.yaml") == POLICY.encode()
    assert "There is no stack stop-orchestrator." in run("remove-hub", "--yes").stdout


# --- the commands of docs/deploying.md --------------------------------------------------------------------------------


def test_make_says_what_it_would_do(organization: OrganizationBuilder, folder: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    flags = f"FLAGS=--dry-run --templates {folder}", f"DEPLOY_ENV={folder / 'deploy.env'}"
    ran = subprocess.run(
        ["make", "-s", "-C", str(ROOT), "deploy-members", *flags], check=False, capture_output=True, text=True, env=kept
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Place" in ran.stdout
    assert stacks(organization) == {}


@pytest.mark.parametrize("what", [f"{verb}-{name}" for verb in ("deploy", "remove") for name in deploy.TEMPLATES])
def test_make_knows_every_stack(what: str) -> None:
    ran = subprocess.run(
        ["make", "-n", "-s", "-C", str(ROOT), what], check=True, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1].split()[-1] == what.removeprefix("deploy-")


# --- the first plan ---------------------------------------------------------------------------------------------------


def invoked(organization: OrganizationBuilder) -> list[dict[str, str]]:
    """What the Lambda is invoked with from here on; it is not there, so the front answers in its place."""
    events: list[dict[str, str]] = []

    def note(call: Call) -> None:
        assert call.environ["HTTP_X_AMZ_INVOCATION_TYPE"] == "Event"
        events.append(json.loads(call.body))

    accepted = Answer(202, "application/json", "")
    organization.front._gates = (lambda call: (note(call), accepted)[1] if call.service == "lambda" else None,)
    return events


@pytest.mark.full
def test_when_the_members_are_there_a_plan_is_started_and_said_where_its_report_will_be(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    assert run("hub", "--yes").exit_code == 0
    events = invoked(organization)
    ran = run("members", "--yes")
    [event] = events
    assert (ran.exit_code, event) == (0, {"mode": "plan"})
    assert "s3://evidence/sweeps/dt=20" in ran.stdout
    run("members", "--yes")
    assert len(events) == 1  # nothing changed


def test_without_a_hub_in_this_account_no_plan_is_started(organization: OrganizationBuilder, run: Deploy) -> None:
    events = invoked(organization)
    ran = run("members", "--yes")
    assert (ran.exit_code, events) == (0, [])
    assert "its next scheduled sweep finds these accounts" in ran.stdout
