"""What RDS's answers mean: states, when one was stopped, and what a sweep must not touch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.model import ObstacleCode, Resource, ResourceState
from orchestrator.kinds.rds.rules import _OF_PRICES, resource_of
from orchestrator.kinds.shared.databases import is_up
from tests.kinds.contract.harness import ACCOUNT, REGION
from tests.support.builders import a_resource

TARGET = a_resource(account_id=ACCOUNT, region=REGION).target
PLAIN = {
    "DBInstanceIdentifier": "orders",
    "DBInstanceStatus": "available",
    "Engine": "postgres",
    "MultiAZ": False,
    "TagList": [],
}


def database(**fields: Any) -> Resource:
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
        ("modifying", ResourceState.UNKNOWN, True),
        ("maintenance", ResourceState.UNKNOWN, True),
        ("storage-optimization", ResourceState.UNKNOWN, True),
        ("inaccessible-encryption-credentials", ResourceState.UNKNOWN, True),
        (None, ResourceState.UNKNOWN, True),
    ],
)
def test_only_what_is_available_runs_and_what_passes_is_reported_with_awss_word(
    word: str | None, state: ResourceState, up: bool
) -> None:
    resource = database(DBInstanceStatus=word)
    assert (resource.state, resource.aws_state, is_up(resource)) == (state, word or "unknown", up)


def test_it_tells_when_it_was_made_its_vpc_and_its_stack() -> None:
    made, stack = datetime(2026, 11, 1, tzinfo=UTC), [{"Key": "aws:cloudformation:stack-name", "Value": "s"}]
    told = database(InstanceCreateTime=made, DBSubnetGroup={"VpcId": "vpc-1"}, TagList=stack)
    of_prices = dict.fromkeys(_OF_PRICES)
    assert (told.created_at, told.details) == (made, {"vpc": "vpc-1", "managed_by": "cloudformation", **of_prices})
    assert database().details == {"vpc": None, "managed_by": "", **of_prices}
    assert database(TagList=None).details["managed_by"] is None


def test_nothing_is_in_the_way_of_a_plain_database() -> None:
    resource = database(TagList=[{"Key": "Name", "Value": "Orders"}])
    assert resource.obstacle is None
    assert (resource.name, resource.tags) == ("Orders", {"Name": "Orders"})
    assert resource.arn == f"arn:aws:rds:{REGION}:{ACCOUNT}:db:orders"
    assert (resource.changed_at, resource.started_at) == (None, None)


def test_it_was_stopped_seven_days_before_aws_starts_it_again() -> None:
    resource = database(DBInstanceStatus="stopped", AutomaticRestartTime=datetime(2026, 11, 30, 19, 0, tzinfo=UTC))
    assert resource.changed_at == datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
    assert resource.facts["automatic_restart_time"] == "2026-11-30T19:00:00Z"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"DBClusterIdentifier": "shop"}, "It belongs to the DB cluster shop, which stops as a whole."),
        (
            {"DBClusterIdentifier": "shop", "Engine": "postgres", "MultiAZ": True},
            "It belongs to the DB cluster shop, which stops as a whole.",
        ),
        ({"Engine": "aurora-mysql"}, "Its engine aurora-mysql runs in DB clusters, which stop as a whole."),
        ({"Engine": "docdb"}, "Its engine docdb runs in DB clusters, which stop as a whole."),
    ],
)
def test_members_of_clusters_belong_to_them(fields: dict[str, Any], sentence: str) -> None:
    obstacle = database(**fields).obstacle
    assert obstacle is not None
    assert (obstacle.code, obstacle.sentence) == (ObstacleCode.OWNED, sentence)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"ReadReplicaSourceDBInstanceIdentifier": "main"},
            "It is a read replica of main; AWS stops neither of them.",
        ),
        (
            {"ReadReplicaSourceDBClusterIdentifier": "shop"},
            "It is a read replica of shop; AWS stops neither of them.",
        ),
        (
            {"ReadReplicaDBInstanceIdentifiers": ["r-1", "r-2"]},
            "It has read replicas (r-1, r-2); AWS stops none of them.",
        ),
        ({"ReadReplicaDBClusterIdentifiers": ["shop"]}, "It has read replicas (shop); AWS stops none of them."),
        (
            {"Engine": "sqlserver-se", "MultiAZ": True},
            "Its engine is sqlserver-se in several zones, which AWS cannot stop.",
        ),
        (
            {"Engine": "sqlserver-se", "MultiAZ": None},
            "Its engine is sqlserver-se in several zones, which AWS cannot stop.",
        ),
        ({"Engine": "custom-oracle-ee"}, "Its engine is custom-oracle-ee; AWS cannot stop RDS Custom."),
        ({"Engine": None}, "Its engine is unknown, so AWS may not be able to stop it."),
        ({"TagList": None}, "AWS did not tell its tags, so they may spare it."),
    ],
)
def test_what_aws_cannot_stop_or_did_not_tell_is_in_the_way(fields: dict[str, Any], sentence: str) -> None:
    obstacle = database(**fields).obstacle
    assert obstacle is not None
    assert (obstacle.code, obstacle.sentence) == (ObstacleCode.CANNOT_STOP, sentence)


def test_an_answer_without_tags_is_not_taken_for_one_of_an_untagged_database() -> None:
    unread = {key: value for key, value in PLAIN.items() if key != "TagList"}
    obstacle = resource_of(unread, TARGET, "aws").obstacle
    assert obstacle is not None
    assert obstacle.sentence == "AWS did not tell its tags, so they may spare it."
    assert database(TagList=[]).obstacle is None


@pytest.mark.parametrize("fields", [{"Engine": "sqlserver-ex"}, {"Engine": "mysql", "MultiAZ": True}])
def test_sql_server_in_one_zone_and_other_engines_in_several_may_be_stopped(fields: dict[str, Any]) -> None:
    assert database(**fields).obstacle is None
