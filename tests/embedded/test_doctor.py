"""`doctor` says what would keep a sweep from working, tells the causes apart, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.demo.faults import Fault
from orchestrator.demo.organization import BUCKET, TABLE
from tests.support.embedded import MANAGEMENT, ROLE, OrganizationBuilder
from tests.support.fixtures import Policy, Ran, Run
from tests.support.suites import only_in_full

FRANKFURT, IRELAND, MILAN = "eu-central-1", "eu-west-1", "eu-south-1"
DEV = {"Environment": "dev"}
RULES = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
NOT_ALLOWED = (
    "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/m/s is not authorized to "
    "perform: {action} on resource: arn:aws:ec2:eu-central-1:1:instance/i-1 {why}"
)
NO_POLICY = "because no identity-based policy allows the {action} action"
BY_SCP = "with an explicit deny in a service control policy"
NO_SCP = "because no service control policy allows the {action} action"

Row = dict[str, Any]
Doctor = Callable[..., Ran]


@pytest.fixture
def enrolled(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> OrganizationBuilder:
    """Two accounts of an enrolled OU with an instance each, and the hub's bucket and table."""
    for name, value in organization.hub().items():
        monkeypatch.setenv(name, value)
    organization.account("sick", "/Dev", role=False)
    organization.account("well", "/Dev", role=False)
    organization.enrol("/Dev")
    for name in ("sick", "well"):
        organization.instances(account_id(organization, name), FRANKFURT, 1, DEV)
    return organization


@pytest.fixture
def doctor(run: Run, policy: Policy) -> Doctor:
    """As JSON, by a policy for two regions or for those that are named."""

    def _run(*arguments: str, regions: tuple[str, ...] = (), body: str = RULES) -> Ran:
        return run("doctor", "--policy", policy(body, *regions), "--format", "json", *arguments)

    return _run


def account_id(organization: OrganizationBuilder, name: str) -> str:
    accounts = organization.client("organizations").list_accounts()["Accounts"]
    return next(str(account["Id"]) for account in accounts if account["Name"] == name)


def found(ran: Ran, *statuses: str) -> set[tuple[str, str, str]]:
    """Whose, which check and which code, of all checks with these statuses."""
    checks: list[Row] = ran.report["checks"]
    return {(one["account_name"] or "hub", one["name"], one["code"]) for one in checks if one["status"] in statuses}


def row(ran: Ran, name: str, account: str | None = "sick") -> Row:
    return next(one for one in ran.report["checks"] if (one["account_name"], one["name"]) == (account, name))


def refuse(organization: OrganizationBuilder, action: str, why: str, **where: str) -> None:
    message = NOT_ALLOWED.format(action=action, why=why.format(action=action))
    account = where.pop("account", None) or account_id(organization, "sick")
    fault = Fault(code="UnauthorizedOperation", message=message, status=403, operation=action, account=account, **where)
    organization.front.faults.add(fault)


def everything(organization: OrganizationBuilder) -> Any:
    """All that a sweep could have changed or left behind."""
    accounts = [account_id(organization, name) for name in ("sick", "well")]
    instances = [organization.described(one, FRANKFURT) for one in accounts]
    states = [(one, raw["State"], raw["Tags"]) for described in instances for one, raw in described.items()]
    items = organization.client("dynamodb").scan(TableName=TABLE)["Items"]
    return states, items, organization.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents")


# --- a healthy organization -------------------------------------------------------------------------------------------


def test_a_healthy_organization_is_healthy_and_nothing_of_it_is_changed(
    enrolled: OrganizationBuilder, doctor: Doctor, tmp_path: Path
) -> None:
    before = everything(enrolled)
    ran = doctor()
    assert (ran.exit_code, ran.report["healthy"]) == (0, True)
    assert found(ran, "failed", "warning") == set()
    assert everything(enrolled) == before
    assert not (tmp_path / ".stop-orchestrator").exists()


def test_what_was_looked_at_is_in_the_document(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    ran = doctor()
    names = {one["name"] for one in ran.report["checks"] if one["account_name"] == "sick" and one["status"] == "ok"}
    ec2 = {"DescribeInstances", "DescribeSpotInstanceRequests", "StopInstances", "StartInstances", "CreateTags"}
    assert names >= {"role", "stack_instance", "ec2:DeleteTags", "ec2:DescribeRegions"} | {f"ec2:{one}" for one in ec2}
    read = {
        (one["account_name"], one["region"]) for one in ran.report["checks"] if one["name"].endswith("ribeInstances")
    }
    assert read == {(name, region) for name in ("sick", "well") for region in (FRANKFURT, IRELAND)}
    hub = {one["name"] for one in ran.report["checks"] if one["area"] == "hub"}
    assert hub == {"identity", "organization", "account_tags", "trusted_access", "stack_set", "bucket", "table"}


def test_json_alone_is_on_stdout_and_progress_on_stderr(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    ran = doctor()
    assert set(json.loads(ran.stdout)) == {"healthy", "checks"}
    assert "Accounts checked: 2 of 2" in ran.stderr


# --- an account that would not be swept -------------------------------------------------------------------------------


def no_role(organization: OrganizationBuilder) -> None:
    sick = account_id(organization, "sick")
    with organization.acting_in(sick):
        organization.client("iam").delete_role(RoleName=ROLE)
    failed = {"DetailedStatus": "FAILED"}
    organization.stack_instance(sick, Status="OUTDATED", StackInstanceStatus=failed, StackId=None)


def outdated(organization: OrganizationBuilder) -> None:
    sick = account_id(organization, "sick")
    with organization.acting_in(sick):
        organization.client("iam").delete_role(RoleName=ROLE)
    organization.stack_instance(sick, Status="OUTDATED", StatusReason="Account sick should have quota for roles")


def other_hub(organization: OrganizationBuilder) -> None:
    organization.trust(account_id(organization, "sick"), trusted="999999999999")


def other_external_id(organization: OrganizationBuilder) -> None:
    organization.trust(account_id(organization, "sick"), external_id="another")


def no_source_identity(organization: OrganizationBuilder) -> None:
    message = f"User: x is not authorized to perform: sts:SetSourceIdentity on resource: arn:aws:iam::1:role/{ROLE}"
    fault = Fault(code="AccessDenied", message=message, status=403, account=account_id(organization, "sick"))
    organization.front.faults.add(fault)


def not_enrolled(organization: OrganizationBuilder) -> None:
    sick = account_id(organization, "sick")
    organization.client("cloudformation").delete_stack_instances(
        StackSetName=ROLE, Accounts=[sick], Regions=[FRANKFURT], RetainStacks=False
    )


def role_denied_by_scp(organization: OrganizationBuilder) -> None:
    message = f"User: x is not authorized to perform: sts:AssumeRole on resource: y {BY_SCP}"
    fault = Fault(code="AccessDenied", message=message, status=403, account=account_id(organization, "sick"))
    organization.front.faults.add(fault)


@pytest.mark.parametrize(
    ("befalls", "code", "words"),
    [
        (no_role, "no_role", "never created a stack there"),
        (other_external_id, "wrong_trust", "the external id"),
        *only_in_full(
            (outdated, "outdated", "last operation failed there"),
            (other_hub, "wrong_trust", "its trust does not fit"),
            (no_source_identity, "wrong_trust", "does not allow sts:SetSourceIdentity"),
            (not_enrolled, "not_enrolled", "add its OU /Dev to the targets of the StackSet stop-orchestrator-member"),
            (role_denied_by_scp, "scp", "a service control policy denies it"),
        ),
    ],
)
def test_why_a_role_cannot_be_assumed(
    enrolled: OrganizationBuilder, doctor: Doctor, befalls: Callable[[OrganizationBuilder], None], code: str, words: str
) -> None:
    befalls(enrolled)
    ran = doctor()
    assert (ran.exit_code, ran.report["healthy"]) == (3, False)
    assert found(ran, "failed", "warning") == {("sick", "role", code)}
    assert words in row(ran, "role")["advice"]
    assert row(ran, "role")["detail"].startswith("sts:AssumeRole: AccessDenied: User: ")


@pytest.mark.parametrize(
    "account", [{"role": False}, *only_in_full({"external_id": "another"}, {"trusted": "999999999999"})]
)
def test_where_no_stack_set_can_be_asked_it_says_that_it_cannot_tell(
    organization: OrganizationBuilder, doctor: Doctor, account: Row
) -> None:
    organization.account("sick", **account)
    ran = doctor()
    assert ("sick", "role", "no_role_or_wrong_trust") in found(ran, "failed")
    assert row(ran, "role")["advice"].startswith("no role, or it does not trust this hub")
    assert ("hub", "stack_set", "no_stack_set") in found(ran, "warning")


def test_where_the_stack_set_may_not_be_asked_it_says_that_it_cannot_tell(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    denied = Fault(code="AccessDenied", message="not authorized", status=403, operation="cloudformation:*")
    enrolled.front.faults.add(denied)
    other_hub(enrolled)
    ran = doctor()
    assert found(ran, "failed") == {("sick", "role", "no_role_or_wrong_trust")}
    assert ("hub", "stack_set", "missing_permission") in found(ran, "not_checked")


@pytest.mark.parametrize(
    ("action", "status", "why", "code"),
    [
        ("ec2:StopInstances", "failed", NO_POLICY, "missing_permission"),
        ("elasticloadbalancing:DescribeTargetGroups", "warning", BY_SCP, "scp"),
        *only_in_full(
            ("ec2:DescribeRegions", "failed", BY_SCP, "scp"),
            ("ec2:StopInstances", "failed", BY_SCP, "scp"),
            ("ec2:StopInstances", "failed", NO_SCP, "scp"),
            ("ec2:StartInstances", "failed", NO_POLICY, "missing_permission"),
            ("ec2:CreateTags", "failed", NO_POLICY, "missing_permission"),
            ("ec2:DeleteTags", "failed", BY_SCP, "scp"),
            ("ec2:DescribeInstances", "failed", NO_POLICY, "missing_permission"),
            ("ec2:DescribeSpotInstanceRequests", "warning", NO_POLICY, "missing_permission"),
        ),
    ],
)
def test_a_missing_permission_is_named_and_a_service_control_policy_told_apart(
    enrolled: OrganizationBuilder, doctor: Doctor, action: str, status: str, why: str, code: str
) -> None:
    refuse(enrolled, action, why)
    ran = doctor()
    assert ran.exit_code == (3 if status == "failed" else 0)
    assert found(ran, "failed", "warning") == {("sick", action, code)}
    assert row(ran, action)["status"] == status
    assert why.format(action=action) in row(ran, action)["detail"]


def test_a_region_that_a_service_control_policy_closes_is_named(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    refuse(enrolled, "ec2:DescribeInstances", BY_SCP, region=IRELAND)
    ran = doctor()
    refused = [one for one in ran.report["checks"] if one["status"] == "failed"]
    assert [(one["account_name"], one["region"], one["code"]) for one in refused] == [("sick", IRELAND, "scp")]


def test_a_disabled_region_that_the_policy_names_is_a_warning(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    with enrolled.acting_in(account_id(enrolled, "well")):
        enrolled.client("account").enable_region(RegionName=MILAN)
    ran = doctor(regions=(FRANKFURT, MILAN))
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("sick", "region", "region_disabled")})
    assert (row(ran, "region")["region"], row(ran, "region")["status"]) == (MILAN, "warning")


def test_a_disabled_region_that_a_pattern_catches_is_no_warning(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    ran = doctor(regions=('"eu-*"',))
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, set())
    assert ("sick", "region", "region_disabled") in found(ran, "ok")


def test_a_region_that_does_not_let_the_account_in_is_disabled(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    closed = Fault(code="AuthFailure", message="AWS was not able to validate", status=401, region=IRELAND)
    enrolled.front.faults.add(closed)
    ran = doctor()
    assert ("sick", "ec2:DescribeInstances", "region_disabled") in found(ran, "warning")


def test_a_suspended_account_is_named_and_is_no_gap(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    enrolled.close(account_id(enrolled, "sick"))
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("sick", "account", "suspended")})


def test_what_the_policy_excludes_is_not_looked_at(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    other_hub(enrolled)
    ran = doctor(body=RULES + f'organization: {{exclude_accounts: ["{account_id(enrolled, "sick")}"]}}\n')
    assert (ran.exit_code, {one["account_name"] for one in ran.report["checks"]}) == (0, {None, "well"})


def test_an_account_that_aws_does_not_answer_for_does_not_hide_the_others(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    enrolled.front.faults.add(Fault(code="ValidationError", account=account_id(enrolled, "sick"), operation="sts:*"))
    ran = doctor()
    assert found(ran, "failed") == {("sick", "role", "unreadable")}
    assert ("well", "ec2:StopInstances", "ok") in found(ran, "ok")


# --- the roll-out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DriftStatus": "DRIFTED"}, "drifted"),
        *only_in_full(({"Status": "OUTDATED"}, "outdated"), ({"Status": "INOPERABLE"}, "outdated")),
    ],
)
def test_a_role_that_works_though_its_stack_is_not_as_rolled_out_is_a_warning(
    enrolled: OrganizationBuilder, doctor: Doctor, changes: Row, code: str
) -> None:
    enrolled.stack_instance(account_id(enrolled, "sick"), **changes)
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("sick", "stack_instance", code)})


def test_a_role_that_was_made_by_hand_is_not_enrolled(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    enrolled.account("by-hand")
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("by-hand", "stack_instance", "not_enrolled")})


def test_a_drifted_stack_is_named_where_its_role_refuses(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    other_hub(enrolled)
    enrolled.stack_instance(account_id(enrolled, "sick"), DriftStatus="DRIFTED")
    ran = doctor()
    assert "the stack drifted: somebody changed or deleted the role by hand" in row(ran, "role")["advice"]


def test_where_every_account_refuses_the_hub_is_to_be_looked_at_first(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    for name in ("sick", "well"):
        enrolled.trust(account_id(enrolled, name), external_id="right")
    assert ("hub", "assume_role", "no_role_or_wrong_trust") in found(doctor(), "warning")
    assert doctor("--external-id", "right").exit_code == 0


def test_the_management_account_gets_no_role_from_a_stack_set(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    ran = doctor(body=RULES + "organization: {include_management_account: true}\n")
    refused = next(one for one in ran.report["checks"] if one["status"] == "failed")
    assert (refused["account_id"], refused["code"]) == (MANAGEMENT, "no_role_or_wrong_trust")
    assert "StackSets leave the management account out" in refused["advice"]


# --- what can be asked about ------------------------------------------------------------------------------------------


def test_without_an_instance_a_permission_is_not_checked_unless_it_is_refused(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    empty = enrolled.account("empty")
    actions = {f"ec2:{one}" for one in ("StopInstances", "StartInstances", "CreateTags", "DeleteTags")}
    assert {("empty", action, "not_checked") for action in actions} <= found(doctor(), "not_checked")
    refuse(enrolled, "ec2:StopInstances", NO_POLICY, account=empty)
    assert ("empty", "ec2:StopInstances", "missing_permission") in found(doctor(), "failed")


def test_an_instance_that_the_role_spares_on_purpose_is_not_asked_about(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    spared = enrolled.account("spared")
    (protected,) = enrolled.instances(spared, FRANKFURT, 1, {"stop-orchestrator:protected": "yes"})
    denied = "with an explicit deny in an identity-based policy"
    refuse(enrolled, "ec2:StopInstances", denied, account=spared, instance=protected)
    assert ("spared", "ec2:StopInstances", "not_checked") in found(doctor(), "not_checked")
    enrolled.instances(spared, IRELAND, 1, DEV)
    assert ("spared", "ec2:StopInstances", "ok") in found(doctor(), "ok")


# --- the hub ----------------------------------------------------------------------------------------------------------


def test_an_organization_that_cannot_be_listed_ends_it_and_is_shown(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    fault = Fault(code="AccessDeniedException", message="no", operation="organizations:ListRoots")
    enrolled.front.faults.add(fault)
    ran = doctor()
    assert (ran.exit_code, ran.report["healthy"]) == (1, False)
    assert found(ran, "failed") == {("hub", "organization", "no_organization_access")}


def test_without_an_identity_there_is_nothing_to_look_at(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    fault = Fault(code="InvalidClientTokenId", message="The token is invalid", operation="sts:*", status=403)
    enrolled.front.faults.add(fault)
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed")) == (1, {("hub", "identity", "unreadable")})


def test_without_trusted_access_it_says_how_to_get_it(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    service = "member.org.stacksets.cloudformation.amazonaws.com"
    enrolled.client("organizations").disable_aws_service_access(ServicePrincipal=service)
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("hub", "trusted_access", "no_trusted_access")})


def test_account_tags_that_cannot_be_read_would_spare_everything(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    enrolled.front.faults.add(Fault(code="AccessDeniedException", operation="organizations:ListTagsForResource"))
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed")) == (3, {("hub", "account_tags", "missing_permission")})


@pytest.mark.parametrize(
    ("operation", "code", "check", "found_code"),
    [
        ("dynamodb:PutItem", "AccessDeniedException", "table", "missing_permission"),
        ("s3:*/.doctor", "AccessDenied", "bucket", "missing_permission"),
        *only_in_full(
            ("dynamodb:DescribeTable", "AccessDeniedException", "table", "missing_permission"),
            ("dynamodb:GetItem", "AccessDeniedException", "table", "missing_permission"),
        ),
    ],
)
def test_a_bucket_or_table_that_does_not_let_the_hub_in_is_named(
    enrolled: OrganizationBuilder, doctor: Doctor, operation: str, code: str, check: str, found_code: str
) -> None:
    enrolled.front.faults.add(Fault(code=code, status=403 if check == "bucket" else 400, operation=operation))
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed")) == (3, {("hub", check, found_code)})


def test_a_bucket_and_a_table_that_are_not_there_are_named(
    enrolled: OrganizationBuilder, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_REPORT_BUCKET", "no-such-bucket")
    monkeypatch.setenv("STOP_ORCHESTRATOR_TABLE", "no-such-table")
    assert found(doctor(), "failed") == {("hub", "bucket", "unreadable"), ("hub", "table", "unreadable")}


def test_a_table_with_other_keys_is_named(
    enrolled: OrganizationBuilder, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled.client("dynamodb").create_table(
        TableName="other",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    monkeypatch.setenv("STOP_ORCHESTRATOR_TABLE", "other")
    ran = doctor()
    assert found(ran, "failed") == {("hub", "table", "wrong_keys")}
    assert row(ran, "table", None)["detail"] == "other: its keys are id, not PK, SK; its index GSI1 is missing"


@pytest.mark.parametrize(
    ("value", "policy_says", "status", "code"),
    [
        ("go", "ignore", "ok", "ok"),
        (" Stop\n", "ignore", "failed", "kill_switch_pulled"),
        (None, "ignore", "warning", "unreadable"),
        (None, "stop", "failed", "unreadable"),
    ],
)
def test_the_kill_switch_is_read(
    enrolled: OrganizationBuilder,
    doctor: Doctor,
    tmp_path: Path,
    value: str | None,
    policy_says: str,
    status: str,
    code: str,
) -> None:
    if value is not None:
        (tmp_path / "switch").write_text(value)
    body = RULES + ("kill_switch: {unreadable: stop}\n" if policy_says == "stop" else "")
    ran = doctor("--kill-switch", f"file:{tmp_path / 'switch'}", body=body)
    assert ("hub", "kill_switch", code) in found(ran, status)


def test_a_topic_is_looked_up(enrolled: OrganizationBuilder, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = enrolled.client("sns").create_topic(Name="approvals")["TopicArn"]
    monkeypatch.setenv("STOP_ORCHESTRATOR_TOPIC", topic)
    assert ("hub", "topic", "ok") in found(doctor(), "ok")
    monkeypatch.setenv("STOP_ORCHESTRATOR_TOPIC", f"{topic}-gone")
    assert ("hub", "topic", "unreadable") in found(doctor(), "warning")


# --- at the terminal --------------------------------------------------------------------------------------------------


def test_the_tables_fit_80_columns_and_say_what_to_do(
    enrolled: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    enrolled.close(enrolled.account("an-account-with-a-name-that-is-as-long-as-account-names-may-be"))
    not_enrolled(enrolled)
    refuse(enrolled, "ec2:StopInstances", BY_SCP, account=account_id(enrolled, "well"))
    ran = run("doctor", "--policy", policy(RULES))
    assert ran.exit_code == 3
    assert max(len(line.rstrip()) for line in ran.stdout.splitlines()) <= 80
    text = " ".join(ran.stdout.split())
    for words in ("not_enrolled role", "scp ec2:StopInstances eu-central-1", "suspended account", "-> add its OU /Dev"):
        assert words in text
    assert text.endswith("2 of 3 accounts would not be swept as they should.")


def test_what_ec2_encodes_is_left_out_at_the_terminal(enrolled: OrganizationBuilder, run: Run, policy: Policy) -> None:
    refuse(enrolled, "ec2:StopInstances", NO_POLICY + ". Encoded authorization failure message: " + "x" * 1000)
    text = " ".join(run("doctor", "--policy", policy(RULES)).stdout.split())
    assert "allows the ec2:StopInstances action. -> " in text


def test_a_healthy_organization_is_said_to_be(enrolled: OrganizationBuilder, run: Run, policy: Policy) -> None:
    ran = run("doctor", "--policy", policy(RULES))
    assert (ran.exit_code, "What to do" in ran.stdout) == (0, False)
    assert ran.stdout.rstrip().endswith("A sweep by this policy would work.")


def test_bad_usage_asks_nobody(enrolled: OrganizationBuilder, run: Run, tmp_path: Path) -> None:
    enrolled.front.calls.clear()
    (tmp_path / "bad.yaml").write_text("version: 2\n")
    for arguments in ((), ("--policy", str(tmp_path / "bad.yaml")), ("--policy", "none.yaml"), ("--workers", "0")):
        assert run("doctor", *arguments).exit_code == 2
    assert not enrolled.front.calls


def test_its_exit_codes_are_in_its_help(run: Run) -> None:
    text = " ".join(run("doctor", "--help").stdout.split())
    for words in ("0 healthy", "1 an error ended it", "2 bad usage", "3 the hub lacks something"):
        assert words in text
