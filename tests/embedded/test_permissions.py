"""Every call of a sweep is one that the templates allow, and they allow no other; IAM holds the last line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from importlib import import_module
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator import app
from orchestrator.core.model import AccountId, Action
from orchestrator.core.model.marks import MARKS
from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import TABLE
from orchestrator.errors import EventError
from orchestrator.kinds import registry
from orchestrator.settings import Settings
from tests.support.cloudformation import ACCOUNT
from tests.support.embedded import OrganizationBuilder, session
from tests.support.fixtures import Policy, Run
from tests.support.lambdas import (
    FRANKFURT,
    PLENTY,
    SHORT,
    SWEEP_ID,
    dev_accounts,
    invoked,
    stop_states,
    target_states,
    written_report,
)
from tests.support.machines import StateMachine, from_s3
from tests.support.other_policies import activate_other
from tests.support.permissions import Permissions, allowed_actions, diagnosing, enforce, pause, policy_of, without
from tests.support.suites import only_in_full
from tests.support.sweeps import DEV_RULE

DEV = {"Environment": "dev"}
PROTECTED, OPT_OUT = {"stop-orchestrator:protected": ""}, {"stop-orchestrator:opt-out": "true"}
SWITCH = "/stop-orchestrator/kill-switch"
ANCHOR = "/stop-orchestrator/anchor"
NOT_OF_A_SWEEP = {
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "s3:ListBucket",
    "s3:AbortMultipartUpload",  # of a large report whose upload broke off
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:SendMessage",
    "sts:TagSession",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
"""What the services themselves do for the Lambda (encryption, logs, traces, failed events), tags of sessions, and the
permission without which S3 calls a file that is not there forbidden."""
MAY_BE_REFUSED = ("hub", "s3:DeleteObject")
"""Of the empty object by which a sweep proves that it can write: evidence cannot be deleted, not even that."""
EVERY_ANSWER = (
    "version: 1\nname: test\nregions: {include: [eu-central-1*, eu-west-1*]}\nguardrails: {min_coverage_percent: 10}\n"
)


@pytest.fixture
def guarded(hub: OrganizationBuilder) -> Iterator[Permissions]:
    """From here on each call of the hub and the members is held against the templates; the test's own are not."""
    hub_role = policy_of("hub", "HubRole", AnchorName=ANCHOR, ManagementAccountId=ACCOUNT, Prices="price-list")
    permissions = Permissions(policy_of("member-role", "MemberRole", Kinds=",".join(registry.KINDS)), hub_role)
    yield permissions
    pause(hub, permissions)


def do_everything(
    hub: OrganizationBuilder, permissions: Permissions, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plan, approve, enforce, go on, steps, undo by health, metrics; with a kill switch, a topic, a policy in S3."""
    places = dev_accounts(hub, 2)
    hub.account("denied", role=False)
    monkeypatch.setenv("STOP_ORCHESTRATOR_WORKERS", "1")
    account, region = next(iter(places))
    for (account, region), instance in places.items():
        with hub.acting_in(account):
            vpc = hub.client("ec2", region).describe_vpcs()["Vpcs"][0]["VpcId"]
            balancer = hub.client("elbv2", region)
            group = balancer.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
            balancer.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": instance}])
    [name] = {
        one["Resource"].rpartition(":")[2] for one in permissions.hub["Statement"] if one["Action"] == "sns:Publish"
    }
    topic = hub.client("sns").create_topic(Name=name)["TopicArn"]
    hub.client("ssm").put_parameter(Name=SWITCH, Value="go", Type="String")
    kinds = ", ".join(kind.name for kind in registry.DESCRIPTIONS)
    hub.instances(account, region, 1, {"Environment": "measured"})
    idle = "{name: idle, where: {tag: {Environment: measured}, idle: {cpu_below: 5, gpu_below: 5, for: 24h}}}"
    accepted = ", ".join(word for kind in registry.DESCRIPTIONS if kind.name != "ec2" for word in kind.to_accept)
    dev = f"{{name: dev, kinds: [{kinds}], where: {{tag: {{Environment: dev}}}}, accept: [{accepted}]}}"
    text = f"{EVERY_ANSWER}rules: [{idle}, {dev}]\n"
    hub.client("s3").put_object(Bucket="stop-orchestrator-demo", Key="policy.yaml", Body=text)
    hub.client("s3").put_object(Bucket="stop-orchestrator-demo", Key="prices/mine.csv", Body="kind,region,price\n")
    settings = {
        "TOPIC": topic,
        "KILL_SWITCH": SWITCH,
        "ANCHOR": ANCHOR,
        "POLICY": "s3://stop-orchestrator-demo/policy.yaml",
        "POLICIES": "s3://stop-orchestrator-demo/*",
        "PRICES": "s3://stop-orchestrator-demo/prices/mine.csv,price-list",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"STOP_ORCHESTRATOR_{name}", value)
    for kind in registry.DESCRIPTIONS:
        import_module(f"tests.kinds.{kind.name}.harness").seed(hub, account, region, DEV)
    activate_other(hub, "team-b", "rules: []")
    below = "organizations:ListOrganizationalUnitsForParent"
    late = Fault(operation=below, effect=lambda _: hub.appear("late"), times=1)
    hub.front.faults.add(late)  # once the accounts there were listed, so it has to be asked where it is
    enforce(hub, permissions)
    invoked({"mode": "plan", "id": "1"})
    invoked({"mode": "approve", "id": "2"})
    with pytest.raises(EventError):
        invoked({"id": "an event that fails", "policy": "s3://stop-orchestrator-demo/sweeps/none.yaml"})
    before = hub.front.calls["ec2:StopInstances"]
    cut = invoked(
        {"mode": "enforce", "id": "3"}, lambda: SHORT if hub.front.calls["ec2:StopInstances"] > before else PLENTY
    )
    done = invoked({"mode": "enforce", "id": "4"})
    assert run("undo", done["sweep_id"], "--yes", "--only-failed-health").exit_code == 0
    for sweep in (done, cut):  # what is stopped first was stopped by the one whose time was over
        assert run("undo", sweep["sweep_id"], "--yes").exit_code == 0
    assert StateMachine(from_s3(hub))({"mode": "enforce"})["status"] == "incomplete"


def test_every_call_is_allowed_and_everything_that_is_allowed_is_called(
    hub: OrganizationBuilder, guarded: Permissions, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    do_everything(hub, guarded, run, monkeypatch)
    assert set(guarded.refused) <= {MAY_BE_REFUSED}
    called = {role: {action for one, action in guarded.actions if one == role} for role in ("hub", "member")}
    assert allowed_actions(guarded.member) - called["member"] == set()
    of_a_sweep = diagnosing(guarded.hub, only=False)  # test_doctor_permissions.py holds the others
    assert allowed_actions(of_a_sweep) - called["hub"] - NOT_OF_A_SWEEP == set()


def told(hub: OrganizationBuilder, guarded: Permissions) -> str:
    """What somebody reads of a sweep that lacks a permission: its error, or the rows of its report."""
    try:
        answer = invoked({"mode": "enforce"})
    except Exception as failure:  # noqa: BLE001 - whatever it is, it has to say so
        return str(failure)
    pause(hub, guarded)
    report = written_report(hub, answer["sweep_id"])
    return json.dumps([report["coverage"], report["outcomes"]])


@pytest.mark.parametrize(
    ("role", "action"),
    [
        ("member", "ec2:StopInstances"),
        ("hub", "s3:PutObject"),
        *only_in_full(
            ("member", "ec2:DescribeRegions"),
            ("member", "ec2:DescribeInstances"),
            ("member", "ec2:CreateTags"),
            ("hub", "sts:AssumeRole"),
            ("hub", "sts:SetSourceIdentity"),
            ("hub", "organizations:ListRoots"),
            ("hub", "organizations:ListTagsForResource"),
            ("hub", "dynamodb:PutItem"),
        ),
    ],
)
def test_a_permission_that_is_taken_away_is_named(
    hub: OrganizationBuilder,
    guarded: Permissions,
    role: str,
    action: str,
    policy: Policy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    regions = ("eu-central-1*", "eu-west-1*")  # by patterns, so that the list of regions is asked for
    monkeypatch.setenv("STOP_ORCHESTRATOR_POLICY", policy(DEV_RULE, *regions))
    dev_accounts(hub, 1)
    setattr(guarded, role, without(getattr(guarded, role), action))
    enforce(hub, guarded)
    assert action.partition(":")[2] in told(hub, guarded)
    assert (role, action) in guarded.refused


@pytest.mark.parametrize(
    "tags",
    [
        {"stop-orchestrator:opt-out": "keep-me-on"},
        *only_in_full(
            OPT_OUT,
            PROTECTED,
            *({"stop-orchestrator:opt-out": value} for value in ("perhaps", "prod-is-on", "9999-99-99")),
        ),
    ],
)
def test_a_protected_instance_stays_up_even_when_the_decision_code_ignores_opt_outs(
    hub: OrganizationBuilder, guarded: Permissions, monkeypatch: pytest.MonkeyPatch, tags: dict[str, str]
) -> None:
    account = hub.account("dev")
    [other] = hub.instances(account, FRANKFURT, 1, DEV)
    [spared] = hub.instances(account, FRANKFURT, 1, {**DEV, **tags})
    monkeypatch.setattr("orchestrator.core.decide.decisions._reason_to_keep", lambda *_: None)
    enforce(hub, guarded)
    answer = invoked({"mode": "enforce"})
    pause(hub, guarded)
    report = written_report(hub, answer["sweep_id"])
    assert stop_states(report) == {other: "stopped", spared: "failed"}
    [why] = [row for row in report["outcomes"] if row["resource_id"] == spared]
    assert (why["code"], "explicit deny" in why["message"]) == ("UnauthorizedOperation", True)
    assert hub.down(account, FRANKFURT) == {other}


def test_in_mode_plan_the_member_role_cannot_stop_whatever_the_hub_wants(
    hub: OrganizationBuilder, guarded: Permissions
) -> None:
    places = dev_accounts(hub, 1)
    guarded.member = policy_of("member-role", "MemberRole", Mode="plan")
    enforce(hub, guarded)
    answer = invoked({"mode": "enforce"})
    pause(hub, guarded)
    assert set(stop_states(written_report(hub, answer["sweep_id"])).values()) == {"failed"}
    assert all(hub.down(*place) == set() for place in places)
    assert set(target_states(written_report(hub, answer["sweep_id"])).values()) == {"scanned"}


@pytest.mark.parametrize("call", ["put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items"])
def test_the_hub_never_activates_a_policy_and_reads_the_active_one(
    hub: OrganizationBuilder, guarded: Permissions, call: str
) -> None:
    item = {"PK": {"S": "POLICY#test"}, "SK": {"S": "ACTIVE"}}
    arguments: dict[str, dict[str, Any]] = {
        "put_item": {"TableName": TABLE, "Item": item},
        "update_item": {"TableName": TABLE, "Key": item},
        "delete_item": {"TableName": TABLE, "Key": item},
        "batch_write_item": {"RequestItems": {TABLE: [{"PutRequest": {"Item": item}}]}},
        "transact_write_items": {"TransactItems": [{"Put": {"TableName": TABLE, "Item": item}}]},
    }
    enforce(hub, guarded)
    client = app.make_clients(Settings.from_env(os.environ)).dynamodb()
    with pytest.raises(ClientError, match="explicit deny"):
        getattr(client, call)(**arguments[call])
    assert "Item" not in client.get_item(TableName=TABLE, Key=item)
    client.put_item(TableName=TABLE, Item={**item, "PK": {"S": "SWEEPS"}})


# --- what one session may do ------------------------------------------------------------------------------------------


def ec2_of(
    hub: OrganizationBuilder, account: str, actions: Collection[Action] | None, kinds: Collection[str] = ("ec2", "rds")
) -> Any:
    """EC2 as a sweep's session has it; None: a hub that was taken over asks for no session policy."""
    role = app._member_role(Settings(), SWEEP_ID, kinds, actions or ())
    arguments = role.assume_role_arguments("aws", AccountId(account))
    if actions is None:
        del arguments["Policy"]
    return session(hub.client("sts").assume_role(**arguments)["Credentials"]).client("ec2", region_name=FRANKFURT)


def allowed(call: Callable[..., object], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "UnauthorizedOperation":
            raise
        return False
    return True


def mark_start_stop(client: Any, instance: str) -> tuple[bool, bool, bool]:
    """Which of them that session may do with the instance, one after the other."""
    marks = [{"Key": key, "Value": SWEEP_ID} for key in MARKS]
    return (
        allowed(client.create_tags, Resources=[instance], Tags=marks),
        allowed(client.start_instances, InstanceIds=[instance]),
        allowed(client.stop_instances, InstanceIds=[instance]),
    )


@pytest.mark.parametrize(
    ("actions", "may"),
    [((), (False, False, False)), ((Action.STOP,), (True, False, True)), ((Action.START,), (True, True, False))],
    ids=["a plan's", "one that stops", "one that starts"],
)
def test_no_session_of_a_sweep_can_stop_and_start(
    hub: OrganizationBuilder, guarded: Permissions, actions: Collection[Action], may: tuple[bool, bool, bool]
) -> None:
    account = hub.account("dev")
    [down] = hub.instances(account, FRANKFURT, 1, {**DEV, **dict.fromkeys(MARKS, "earlier")})
    hub.act("stop_instances", account, FRANKFURT, InstanceIds=[down])
    enforce(hub, guarded)
    assert mark_start_stop(ec2_of(hub, account, actions), down) == may


def test_a_session_reads_what_is_of_the_policy_s_kinds_and_nothing_else(
    hub: OrganizationBuilder, guarded: Permissions
) -> None:
    account = hub.account("dev")
    enforce(hub, guarded)
    for actions in ((), (Action.STOP,), (Action.START,)):
        assert allowed(ec2_of(hub, account, actions, ("ec2",)).describe_instances)
        assert not allowed(ec2_of(hub, account, actions, ("rds",)).describe_instances)
        assert allowed(ec2_of(hub, account, actions, ("rds",)).describe_regions)


def test_the_one_escalation_that_iam_cannot_express_is_open_to_a_hub_that_was_taken_over(
    hub: OrganizationBuilder, guarded: Permissions
) -> None:
    """IAM does not see that the instance is down and was stopped by a person: docs/security.md."""
    account = hub.account("dev")
    [down] = hub.instances(account, FRANKFURT, 1, DEV)
    hub.act("stop_instances", account, FRANKFURT, InstanceIds=[down])
    enforce(hub, guarded)
    assert mark_start_stop(ec2_of(hub, account, None), down) == (True, True, True)


@pytest.mark.parametrize(
    ("keys", "tags", "may"),
    [
        ("", {"stop-orchestrator:stop-after": "2026-12-01"}, True),
        ("", {"Owner-missing": "reported"}, False),
        ("Owner-missing", {"Owner-missing": "reported"}, True),
        ("Owner-missing", {"Owner": "me"}, False),
        ("Owner-missing", {"Owner-missing": "reported", "Owner": "me"}, False),
        ("stop-orchestrator:opt-out", {"stop-orchestrator:opt-out": "true"}, False),
    ],
)
def test_a_session_writes_and_deletes_the_announcement_of_a_stop_and_the_keys_that_are_listed_and_no_others(
    hub: OrganizationBuilder, guarded: Permissions, keys: str, tags: dict[str, str], may: bool
) -> None:
    guarded.member = policy_of("member-role", "MemberRole", TagKeys=keys)
    account = hub.account("dev")
    [instance] = hub.instances(account, FRANKFURT, 1, DEV)
    enforce(hub, guarded)
    client = ec2_of(hub, account, (Action.STOP,))
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    assert allowed(client.create_tags, Resources=[instance], Tags=pairs) is may
    assert allowed(client.delete_tags, Resources=[instance], Tags=pairs) is may
    assert not allowed(client.delete_tags, Resources=[instance]), "that would delete every tag"
