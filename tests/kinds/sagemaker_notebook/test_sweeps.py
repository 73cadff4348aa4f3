"""Notebook instances in whole sweeps of the embedded AWS: kept unless a rule accepts what is lost, stopped, undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.model import Mode
from orchestrator.demo.faults import Fault
from tests.kinds.sagemaker_notebook.harness import seed
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
from tests.support.fixtures import Run
from tests.support.sweeps import DEV, FRANKFURT, Sweeps, result

ACCEPTED = "accept: [files_outside_volume]"
RULE = "rules: [{name: dev, kinds: [sagemaker_notebook], where: {tag: {Environment: dev}}%s}]\n"


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("member")


def status(organization: OrganizationBuilder, account: str, name: str) -> str:
    with organization.acting_in(account):
        client = organization.client("sagemaker", FRANKFURT)
        return str(client.describe_notebook_instance(NotebookInstanceName=name)["NotebookInstanceStatus"])


def test_a_notebook_is_kept_unless_its_rule_accepts_what_is_lost(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    notebook = seed(organization, account, FRANKFURT, DEV)
    row = sweep(RULE % "").decisions[notebook]
    assert (row["verdict"], row["reason_code"]) == ("keep", "not_accepted")
    assert "everything outside /home/ec2-user/SageMaker is lost" in row["reason"]
    assert "accept: [files_outside_volume]" in row["reason"]
    accepted = sweep(RULE % f", {ACCEPTED}", Mode.PLAN).decisions[notebook]
    assert (accepted["verdict"], accepted["losses"]) == ("stop", ["files_outside_volume"])
    assert status(organization, account, notebook) == "InService"


@pytest.mark.parametrize("tags", [{"stop-orchestrator:opt-out": "true"}, {"Environment": "prod"}])
def test_what_opted_out_or_has_no_rule_is_kept(
    organization: OrganizationBuilder, sweep: Sweeps, account: str, tags: dict[str, str]
) -> None:
    notebook = seed(organization, account, FRANKFURT, {**DEV, **tags})
    swept = sweep(RULE % f", {ACCEPTED}")
    assert (swept.decisions[notebook]["verdict"], swept.outcomes) == ("keep", {})
    assert status(organization, account, notebook) == "InService"


def test_notebooks_that_cannot_be_read_leave_instances_of_the_same_target_read(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    operation = "sagemaker:ListNotebookInstances"
    organization.front.faults.add(Fault("AccessDeniedException", "no", 403, operation=operation))
    swept = sweep((RULE % f", {ACCEPTED}").replace("[sagemaker", "[ec2, sagemaker"))
    by_kind = {row["kind"]: row["status"] for row in swept.document["coverage"] if row["region"] == FRANKFURT}
    assert by_kind == {"ec2": "scanned", "sagemaker_notebook": "denied"}
    assert result(swept.outcomes[instance]) == ("stopped", "")


def test_an_undo_starts_exactly_what_the_sweep_stopped(
    organization: OrganizationBuilder, run: Run, tmp_path: Path, account: str
) -> None:
    notebook = seed(organization, account, FRANKFURT, DEV)
    others = seed(organization, account, FRANKFURT, {"Environment": "production"})
    with organization.acting_in(account):
        organization.client("sagemaker", FRANKFURT).stop_notebook_instance(NotebookInstanceName=others)
    policy = tmp_path / "policy.yaml"
    rules = RULE % f", {ACCEPTED}"
    policy.write_text(f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n{rules}")
    swept = run("sweep", "--policy", str(policy), "--mode", "enforce", "--yes", "--format", "json")
    assert swept.exit_code == 0
    assert {row["resource_id"]: row["status"] for row in swept.report["outcomes"]} == {notebook: "stopping"}
    assert [status(organization, account, notebook) for _ in range(2)][1] == "Stopped"
    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert undone.exit_code == 0
    assert {row["resource_id"]: row["status"] for row in undone.report["outcomes"]} == {notebook: "started"}
    assert status(organization, account, others) == "Stopped"
