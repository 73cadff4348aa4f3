"""The gates of the embedded AWS answer as AWS does where moto would not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.demo.organization import member_trust
from tests.support.embedded import MANAGEMENT, ROLE, OrganizationBuilder, refused, session
from tests.support.sweeps import FRANKFURT, IRELAND, MILAN

ADMIN = "OrganizationAccountAccessRole"


def assume(organization: OrganizationBuilder, account: str, role: str = ROLE, **arguments: str) -> Any:
    """A session in that account, from the management account."""
    arn = f"arn:aws:iam::{account}:role/{role}"
    answer = organization.client("sts").assume_role(RoleArn=arn, RoleSessionName="test", **arguments)
    return session(answer["Credentials"])


def set_trust(organization: OrganizationBuilder, account: str, statement: dict[str, Any]) -> None:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **statement}]}
    with organization.acting_in(account):
        organization.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(trust))


# --- AssumeRole -------------------------------------------------------------------------------------------------------


def test_a_role_is_assumed_into_its_own_account(organization: OrganizationBuilder) -> None:
    account = organization.account("member")
    identity = assume(organization, account).client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (account, f"arn:aws:sts::{account}:assumed-role/{ROLE}/test")


@pytest.mark.parametrize(
    ("member", "arguments"),
    [
        ({"role": False}, {}),
        ({"trusted": "999999999999"}, {}),
        ({"external_id": "right"}, {}),
        ({"external_id": "right"}, {"ExternalId": "wrong"}),
        ({}, {"role": "another"}),
    ],
)
def test_a_role_that_is_missing_or_does_not_trust_the_caller_is_refused(
    organization: OrganizationBuilder, member: dict[str, Any], arguments: dict[str, str]
) -> None:
    account = organization.account("member", **member)
    with refused("AccessDenied", f"to perform: sts:AssumeRole on resource: arn:aws:iam::{account}:role/"):
        assume(organization, account, **arguments)


def test_the_right_external_id_is_let_in(organization: OrganizationBuilder) -> None:
    account = organization.account("member", external_id="right")
    assert assume(organization, account, ExternalId="right")


def test_a_closed_account_lets_nobody_in(organization: OrganizationBuilder) -> None:
    account = organization.account("member")
    organization.close(account)
    with refused("AccessDenied"):
        assume(organization, account)


@pytest.mark.parametrize(
    ("statement", "is_let_in"),
    [
        ({"Principal": {"AWS": MANAGEMENT}}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"Service": "lambda.amazonaws.com"}}, False),
        ({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-another"}}}, False),
        ({"Principal": "*", "Condition": {"StringLike": {"aws:principalorgid": "o-*"}}}, True),
        ({"Principal": "*", "Condition": {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{MANAGEMENT}:root"}}}, True),
        ({"Principal": "*", "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/x"}}}, False),
        ({"Principal": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}, False),
        ({"Principal": "*", "Action": "sts:TagSession"}, False),
        ({"Principal": "*", "Effect": "Deny"}, False),
    ],
)
def test_trust_is_evaluated_as_by_iam(
    organization: OrganizationBuilder, statement: dict[str, Any], is_let_in: bool
) -> None:
    account = organization.account("member")
    set_trust(organization, account, statement)
    if is_let_in:
        assert assume(organization, account)
        return
    with refused("AccessDenied"):
        assume(organization, account)


def test_a_caller_from_another_organization_is_refused(organization: OrganizationBuilder) -> None:
    """The member trusts everyone in its organization; the caller's account has just left it."""
    account, leaver = organization.account("member"), organization.account("leaver")
    trust = member_trust("*", organization.id)["Statement"][0]
    set_trust(organization, account, {"Principal": "*", "Condition": trust["Condition"]})
    sts = assume(organization, leaver).client("sts")
    arguments = {"RoleArn": f"arn:aws:iam::{account}:role/{ROLE}", "RoleSessionName": "test"}
    assert sts.assume_role(**arguments)
    organization.client("organizations").remove_account_from_organization(AccountId=leaver)
    with refused("AccessDenied", f"arn:aws:iam::{leaver}:role/{ROLE}"):
        sts.assume_role(**arguments)


def test_the_management_account_gets_into_the_accounts_that_it_created(organization: OrganizationBuilder) -> None:
    account = organization.account("member", role=False)
    assert assume(organization, account, ADMIN).client("iam").list_roles()["Roles"][0]["RoleName"] == ADMIN


def test_a_session_may_do_what_its_policy_allows_and_nothing_more(organization: OrganizationBuilder) -> None:
    account = organization.account("member")
    [one] = organization.instances(account, FRANKFURT)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]}
    ec2 = assume(organization, account, Policy=json.dumps(policy)).client("ec2")
    assert ec2.describe_instances()["Reservations"]
    with refused("UnauthorizedOperation", "because no session policy allows the ec2:StopInstances action"):
        ec2.stop_instances(InstanceIds=[one])
    assert assume(organization, account).client("ec2").stop_instances(InstanceIds=[one])


# --- regions ----------------------------------------------------------------------------------------------------------


def test_a_region_is_closed_until_the_account_opts_in_and_after_it_opts_out(organization: OrganizationBuilder) -> None:
    account, other = organization.account("member"), organization.account("other")
    admin = assume(organization, account)
    ec2, regions = admin.client("ec2", region_name=MILAN), admin.client("account")
    with refused("AuthFailure", "AWS was not able to validate the provided access credentials"):
        ec2.describe_instances()
    regions.enable_region(RegionName=MILAN)
    assert ec2.describe_instances()["Reservations"] == []
    assert regions.get_region_opt_status(RegionName=MILAN)["RegionOptStatus"] == "ENABLED"
    with refused("AuthFailure"):
        assume(organization, other).client("ec2", region_name=MILAN).describe_instances()
    regions.disable_region(RegionName=MILAN)
    with refused("AuthFailure"):
        ec2.describe_instances()


def test_the_management_account_opts_in_for_a_member(organization: OrganizationBuilder) -> None:
    account = organization.account("member")
    organization.client("account").enable_region(AccountId=account, RegionName=MILAN)
    assert assume(organization, account).client("ec2", region_name=MILAN).describe_instances()
    enabled = assume(organization, account).client("account").list_regions(RegionOptStatusContains=["ENABLED"])
    assert enabled["Regions"] == [{"RegionName": MILAN, "RegionOptStatus": "ENABLED"}]


def test_a_region_that_is_enabled_by_default_stays_enabled(organization: OrganizationBuilder) -> None:
    for call in (organization.client("account").disable_region, organization.client("account").enable_region):
        with refused("ValidationException", "by default"):
            call(RegionName=IRELAND)
    with refused("ValidationException"):
        organization.client("account").enable_region(RegionName="mars-1")


def test_regions_are_described_as_the_account_sees_them(organization: OrganizationBuilder) -> None:
    ec2 = organization.client("ec2", FRANKFURT)

    def seen(**arguments: Any) -> dict[str, str]:
        return {one["RegionName"]: one["OptInStatus"] for one in ec2.describe_regions(**arguments)["Regions"]}

    assert set(seen().values()) == {"opt-in-not-required"}
    assert set(seen(AllRegions=True).values()) == {"opt-in-not-required", "not-opted-in"}
    assert seen(RegionNames=[MILAN, IRELAND]) == {MILAN: "not-opted-in", IRELAND: "opt-in-not-required"}
    organization.client("account").enable_region(RegionName=MILAN)
    assert seen(Filters=[{"Name": "opt-in-status", "Values": ["opted-in"]}]) == {MILAN: "opted-in"}
    with refused("InvalidParameterValue", "mars-1"):
        ec2.describe_regions(RegionNames=["mars-1"])
    with refused("InvalidParameterValue", "colour"):
        ec2.describe_regions(Filters=[{"Name": "colour", "Values": ["red"]}])
