"""Redshift clusters in whole sweeps of the embedded AWS: decided, paused, reported and undone like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.demo.faults import Fault
from tests.kinds.redshift_cluster.harness import seed
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
from tests.support.fixtures import Run
from tests.support.sweeps import DEV, FRANKFURT, Sweeps, result

RULE = "rules: [{name: dev, kinds: [ec2, redshift_cluster], where: {tag: {Environment: dev}}}]\n"


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("member")


def status(organization: OrganizationBuilder, account: str, name: str) -> str:
    with organization.acting_in(account):
        [raw] = organization.client("redshift", FRANKFURT).describe_clusters(ClusterIdentifier=name)["Clusters"]
    return str(raw["ClusterStatus"])


def test_what_opted_out_or_would_lose_data_is_kept_and_says_why(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    spared = seed(organization, account, FRANKFURT, {**DEV, "stop-orchestrator:opt-out": "true"})
    dense = seed(organization, account, FRANKFURT, DEV, NodeType="dc2.large")
    swept = sweep(RULE)
    assert (swept.decisions[spared]["reason_code"], swept.decisions[dense]["reason_code"]) == ("exempt", "cannot_stop")
    assert "no-backup tables" in swept.decisions[dense]["reason"]
    assert swept.outcomes == {}
    assert [status(organization, account, one) for one in (spared, dense)] == ["available"] * 2


@pytest.mark.full  # as notebooks, in the fast suite
def test_clusters_that_cannot_be_read_leave_instances_of_the_same_target_read(
    organization: OrganizationBuilder, sweep: Sweeps, account: str
) -> None:
    [instance] = organization.instances(account, FRANKFURT, 1, DEV)
    organization.front.faults.add(Fault("AccessDenied", "no", 403, operation="redshift:DescribeClusters"))
    swept = sweep(RULE)
    by_kind = {row["kind"]: row["status"] for row in swept.document["coverage"] if row["region"] == FRANKFURT}
    assert by_kind == {"ec2": "scanned", "redshift_cluster": "denied"}
    assert result(swept.outcomes[instance]) == ("stopped", "")


def test_an_undo_resumes_exactly_what_the_sweep_paused(
    organization: OrganizationBuilder, run: Run, tmp_path: Path, account: str
) -> None:
    cluster = seed(organization, account, FRANKFURT, DEV)
    others = seed(organization, account, FRANKFURT, {"Environment": "production"})
    with organization.acting_in(account):
        organization.client("redshift", FRANKFURT).pause_cluster(ClusterIdentifier=others)
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n{RULE}")
    swept = run("sweep", "--policy", str(policy), "--mode", "enforce", "--yes", "--format", "json")
    assert swept.exit_code == 0
    assert {row["resource_id"]: row["status"] for row in swept.report["outcomes"]} == {cluster: "stopping"}
    assert [status(organization, account, cluster) for _ in range(2)][1] == "paused"
    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert undone.exit_code == 0
    assert {row["resource_id"]: row["status"] for row in undone.report["outcomes"]} == {cluster: "started"}
    assert status(organization, account, others) == "paused"
