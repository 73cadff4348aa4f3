"""What RDS's answers about DB clusters mean: states, when one was stopped, and what a sweep must not touch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.model import ObstacleCode, Resource, ResourceState
from orchestrator.kinds.rds_cluster.rules import resource_of
from orchestrator.kinds.registry import obstacle_of
from orchestrator.kinds.shared.databases import is_up
from tests.kinds.contract.harness import ACCOUNT, REGION
from tests.support.builders import a_resource

TARGET = a_resource(account_id=ACCOUNT, region=REGION).target
PLAIN = {
    "DBClusterIdentifier": "shop",
    "Status": "available",
    "Engine": "aurora-postgresql",
    "EngineMode": "provisioned",
    "DBClusterMembers": [{"DBInstanceIdentifier": "shop-1"}, {"DBInstanceIdentifier": "shop-2"}],
    "ReadReplicaIdentifiers": [],
    "TagList": [],
}


def cluster(**fields: Any) -> Resource:
    return resource_of({**PLAIN, **fields}, TARGET, "aws")


@pytest.mark.parametrize(
    ("word", "state", "up"),
    [
        ("available", ResourceState.RUNNING, True),
        ("starting", ResourceState.STARTING, True),
        ("creating", ResourceState.STARTING, True),
        ("stopping", ResourceState.STOPPING, False),
        ("stopped", ResourceState.STOPPED, False),
        ("deleting", ResourceState.GONE, False),
        ("backing-up", ResourceState.UNKNOWN, True),
        ("failing-over", ResourceState.UNKNOWN, True),
        ("upgrading", ResourceState.UNKNOWN, True),
        ("promoting", ResourceState.UNKNOWN, True),
        (None, ResourceState.UNKNOWN, True),
    ],
)
def test_only_what_is_available_runs_and_what_passes_is_reported_with_awss_word(
    word: str | None, state: ResourceState, up: bool
) -> None:
    resource = cluster(Status=word)
    assert (resource.state, resource.aws_state, is_up(resource)) == (state, word or "unknown", up)


@pytest.mark.parametrize("suffix", ["", "-recoverable"])
def test_a_cluster_without_its_key_does_not_run_and_says_so(suffix: str) -> None:
    resource = cluster(Status=f"inaccessible-encryption-credentials{suffix}")
    assert resource.state is ResourceState.UNKNOWN
    assert resource.start_failure is not None
    assert "KMS key" in resource.start_failure.message


def test_it_tells_what_it_is_made_of_and_its_stack() -> None:
    made, stack = datetime(2026, 11, 1, tzinfo=UTC), [{"Key": "aws:cloudformation:stack-name", "Value": "s"}]
    told = cluster(ClusterCreateTime=made, TagList=stack)
    assert (told.created_at, told.details) == (made, {"managed_by": "cloudformation"})
    assert (told.facts["engine"], told.facts["engine_mode"], told.facts["members"]) == (
        "aurora-postgresql",
        "provisioned",
        2,
    )
    assert cluster().details == {"managed_by": ""}
    assert cluster(TagList=None).details["managed_by"] is None
    assert told.arn == f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:shop"


def test_it_was_stopped_seven_days_before_aws_starts_it_again() -> None:
    resource = cluster(Status="stopped", AutomaticRestartTime=datetime(2026, 11, 30, 19, 0, tzinfo=UTC))
    assert resource.changed_at == datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
    assert resource.facts["automatic_restart_time"] == "2026-11-30T19:00:00Z"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Engine": "aurora-mysql", "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5}},
        {"Engine": "docdb", "EngineMode": None},
        {"Engine": "neptune"},
        {"Engine": "aurora"},
        {"ClusterScalabilityType": "standard"},
    ],
)
def test_clusters_of_the_three_services_may_be_stopped(fields: dict[str, Any]) -> None:
    assert cluster(**fields).obstacle is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"Engine": "mysql"}, "It is a Multi-AZ DB cluster of mysql, which AWS cannot stop."),
        ({"Engine": "postgres"}, "It is a Multi-AZ DB cluster of postgres, which AWS cannot stop."),
        ({"Engine": None}, "Its engine is unknown, so AWS may not be able to stop it."),
        ({"Engine": "custom-x"}, "Its engine is custom-x, of which it is not known whether AWS can stop it."),
        ({"EngineMode": "serverless"}, "It is Aurora Serverless v1, which AWS cannot stop."),
        (
            {"EngineMode": "multimaster"},
            "Its engine mode is multimaster, in which AWS may not be able to stop it.",
        ),
        (
            {"GlobalClusterIdentifier": "world"},
            (
                "It belongs to the global database world; AWS stops only its sole cluster, and whether there are "
                "others is not known here."
            ),
        ),
        ({"ReplicationSourceIdentifier": "arn:main"}, "It is a replica of arn:main; AWS stops neither of them."),
        ({"ReadReplicaIdentifiers": ["r-1", "r-2"]}, "It has read replicas (r-1, r-2); AWS stops none of them."),
        (
            {"ClusterScalabilityType": "limitless"},
            "It is an Aurora cluster of the form limitless, which AWS may not be able to stop.",
        ),
        (
            {"LimitlessDatabase": {"Status": "enabled"}},
            "It is an Aurora cluster of the form limitless, which AWS may not be able to stop.",
        ),
        ({"TagList": None}, "AWS did not tell its tags, so they may spare it."),
    ],
)
def test_what_aws_cannot_stop_or_did_not_tell_is_in_the_way(fields: dict[str, Any], sentence: str) -> None:
    resource = cluster(**fields)
    assert resource.obstacle is not None
    assert (resource.obstacle.code, resource.obstacle.sentence) == (ObstacleCode.CANNOT_STOP, sentence)
    if fields.get("TagList", ()) is not None:
        assert obstacle_of("rds_cluster", resource.facts, resource.tags) == resource.obstacle


def test_an_answer_without_tags_is_not_taken_for_one_of_an_untagged_cluster() -> None:
    unread = {key: value for key, value in PLAIN.items() if key != "TagList"}
    assert resource_of(unread, TARGET, "aws").obstacle is not None
