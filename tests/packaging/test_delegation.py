"""`deploy-management` deploys no policy where AWS lets the hub list accounts anyway, and says so; it tags the root."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.core.model.bulk_tags import CANARY_TAG
from orchestrator.demo.faults import Fault
from tests.packaging.deploying import Deploy, stacks
from tests.support.embedded import MANAGEMENT, OrganizationBuilder

TEMPLATE = """
Parameters:
  HubAccountId: {Type: String}
  ListingDelegation: {Type: String, Default: needed}
Conditions:
  IsNeeded: !Equals [!Ref ListingDelegation, needed]
Resources:
  Role: {Type: AWS::SSM::Parameter, Properties: {Name: /role, Type: String, Value: a}}
  Policy:
    Type: AWS::SSM::Parameter
    Condition: IsNeeded
    Properties: {Name: /policy, Type: String, Value: !Ref HubAccountId}
"""
NAME = "stop-orchestrator-management"


@pytest.fixture(autouse=True)
def _template(folder: Path) -> None:
    (folder / "management.yaml").write_text(TEMPLATE)


@pytest.fixture
def hub(organization: OrganizationBuilder, folder: Path) -> str:
    """Another account than the management account."""
    account = organization.account("tooling")
    env = folder / "deploy.env"
    env.write_text(env.read_text().replace(f"HubAccountId={MANAGEMENT}", f"HubAccountId={account}"))
    return account


def made(organization: OrganizationBuilder) -> set[str]:
    """What the stack has made."""
    found = organization.client("ssm").describe_parameters()["Parameters"]
    return {one["Name"] for one in found}


def root_tags(organization: OrganizationBuilder) -> dict[str, str]:
    client = organization.client("organizations")
    tags = client.list_tags_for_resource(ResourceId=client.list_roots()["Roots"][0]["Id"])["Tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_a_hub_in_the_management_account_needs_no_stack_and_the_canary(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    shown = run("management", typed="no\n")
    assert (shown.exit_code, root_tags(organization)) == (1, {})
    ran = run("management", typed="yes\n")
    assert (ran.exit_code, stacks(organization)) == (0, {})
    assert f"No stack is needed: the hub is in the management account, {MANAGEMENT}" in ran.stdout
    assert re.search(rf"Add +│ {CANARY_TAG} +│ {organization.id} +│ r-", ran.stdout)
    assert root_tags(organization) == {CANARY_TAG: organization.id}
    again = run("management")
    assert (again.exit_code, "Nothing to do." in again.stdout, "Type yes" in again.stdout) == (0, True, False)


def test_looking_sets_no_canary(organization: OrganizationBuilder, run: Deploy) -> None:
    ran = run("management", "--dry-run")
    assert (ran.exit_code, root_tags(organization)) == (0, {})
    assert CANARY_TAG in ran.stdout
    assert "Nothing was changed." in ran.stdout


def test_a_canary_of_another_value_is_changed_and_other_tags_stay(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    client = organization.client("organizations")
    tags = [{"Key": CANARY_TAG, "Value": "o-before00000"}, {"Key": "Team", "Value": "platform"}]
    client.tag_resource(ResourceId=client.list_roots()["Roots"][0]["Id"], Tags=tags)
    ran = run("management", "--yes")
    assert "Modify" in ran.stdout
    assert root_tags(organization) == {CANARY_TAG: organization.id, "Team": "platform"}


def test_removal_takes_the_canary_away_also_where_there_is_no_stack(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    run("management", "--yes")
    assert run("remove-management", typed="no\n").exit_code == 1
    assert CANARY_TAG in root_tags(organization)
    ran = run("remove-management", typed="yes\n")
    assert (ran.exit_code, root_tags(organization)) == (0, {})
    assert "There is no stack" in run("remove-management", "--yes").stdout


def test_a_delegated_administrator_needs_no_policy_unless_it_is_forced(
    organization: OrganizationBuilder, run: Deploy, hub: str
) -> None:
    organization.client("organizations").register_delegated_administrator(
        AccountId=hub,
        ServicePrincipal="ssm.amazonaws.com",  # moto knows few; any one counts
    )
    ran = run("management", "--yes")
    assert (ran.exit_code, stacks(organization)) == (0, {NAME: "CREATE_COMPLETE"})
    assert f"No policy is needed: {hub} is a delegated administrator of this organization" in ran.stdout
    assert (made(organization), root_tags(organization)) == ({"/role"}, {CANARY_TAG: organization.id})
    ran = run("management", "--yes", "--force")  # moto adds no resource whose condition holds by now
    assert re.search(r"ListingDelegation +│ not-needed +│ needed", ran.stdout)


@pytest.mark.usefixtures("hub")
def test_any_other_account_needs_it(organization: OrganizationBuilder, run: Deploy) -> None:
    assert run("management", "--yes").exit_code == 0
    assert stacks(organization) == {NAME: "CREATE_COMPLETE"}
    assert (made(organization), root_tags(organization)) == ({"/role", "/policy"}, {CANARY_TAG: organization.id})
    assert run("remove-management", "--yes").exit_code == 0
    assert (stacks(organization), root_tags(organization)) == ({}, {})


@pytest.mark.usefixtures("hub")
def test_a_root_that_may_not_be_looked_at_is_told_and_the_rest_is_deployed(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    organization.front.faults.add(
        Fault("AccessDeniedException", "not you", operation="organizations:ListTagsForResource")
    )
    ran = run("management", "--yes")
    assert (ran.exit_code, stacks(organization)) == (0, {NAME: "CREATE_COMPLETE"})
    assert f"The tag {CANARY_TAG} of the root was not looked at, and stays as it is: " in ran.stdout


@pytest.mark.usefixtures("hub")
def test_where_it_cannot_be_seen_it_is_deployed_after_the_question(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    denied = Fault("AccessDeniedException", "not you", 400, operation="organizations:ListDelegatedAdministrators")
    organization.front.faults.add(denied)
    ran = run("management", typed="no\n")
    assert ("Type yes" in ran.stdout, ran.exit_code) == (True, 1)


def test_it_is_deployed_in_the_management_account_and_nowhere_else(
    organization: OrganizationBuilder, run: Deploy
) -> None:
    elsewhere = Fault(body='{"Organization": {"MasterAccountId": "111122223333"}}', status=200)
    elsewhere.operation = "organizations:DescribeOrganization"
    organization.front.faults.add(elsewhere)
    ran = run("management", "--yes")
    assert (ran.exit_code, stacks(organization)) == (2, {})
    assert f"this is account {MANAGEMENT}; the organization's resource policy is made in its management" in ran.stderr
