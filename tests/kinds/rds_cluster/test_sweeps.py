"""DB clusters in whole sweeps of the embedded AWS: stopped and undone with their members, which are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kinds.rds_cluster.harness import add_member, seed
from tests.support.embedded import OrganizationBuilder
from tests.support.fixtures import *  # noqa: F403 - pytest finds fixtures by their names in this file
from tests.support.fixtures import Run
from tests.support.sweeps import DEV, FRANKFURT

RULE = "rules: [{name: dev, kinds: [rds, rds_cluster], where: {tag: {Environment: dev}}}]\n"


@pytest.fixture
def account(organization: OrganizationBuilder) -> str:
    return organization.account("member")


def status(organization: OrganizationBuilder, account: str, name: str) -> str:
    with organization.acting_in(account):
        [raw] = organization.client("rds", FRANKFURT).describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
    return str(raw["Status"])


def test_a_cluster_stops_as_one_resource_and_an_undo_starts_it_again(
    organization: OrganizationBuilder, run: Run, tmp_path: Path, account: str
) -> None:
    cluster = seed(organization, account, FRANKFURT, DEV, Engine="docdb")
    member = add_member(organization, account, FRANKFURT, cluster, "docdb")
    multi_az = seed(organization, account, FRANKFURT, DEV, Engine="postgres", DBClusterInstanceClass="db.m6gd.large")
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\nname: test\nregions: {{include: [{FRANKFURT}]}}\n{RULE}")
    swept = run("sweep", "--policy", str(policy), "--mode", "enforce", "--yes", "--format", "json")
    assert swept.exit_code == 0
    assert {row["resource_id"]: row["kind"] for row in swept.report["outcomes"]} == {cluster: "rds_cluster"}
    kept = {row["resource_id"]: row["reason"] for row in swept.report["decisions"] if row["verdict"] == "keep"}
    assert kept == {
        member: f"It belongs to the DB cluster {cluster}, which this sweep stops: it goes with it.",
        multi_az: "It is a Multi-AZ DB cluster of postgres, which AWS cannot stop.",
    }
    status(organization, account, cluster)
    assert status(organization, account, cluster) == "stopped"
    undone = run("undo", swept.report["sweep_id"], "--yes", "--format", "json")
    assert undone.exit_code == 0
    assert {row["resource_id"]: row["status"] for row in undone.report["outcomes"]} == {cluster: "started"}
    assert status(organization, account, cluster) == "available"
