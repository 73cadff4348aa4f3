"""DB clusters read and acted on, in what they differ from other kinds: members, engines, what AWS refuses."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.core.model import Action, OutcomeStatus, ResourceState
from orchestrator.demo.faults import Fault
from orchestrator.kinds.rds_cluster.description import RDS_CLUSTER
from orchestrator.kinds.shared.marks import STOPPED_BY_TAG
from orchestrator.ports import TargetUnreadableError
from tests.kinds.contract.harness import REGION
from tests.kinds.rds_cluster.harness import Embedded, InMemory, add_member, seed


def instance(aws: Embedded, name: str) -> str:
    with aws.organization.acting_in(aws.account):
        client = aws.organization.client("rds", REGION)
        [raw] = client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return str(raw["DBInstanceStatus"])


def test_an_empty_region_costs_one_call(aws: Embedded) -> None:
    before = aws.clients.calls().get("rds:DescribeDBClusters", 0)
    assert aws.read() == {}
    assert aws.clients.calls()["rds:DescribeDBClusters"] == before + 1


@pytest.mark.parametrize("engine", ["aurora-mysql", "docdb", "neptune"])
def test_a_cluster_of_each_service_stops_and_starts_with_its_members(aws: Embedded, engine: str) -> None:
    user: dict[str, Any] = {}
    one = seed(aws.organization, aws.account, REGION, {"Environment": "dev"}, Engine=engine, **user)
    members = [add_member(aws.organization, aws.account, REGION, one, engine) for _ in range(2)]
    found = aws.read()[one]
    assert (found.facts["engine"], found.facts["members"], found.obstacle) == (engine, 2, None)
    assert found.tags == {"Environment": "dev"}
    outcome = aws.act(Action.STOP, [one])[one]
    assert outcome.status is OutcomeStatus.STOPPING
    seen = aws.look(one)[one]
    assert seen.state is ResourceState.STOPPED
    assert seen.changed_at is not None
    assert outcome.requested_at is not None
    assert seen.changed_at - outcome.requested_at <= RDS_CLUSTER.stop_noted_within
    assert {instance(aws, member) for member in members} == {"stopped"}
    started = aws.act(Action.START, [one])[one]
    assert started.status is OutcomeStatus.STARTING
    assert STOPPED_BY_TAG in aws.tags(one), "RDS takes no tags while it starts"
    aws.look(one)
    assert aws.see([started], RDS_CLUSTER.stop_noted_within)[one].status is OutcomeStatus.STARTED
    assert STOPPED_BY_TAG not in aws.tags(one)
    assert {instance(aws, member) for member in members} == {"available"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Engine": "mysql", "DBClusterInstanceClass": "db.m6gd.large", "AllocatedStorage": 100}, "Multi-AZ"),
        ({"Engine": "aurora-mysql", "EngineMode": "serverless"}, "Serverless v1"),
    ],
)
def test_what_aws_cannot_stop_is_kept_and_the_embedded_aws_refuses_it(
    aws: Embedded, fields: dict[str, Any], words: str
) -> None:
    one = seed(aws.organization, aws.account, REGION, {}, **fields)
    obstacle = aws.read()[one].obstacle
    assert obstacle is not None
    assert words in obstacle.sentence
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "InvalidDBClusterStateFault")
    assert STOPPED_BY_TAG not in aws.tags(one)


@pytest.mark.parametrize("side", ["source", "replica"])
def test_the_embedded_aws_stops_neither_side_of_a_replica(aws: Embedded, side: str) -> None:
    source = seed(aws.organization, aws.account, REGION, {})
    arn = aws.read()[source].arn
    replica = seed(aws.organization, aws.account, REGION, {}, ReplicationSourceIdentifier=arn)
    one = source if side == "source" else replica
    obstacle = aws.look(one)[one].obstacle
    assert obstacle is not None
    assert "replica" in obstacle.sentence
    assert aws.act(Action.STOP, [one])[one].code == "InvalidDBClusterStateFault"


@pytest.mark.parametrize("action", ["stop_db_cluster", "start_db_cluster"])
def test_the_embedded_aws_refuses_a_second_stop_and_a_second_start(aws: Embedded, action: str) -> None:
    [one] = aws.add()
    with aws.organization.acting_in(aws.account):
        client = aws.organization.client("rds", REGION)
        if action == "stop_db_cluster":
            client.stop_db_cluster(DBClusterIdentifier=one)
        with pytest.raises(ClientError, match="InvalidDBClusterStateFault"):
            getattr(client, action)(DBClusterIdentifier=one)


@pytest.mark.parametrize("word", ["backing-up", "modifying", "inaccessible-encryption-credentials-recoverable"])
def test_what_is_busy_takes_no_marks_and_is_left_to_the_next_sweep(aws: Embedded, word: str) -> None:
    busy, other = aws.add(2)
    guard = aws.guard()
    guard.before_admitting = lambda: aws.put(busy, word)
    outcomes = aws.act(Action.STOP, [busy, other], guard)
    assert [outcomes[busy].status, outcomes[busy].code] == [OutcomeStatus.FAILED, "CannotMark"]
    assert outcomes[other].status is OutcomeStatus.STOPPING


def test_a_member_that_is_busy_fails_the_stop_in_awss_words_for_the_next_sweep(aws: Embedded) -> None:
    [one] = aws.add()
    refusal = Fault("InvalidDBInstanceState", "Instance is in modifying state", 400, operation="rds:StopDBCluster")
    aws.organization.front.faults.add(refusal)
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "InvalidDBInstanceState")
    assert aws.log.count("stop") == 1
    assert STOPPED_BY_TAG not in aws.tags(one)


@pytest.mark.parametrize("code", ["InsufficientDBInstanceCapacity", "InsufficientDBClusterCapacityFault"])
def test_a_start_without_capacity_is_asked_for_again_at_the_end(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    aws = InMemory(monkeypatch)
    ids = aws.add(2)
    aws.act(Action.STOP, ids)
    aws.look(*ids)
    aws.refuse("start", ids[0], (code, "no capacity in that zone"))
    outcomes = aws.act(Action.START, ids)
    assert [outcomes[one].status for one in ids] == [OutcomeStatus.FAILED, OutcomeStatus.STARTING]
    assert aws.log.count("start") == 1 + 1 + 4, "once each, and again as often as retries allow"


def test_a_start_that_its_key_forbids_fails_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = InMemory(monkeypatch)
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    aws.look(one)
    aws.refuse("start", one, ("KMSKeyNotAccessibleFault", "the key is disabled"))
    outcome = aws.act(Action.START, [one])[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "KMSKeyNotAccessibleFault")
    assert aws.log.count("start") == 1


@pytest.mark.parametrize(
    "fault", [Fault("AccessDenied", "not authorized", 403), Fault(body="<html>busy</html>", status=200)]
)
def test_a_target_that_cannot_be_read_says_which_call_failed(aws: Embedded, fault: Fault) -> None:
    fault.operation = "rds:DescribeDBClusters"
    aws.organization.front.faults.add(fault)
    for attempt in (aws.read, lambda: aws.look("any")):
        with pytest.raises(TargetUnreadableError, match=r"^rds:DescribeDBClusters: "):
            attempt()


def test_no_snapshot_is_ever_asked_for_and_nothing_of_it_is_priced(aws: Embedded) -> None:
    [one] = aws.add()
    with aws.binding():
        billed = aws.kind.billed(aws.target, [aws.read()[one]])  # type: ignore[attr-defined]  # its class has it
    assert (billed[one].running, billed[one].still) == ((), ())
    assert "classes" in billed[one].running_unknown
