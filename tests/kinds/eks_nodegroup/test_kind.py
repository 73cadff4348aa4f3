"""Node groups read and acted on, in what they differ from other kinds: three listings, sizes, updates that run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from orchestrator.core.model import AccountId, Action, OutcomeStatus, ResourceState
from orchestrator.core.model.marks import MARKS
from orchestrator.demo.calls import Call
from orchestrator.demo.faults import Fault
from orchestrator.demo.gates.eks_nodegroup import let_fall_back
from orchestrator.kinds.eks_nodegroup.describe import all_ids, each_group
from orchestrator.kinds.shared.marks import STOPPED_BY_TAG
from orchestrator.ports import TargetUnreadableError
from tests.kinds.contract.harness import ACCOUNT, REGION, Row, refused
from tests.kinds.eks_nodegroup.harness import NONE, RESTORE, SIZES, Embedded, InMemory, group_of, raw_of, seed

READS = ("ListClusters", "ListNodegroups", "DescribeNodegroup")


class Listed:
    """A client that gives clusters and groups page by page; clusters without an entry are gone."""

    def __init__(self, clusters: list[list[str]], groups: dict[str, list[list[str]]]) -> None:
        self.clusters = clusters
        self.groups = groups
        self.asked: list[str] = []
        self.sizes: set[int] = set()

    def list_clusters(self, **asked: Any) -> dict[str, Any]:
        self.asked.append("ListClusters")
        return self._page("clusters", self.clusters, asked)

    def list_nodegroups(self, *, clusterName: str, **asked: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.asked.append(f"ListNodegroups {clusterName}")
        if clusterName not in self.groups:
            raise refused("ResourceNotFoundException", f"No cluster found for name: {clusterName}.", 404)
        return self._page("nodegroups", self.groups[clusterName], asked)

    def _page(self, key: str, pages: list[list[str]], asked: dict[str, Any]) -> dict[str, Any]:
        self.sizes.add(asked["maxResults"])
        page = int(asked.get("nextToken", "0"))
        more = {"nextToken": str(page + 1)} if page + 1 < len(pages) else {}
        return {key: pages[page], **more}


def once(_: str, ask: Any) -> Any:
    return ask()


def group(aws: Embedded, resource_id: str) -> Any:
    return group_of(aws.account, resource_id)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_every_page_of_clusters_and_of_their_groups_is_read_and_each_group_is_named_once() -> None:
    client = Listed([["a"], [], ["b"]], {"a": [["x"], ["x", "y"]], "b": [[], ["x"]]})
    assert [*all_ids(client, once)] == ["a/x", "a/y", "b/x"]
    assert client.sizes == {100}


def test_a_region_without_clusters_costs_one_call() -> None:
    client = Listed([[]], {})
    assert ([*all_ids(client, once)], client.asked) == ([], ["ListClusters"])


def test_a_cluster_that_is_gone_meanwhile_has_no_groups_and_the_others_are_read() -> None:
    assert [*all_ids(Listed([["gone", "b"]], {"b": [["x"]]}), once)] == ["b/x"]


def test_a_group_that_is_gone_meanwhile_is_left_out(aws: Embedded) -> None:
    gone, here = aws.add(2)
    effect = Fault(operation="eks:DescribeNodegroup", times=1, effect=lambda _: aws.remove(gone))
    aws.organization.front.faults.add(effect)
    assert [*aws.read()] == [here]


@pytest.mark.parametrize("arn", ["arn:aws:eks:eu-central-1:222222222222:nodegroup/shop/web/1", "", None])
def test_a_group_of_another_account_is_refused(arn: str | None) -> None:
    class Client:
        def describe_nodegroup(self, **_: str) -> dict[str, Any]:
            return {"nodegroup": raw_of("shop/web", Row("ACTIVE"), nodegroupArn=arn)}

    with pytest.raises(ClientError, match=r"WrongAccount.*111111111111"):
        [*each_group(Client(), AccountId(ACCOUNT), ["shop/web"], once)]


def test_an_answer_about_another_group_is_none() -> None:
    class Client:
        def describe_nodegroup(self, **_: str) -> dict[str, Any]:
            return {"nodegroup": raw_of("shop/other", Row("ACTIVE"))}

    with pytest.raises(ResponseParserError, match="not about shop/web"):
        [*each_group(Client(), AccountId(ACCOUNT), ["shop/web"], once)]


@pytest.mark.parametrize("operation", READS)
def test_a_target_that_cannot_be_read_says_which_call_failed_in_awss_words(aws: Embedded, operation: str) -> None:
    aws.add()
    aws.organization.front.faults.add(Fault("AccessDeniedException", "no", 403, operation=f"eks:{operation}"))
    with pytest.raises(TargetUnreadableError, match=f"^eks:{operation}: AccessDeniedException: no") as unreadable:
        aws.read()
    assert unreadable.value.operation == f"eks:{operation}"


def test_groups_of_the_same_name_in_two_clusters_are_two(aws: Embedded) -> None:
    ids = [seed(aws.organization, aws.account, REGION, {}, cluster, "web") for cluster in ("shop", "bank")]
    aws.act(Action.STOP, ids[:1])
    found = aws.read()
    assert {one: found[one].state for one in found} == {"bank/web": ResourceState.RUNNING}, "the other one is down"


# --- stopping and starting --------------------------------------------------------------------------------------------


def test_a_stop_sets_two_sizes_to_0_and_leaves_the_largest_and_a_start_gives_both_back(aws: Embedded) -> None:
    [one] = aws.add()
    asked: list[Any] = []
    aws.organization.front.faults.add(
        Fault(operation="eks:UpdateNodegroupConfig", effect=lambda call: asked.append(call.json))
    )
    stopped = aws.act(Action.STOP, [one])[one]
    assert (stopped.status, stopped.resource.restore) == (OutcomeStatus.STOPPING, RESTORE)
    assert group(aws, one).scaling_config == {**SIZES, **NONE}
    assert aws.look(one)[one].state is ResourceState.STOPPED
    aws.act(Action.START, [one])
    assert group(aws, one).scaling_config == SIZES
    assert [call["scalingConfig"] for call in asked] == [NONE, {"minSize": 2, "desiredSize": 3}]
    assert all(call.keys() <= {"scalingConfig", "clientRequestToken"} for call in asked), "nothing else of it changes"


def test_a_start_keeps_its_marks_until_its_update_is_over(aws: Embedded) -> None:
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    aws.look(one)
    outcome = aws.act(Action.START, [one])[one]
    assert outcome.status is OutcomeStatus.STARTING
    assert STOPPED_BY_TAG in aws.tags(one)
    assert aws.see([outcome], timedelta(minutes=1))[one].status is OutcomeStatus.STARTED
    assert not set(aws.tags(one)) & set(MARKS)


def test_a_start_without_capacity_failed_with_its_health_issues_and_keeps_its_marks(aws: Embedded) -> None:
    [one] = aws.add()
    aws.act(Action.STOP, [one])
    aws.look(one)
    let_fall_back(group(aws, one))
    group(aws, one).health = {"issues": [{"code": "AsgInstanceLaunchFailures", "message": "none", "resourceIds": []}]}
    outcome = aws.act(Action.START, [one])[one]
    seen = aws.see([outcome], timedelta(minutes=1))[one]
    assert (seen.status, seen.code) == (OutcomeStatus.FAILED, "DEGRADED")
    assert "AsgInstanceLaunchFailures" in seen.message
    assert STOPPED_BY_TAG in aws.tags(one)


def while_asked(aws: Embedded, effect: Any) -> None:
    """Right before AWS takes the next change of sizes."""
    aws.organization.front.faults.add(Fault(operation="eks:UpdateNodegroupConfig", times=1, effect=effect))


def test_what_is_being_updated_by_others_is_left_to_the_next_sweep_and_loses_its_marks(aws: Embedded) -> None:
    [one] = aws.add()
    while_asked(aws, lambda _: setattr(group(aws, one), "status", "UPDATING"))
    outcome = aws.act(Action.STOP, [one])[one]
    assert (outcome.status, outcome.code) == (OutcomeStatus.FAILED, "ResourceInUseException")
    assert aws.log.count("stop") == 1, "an update does not pass within seconds"
    assert group(aws, one).scaling_config == SIZES
    assert not set(aws.tags(one)) & set(MARKS)


@pytest.mark.parametrize("code", ["ResourceInUseException", "InvalidRequestException", "InvalidParameterException"])
def test_what_others_stopped_right_before_it_was_asked_for_is_theirs_and_loses_its_marks(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    aws = InMemory(monkeypatch)
    [one] = aws.add()
    aws.refuse("stop", one, (code, "Nodegroup cannot be updated"))

    def somebody_stops() -> bool:
        if "mark" in aws.log:
            aws.someone(Action.STOP, [one])
        return True

    outcome = aws.act(Action.STOP, [one], aws.guard(allows=somebody_stops))[one]
    assert outcome.status is OutcomeStatus.ALREADY_STOPPED
    assert not set(aws.tags(one)) & set(MARKS)


def test_what_is_degraded_is_not_running_and_is_left_alone(aws: Embedded) -> None:
    [one] = aws.add()
    aws.put(one, "DEGRADED")
    assert aws.read()[one].state is ResourceState.UNKNOWN


# --- the embedded AWS refuses as AWS does -----------------------------------------------------------------------------


def resize(aws: Embedded, resource_id: str, **sizes: int) -> Any:
    cluster, _, name = resource_id.partition("/")
    with aws.organization.acting_in(aws.account):
        client = aws.organization.client("eks", REGION)
        return client.update_nodegroup_config(clusterName=cluster, nodegroupName=name, scalingConfig=sizes)["update"]


def test_the_embedded_aws_takes_one_update_at_a_time_each_with_an_id_of_its_own(aws: Embedded) -> None:
    [one] = aws.add()
    first = resize(aws, one, desiredSize=4)
    with pytest.raises(ClientError, match="ResourceInUseException") as refusal:
        resize(aws, one, desiredSize=3)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert [aws.look(one)[one].aws_state for _ in range(2)] == ["UPDATING", "ACTIVE"]
    second = resize(aws, one, desiredSize=3)
    assert (first["status"], first["id"] == second["id"]) == ("InProgress", False)


@pytest.mark.parametrize("sizes", [{"maxSize": 0}, {"desiredSize": 6}, {"desiredSize": 1}, {"minSize": 4}])
def test_the_embedded_aws_takes_no_sizes_that_do_not_fit(aws: Embedded, sizes: dict[str, int]) -> None:
    [one] = aws.add()
    with pytest.raises(Exception, match=r"InvalidParameterException|maxSize"):
        resize(aws, one, **sizes)
    assert group(aws, one).scaling_config == SIZES


@pytest.mark.parametrize("status", ["CREATING", "DELETING", "CREATE_FAILED"])
def test_the_embedded_aws_updates_nothing_that_is_made_or_deleted(aws: Embedded, status: str) -> None:
    [one] = aws.add()
    aws.put(one, status)
    with pytest.raises(ClientError, match="InvalidRequestException"):
        resize(aws, one, **NONE)


def test_the_embedded_aws_knows_no_tags_of_a_group_that_is_gone(aws: Embedded) -> None:
    [one] = aws.add()
    arn = aws.look(one)[one].arn
    aws.remove(one)
    with aws.organization.acting_in(aws.account), pytest.raises(ClientError, match="NotFoundException"):
        aws.organization.client("eks", REGION).tag_resource(resourceArn=arn, tags={"a": "b"})


def test_no_group_of_the_embedded_aws_shares_its_sizes_with_another(aws: Embedded) -> None:
    first, second = (seed(aws.organization, aws.account, REGION, {}, scalingConfig={}) for _ in range(2))
    resize(aws, first, **NONE)
    assert group(aws, second).scaling_config["desiredSize"] == 2


def test_it_is_asked_by_names_of_operations(aws: Embedded) -> None:
    calls: list[Call] = []
    aws.organization.front.faults.add(Fault(operation="eks:*", effect=calls.append))
    aws.add()
    calls.clear()
    aws.read()
    assert [call.action for call in calls] == [*READS]
