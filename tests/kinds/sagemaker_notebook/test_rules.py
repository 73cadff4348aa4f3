"""What SageMaker's answers mean: states, tags that were not told, and what a stop of a notebook instance loses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.core.model import ObstacleCode, Resource, ResourceState
from orchestrator.kinds.sagemaker_notebook.rules import is_up, resource_of
from tests.kinds.contract.harness import ACCOUNT, REGION
from tests.support.builders import a_resource

TARGET = a_resource(account_id=ACCOUNT, region=REGION).target
PLAIN = {"NotebookInstanceName": "study", "NotebookInstanceStatus": "InService", "InstanceType": "ml.t3.medium"}


def notebook(tags: Any = (), **fields: Any) -> Resource:
    return resource_of({**PLAIN, **fields}, tags, TARGET, "aws")


@pytest.mark.parametrize(
    ("word", "state", "up"),
    [
        ("InService", ResourceState.RUNNING, True),
        ("Pending", ResourceState.STARTING, True),
        ("Stopping", ResourceState.STOPPING, False),
        ("Stopped", ResourceState.STOPPED, False),
        ("Deleting", ResourceState.GONE, False),
        ("Updating", ResourceState.UNKNOWN, True),
        ("Failed", ResourceState.UNKNOWN, True),
        ("PendingMaintenance", ResourceState.UNKNOWN, True),
        ("InMaintenance", ResourceState.UNKNOWN, True),
        (None, ResourceState.UNKNOWN, True),
    ],
)
def test_only_what_is_in_service_runs_and_what_passes_is_reported_with_awss_word(
    word: str | None, state: ResourceState, up: bool
) -> None:
    resource = notebook(NotebookInstanceStatus=word)
    assert (resource.state, resource.aws_state, is_up(resource.state)) == (state, word or "unknown", up)


def test_a_stop_of_what_runs_loses_what_is_outside_of_its_volume_and_of_what_is_down_nothing() -> None:
    [loss] = notebook().losses
    assert loss.word == "files_outside_volume"
    assert "everything outside /home/ec2-user/SageMaker is lost" in loss.why_kept
    assert not loss.is_unknown
    for word in ("Stopped", "Stopping", "Pending", "Failed"):
        assert notebook(NotebookInstanceStatus=word).losses == ()


def test_when_it_was_modified_last_is_for_people_and_dates_no_stop() -> None:
    at = datetime(2026, 11, 23, 19, tzinfo=UTC)
    told = notebook(NotebookInstanceStatus="Stopped", LastModifiedTime=at, CreationTime=at)
    assert told.facts["last_modified_time"] == "2026-11-23T19:00:00Z"
    assert (told.changed_at, told.started_at, told.created_at) == (None, None, at)


def test_why_a_start_failed_is_awss_own_reason_where_it_tells_one() -> None:
    reason = "The network interface could not be created."
    told = notebook(NotebookInstanceStatus="Failed", FailureReason=reason).start_failure
    assert told is not None
    assert (told.code, told.message) == ("Failed", reason)
    listed = notebook(NotebookInstanceStatus="Failed").start_failure
    assert listed is not None
    assert "FailureReason" in listed.message
    assert notebook(FailureReason="an earlier one").start_failure is None


def test_nothing_is_in_the_way_of_a_plain_notebook() -> None:
    tags = [{"Key": "Name", "Value": "Study"}, {"Key": "aws:cloudformation:stack-name", "Value": "s"}]
    resource = notebook(tags, NotebookInstanceLifecycleConfigName="auto-stop")
    assert (resource.obstacle, resource.name) == (None, "Study")
    assert resource.details == {"managed_by": "cloudformation"}
    assert resource.arn == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:notebook-instance/study"
    assert resource.facts["lifecycle_config"] == "auto-stop"


def test_one_whose_tags_were_not_told_is_kept_and_one_without_tags_is_not() -> None:
    obstacle = notebook(None).obstacle
    assert obstacle is not None
    expected = (ObstacleCode.CANNOT_STOP, "AWS did not tell its tags, so they may spare it.")
    assert (obstacle.code, obstacle.sentence) == expected
    assert notebook(None).details["managed_by"] is None
    assert notebook([]).obstacle is None
