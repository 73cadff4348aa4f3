"""`deploy-hub` tells the hub which account is the management account; without knowing it, it deploys all the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.demo.faults import Fault
from tests.packaging.deploying import HUB, Deploy, parameter, set_in
from tests.support.embedded import MANAGEMENT, OrganizationBuilder


@pytest.fixture(autouse=True)
def _template(folder: Path) -> None:
    declared = '  ManagementAccountId: {Type: String, Default: "none"}\n'
    value = "Properties: {Name: /known, Type: String, Value: !Ref ManagementAccountId}"
    place = f"  Known: {{Type: AWS::SSM::Parameter, {value}}}\n"
    text = HUB.replace("Parameters:\n", f"Parameters:\n{declared}").replace("Resources:\n", f"Resources:\n{place}")
    (folder / "hub" / "all.yaml").write_text(text)


def test_aws_is_asked_which_account_it_is(organization: OrganizationBuilder, run: Deploy) -> None:
    ran = run("hub", "--yes")
    assert re.search(rf"ManagementAccountId +│ {MANAGEMENT} +│ this command", ran.stdout)
    assert parameter(organization, "/known") == MANAGEMENT


def test_a_line_says_which_it_is(organization: OrganizationBuilder, run: Deploy, folder: Path) -> None:
    set_in(folder, "ManagementAccountId=111122223333")
    run("hub", "--yes")
    assert parameter(organization, "/known") == "111122223333"


def test_whoever_may_not_ask_deploys_without_it_where_the_organization_is_named(
    organization: OrganizationBuilder, run: Deploy, folder: Path
) -> None:
    set_in(folder, f"OrganizationId={organization.id}")
    organization.front.faults.add(Fault("AccessDeniedException", operation="organizations:DescribeOrganization"))
    assert run("hub", "--yes").exit_code == 0
    assert parameter(organization, "/known") == "none"
