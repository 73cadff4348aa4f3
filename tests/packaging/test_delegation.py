"""`deploy-management` does nothing where AWS lets the hub list accounts anyway, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.demo.faults import Fault
from tests.packaging.deploying import Deploy, stacks
from tests.support.embedded import MANAGEMENT, OrganizationBuilder

TEMPLATE = """
Parameters:
  HubAccountId: {Type: String}
Resources:
  Policy: {Type: AWS::SSM::Parameter, Properties: {Name: /policy, Type: String, Value: !Ref HubAccountId}}
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


def test_a_hub_in_the_management_account_needs_nothing(organization: OrganizationBuilder, run: Deploy) -> None:
    ran = run("management", "--yes")
    assert (ran.exit_code, stacks(organization)) == (0, {})
    assert f"Not needed: the hub is in the management account, {MANAGEMENT}" in ran.stdout
    assert "Nothing was done (FLAGS=--force deploys it all the same)." in ran.stdout


def test_nor_does_a_delegated_administrator_unless_it_is_forced(
    organization: OrganizationBuilder, run: Deploy, hub: str
) -> None:
    organization.client("organizations").register_delegated_administrator(
        AccountId=hub,
        ServicePrincipal="ssm.amazonaws.com",  # moto knows few; any one counts
    )
    ran = run("management", "--yes")
    assert (ran.exit_code, stacks(organization)) == (0, {})
    assert f"Not needed: {hub} is a delegated administrator of this organization" in ran.stdout
    assert run("management", "--yes", "--force").exit_code == 0
    assert stacks(organization) == {NAME: "CREATE_COMPLETE"}


@pytest.mark.usefixtures("hub")
def test_any_other_account_needs_it(organization: OrganizationBuilder, run: Deploy) -> None:
    assert run("management", "--yes").exit_code == 0
    assert stacks(organization) == {NAME: "CREATE_COMPLETE"}


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
