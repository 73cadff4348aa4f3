"""What EKS's answers mean: states by status and size, what a start needs, and what a sweep must not touch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.model import ObstacleCode, Resource, ResourceState
from orchestrator.kinds.eks_nodegroup.description import EKS_NODEGROUP
from orchestrator.kinds.eks_nodegroup.rules import is_up, resource_of
from tests.kinds.contract.harness import ACCOUNT, REGION, Row
from tests.kinds.eks_nodegroup.harness import NONE, RESTORE, SIZES, raw_of
from tests.support.builders import a_resource

TARGET = a_resource(account_id=ACCOUNT, region=REGION).target


def group(**fields: Any) -> Resource:
    return resource_of(raw_of("shop/web", Row("ACTIVE"), **fields), TARGET)


def test_a_plain_group_may_be_stopped_and_is_named_by_its_cluster_and_its_name() -> None:
    resource = group()
    assert (resource.resource_id, resource.name, resource.obstacle) == ("shop/web", "web", None)
    assert resource.arn == f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/shop/web/0a1b2c3d"


@pytest.mark.parametrize(
    ("status", "desired", "state", "word", "up"),
    [
        ("ACTIVE", 3, ResourceState.RUNNING, "ACTIVE", True),
        ("ACTIVE", 0, ResourceState.STOPPED, "ACTIVE at size 0", False),
        ("UPDATING", 0, ResourceState.STOPPING, "UPDATING to size 0", False),
        ("UPDATING", 3, ResourceState.STARTING, "UPDATING", True),
        ("CREATING", 3, ResourceState.STARTING, "CREATING", True),
        ("CREATING", 0, ResourceState.UNKNOWN, "CREATING", True),
        ("DELETING", 3, ResourceState.GONE, "DELETING", False),
        ("DELETING", 0, ResourceState.GONE, "DELETING", False),
        ("DELETING", None, ResourceState.GONE, "DELETING, size unknown", False),
        ("DEGRADED", 3, ResourceState.UNKNOWN, "DEGRADED", True),
        ("DEGRADED", 0, ResourceState.UNKNOWN, "DEGRADED", True),
        ("CREATE_FAILED", 3, ResourceState.UNKNOWN, "CREATE_FAILED", True),
        ("DELETE_FAILED", 3, ResourceState.UNKNOWN, "DELETE_FAILED", True),
        ("SOMETHING_NEW", 3, ResourceState.UNKNOWN, "SOMETHING_NEW", True),
        ("ACTIVE", None, ResourceState.UNKNOWN, "ACTIVE, size unknown", True),
        ("ACTIVE", True, ResourceState.UNKNOWN, "ACTIVE, size unknown", True),
        ("ACTIVE", -1, ResourceState.UNKNOWN, "ACTIVE, size unknown", True),
        (None, 3, ResourceState.UNKNOWN, "unknown", True),
    ],
)
def test_only_what_is_active_and_has_nodes_runs(
    status: str | None, desired: Any, state: ResourceState, word: str, up: bool
) -> None:
    resource = group(status=status, scalingConfig={**SIZES, "minSize": 0, "desiredSize": desired})
    assert (resource.state, resource.aws_state, is_up(resource)) == (state, word, up)


def test_what_runs_tells_the_sizes_that_a_start_needs_how_many_nodes_it_has_and_what_a_stop_loses() -> None:
    resource = group()
    assert resource.restore == RESTORE
    assert resource.restore.keys() == EKS_NODEGROUP.start_needs
    assert resource.units == 3
    assert [loss.word for loss in resource.losses] == [loss.word for loss in EKS_NODEGROUP.losses]
    assert "coredns" in resource.losses[0].why_kept


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
def test_what_is_down_tells_no_sizes_to_give_back_and_loses_nothing(status: str) -> None:
    resource = group(status=status, scalingConfig={**SIZES, **NONE})
    assert (resource.restore, resource.units, resource.losses) == ({}, 1, ())


def test_what_somebody_else_is_changing_tells_no_sizes_either() -> None:
    assert group(status="UPDATING").restore == {}


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"tags": None}, ObstacleCode.CANNOT_STOP, "AWS did not tell its tags, so they may spare it."),
        ({"scalingConfig": None}, ObstacleCode.CANNOT_STOP, "AWS did not tell its sizes"),
        ({"scalingConfig": {"desiredSize": 3}}, ObstacleCode.CANNOT_STOP, "AWS did not tell its sizes"),
        ({"scalingConfig": {**SIZES, "minSize": "2"}}, ObstacleCode.CANNOT_STOP, "AWS did not tell its sizes"),
        ({"warmPoolConfig": {"enabled": True}}, ObstacleCode.CANNOT_STOP, "It has a warm pool"),
        ({"warmPoolConfig": {}}, ObstacleCode.CANNOT_STOP, "It has a warm pool"),
        (
            {"tags": {"k8s.io/cluster-autoscaler/enabled": "false"}},
            ObstacleCode.OWNED,
            "Cluster Autoscaler scales it (tag k8s.io/cluster-autoscaler/enabled), and would start it again.",
        ),
        (
            {"tags": {"k8s.io/cluster-autoscaler/shop": "owned"}},
            ObstacleCode.OWNED,
            "Cluster Autoscaler scales it (tag k8s.io/cluster-autoscaler/shop)",
        ),
    ],
)
def test_each_that_is_kept_whatever_the_policy_says_has_a_sentence_of_its_own(
    fields: dict[str, Any], code: ObstacleCode, words: str
) -> None:
    obstacle = group(**fields).obstacle
    assert obstacle is not None
    assert obstacle.code is code
    assert words in obstacle.sentence


def test_a_warm_pool_that_is_off_is_not_in_the_way() -> None:
    assert group(warmPoolConfig={"enabled": False}).obstacle is None


def test_it_tells_when_it_was_made_its_types_and_its_stack() -> None:
    made = datetime(2026, 11, 1, tzinfo=UTC)
    stack = {"aws:cloudformation:stack-name": "s"}
    told = group(createdAt=made, modifiedAt=made, instanceTypes=["m5.large", "m5a.large"], tags=stack)
    assert (told.created_at, told.details) == (made, {"managed_by": "cloudformation"})
    assert told.facts["instance_type"] == "m5.large, m5a.large"
    assert (told.facts["cluster_name"], told.facts["capacity_type"]) == ("shop", "ON_DEMAND")
    assert told.facts["modified_at"] == "2026-11-01T00:00:00Z"
    assert told.changed_at is None, "modifiedAt is of whatever changed last: it dates no stop"
    assert group().details == {"managed_by": ""}
    assert group(tags=None).details["managed_by"] is None


def test_a_group_that_came_to_nothing_says_by_which_health_issues() -> None:
    issues = {"issues": [{"code": "AsgInstanceLaunchFailures"}, {"code": "AsgInstanceLaunchFailures"}]}
    failure = group(status="DEGRADED", health=issues).start_failure
    assert failure is not None
    assert str(failure) == "DEGRADED: its health issues are AsgInstanceLaunchFailures"
    assert group(status="UPDATING", health=issues).start_failure is None
