"""DB instances read and acted on, in what they differ from other kinds: pages, states that pass, tags, capacity."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.core.model import AccountId, Action, OutcomeStatus, Resource, ResourceState
from orchestrator.demo.faults import Fault
from orchestrator.kinds.rds.describe import INSTANCES
from orchestrator.kinds.rds.description import RDS
from orchestrator.kinds.shared.marks import STOPPED_BY_TAG
from orchestrator.ports import TargetUnreadableError
from tests.kinds.contract.harness import REGION
from tests.kinds.rds.harness import Embedded, InMemory, seed

PROXY_PAGE = Fault(body="<html><body>busy</body></html>", status=200, operation="rds:DescribeDBInstances")


class Pages:
    """A client that gives two databases a page."""

    def __init__(self, *pages: list[str]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def describe_db_instances(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        page = int(asked.get("Marker", "0"))
        more = {"Marker": str(page + 1)} if page + 1 < len(self.pages) else {}
        return {"DBInstances": [{"DBInstanceIdentifier": one} for one in self.pages[page]], **more}


def once(_: str, ask: Any) -> Any:
    return ask()


def test_every_page_is_read_and_an_empty_one_is_not_the_end() -> None:
    client = Pages(["a", "b"], [], ["c"])
    assert [one["DBInstanceIdentifier"] for one in INSTANCES.all(client, once)] == ["a", "b", "c"]
    assert [asked.get("Marker") for asked in client.asked] == [None, "1", "2"]
    assert {asked["MaxRecords"] for asked in client.asked} == {100}


@pytest.mark.parametrize("arn", ["arn:aws:rds:eu-central-1:222222222222:db:b", "", None])
def test_a_database_of_another_account_is_refused_and_the_target_with_it(arn: str | None) -> None:
    rows = [{"DBInstanceArn": "arn:aws:rds:eu-central-1:111111111111:db:a"}, {"DBInstanceArn": arn} if arn else {}]
    with pytest.raises(ClientError, match=r"WrongAccount.*111111111111"):
        list(INSTANCES.of_account(AccountId("111111111111"), rows))


def test_certain_ones_are_asked_for_by_a_filter_of_at_most_a_hundred_ids() -> None:
    client = Pages([])
    assert list(INSTANCES.by_id(client, [f"db-{number}" for number in range(250)], once)) == []
    assert [len(asked["Filters"][0]["Values"]) for asked in client.asked] == [100, 100, 50]
    assert not any("DBInstanceIdentifier" in asked for asked in client.asked), "an unknown one would be an error"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("AccessDenied", "not authorized", 403), "AccessDenied: not authorized"),
        (PROXY_PAGE, "ResponseParserError"),
    ],
)
def test_a_target_that_cannot_be_read_says_which_call_failed_in_awss_words(
    aws: Embedded, fault: Fault, words: str
) -> None:
    fault.operation = "rds:DescribeDBInstances"
    aws.organization.front.faults.add(fault)
    for attempt in (aws.read, lambda: aws.look("any")):
        with pytest.raises(TargetUnreadableError, match=f"^rds:DescribeDBInstances: {words}") as unreadable:
            attempt()
        assert unreadable.value.operation == "rds:DescribeDBInstances"


def test_members_of_clusters_are_reported_as_their_clusters_and_never_as_something_to_stop(aws: Embedded) -> None:
    with aws.organization.acting_in(aws.account):
        client = aws.organization.client("rds", REGION)
        client.create_db_cluster(
            DBClusterIdentifier="shop", Engine="aurora-mysql", MasterUsername="a", MasterUserPassword="abcdefgh"
        )
    member = seed(aws.organization, aws.account, REGION, {}, Engine="aurora-mysql", DBClusterIdentifier="shop")
    resource = aws.read()[member]
    assert resource.obstacle is not None
    assert resource.obstacle.code == "owned"
    assert aws.act(Action.STOP, [member])[member].code == "InvalidParameterCombination", "as AWS refuses it"


def test_a_stop_passes_through_stopping_and_tells_when_it_was(aws: Embedded) -> None:
    [one] = aws.add()
    outcome = aws.act(Action.STOP, [one])[one]
    assert outcome.status is OutcomeStatus.STOPPING
    assert outcome.requested_at is not None
    seen = aws.look(one)[one]
    assert seen.state is ResourceState.STOPPED
    assert seen.changed_at is not None
    assert -timedelta(minutes=5) <= seen.changed_at - outcome.requested_at <= RDS.stop_noted_within


def test_after_a_start_its_marks_stay_until_it_is_available_and_takes_tags_again(aws: Embedded) -> None:
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    aws.look(one)
    outcome = aws.act(Action.START, [one])[one]
    assert (outcome.status, outcome.warnings) == (OutcomeStatus.STARTING, ())
    assert STOPPED_BY_TAG in aws.tags(one)
    seen = aws.see([outcome], timedelta(minutes=1))[one]
    assert (seen.status, seen.warnings) == (OutcomeStatus.STARTED, ())
    assert STOPPED_BY_TAG not in aws.tags(one)


@pytest.mark.parametrize("word", ["backing-up", "modifying", "starting"])
def test_what_is_busy_takes_no_marks_and_is_left_to_the_next_sweep(aws: Embedded, word: str) -> None:
    busy, other = aws.add(2)
    guard = aws.guard()
    guard.before_admitting = lambda: aws.put(busy, word)
    outcomes = aws.act(Action.STOP, [busy, other], guard)
    assert [outcomes[busy].status, outcomes[busy].code] == [OutcomeStatus.FAILED, "CannotMark"]
    assert "InvalidDBInstanceState" in outcomes[busy].message
    assert outcomes[other].status is OutcomeStatus.STOPPING
    assert aws.log.count("mark") == 2, "it does not pass within seconds, so it is not tried again"


def test_one_that_turns_busy_between_its_marks_and_its_stop_fails_with_awss_words(aws: Embedded) -> None:
    [one] = aws.add()
    fault = Fault(operation="rds:StopDBInstance", times=1, effect=lambda _: aws.put(one, "backing-up"))
    aws.organization.front.faults.add(fault)
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "InvalidDBInstanceState")
    assert aws.log.count("stop") == 1
    assert "were not deleted: InvalidDBInstanceState" in outcome.warnings[0]


def test_a_start_without_capacity_is_asked_for_again_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = InMemory(monkeypatch)
    ids = aws.add(2)
    aws.act(Action.STOP, ids)
    aws.look(*ids)
    aws.refuse("start", ids[0], ("InsufficientDBInstanceCapacity", "no capacity in that zone"))
    outcomes = aws.act(Action.START, ids)
    assert [outcomes[one].status for one in ids] == [OutcomeStatus.FAILED, OutcomeStatus.STARTING]
    assert outcomes[ids[0]].code == "InsufficientDBInstanceCapacity"
    assert aws.log.count("start") == 1 + 1 + 4, "once each, and again as often as retries allow"


def test_no_snapshot_is_ever_asked_for(aws: Embedded) -> None:
    [one] = aws.add()
    forms: list[Any] = []
    aws.organization.front.faults.add(
        Fault(operation="rds:StopDBInstance", effect=lambda call: forms.append(call.form))
    )
    aws.act(Action.STOP, [one])
    assert len(forms) == 1
    assert "DBSnapshotIdentifier" not in forms[0]


def test_nothing_outside_of_the_account_s_databases_has_its_arn(aws: Embedded) -> None:
    [one] = aws.add()
    found: Resource = aws.read()[one]
    assert found.arn == f"arn:aws:rds:{REGION}:{aws.account}:db:{one}"


# --- the embedded AWS refuses as AWS does -----------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["stop_db_instance", "start_db_instance"])
def test_the_embedded_aws_refuses_a_second_stop_and_a_second_start(aws: Embedded, action: str) -> None:
    [one] = aws.add()
    with aws.organization.acting_in(aws.account):
        client = aws.organization.client("rds", REGION)
        if action == "stop_db_instance":
            client.stop_db_instance(DBInstanceIdentifier=one)
        with pytest.raises(ClientError, match="InvalidDBInstanceState"):
            getattr(client, action)(DBInstanceIdentifier=one)


@pytest.mark.parametrize("side", ["source", "replica"])
def test_the_embedded_aws_stops_neither_side_of_a_replica(aws: Embedded, side: str) -> None:
    [source] = aws.add()
    with aws.organization.acting_in(aws.account):
        client = aws.organization.client("rds", REGION)
        client.create_db_instance_read_replica(DBInstanceIdentifier="replica", SourceDBInstanceIdentifier=source)
        name = source if side == "source" else "replica"
        with pytest.raises(ClientError, match="InvalidParameterCombination"):
            client.stop_db_instance(DBInstanceIdentifier=name)
    obstacle = aws.look(name)[name].obstacle
    assert obstacle is not None
    assert "read replica" in obstacle.sentence
