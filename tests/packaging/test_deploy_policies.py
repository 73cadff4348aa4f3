"""Several policies in one hub: what `make deploy-hub` does where `Policies` names a folder of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator import app
from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.demo.calls import Answer, Call
from orchestrator.ledger.ledger import Ledger
from tests.packaging.deploying import Deploy, Ran, content, set_in, stacks
from tests.support.embedded import OrganizationBuilder
from tests.support.suites import only_in_full

pytestmark = [  # moto makes no schedules, and says so
    pytest.mark.filterwarnings("ignore:Tried to parse AWS..Scheduler"),
    pytest.mark.filterwarnings("ignore:Unable to delete (Sweep|Preview)"),
]
HUB = """
Parameters:
  CodeBucket: {Type: String}
  CodeKey: {Type: String}
  OrganizationId: {Type: String}
  Mode: {Type: String, Default: plan, AllowedValues: [plan, approve, enforce]}
  PolicyKey: {Type: String, Default: policy.yaml}
  FunctionName: {Type: String, Default: hub}
  ScheduleExpression: {Type: String, Default: "cron(0 20 * * ? *)"}
  PreviewScheduleExpression: {Type: String, Default: ""}
  ScheduleTimezone: {Type: String, Default: UTC}
Conditions:
  HasPreview: !Not [!Equals [!Ref PreviewScheduleExpression, ""]]
Resources:
  ReportBucket: {Type: AWS::S3::Bucket, Properties: {BucketName: evidence}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: ledger
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: PK, AttributeType: S}, {AttributeName: SK, AttributeType: S}]
      KeySchema: [{AttributeName: PK, KeyType: HASH}, {AttributeName: SK, KeyType: RANGE}]
  Place: {Type: AWS::SSM::Parameter, Properties: {Name: /place, Type: String, Value: !Sub "${CodeBucket}/${CodeKey}"}}
  Switch: {Type: AWS::SSM::Parameter, Properties: {Name: /mode, Type: String, Value: !Ref Mode}}
  SweepSchedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: !Sub "${FunctionName}-sweep"
      ScheduleExpression: !Ref ScheduleExpression
      ScheduleExpressionTimezone: !Ref ScheduleTimezone
      FlexibleTimeWindow: {Mode: FLEXIBLE, MaximumWindowInMinutes: 5}
      Target: {Arn: "arn:aws:lambda:::function:hub", RoleArn: "arn:aws:iam:::role/hub", Input: "{}"}
  PreviewSchedule:
    Type: AWS::Scheduler::Schedule
    Condition: HasPreview
    Properties:
      Name: !Sub "${FunctionName}-preview"
      ScheduleExpression: !Ref PreviewScheduleExpression
      ScheduleExpressionTimezone: !Ref ScheduleTimezone
      FlexibleTimeWindow: {Mode: FLEXIBLE, MaximumWindowInMinutes: 5}
      Target: {Arn: "arn:aws:lambda:::function:hub", RoleArn: "arn:aws:iam:::role/hub", Input: "{}"}
Outputs:
  PolicyLocation: {Value: !Sub "s3://${ReportBucket}/${PolicyKey}"}
  FunctionName: {Value: stop-orchestrator}
  TableName: {Value: !Ref Table}
  KillSwitchName: {Value: !Ref Switch}
"""


def a_policy(name: str, mode: str = "enforce", more: str = "") -> str:
    return f'version: 1\nname: {name}\nsweeps: [{{name: nightly, mode: {mode}, cron: "0 20 * * ? *"}}]\n{more}'


A, B = a_policy("team-a"), a_policy("team-b")


@pytest.fixture
def folder(folder: Path) -> Path:
    """With two policies in a folder; the one document beside it stays unused."""
    (folder / "hub" / "all.yaml").write_text(HUB)
    (folder / "hub" / "outputs.yaml").unlink()
    (folder / "policies").mkdir()
    (folder / "policies" / "a.yaml").write_text(A)
    (folder / "policies" / "b.yml").write_text(B)
    (folder / "policies" / ".#a.yaml").symlink_to("an-editor-s-lock")
    (folder / "policies" / "README.md").write_text("no policy")
    use_folder(folder)
    return folder


def use_folder(folder: Path, *lines: str) -> None:
    _env(folder, f"Policies={folder}/policies", *lines)


def use_one(folder: Path, text: str, *lines: str) -> None:
    (folder / "policy.yaml").write_text(text)
    _env(folder, f"Policy={folder}/policy.yaml", *lines)


def _env(folder: Path, *lines: str) -> None:
    (folder / "deploy.env").write_text("\n".join(["Region=eu-central-1", "Mode=enforce", *lines, ""]))


def ledger(organization: OrganizationBuilder) -> Ledger:
    return Ledger(DynamoItems(organization.client("dynamodb"), "ledger", lambda _: None), app.now)


def active(organization: OrganizationBuilder) -> dict[str, tuple[str, str]]:
    """Hash and place by name."""
    found = ledger(organization).active_policies()
    return {name: (one.policy_sha256, one.source) for name, one in found.items()}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def in_folder(*texts: str) -> dict[str, tuple[str, str]]:
    names = [re.findall("^name: (.*)$", text, re.MULTILINE)[0] for text in texts]
    return {
        name: (sha256(text), f"s3://evidence/policies/{name}.yaml") for name, text in zip(names, texts, strict=True)
    }


def table_rows(ran: Ran) -> dict[str, str]:
    """What becomes of each policy, as it was shown before the question."""
    [table] = re.findall("^ +Policies +$(.*?)└", ran.stdout, re.MULTILINE | re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in table.splitlines() if "│" in line]
    return {row[0]: row[1] for row in rows if row[0]}


# --- deploying a folder -----------------------------------------------------------------------------------------------


def test_every_policy_of_the_folder_is_shown_put_and_activated_with_its_place(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    shown = run("hub", typed="no\n")
    assert re.search(r"team-a +│ new +│ nightly +│ enforce +│ cron\(0 20 \* \* \? \*\) UTC +│ SweepTeamA", shown.stdout)
    assert table_rows(shown) == {"team-a": "new", "team-b": "new"}
    assert stacks(organization) == {}
    ran = run("hub", typed="yes\n")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    assert active(organization) == in_folder(A, B)
    assert content(organization, "evidence", "policies/team-a.yaml") == A.encode()
    assert content(organization, "evidence", "policies/team-b.yaml") == B.encode()
    assert len(re.findall(r"Add +│ SweepTeam[AB]Nightly[0-9a-f]{8} +│ AWS::Scheduler::Schedule", shown.stdout)) == 2
    assert "Nothing to do." in run("hub").stdout


def test_a_file_that_is_gone_retires_its_policy_and_its_schedule_after_a_yes(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    run("hub", "--yes")
    (folder / "policies" / "b.yml").unlink()
    ran = run("hub", typed="no\n")
    assert table_rows(ran) == {"team-a": "unchanged", "team-b": "gone"}
    assert re.search(r"Remove +│ SweepTeamBNightly", ran.stdout)
    assert active(organization) == in_folder(A, B)
    ran = run("hub", typed="yes\n")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    assert active(organization) == in_folder(A)
    assert ledger(organization).active_policy("team-b") is None


@pytest.mark.full
def test_another_text_alone_is_asked_about_and_becomes_the_active_one(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    run("hub", "--yes")
    changed = a_policy("team-b", more="owners: [ann]\n")
    (folder / "policies" / "b.yml").write_text(changed)
    ran = run("hub", typed="yes\n")
    assert table_rows(ran) == {"team-a": "unchanged", "team-b": "changed"}
    assert active(organization) == in_folder(A, changed)
    assert content(organization, "evidence", "policies/team-b.yaml") == changed.encode()
    assert stacks(organization) == {"stop-orchestrator": "CREATE_COMPLETE"}


@pytest.mark.full
@pytest.mark.usefixtures("organization")
def test_a_sweep_that_asks_for_more_than_the_stack_s_mode_says_what_it_gets(run: Deploy, folder: Path) -> None:
    use_folder(folder)
    set_in(folder, "")
    (folder / "deploy.env").write_text(
        f"Region=eu-central-1\nOrganizationId=o-ab12cd34ef\nPolicies={folder}/policies\n"
    )
    shown = " ".join(run("hub", "--dry-run").stdout.split())
    assert shown.count("plan (asks for enforce; Mode=plan is the most)") == 2


@pytest.mark.full
@pytest.mark.usefixtures("organization")
def test_values_that_no_policy_needs_are_named(run: Deploy, folder: Path) -> None:
    use_folder(folder, "ScheduleExpression=rate(1 day)", "PolicyKey=p.yaml")
    ran = run("hub", "--dry-run")
    assert ran.exit_code == 0
    assert f"No policy needs these of {folder}/deploy.env: ScheduleExpression, PolicyKey" in ran.stdout


# --- from one policy to several, and back -----------------------------------------------------------------------------


@pytest.mark.parametrize("activated_by", ["this release", *only_in_full("an earlier one")])
def test_a_hub_of_one_policy_moves_to_a_folder_that_has_it(
    organization: OrganizationBuilder, run: Deploy, folder: Path, activated_by: str
) -> None:
    use_one(folder, A)
    run("hub", "--yes")
    assert active(organization) == {"team-a": (sha256(A), "s3://evidence/policy.yaml")}
    if activated_by != "this release":
        as_an_earlier_release_had_it(organization, "team-a", A)
    use_folder(folder)
    ran = run("hub", typed="yes\n")
    assert ran.exit_code == 0, ran.stdout + ran.stderr
    assert table_rows(ran) == {"team-a": "same text, its place is noted", "team-b": "new"}
    assert active(organization) == in_folder(A, B)


@pytest.mark.parametrize("activated_by", ["an earlier one", *only_in_full("this release")])
def test_the_one_policy_that_the_folder_has_not_is_retired(
    organization: OrganizationBuilder, run: Deploy, folder: Path, activated_by: str
) -> None:
    one = a_policy("nonprod")
    use_one(folder, one)
    run("hub", "--yes")
    if activated_by != "this release":
        as_an_earlier_release_had_it(organization, "nonprod", one)
    use_folder(folder)
    ran = run("hub", typed="yes\n")
    assert table_rows(ran) == {"team-a": "new", "team-b": "new", "nonprod": "gone"}
    assert ledger(organization).active_policy("nonprod") is None
    assert active(organization) == in_folder(A, B)


def as_an_earlier_release_had_it(organization: OrganizationBuilder, name: str, text: str) -> None:
    """Active, and neither listed nor with its place."""
    ledger(organization).retire_policy(name)
    item = {"PK": f"POLICY#{name}", "SK": "ACTIVE", "policy_sha256": sha256(text), "activated_by": "ann"}
    values: Any = {key: {"S": value} for key, value in {**item, "activated_at": "2026-11-23T18:00:00Z"}.items()}
    organization.client("dynamodb").put_item(TableName="ledger", Item=values)


@pytest.mark.full
def test_a_hub_of_several_moves_back_to_one(organization: OrganizationBuilder, run: Deploy, folder: Path) -> None:
    run("hub", "--yes")
    use_one(folder, B)
    ran = run("hub", typed="yes\n")
    assert table_rows(ran) == {"team-b": "same text, its place is noted", "team-a": "gone"}
    assert active(organization) == {"team-b": (sha256(B), "s3://evidence/policy.yaml")}
    assert content(organization, "evidence", "policy.yaml") == B.encode()


@pytest.mark.full
@pytest.mark.usefixtures("organization")
def test_without_a_line_the_policies_of_a_folder_are_not_exchanged_for_the_example(run: Deploy, folder: Path) -> None:
    run("hub", "--yes")
    env = folder / "deploy.env"
    env.write_text("".join(f"{line}\n" for line in env.read_text().splitlines() if not line.startswith("Policies=")))
    ran = run("hub", "--dry-run")
    assert ran.exit_code == 2
    assert "Policies is missing: the hub has the policies of a folder" in ran.stderr


@pytest.mark.usefixtures("organization")
def test_two_policies_that_own_the_same_are_told_before_the_question(run: Deploy, folder: Path) -> None:
    for name in ("a.yaml", "b.yml"):
        path = folder / "policies" / name
        path.write_text(f"{path.read_text()}rules: [{{name: all, where: everything}}]\n")
    ran = run("hub", "--dry-run")
    said = ran.stdout
    assert ran.exit_code == 0, ran.stderr
    assert "policies team-a (rule all, line 4) and team-b (rule all, line 4) own the same, such as" in said


@pytest.mark.full
def test_one_policy_by_another_name_retires_the_one_before(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    """Else every later sweep would look for a text that is nowhere any more."""
    use_one(folder, A)
    run("hub", "--yes")
    use_one(folder, B)
    assert run("hub", "--yes").exit_code == 0
    assert active(organization) == {"team-b": (sha256(B), "s3://evidence/policy.yaml")}


# --- interrupted ------------------------------------------------------------------------------------------------------

WIDE = a_policy("team-a", "plan", "rules: [{name: all, where: everything}]\n")
NARROW = a_policy("team-a", "enforce", "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n")
"""Nobody agreed to enforce by the wide one."""
ADDED = a_policy("team-c")
AFTER_THE_STACK = 0
"""The first write after it, whichever that is."""


def writes(call: Call) -> str:
    """What a call changes of what is deployed; empty for any other."""
    path, method = str(call.environ["PATH_INFO"]), call.environ["REQUEST_METHOD"]
    if call.service == "s3" and method == "PUT" and path.startswith("/evidence/"):
        return f"put {path}"
    if call.action in ("PutItem", "DeleteItem") and "POLICY#" in json.dumps(call.json):
        return "ledger"
    return "stack" if call.action == "ExecuteChangeSet" else ""


def acts_by(organization: OrganizationBuilder, name: str) -> str:
    """The hash by which a schedule of the policy acts now; empty where it only plans, or there is no text."""
    version = ledger(organization).active_policy(name)
    keys = {one["Key"] for one in organization.client("s3").list_objects_v2(Bucket="evidence").get("Contents", ())}
    key = f"policies/{name}.yaml"
    in_place = sha256(content(organization, "evidence", key).decode()) if key in keys else ""
    return in_place if version is not None and version.policy_sha256 == in_place else ""


@pytest.mark.parametrize("number", [AFTER_THE_STACK, *only_in_full(*range(1, 11))])
def test_ended_at_any_write_no_schedule_acts_by_what_was_not_agreed_to_and_the_same_again_completes_it(
    organization: OrganizationBuilder, run: Deploy, folder: Path, number: int
) -> None:
    (folder / "policies" / "a.yaml").write_text(WIDE)
    assert run("hub", "--yes").exit_code == 0
    (folder / "policies" / "a.yaml").write_text(NARROW)
    (folder / "policies" / "b.yml").unlink()
    (folder / "policies" / "c.yaml").write_text(ADDED)
    done: list[str] = []

    def end(call: Call) -> Answer | None:
        what = writes(call)
        is_due = "stack" in done if number == AFTER_THE_STACK else len(done) + 1 >= number
        if what and is_due:
            return _refusal(call)
        done.extend([what] if what else [])
        return None

    gates = organization.front._gates
    organization.front._gates = (end, *gates)
    ran = run("hub", "--yes")
    organization.front._gates = gates
    is_new = "stack" in done
    assert ran.exit_code == (1 if number < 10 else 0)
    assert number in (AFTER_THE_STACK, len(done) + 1)
    agreed = {"", sha256(NARROW)} if is_new else {"", sha256(WIDE)}
    assert acts_by(organization, "team-a") in agreed
    assert not is_new or acts_by(organization, "team-b") == ""
    assert run("hub", "--yes").exit_code == 0
    assert active(organization) == in_folder(NARROW, ADDED)
    assert [acts_by(organization, name) for name in ("team-a", "team-c")] == [sha256(NARROW), sha256(ADDED)]
    assert "Nothing to do." in run("hub").stdout


def _refusal(call: Call) -> Answer:
    if call.service == "dynamodb":
        return Answer(400, "application/x-amz-json-1.0", '{"__type": "AccessDeniedException", "message": "no"}')
    text = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    return Answer(403, "application/xml", f"<ErrorResponse>{text}</ErrorResponse>" if call.service != "s3" else text)


# --- mistakes ---------------------------------------------------------------------------------------------------------


def refused(organization: OrganizationBuilder, run: Deploy) -> list[str]:
    """What is said, before AWS is asked for anything but the account."""
    before = sum(organization.front.calls.values())
    ran = run("hub", "--yes")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert organization.front.calls["sts:GetCallerIdentity"] == sum(organization.front.calls.values()) - before == 1
    return ran.stderr.splitlines()


def test_every_mistake_of_every_file_is_told_at_once(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    set_in(folder, "Moed=plan")
    texts: Mapping[str, str] = {
        "a.yaml": "version: 2\nname: team-a\nsweeps: [{name: x, mode: plan}]\n",
        "c.yaml": B.replace("version", "# the same name\nversion"),
        "d.yaml": a_policy("team-d", more="notify: arn:aws:sns:us-east-1:111122223333:team-d\n"),
    }
    for name, text in texts.items():
        (folder / "policies" / name).write_text(text)
    where = folder / "policies"
    said = refused(organization, run)
    assert said[0].endswith(": Moed is unknown; did you mean Mode?")
    assert [line.partition(": ")[0] for line in said[1:]] == [
        f"{where}/a.yaml:1",
        f"{where}/a.yaml:3",
        f"{where}/c.yaml:3",
        f"{where}/d.yaml:4",
    ]
    assert said[3].endswith(f"the policy name 'team-b' is taken by {where}/b.yml:2; names are unique in a hub")
    assert "the topic is in us-east-1, and the hub in eu-central-1" in said[4]


def test_a_folder_and_a_document_are_not_both_the_policies(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    set_in(folder, f"Policy={folder}/policy.yaml")
    [line] = refused(organization, run)
    assert line.startswith("Policies and Policy are both there")


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("Policies={0}/empty", "Policies: {0}/empty has no policy: put one there"),
        ("Policies={0}/nowhere", "Policies: {0}/nowhere: No such file or directory"),
        ("Policies={0}/policy.yaml", "Policies: {0}/policy.yaml is a file, and Policies names a folder"),
        ("Policy={0}/policies", "Policy: {0}/policies is a folder, and Policy names one document"),
    ],
)
def test_what_names_no_policies_is_told_with_what_to_do(
    organization: OrganizationBuilder, run: Deploy, folder: Path, named: str, says: str
) -> None:
    (folder / "empty").mkdir()
    _env(folder, named.format(folder))
    [line] = refused(organization, run)
    assert line.startswith(says.format(folder))


def test_more_than_a_hub_takes_is_told_with_the_other_mistakes(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    many = ", ".join(f"{{name: s{number}, mode: plan, rate: 1 hour}}" for number in range(500))
    (folder / "policies" / "c.yaml").write_text(f"version: 1\nname: many\nsweeps: [{many}]\n")
    set_in(folder, "Moed=plan")
    first, second = refused(organization, run)
    assert ": Moed is unknown" in first
    assert "of which CloudFormation takes 500" in second


# --- the first plans --------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_when_the_members_are_there_a_plan_by_each_policy_is_started(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    assert run("hub", "--yes").exit_code == 0
    with (folder / "deploy.env").open("a") as env:
        env.write("HubAccountId=123456789012\nOrganizationalUnitIds=ou-1\n")
    bodies: list[bytes] = []

    def note(call: Call) -> Answer | None:
        if call.service != "lambda":
            return None
        bodies.append(call.body)
        return Answer(202, "application/json", "")

    organization.front._gates = (note,)
    assert run("members", "--yes").exit_code == 0
    assert sorted(bodies) == [
        f'{{"mode": "plan", "policy": "s3://evidence/policies/{name}.yaml"}}'.encode() for name in ("team-a", "team-b")
    ]
