"""What Redshift's answers mean: states, and what a sweep must not pause."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.model import Loss, ObstacleCode, Resource, ResourceState
from orchestrator.kinds.redshift_cluster.prices import billed
from orchestrator.kinds.redshift_cluster.rules import is_up, resource_of
from tests.kinds.contract.harness import ACCOUNT, REGION
from tests.support.builders import a_resource

TARGET = a_resource(account_id=ACCOUNT, region=REGION).target
PLAIN = {
    "ClusterIdentifier": "dwh",
    "ClusterStatus": "available",
    "ClusterAvailabilityStatus": "Available",
    "NodeType": "ra3.xlplus",
    "NumberOfNodes": 2,
    "AutomatedSnapshotRetentionPeriod": 1,
    "Tags": [],
}


def cluster(**fields: Any) -> Resource:
    return resource_of({**PLAIN, **fields}, TARGET, "aws")


@pytest.mark.parametrize(
    ("word", "state", "up"),
    [
        ("available", ResourceState.RUNNING, True),
        ("resuming", ResourceState.STARTING, True),
        ("creating", ResourceState.STARTING, True),
        ("pausing", ResourceState.STOPPING, False),
        ("paused", ResourceState.STOPPED, False),
        ("deleting", ResourceState.GONE, False),
        ("final-snapshot", ResourceState.UNKNOWN, True),
        ("available, prep-for-resize", ResourceState.UNKNOWN, True),
        ("modifying", ResourceState.UNKNOWN, True),
        ("rebooting", ResourceState.UNKNOWN, True),
        ("resizing", ResourceState.UNKNOWN, True),
        ("rotating-keys", ResourceState.UNKNOWN, True),
        (None, ResourceState.UNKNOWN, True),
    ],
)
def test_only_what_is_available_runs_and_what_passes_is_reported_with_awss_word(
    word: str | None, state: ResourceState, up: bool
) -> None:
    resource = cluster(ClusterStatus=word)
    assert (resource.state, resource.aws_state, is_up(resource)) == (state, word or "unknown", up)
    assert (resource.changed_at, resource.started_at) == (None, None), "Redshift dates neither"


@pytest.mark.parametrize("availability", ["Modifying", "Maintenance", "Unavailable", "Failed", "SomethingNew", None])
def test_what_is_available_but_not_for_queries_does_not_run_and_is_up_all_the_same(availability: str | None) -> None:
    resource = cluster(ClusterAvailabilityStatus=availability)
    assert (resource.state, is_up(resource)) == (ResourceState.UNKNOWN, True)
    assert resource.aws_state == f"available, {availability or 'not known if for queries'}"


@pytest.mark.parametrize("status", ["hardware-failure", "incompatible-network", "incompatible-hsm", "storage-full"])
def test_where_a_resume_that_came_to_nothing_leaves_it_is_why(status: str) -> None:
    told = cluster(ClusterStatus=status)
    assert told.start_failure is not None
    assert told.start_failure.code == status
    assert cluster(ClusterStatus="paused").start_failure is None


def test_nothing_is_in_the_way_of_a_plain_cluster() -> None:
    made = datetime(2026, 11, 1, tzinfo=UTC)
    tags = [{"Key": "Name", "Value": "Sales"}, {"Key": "aws:cloudformation:stack-name", "Value": "s"}]
    resource = cluster(Tags=tags, ClusterCreateTime=made, VpcId="vpc-1")
    assert (resource.obstacle, resource.name, resource.created_at, [*resource.losses]) == (
        None,
        "Sales",
        made,
        [Loss("queries_ended")],
    )
    assert resource.details == {"vpc": "vpc-1", "managed_by": "cloudformation"}
    assert resource.arn == f"arn:aws:redshift:{REGION}:{ACCOUNT}:cluster:dwh"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"AutomatedSnapshotRetentionPeriod": 0},
            "Its automated snapshots are turned off; AWS cannot pause a cluster without them.",
        ),
        (
            {"AutomatedSnapshotRetentionPeriod": None},
            "AWS did not tell whether it has automated snapshots, and cannot pause a cluster without them.",
        ),
        (
            {"HsmStatus": {"Status": "active"}},
            "It uses a hardware security module (HSM); AWS cannot pause such a cluster.",
        ),
        (
            {"HsmStatus": {"HsmConfigurationIdentifier": "vault"}},
            "It uses a hardware security module (HSM); AWS cannot pause such a cluster.",
        ),
        (
            {"MultiAZ": "Enabled"},
            "It is in two availability zones (Multi-AZ); AWS does not say that it can pause such a cluster.",
        ),
        (
            {"MultiAZSecondary": {"AvailabilityZone": "eu-central-1b"}},
            "It is in two availability zones (Multi-AZ); AWS does not say that it can pause such a cluster.",
        ),
        ({"NodeType": "dc2.large"}, "Its node type is dc2.large; a pause would lose its no-backup tables for good."),
        ({"NodeType": None}, "Its node type is unknown, so a pause may lose data."),
        (
            {"NodeType": "ds2.xlarge"},
            "Its node type is ds2.xlarge, of which this release does not know what a pause would lose.",
        ),
        ({"Tags": None}, "AWS did not tell its tags, so they may spare it."),
    ],
)
def test_what_aws_cannot_pause_or_did_not_tell_is_in_the_way(fields: dict[str, Any], sentence: str) -> None:
    obstacle = cluster(**fields).obstacle
    assert obstacle is not None
    assert (obstacle.code, obstacle.sentence) == (ObstacleCode.CANNOT_STOP, sentence)


@pytest.mark.parametrize("fields", [{"MultiAZ": "Disabled"}, {"MultiAZ": "false"}, {"HsmStatus": {}}])
def test_a_cluster_in_one_zone_or_without_a_module_may_be_paused(fields: dict[str, Any]) -> None:
    assert cluster(**fields).obstacle is None


def test_what_waits_to_be_done_with_it_is_named() -> None:
    assert cluster(PendingActions=["ResizeCluster"]).facts["pending_actions"] == "ResizeCluster"
    assert cluster().facts["pending_actions"] is None


def test_its_nodes_are_billed_while_it_runs_and_its_storage_is_not_known() -> None:
    told = billed(cluster())
    [nodes] = told.running
    assert (nodes.key.type, nodes.key.item, nodes.quantity, told.still) == ("ra3.xlplus", "compute", 2, ())
    assert "managed storage" in told.still_unknown
    assert "AWS did not tell" in billed(cluster(NumberOfNodes=None)).running_unknown
