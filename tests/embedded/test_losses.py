"""What a stop would lose, on the embedded AWS: kept in the plan, and right before the stop; what is lost is told."""

from __future__ import annotations

import pytest

from orchestrator.demo.faults import Fault
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT

ACCEPTING = "rules: [{name: dev, where: {tag: {Environment: dev}}, accept: [mac, instance_store_volumes]}]\n"
DENIED = Fault("UnauthorizedOperation", "You are not authorized.", 403, operation="ec2:DescribeInstanceTypes")
TYPES = ("t3.micro", "m5d.large", "mac2.metal")


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("dev")


@pytest.fixture
def launched(organization: OrganizationBuilder, account: str) -> dict[str, str]:
    """The id of one instance of each type."""
    return {one: organization.instances(account, FRANKFURT, 1, DEV, InstanceType=one)[0] for one in TYPES}


def test_a_plan_keeps_them_and_says_what_accepts_them_and_what_the_others_lose(
    launched: dict[str, str], run: Run, policy: Policy
) -> None:
    ran = run("plan", "--policy", policy(DEV_RULE, FRANKFURT), "--format", "json")
    rows = {row["resource_id"]: row for row in ran.report["decisions"]}
    plain, stored, mac = (rows[launched[one]] for one in TYPES)
    assert [one["verdict"] for one in (plain, stored, mac)] == ["stop", "keep", "keep"]
    assert [one["reason_code"] for one in (stored, mac)] == ["not_accepted", "not_accepted"]
    assert "accept: [instance_store_volumes]" in stored["reason"]
    assert "accept: [mac]" in mac["reason"]
    assert plain["losses"] == ["public_ipv4"]
    assert stored["losses"] == ["public_ipv4", "instance_store_volumes"]
    assert (plain["facts"]["auto_assigned_public_ipv4"], stored["facts"]["instance_storage_supported"]) == (True, True)


def test_a_rule_that_accepts_it_stops_them_and_the_summary_counts_what_is_lost(
    organization: OrganizationBuilder, account: str, launched: dict[str, str], run: Run, policy: Policy
) -> None:
    ran = run("sweep", "--policy", policy(ACCEPTING, FRANKFURT), "--mode", "enforce", "--yes")
    assert organization.down(account, FRANKFURT) == set(launched.values())
    told = " ".join(ran.stdout.split())
    assert (
        "EC2 instances (3) lose: their public IPv4 address; 1 its data on instance-store volumes; 1 its Mac host"
        in told
    )
    assert organization.front.calls["ec2:DescribeInstanceTypes"] == 1


def test_what_may_not_be_read_any_more_right_before_the_stop_keeps_it(
    organization: OrganizationBuilder, launched: dict[str, str], run: Run, policy: Policy
) -> None:
    planned = run("plan", "--policy", policy(DEV_RULE, FRANKFURT), "--format", "json").report
    organization.front.faults.add(DENIED)
    applied = run("apply", planned["sweep_id"], "--yes", "--format", "json").report
    row = {one["resource_id"]: one for one in applied["decisions"]}[launched["t3.micro"]]
    assert (row["verdict"], row["reason_code"]) == ("keep", "changed")
    assert "ec2:DescribeInstanceTypes: UnauthorizedOperation" in row["reason"]
    assert organization.front.calls["ec2:StopInstances"] == 0


def test_doctor_says_that_the_permission_is_missing(
    organization: OrganizationBuilder, launched: dict[str, str], run: Run, policy: Policy
) -> None:
    organization.front.faults.add(DENIED)
    ran = run("doctor", "--policy", policy(DEV_RULE, FRANKFURT), "--format", "json")
    [row] = [one for one in ran.report["checks"] if one["name"] == "ec2:DescribeInstanceTypes"]
    assert (ran.exit_code, row["status"], row["code"]) == (3, "failed", "missing_permission")
