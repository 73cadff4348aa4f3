"""Clusters read and acted on, in what they differ from other kinds: pages, looks, states for which AWS is not ready."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.core.model import AccountId, Action, OutcomeStatus, ResourceState
from orchestrator.demo.faults import Fault
from orchestrator.demo.gates.redshift_cluster import let_fall_back
from orchestrator.kinds.redshift_cluster.describe import all_clusters, clusters_by_id, of_account
from orchestrator.ports import TargetUnreadableError
from tests.kinds.contract.harness import REGION, refused
from tests.kinds.redshift_cluster.harness import Embedded, InMemory


class Pages:
    """A client that gives so many pages."""

    def __init__(self, *pages: list[str]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def describe_clusters(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if asked.get("ClusterIdentifier") == "gone":
            raise refused("ClusterNotFound", "Cluster gone not found.", 404)
        page = int(asked.get("Marker", "0"))
        more = {"Marker": str(page + 1)} if page + 1 < len(self.pages) else {}
        return {"Clusters": [{"ClusterIdentifier": one} for one in self.pages[page]], **more}


def once(_: str, ask: Any) -> Any:
    return ask()


def test_every_page_is_read_and_an_empty_one_is_not_the_end() -> None:
    client = Pages(["a", "b"], [], ["c"])
    assert [one["ClusterIdentifier"] for one in all_clusters(client, once)] == ["a", "b", "c"]
    assert [asked.get("Marker") for asked in client.asked] == [None, "1", "2"]
    assert {asked["MaxRecords"] for asked in client.asked} == {100}


def test_one_that_is_gone_costs_no_other_its_look() -> None:
    client = Pages(["a"])
    assert [one["ClusterIdentifier"] for one in clusters_by_id(client, ["gone", "a"], once)] == ["a"]


def test_a_cluster_of_another_account_is_refused_and_the_target_with_it() -> None:
    rows = [{"ClusterNamespaceArn": "arn:aws:redshift:eu-central-1:222222222222:namespace:b"}]
    with pytest.raises(ClientError, match=r"WrongAccount.*111111111111"):
        list(of_account(AccountId("111111111111"), rows))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("AccessDenied", "not authorized", 403), "AccessDenied: not authorized"),
        (Fault(body="<html><body>busy</body></html>", status=200), "ResponseParserError"),
    ],
)
def test_a_target_that_cannot_be_read_says_which_call_failed_in_awss_words(
    aws: Embedded, fault: Fault, words: str
) -> None:
    fault.operation = "redshift:DescribeClusters"
    aws.organization.front.faults.add(fault)
    for attempt in (aws.read, lambda: aws.look("any")):
        with pytest.raises(TargetUnreadableError, match=f"^redshift:DescribeClusters: {words}") as unreadable:
            attempt()
        assert unreadable.value.operation == "redshift:DescribeClusters"


def test_a_region_without_clusters_costs_one_call(aws: Embedded) -> None:
    aws.organization.front.calls.clear()
    assert aws.read() == {}
    assert {name: n for name, n in aws.organization.front.calls.items() if "redshift" in name} == {
        "redshift:DescribeClusters": 1
    }


def test_a_pause_that_aws_is_not_ready_for_just_after_a_resume_is_asked_for_again(aws: Embedded) -> None:
    [one] = aws.add()
    fault = Fault("InvalidClusterState", "not available yet", operation="redshift:PauseCluster", times=2)
    aws.organization.front.faults.add(fault)
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status, outcome.message) == (OutcomeStatus.STOPPING, "")
    assert aws.log.count("stop") == 3


def test_one_that_is_resized_meanwhile_fails_in_awss_words_and_loses_its_marks(aws: Embedded) -> None:
    [one] = aws.add()
    guard = aws.guard()
    guard.before_admitting = lambda: aws.put(one, "resizing")
    outcome = aws.act(Action.STOP, [one], guard)[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "InvalidClusterState")
    assert aws.log.count("stop") == 1
    assert aws.tags(one) == {}


def test_what_someone_else_paused_just_before_is_not_this_sweeps(aws: Embedded) -> None:
    [one] = aws.add()
    guard = aws.guard()
    guard.before_admitting = lambda: aws.someone(Action.STOP, [one])
    assert aws.act(Action.STOP, [one], guard)[one].status is OutcomeStatus.ALREADY_STOPPED


def test_a_resume_without_capacity_is_asked_for_again_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = InMemory(monkeypatch)
    ids = aws.add(2)
    aws.act(Action.STOP, ids)
    aws.look(*ids)
    aws.refuse("start", ids[0], ("InsufficientClusterCapacity", "exceeds the allotted capacity"))
    outcomes = aws.act(Action.START, ids)
    assert [outcomes[one].status for one in ids] == [OutcomeStatus.FAILED, OutcomeStatus.STARTING]
    assert outcomes[ids[0]].code == "InsufficientClusterCapacity"
    assert aws.log.count("start") == 1 + 1 + 4, "once each, and again as often as retries allow"


@pytest.mark.parametrize("availability", ["Modifying", "Maintenance"])
def test_what_is_modified_or_maintained_is_read_and_does_not_run(aws: Embedded, availability: str) -> None:
    [one] = aws.add()
    aws.cluster(one).cluster_availability_status = availability
    found = aws.read()[one]
    assert (found.state, found.aws_state) == (ResourceState.UNKNOWN, f"available, {availability}")


# --- the embedded AWS answers as AWS does -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "state"), [(["pause", "pause"], "available"), (["resume"], "paused"), (["pause", "resume"], "paused")]
)
def test_the_embedded_aws_refuses_what_is_not_in_the_state_for_it(aws: Embedded, calls: list[str], state: str) -> None:
    [one] = aws.add()
    with aws.organization.acting_in(aws.account):
        client = aws.organization.client("redshift", REGION)
        asked = [getattr(client, f"{call}_cluster") for call in calls]
        for ask in asked[:-1]:
            ask(ClusterIdentifier=one)
        with pytest.raises(ClientError, match=rf"InvalidClusterState.*not in the {state} state"):
            asked[-1](ClusterIdentifier=one)


@pytest.mark.parametrize("field", ["automated_snapshot_retention_period", "hsm_status"])
def test_the_embedded_aws_pauses_nothing_without_snapshots_or_with_an_hsm(aws: Embedded, field: str) -> None:
    [one] = aws.add()
    setattr(aws.cluster(one), field, 0 if field.startswith("auto") else {"Status": "active"})
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "UnsupportedOperation")
    assert aws.look(one)[one].obstacle is not None


def test_the_embedded_aws_lets_states_pass_and_a_resume_fall_back(aws: Embedded) -> None:
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    assert aws.look(one)[one].aws_state == "paused"
    let_fall_back(aws.cluster(one))
    aws.someone(Action.START, [one])
    assert [aws.look(one)[one].aws_state for _ in range(2)] == ["resuming", "paused"]
