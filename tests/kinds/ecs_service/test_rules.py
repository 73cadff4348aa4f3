"""What ECS's answers mean, without any AWS: states by counts, what is kept and why, what a start needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.model import Obstacle, ObstacleCode, Resource, ResourceState
from orchestrator.core.model.marks import STOPPED_BY_TAG
from orchestrator.kinds.ecs_service.prices import billed
from orchestrator.kinds.ecs_service.rules import FLAGS, flags_of, obstacle, resource_of
from orchestrator.kinds.registry import obstacle_of
from tests.kinds.ecs_service.harness import ALL_SUSPENDED, NOT_SUSPENDED, a_service
from tests.support.builders import SWEEP_ID, a_resource

TARGET = a_resource().target
MARKED = [{"key": STOPPED_BY_TAG, "value": SWEEP_ID}]


def read(flags: dict[str, bool] | None = None, **fields: Any) -> Resource:
    return resource_of(a_service(**fields), TARGET, "aws", flags_of({"SuspendedState": flags}) if flags else None)


@pytest.mark.parametrize(
    ("desired", "running", "pending", "state"),
    [
        (2, 2, 0, ResourceState.RUNNING),
        (2, 1, 1, ResourceState.RUNNING),
        (2, 0, 2, ResourceState.STARTING),
        (2, 0, 0, ResourceState.RUNNING),
        (2, 0, None, ResourceState.RUNNING),
        (0, 2, 0, ResourceState.STOPPING),
        (0, 0, 0, ResourceState.STOPPED),
        (None, 0, 0, ResourceState.UNKNOWN),
        (2, None, 0, ResourceState.UNKNOWN),
    ],
)
def test_the_state_is_told_by_counts_in_words_that_do_not_change_with_them(
    desired: int | None, running: int | None, pending: int | None, state: ResourceState
) -> None:
    resource = read(desiredCount=desired, runningCount=running, pendingCount=pending)
    assert (resource.state, resource.aws_state) == (state, state.value)


@pytest.mark.parametrize(
    ("status", "state", "word"),
    [
        ("DRAINING", ResourceState.UNKNOWN, "DRAINING"),
        ("INACTIVE", ResourceState.GONE, "INACTIVE"),
        (None, ResourceState.UNKNOWN, "unknown"),
    ],
)
def test_another_status_than_active_is_awss_own_word(status: str | None, state: ResourceState, word: str) -> None:
    resource = read(status=status)
    assert (resource.state, resource.aws_state) == (state, word)
    assert resource.obstacle is not None


def test_an_ordinary_service_is_read_with_its_cluster_and_kept_for_nothing() -> None:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    resource = read(NOT_SUSPENDED, createdAt=made, capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}])
    assert (resource.resource_id, resource.name, resource.created_at) == ("apps/web", "web", made)
    assert (resource.obstacle, resource.changed_at, resource.units) == (None, None, 1)
    assert resource.facts["cluster"] == "apps"
    assert resource.details == {"capacity_providers": "FARGATE_SPOT", "managed_by": ""}


ROLLING = [{"status": "PRIMARY", "rolloutState": "COMPLETED"}, {"status": "ACTIVE"}]
KEPT = [
    ({"schedulingStrategy": "DAEMON"}, "It is a daemon"),
    ({"schedulingStrategy": None}, "scheduling strategy is unknown"),
    ({"status": "DRAINING"}, "Its status is DRAINING, not ACTIVE"),
    ({"deployments": ROLLING}, "It has 2 deployments: a roll-out runs"),
    ({"deployments": [{"status": "PRIMARY", "rolloutState": "IN_PROGRESS"}]}, "IN_PROGRESS: a roll-out runs"),
    ({"serviceArn": "arn:aws:ecs:eu-central-1:111111111111:service/web"}, "the short form"),
    ({"serviceArn": None}, "the short form"),
    ({"tags": None}, "AWS did not tell its tags"),
]


@pytest.mark.parametrize(("fields", "words"), KEPT)
def test_what_cannot_be_stopped_is_kept_and_says_why(fields: dict[str, Any], words: str) -> None:
    found = read(**fields).obstacle
    assert found is not None
    assert (found.code, words in found.sentence) == (ObstacleCode.CANNOT_STOP, True)


def test_each_that_is_kept_has_a_sentence_of_its_own() -> None:
    found = {obstacle.sentence for fields, _ in KEPT if (obstacle := read(**fields).obstacle) is not None}
    assert len(found) == len(KEPT) - 1, "without an ARN is as with a short one"


def test_an_express_service_is_what_ecs_owns() -> None:
    found = read(resourceManagementType="ECS").obstacle
    assert found is not None
    assert (found.code, "Express" in found.sentence) == (ObstacleCode.OWNED, True)
    assert read(resourceManagementType="CUSTOMER").obstacle is None


@pytest.mark.parametrize("controller", ["ECS", "CODE_DEPLOY", "EXTERNAL"])
@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", None])
def test_whichever_controller_deploys_it_takes_a_count(controller: str, state: str | None) -> None:
    deployments = [{"status": "PRIMARY", "rolloutState": state}] if controller == "ECS" else []
    assert read(deploymentController={"type": controller}, deployments=deployments).obstacle is None


def test_what_is_kept_is_told_by_the_facts_of_a_report_alone() -> None:
    for fields, _ in KEPT[:-1]:
        resource = read(**fields)
        assert obstacle(resource.facts, resource.tags) == resource.obstacle
        assert obstacle_of("ecs_service", resource.facts, resource.tags) == resource.obstacle
    assert isinstance(obstacle(read().facts, None), Obstacle)


def test_what_runs_has_its_count_and_its_flags_to_go_back_to_and_what_is_down_has_none() -> None:
    flags = {**NOT_SUSPENDED, "ScheduledScalingSuspended": True}
    expected = {name: flags[aws_name] for name, aws_name in FLAGS.items()}
    assert read(flags).restore == {"desired_count": 2, **expected}
    assert read(flags).facts["scaling"] == "suspended in part"
    assert (read().restore, read().facts["scaling"]) == ({"desired_count": 2}, None)
    assert read(NOT_SUSPENDED).facts["scaling"] == "active"
    assert read(flags, desiredCount=0).restore == {}


@pytest.mark.parametrize("tags", [[], [{"key": STOPPED_BY_TAG, "value": "ann"}]])
def test_what_somebody_else_suspended_goes_back_to_that(tags: list[dict[str, str]]) -> None:
    assert read(ALL_SUSPENDED, tags=tags).restore == {"desired_count": 2, **dict.fromkeys(FLAGS, True)}


def test_what_a_sweep_suspended_and_nobody_gave_back_does_not_go_back_to_that() -> None:
    assert read(ALL_SUSPENDED, tags=MARKED).restore == {"desired_count": 2}
    assert read(NOT_SUSPENDED, tags=MARKED).restore == {"desired_count": 2, **dict.fromkeys(FLAGS, False)}


def test_a_scalable_target_of_which_aws_tells_no_state_is_not_suspended() -> None:
    assert flags_of({}) == dict.fromkeys(FLAGS, False)


def test_tasks_on_fargate_have_a_price_of_their_own_and_others_say_why_not() -> None:
    [part] = billed(read(desiredCount=3)).running
    assert (part.key.kind, part.key.item, part.key.type, part.quantity) == ("ecs_service", "compute", "FARGATE", 3)
    assert "its launch type is EC2" in billed(read(launchType="EC2")).running_unknown
    assert "capacity providers" in billed(read(launchType=None)).running_unknown
    assert "desired count" in billed(read(desiredCount=None)).running_unknown
