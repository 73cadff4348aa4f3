"""`doctor` looks at everything, changes nothing and says at the terminal what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.demo.organization import BUCKET, TABLE
from tests.support.doctor import (
    BY_SCP,
    FRANKFURT,
    IRELAND,
    NO_POLICY,
    RULES,
    Doctor,
    account_id,
    found,
    mark,
    not_enrolled,
    refuse,
)
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run


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
    mark(enrolled, "sick")
    ran = doctor()
    names = {one["name"] for one in ran.report["checks"] if one["account_name"] == "sick" and one["status"] == "ok"}
    ec2 = {"DescribeInstances", "DescribeSpotInstanceRequests", "StopInstances", "StartInstances", "CreateTags"}
    assert names >= {"role", "stack_instance", "ec2:DeleteTags", "ec2:DescribeRegions"} | {f"ec2:{one}" for one in ec2}
    read = {
        (one["account_name"], one["region"]) for one in ran.report["checks"] if one["name"].endswith("ribeInstances")
    }
    assert read == {(name, region) for name in ("sick", "well") for region in (FRANKFURT, IRELAND)}
    hub = {one["name"] for one in ran.report["checks"] if one["area"] == "hub"}
    assert hub == {
        "identity",
        "organization",
        "other_policies",
        "names_resolved",
        "account_tags",
        "bulk_tags",
        "trusted_access",
        "stack_set",
        "bucket",
        "sweeps",
        "table",
        "kill_switch",
    }


def test_json_alone_is_on_stdout_and_progress_on_stderr(enrolled: OrganizationBuilder, doctor: Doctor) -> None:
    ran = doctor()
    assert set(json.loads(ran.stdout)) == {"healthy", "checks"}
    assert "Accounts checked: 2 of 2" in ran.stderr


# --- at the terminal --------------------------------------------------------------------------------------------------


def test_the_tables_fit_80_columns_and_say_what_to_do(
    enrolled: OrganizationBuilder, run: Run, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
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
