"""The hourly check and the scheduled doctor under the roles that the template gives them."""

from __future__ import annotations

import pytest

from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.core.model import ActivePolicy
from orchestrator.demo.lambda_process import Context
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.lambdas import check, doctor
from orchestrator.ledger.ledger import Ledger
from tests.support.builders import AT
from tests.support.cloudformation import ACCOUNT
from tests.support.embedded import MANAGEMENT, OrganizationBuilder
from tests.support.permissions import Permissions, allowed_actions, enforce, pause, policy_of

NOT_HELD = {
    *("logs:CreateLogStream", "logs:PutLogEvents"),
    *("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
}
NIGHTLY = 'sweeps: [{name: nightly, mode: enforce, cron: "0 20 * * ? *"}]\n'


class CheckContext(Context):
    invoked_function_arn = f"arn:aws:lambda:eu-central-1:{MANAGEMENT}:function:stop-orchestrator-check"


@pytest.fixture
def two_policies(organization: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> OrganizationBuilder:
    environment = {**organization.hub(), "STOP_ORCHESTRATOR_POLICY": f"s3://{BUCKET}/policy.yaml"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ledger = Ledger(DynamoItems(organization.client("dynamodb"), TABLE), lambda: AT)
    for name, key in (("nonprod", "policy.yaml"), ("labs", "policies/labs.yaml")):
        text = f"version: 1\nname: {name}\nregions: {{include: [eu-central-1]}}\n{NIGHTLY}"
        organization.client("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        source = f"s3://{BUCKET}/{key}"
        ledger.activate_policy(name, ActivePolicy("1" * 64, "ann", "2026-11-01T00:00:00Z", source))
    monkeypatch.setattr("orchestrator.app.now", lambda: AT)
    return organization


def _under(hub: OrganizationBuilder, role: str) -> Permissions:
    permissions = Permissions(
        policy_of("member-role", "MemberRole"), policy_of("hub", role, ManagementAccountId=ACCOUNT)
    )
    enforce(hub, permissions)
    return permissions


def test_the_check_calls_what_its_role_allows_and_all_of_that(two_policies: OrganizationBuilder) -> None:
    permissions = _under(two_policies, "CheckRole")
    assert check.lambda_handler({}, CheckContext())["checked"] == 2
    pause(two_policies, permissions)
    assert permissions.refused == []
    called = {action for _, action in permissions.actions}
    assert allowed_actions(permissions.hub) - called == NOT_HELD


def test_the_doctor_writes_what_it_found_with_the_hub_s_role(two_policies: OrganizationBuilder) -> None:
    two_policies.account("dev-1")
    ledger = Ledger(DynamoItems(two_policies.client("dynamodb"), TABLE), lambda: AT)
    ledger.retire_policy("labs")  # whose text the hub's role may read where it is deployed with several
    permissions = _under(two_policies, "HubRole")
    [one] = doctor.lambda_handler({}, Context())["diagnoses"]
    pause(two_policies, permissions)
    assert one["report"].startswith(f"s3://{BUCKET}/doctor/dt=2026-11-23/")
    assert ("hub", "WriteDiagnoses") in permissions.used
    assert set(permissions.refused) <= {("hub", "s3:DeleteObject")}, "of the empty object by which it proves to write"
