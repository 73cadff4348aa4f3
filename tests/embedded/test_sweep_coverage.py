"""Whatever keeps a target from being read becomes coverage with AWS's own words, and everything else is done."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.demo.calls import Call
from orchestrator.demo.faults import Fault
from tests.support.embedded import MANAGEMENT, ROLE, OrganizationBuilder
from tests.support.sweeps import DEV, DEV_RULE, FRANKFURT, IRELAND, MILAN, Sweeps, assert_done

DESCRIBE = "ec2:DescribeInstances"
BY_SCP = "with an explicit deny in a service control policy"
OPT_OUT = "stop-orchestrator:opt-out"


# --- accounts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "closed",
    [{"role": False}, {"external_id": "another-id"}, {"trusted": "999999999999"}],
    ids=["no role", "another external id", "trust in another account"],
)
def test_an_account_whose_role_cannot_be_assumed_is_denied_in_the_words_of_sts(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str, closed: dict[str, Any]
) -> None:
    denied = organization.account("denied", **closed)
    swept = sweep()
    row = swept.coverage[denied, "*"]
    assert (row["status"], swept.exit_code) == ("denied", 3)
    assert row["detail"] == (
        f"sts:AssumeRole: AccessDenied: User: arn:aws:iam::{MANAGEMENT}:root is not authorized to perform: "
        f"sts:AssumeRole on resource: arn:aws:iam::{denied}:role/{ROLE}"
    )
    assert_done(swept, organization, healthy)


def test_the_right_external_id_opens_the_account(organization: OrganizationBuilder, sweep: Sweeps) -> None:
    account = organization.account("guarded", external_id="our-id")
    assert sweep(external_id="our-id").statuses()[account, FRANKFURT] == "scanned"


def test_credentials_of_another_account_are_never_used(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    asked, other = organization.account("asked"), organization.account("other", role=True)
    organization.instances(other, IRELAND, 1, DEV)

    def answer_for_the_other(call: Call) -> None:
        call.replace_form({**call.form, "RoleArn": call.form["RoleArn"].replace(asked, other)})

    organization.front.faults.add(Fault(operation="sts:AssumeRole", account=asked, effect=answer_for_the_other))
    swept = sweep()
    row = swept.coverage[asked, "*"]
    assert (row["status"], swept.exit_code) == ("failed", 3)
    assert row["detail"] == (f"sts:AssumeRole: WrongAccount: asked about account {asked}, AWS answered about {other}")
    assert {row["account_id"] for row in swept.document["decisions"]} == {healthy, other}
    assert_done(swept, organization, healthy)


def test_instances_of_another_account_leave_their_target_unread(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    asked, other = organization.account("asked"), organization.account("other", tags={OPT_OUT: "true"})
    organization.instances(other, IRELAND, 1, DEV)

    def answer_for_the_other(call: Call) -> None:
        call.environ["HTTP_X_MOTO_ACCOUNT_ID"] = other

    organization.front.faults.add(Fault(operation=DESCRIBE, account=asked, region=IRELAND, effect=answer_for_the_other))
    swept = sweep()
    assert (swept.coverage[asked, IRELAND]["status"], swept.exit_code) == ("failed", 3)
    assert (
        f"WrongAccount: asked about account {asked}, AWS answered about {other}"
        in (swept.coverage[asked, IRELAND]["detail"])
    )
    assert swept.coverage[asked, FRANKFURT]["status"] == "scanned"
    assert organization.down(other, IRELAND) == set()
    assert_done(swept, organization, healthy)


@pytest.mark.parametrize(
    ("operation", "code", "place"),
    [("sts:AssumeRole", "AccessDenied", "*"), (DESCRIBE, "UnauthorizedOperation", IRELAND)],
)
def test_a_service_control_policy_is_named_as_what_denies(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str, operation: str, code: str, place: str
) -> None:
    walled = organization.account("walled")
    message = f"User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: {operation} {BY_SCP}"
    region = "*" if place == "*" else place
    organization.front.faults.add(Fault(code, message, 403, account=walled, operation=operation, region=region))
    swept = sweep()
    row = swept.coverage[walled, place]
    assert row["status"] == "denied"
    assert row["detail"] == f"denied by a service control policy; {operation}: {code}: {message}"
    assert_done(swept, organization, healthy)


def test_a_suspended_account_is_suspended_and_not_even_tried(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    closed = organization.account("closed")
    organization.close(closed)
    swept = sweep()
    assert swept.coverage[closed, "*"]["status"] == "suspended"
    assert "SUSPENDED" in swept.coverage[closed, "*"]["detail"]
    assert swept.document["calls"]["sts:AssumeRole"] == 1
    assert swept.exit_code == 0
    assert_done(swept, organization, healthy)


def test_an_account_and_an_ou_that_opted_out_are_left_alone_and_say_by_which_tag(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    account = organization.account("own", tags={OPT_OUT: "true", f"{OPT_OUT}-reason": "audit"})
    organization.unit("/Labs", {OPT_OUT: "true"})
    below = organization.account("below", "/Labs/Deep")
    ids = organization.instances(account, FRANKFURT, 1, DEV) + organization.instances(below, FRANKFURT, 1, DEV)
    swept = sweep()
    assert swept.coverage[account, "*"]["status"] == swept.coverage[below, "*"]["status"] == "opted_out"
    assert "on the account" in swept.coverage[account, "*"]["detail"]
    assert "reason: audit" in swept.coverage[account, "*"]["detail"]
    assert "on the OU /Labs" in swept.coverage[below, "*"]["detail"]
    assert not set(ids) & set(swept.decisions)
    assert swept.exit_code == 0
    assert_done(swept, organization, healthy)


def test_what_the_policy_excludes_is_excluded_with_the_reason(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    named = organization.account("named", "/Dev")
    below = organization.account("below", "/Dev/Always-On")
    wanted = organization.account("wanted", "/Dev")
    scope = f"{{include: [/Dev], exclude: [/Dev/Always-On], exclude_accounts: ['{named}']}}"
    swept = sweep(f"{DEV_RULE}organization: {scope}\n")
    details = {place: row["detail"] for place, row in swept.coverage.items() if row["status"] == "excluded"}
    assert set(details) == {(account, "*") for account in (named, below, healthy, MANAGEMENT)}
    assert "exclude_accounts" in details[named, "*"]
    assert "/Dev/Always-On" in details[below, "*"]
    assert "none of the OUs" in details[healthy, "*"]
    assert "include_management_account" in details[MANAGEMENT, "*"]
    assert swept.statuses()[wanted, FRANKFURT] == "scanned"
    assert swept.exit_code == 0


def test_the_management_account_is_read_where_the_policy_says_so_and_the_role_exists(
    organization: OrganizationBuilder, sweep: Sweeps
) -> None:
    policy = f"{DEV_RULE}organization: {{include_management_account: true}}\n"
    assert sweep(policy).statuses()[MANAGEMENT, "*"] == "denied"
    organization.member_role(MANAGEMENT)
    assert sweep(policy).statuses()[MANAGEMENT, FRANKFURT] == "scanned"


def test_an_account_whose_tags_cannot_be_read_is_kept(organization: OrganizationBuilder, sweep: Sweeps) -> None:
    unknown = organization.account("unknown", "/Dev")
    [one] = organization.instances(unknown, FRANKFURT, 1, DEV)
    fault = Fault("AccessDeniedException", "You don't have permissions", operation="organizations:ListTagsForResource")
    organization.front.faults.add(fault)
    swept = sweep()
    row = swept.coverage[unknown, "*"]
    assert (row["status"], swept.exit_code) == ("failed", 3)
    assert "opt-out tags could not be read, so it is kept: AccessDeniedException: You don't have" in row["detail"]
    assert one not in organization.down(unknown, FRANKFURT)
    assert [row for row in swept.document["decisions"] if row["account_id"] == unknown] == []


# --- regions --------------------------------------------------------------------------------------------------------


def test_a_disabled_region_is_region_disabled_where_it_is_disabled_and_read_where_it_is_enabled(
    organization: OrganizationBuilder, sweep: Sweeps
) -> None:
    without, having = organization.account("without"), organization.account("having")
    with organization.acting_in(having):
        organization.client("account").enable_region(RegionName=MILAN)
    [one] = organization.instances(having, MILAN, 1, DEV)
    swept = sweep(regions=(FRANKFURT, MILAN))
    row = swept.coverage[without, MILAN]
    assert (row["status"], row["detail"]) == ("region_disabled", "ec2:DescribeRegions: OptInStatus is not-opted-in")
    assert swept.statuses()[having, MILAN] == "scanned"
    assert organization.down(having, MILAN) == {one}
    assert swept.exit_code == 0


def test_a_hub_in_a_region_that_no_other_account_opted_into_sweeps_them_all(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, neither STS gives credentials of those accounts, nor EC2 the list of their regions."""
    organization.client("account").enable_region(RegionName=MILAN)
    monkeypatch.setenv("AWS_REGION", MILAN)
    swept = sweep(regions=(FRANKFURT, IRELAND, MILAN))
    assert swept.statuses()[healthy, MILAN] == "region_disabled"
    assert_done(swept, organization, healthy)
    refused = sweep(common_region=MILAN)
    assert refused.coverage[healthy, "*"]["detail"] == (
        f"sts:AssumeRole: RegionDisabledException: STS is not activated in this region for account: {healthy}"
    )


def test_a_policy_without_any_region_that_exists_leaves_no_account_without_a_state(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    swept = sweep(regions=("mars-*",))
    assert swept.statuses()[healthy, "*"] == "excluded"
    assert "none of its regions" in swept.coverage[healthy, "*"]["detail"]


# --- many -----------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_forty_five_accounts_in_three_pages_are_all_read(organization: OrganizationBuilder, sweep: Sweeps) -> None:
    accounts = [organization.account(f"account-{number}") for number in range(45)]
    last = organization.instances(accounts[-1], FRANKFURT, 1, DEV)
    swept = sweep(regions=(FRANKFURT,))
    assert {place for place, status in swept.statuses().items() if status == "scanned"} == {
        (account, FRANKFURT) for account in accounts
    }
    assert swept.document["calls"]["organizations:ListAccountsForParent"] == 3
    assert swept.document["calls"]["sts:AssumeRole"] == 45
    assert organization.down(accounts[-1], FRANKFURT) == set(last)


def test_instances_on_later_pages_are_stopped_too(organization: OrganizationBuilder, sweep: Sweeps) -> None:
    account = organization.account("dev")
    ids = {one for _ in range(5) for one in organization.instances(account, FRANKFURT, 1, DEV)}
    organization.front.instances_a_page = 2
    swept = sweep(regions=(FRANKFURT,))
    assert set(swept.decisions) == ids
    organization.front.instances_a_page = None
    assert organization.down(account, FRANKFURT) == ids
    assert swept.exit_code == 0


@pytest.mark.parametrize(("limit", "exit_code", "down"), [(50, 3, 1), (51, 4, 0)])
def test_an_account_without_known_regions_weighs_as_many_targets_as_the_hub_has_regions_in_scope(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str, limit: int, exit_code: int, down: int
) -> None:
    organization.account("denied", role=False)
    excused = organization.account("excused", tags={OPT_OUT: "true"})
    swept = sweep(f"{DEV_RULE}guardrails: {{min_coverage_percent: {limit}}}\n", regions=(FRANKFURT, IRELAND, MILAN))
    [guardrail] = swept.document["guardrails"]
    assert (guardrail["actual"], guardrail["passed"]) == (50, exit_code == 3)
    assert swept.exit_code == exit_code
    assert len(organization.down(healthy, FRANKFURT)) == down
    assert swept.statuses()[excused, "*"] == "opted_out"


def test_when_the_time_is_up_what_is_left_is_not_attempted_and_nothing_is_stopped(
    organization: OrganizationBuilder, sweep: Sweeps, healthy: str
) -> None:
    calls = organization.front.calls
    swept = sweep(out_of_time=lambda: calls[DESCRIBE] > 0, workers=1)
    assert sorted(swept.statuses().values()) == ["excluded", "not_attempted", "scanned"]
    assert organization.down(healthy, FRANKFURT) == set()
    assert swept.exit_code == 3
