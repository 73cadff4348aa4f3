"""The promises of a sweep as a user sees them, on an organization seeded and checked from outside."""

from __future__ import annotations

import pytest

from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import Policy, Run

pytestmark = pytest.mark.usefixtures("light_path")

FRANKFURT, IRELAND = "eu-central-1", "eu-west-1"
DEV = "rules: [{name: dev, where: {tag: {Environment: dev}}}]\n"
ENFORCE = ("sweep", "--mode", "enforce", "--yes", "--format", "json", "--policy")


def test_enforce_stops_exactly_what_the_policy_says_in_every_account_and_region(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    accounts = [organization.account(f"dev-{number}", "/Workloads/Dev") for number in range(3)]
    wanted = {
        (account, region): organization.instances(account, region, 2, {"Environment": "dev"})
        for account in accounts
        for region in (FRANKFURT, IRELAND)
    }
    for account in accounts:
        organization.instances(account, IRELAND, 2, {"Environment": "production"})
        organization.instances(account, "us-east-1", 1, {"Environment": "dev"})
    ran = run(*ENFORCE, policy(DEV))
    assert ran.exit_code == 0
    for (account, region), ids in wanted.items():
        assert organization.down(account, region) == set(ids)
        assert organization.down(account, "us-east-1") == set()
    assert ran.report["totals"]["stopped"] == 12


def test_a_denied_account_and_a_disabled_region_are_named_and_everything_else_is_done(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    good, denied = organization.account("good"), organization.account("denied", role=False)
    ids = organization.instances(good, FRANKFURT, 2, {"Environment": "dev"})
    ran = run(*ENFORCE, policy(DEV, FRANKFURT, "eu-south-1"))
    assert ran.exit_code == 3
    rows = {(row["account_id"], row["region"]): row for row in ran.report["coverage"]}
    assert rows[denied, "*"]["status"] == "denied"
    assert "is not authorized to perform: sts:AssumeRole" in rows[denied, "*"]["detail"]
    assert rows[good, "eu-south-1"]["status"] == "region_disabled"
    assert "not-opted-in" in rows[good, "eu-south-1"]["detail"]
    assert organization.down(good, FRANKFURT) == set(ids)


def test_six_candidates_against_a_limit_of_five_stop_nothing(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    account = organization.account("dev")
    organization.instances(account, FRANKFURT, 6, {"Environment": "dev"})
    ran = run(*ENFORCE, policy(DEV + "guardrails: {max_stops: 5}\n"))
    assert ran.exit_code == 4
    assert organization.front.calls["ec2:StopInstances"] == 0
    assert organization.down(account, FRANKFURT) == set()
    assert ran.report["guardrails"] == [
        {"name": "max_stops", "limit": 5, "actual": 6, "passed": False, "account_id": None, "detail": ""}
    ]


@pytest.mark.full
def test_one_bad_instance_among_a_hundred_leaves_ninety_nine_stopped(
    organization: OrganizationBuilder, run: Run, policy: Policy
) -> None:
    account = organization.account("dev")
    ids = organization.instances(account, FRANKFURT, 99, {"Environment": "dev"})
    [bad] = organization.instances(account, FRANKFURT, 1, {"Environment": "dev"}, DisableApiStop=True)
    ran = run(*ENFORCE, policy(DEV))
    assert ran.exit_code == 5
    assert organization.down(account, FRANKFURT) == set(ids)
    [failed] = [row for row in ran.report["outcomes"] if row["status"] == "failed"]
    assert (failed["resource_id"], failed["code"]) == (bad, "OperationNotPermitted")
    assert f"The instance '{bad}' may not be stopped" in failed["message"]
