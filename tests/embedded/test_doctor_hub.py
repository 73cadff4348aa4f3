"""`doctor` says what the hub itself lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.dynamodb_items import DynamoItems
from orchestrator.core.model import ActivePolicy
from orchestrator.core.report.manifest import anchor_text, sha256_of
from orchestrator.demo.faults import Fault
from orchestrator.demo.gates.tagging import INDEX
from orchestrator.demo.organization import BUCKET, TABLE
from orchestrator.ledger.ledger import Ledger
from orchestrator.ledger.records import SweepSummary
from tests.support.builders import AT, SWEEP_ID
from tests.support.doctor import (
    Doctor,
    found,
    row,
)
from tests.support.embedded import OrganizationBuilder
from tests.support.suites import only_in_full


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


def test_that_tags_are_read_one_by_one_is_a_warning_with_the_reason(
    enrolled: OrganizationBuilder, doctor: Doctor
) -> None:
    refused = Fault("AccessDeniedException", "not you", operation="tagging:GetResources", times=1)
    enrolled.front.faults.add(refused)
    ran = doctor()
    assert (ran.exit_code, found(ran, "failed", "warning")) == (0, {("hub", "bulk_tags", "no_bulk_tags")})
    assert row(ran, "bulk_tags", None)["detail"] == "AccessDeniedException: not you"
    INDEX.lacks = {enrolled.client("organizations").list_roots()["Roots"][0]["Id"]}
    assert "`make deploy-management` writes it" in row(doctor(), "bulk_tags", None)["detail"]


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
    unnamed = {("hub", "kill_switch", "unreadable")} if operation == "dynamodb:GetItem" else set()  # the table names it
    assert (ran.exit_code, found(ran, "failed")) == (3, {("hub", check, found_code), *unnamed})


def test_a_bucket_and_a_table_that_are_not_there_are_named(
    enrolled: OrganizationBuilder, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_ORCHESTRATOR_REPORT_BUCKET", "no-such-bucket")
    monkeypatch.setenv("STOP_ORCHESTRATOR_TABLE", "no-such-table")
    checks = ("bucket", "table", "kill_switch", "names_resolved")  # what the table may say of them
    assert found(doctor(), "failed") == {("hub", one, "unreadable") for one in checks}


ANCHOR = "/stop-orchestrator/anchor"
SHA = "0" * 64


@pytest.fixture
def anchored(enrolled: OrganizationBuilder, monkeypatch: pytest.MonkeyPatch) -> OrganizationBuilder:
    monkeypatch.setenv("STOP_ORCHESTRATOR_ANCHOR", ANCHOR)
    return enrolled


def set_anchor(organization: OrganizationBuilder, text: str) -> None:
    organization.client("ssm").put_parameter(Name=ANCHOR, Value=text, Type="String", Overwrite=True)


def set_head(organization: OrganizationBuilder, sweep_id: str) -> None:
    head = {"PK": "CHAIN", "SK": "HEAD", "sweep_id": sweep_id, "sha256": SHA}
    item: Any = {name: {"S": value} for name, value in head.items()}
    organization.client("dynamodb").put_item(TableName=TABLE, Item=item)


def test_without_an_anchor_there_is_no_row_of_it(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    assert "anchor" not in {one["name"] for one in doctor().report["checks"]}


def test_an_anchor_is_ok_where_the_chain_leads_to_it_and_wrong_elsewhere(
    anchored: OrganizationBuilder, doctor: Doctor
) -> None:
    ran = doctor()
    assert (ran.exit_code, row(ran, "anchor", None)["status"]) == (0, "not_checked")
    set_head(anchored, SWEEP_ID)
    absent = row(doctor(), "anchor", None)
    assert (absent["status"], "somebody removed it" in absent["advice"]) == ("not_checked", True)
    set_anchor(anchored, anchor_text((SWEEP_ID, SHA)))
    ran = doctor()
    assert (ran.exit_code, row(ran, "anchor", None)["status"]) == (0, "ok")
    for text, says in ((anchor_text((SWEEP_ID, "1" * 64)), "does not lead"), ("go", "names no sweep")):
        set_anchor(anchored, text)
        ran = doctor()
        assert (ran.exit_code, found(ran, "failed")) == (3, {("hub", "anchor", "wrong_anchor")})
        wrong = row(ran, "anchor", None)
        assert says in wrong["detail"]
        assert "verify --all" in wrong["advice"]


def test_an_anchor_that_may_not_be_read_is_named_with_what_to_allow(
    anchored: OrganizationBuilder, doctor: Doctor
) -> None:
    anchored.front.faults.add(Fault(code="AccessDeniedException", message="not you", operation="ssm:GetParameter"))
    ran = doctor()
    refused = row(ran, "anchor", None)
    assert (ran.exit_code, refused["status"], refused["code"]) == (3, "failed", "missing_permission")
    assert refused["detail"] == f"ssm:GetParameter {ANCHOR}: AccessDeniedException: not you"
    assert "ssm:GetParameter" in refused["advice"]


@pytest.mark.full
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
    unreadable = {("hub", one, "unreadable") for one in ("kill_switch", "names_resolved")}
    assert found(ran, "failed") == {("hub", "table", "wrong_keys"), *unreadable}
    assert row(ran, "table", None)["detail"] == "other: its keys are id, not PK, SK; its index GSI1 is missing"


@pytest.mark.parametrize(
    ("value", "status", "code", "said"),
    [
        ("go\n", "ok", "ok", "switch: go"),
        ("stopp", "failed", "kill_switch_pulled", "says 'stopp', not 'go'"),
        (None, "failed", "kill_switch_pulled", "does not exist, so it does not say 'go'"),
    ],
)
def test_the_kill_switch_is_read(
    enrolled: OrganizationBuilder, doctor: Doctor, tmp_path: Path, value: str | None, status: str, code: str, said: str
) -> None:
    if value is not None:
        (tmp_path / "switch").write_text(value)
    ran = doctor("--kill-switch", f"file:{tmp_path / 'switch'}")
    assert ("hub", "kill_switch", code) in found(ran, status)
    assert row(ran, "kill_switch", None)["detail"].endswith(said)


@pytest.mark.full
def test_a_kill_switch_that_cannot_be_read_fails(enrolled: OrganizationBuilder, doctor: Doctor, tmp_path: Path) -> None:
    ran = doctor("--kill-switch", f"file:{tmp_path}")
    assert ("hub", "kill_switch", "unreadable") in found(ran, "failed")


def test_that_there_is_no_kill_switch_is_a_warning(
    enrolled: OrganizationBuilder, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STOP_ORCHESTRATOR_KILL_SWITCH")
    ran = doctor()
    assert ("hub", "kill_switch", "no_kill_switch") in found(ran, "warning")
    assert row(ran, "kill_switch", None)["detail"].startswith("there is none")


def test_the_kill_switch_of_the_table_is_read_too(
    enrolled: OrganizationBuilder, doctor: Doctor, tmp_path: Path
) -> None:
    (tmp_path / "switch").write_text("go")
    item = {"PK": "SETTINGS", "SK": "KILL_SWITCH", "name": "/the/hub/switch"}
    enrolled.client("dynamodb").put_item(TableName=TABLE, Item={name: {"S": one} for name, one in item.items()})
    ran = doctor("--kill-switch", f"file:{tmp_path / 'switch'}")
    assert ("hub", "kill_switch", "kill_switch_pulled") in found(ran, "failed")
    assert "/the/hub/switch" in row(ran, "kill_switch", None)["detail"]


@pytest.mark.full
def test_a_topic_is_looked_up(enrolled: OrganizationBuilder, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = enrolled.client("sns").create_topic(Name="approvals")["TopicArn"]
    monkeypatch.setenv("STOP_ORCHESTRATOR_TOPIC", topic)
    assert ("hub", "topic", "ok") in found(doctor(), "ok")
    monkeypatch.setenv("STOP_ORCHESTRATOR_TOPIC", f"{topic}-gone")
    assert ("hub", "topic", "unreadable") in found(doctor(), "warning")


def test_a_sweep_that_was_missed_is_told_with_when_it_was_due(
    enrolled: OrganizationBuilder, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(DynamoItems(enrolled.client("dynamodb"), TABLE), lambda: AT)
    source = f"s3://{BUCKET}/policies/nonprod.yaml"
    text = 'version: 1\nname: nonprod\nsweeps: [{name: nightly, mode: enforce, cron: "0 12 * * ? *"}]\n'
    enrolled.client("s3").put_object(Bucket=BUCKET, Key="policies/nonprod.yaml", Body=text.encode())
    ledger.activate_policy("nonprod", ActivePolicy(sha256_of(text.encode()), "ann", "2026-11-22T00:00:00Z", source))
    monkeypatch.setattr("orchestrator.app.now", lambda: AT)
    ran = doctor()
    assert (ran.exit_code, found(ran, "warning") & {("hub", "sweeps", "sweep_missed")}) == (
        0,
        {("hub", "sweeps", "sweep_missed")},
    )
    due = "enforce of nonprod (nightly): was due at 2026-11-23 12:00 UTC, and"
    assert row(ran, "sweeps", None)["detail"] == f"{due} did not run since"
    ledger.begin(SweepSummary("20261123T120300Z-7f3a9c", "complete", "enforce", "nonprod", "2026-11-23T12:03:00Z"))
    assert row(doctor(), "sweeps", None)["detail"] == f"{due} ran at 2026-11-23 12:03 UTC (20261123T120300Z-7f3a9c)"
    enrolled.client("s3").delete_object(Bucket=BUCKET, Key="policies/nonprod.yaml")
    unread = row(doctor(), "sweeps", None)
    assert (unread["status"], source in unread["detail"]) == ("not_checked", True)
