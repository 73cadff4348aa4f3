"""What SageMaker's answers mean, purely: states in the project's words, and what a stop of a notebook instance loses.

Its states: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeNotebookInstance.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from orchestrator.core.model import (
    AwsError,
    Fact,
    Loss,
    Obstacle,
    ObstacleCode,
    Resource,
    ResourceState,
    Tags,
    Target,
    time_text,
)
from orchestrator.core.model.managed_by import MANAGED_BY_WORD, STACK
from orchestrator.core.model.shared_texts import share_text, share_texts
from orchestrator.core.model.unreadable import spare_unreadable
from orchestrator.kinds.sagemaker_notebook.loss_words import OUTSIDE_VOLUME

_STATES: Mapping[str, ResourceState] = {
    "InService": ResourceState.RUNNING,
    "Pending": ResourceState.STARTING,
    "Stopping": ResourceState.STOPPING,
    "Stopped": ResourceState.STOPPED,
    "Deleting": ResourceState.GONE,
}
"""Whatever else there is (Updating, Failed, PendingMaintenance, InMaintenance) is unknown: AWS does not stop it."""
FAILED = "Failed"
"""Where a start that came to nothing leaves one. From there it can be started again."""
_KEPT = (
    "A stop terminates its instance and keeps the volume at /home/ec2-user/SageMaker alone: everything outside "
    "/home/ec2-user/SageMaker is lost"
)
LOSSES = (Loss(OUTSIDE_VOLUME, _KEPT),)


def state_of(aws_state: str | None) -> ResourceState:
    """SageMaker's status, normalised; `unknown` for whatever AWS does not stop."""
    return _STATES.get(aws_state or "", ResourceState.UNKNOWN)


def is_up(state: ResourceState) -> bool:
    """Whether a sweep reports one in this state: it runs, is about to, or is in a state that passes."""
    return state in {ResourceState.RUNNING, ResourceState.STARTING, ResourceState.UNKNOWN}


def resource_of(raw: Any, told_tags: Any, target: Target, partition: str) -> Resource:
    """A notebook instance as SageMaker lists or describes it, in the project's words.

    `told_tags`: as ListTags tells them; None where it did not, which keeps it.
    """
    tags = share_texts({tag["Key"]: tag.get("Value", "") for tag in told_tags or ()})
    resource_id, facts = raw["NotebookInstanceName"], share_texts(_facts(raw))
    arn = f"arn:{partition}:sagemaker:{target.region}:{target.account_id}:notebook-instance/{resource_id}"
    aws_state = share_text(raw.get("NotebookInstanceStatus"))
    state = state_of(aws_state)
    resource = Resource(
        kind="sagemaker_notebook",
        target=target,
        resource_id=resource_id,
        arn=raw.get("NotebookInstanceArn") or arn,
        name=tags.get("Name", ""),
        state=state,
        aws_state=aws_state or "unknown",
        tags=tags,
        facts=facts,
        obstacle=obstacle(facts, tags if told_tags is not None else None),
        start_failure=start_failure(aws_state, raw.get("FailureReason")),
        losses=LOSSES if state is ResourceState.RUNNING else (),
        created_at=raw.get("CreationTime"),
        details=_details(managed_by(tags) if told_tags is not None else None),
    )
    return spare_unreadable(resource)


def start_failure(aws_state: str | None, reason: str | None) -> AwsError | None:
    """Why a start, or the making of it, came to nothing; None in every other state. Lists do not tell the reason."""
    if aws_state != FAILED:
        return None
    return AwsError(FAILED, reason or "its FailureReason, which DescribeNotebookInstance tells, says why")


def last_modified(raw: Any) -> str | None:
    """For people alone, and no evidence of who stopped it, nor when.

    AWS promises only that it was "last modified" then. In practice each start and stop sets it once it is through,
    which may be hours after it was asked for, and so does every other change: what an update of a stopped notebook
    overnight dates would look like somebody's stop, and keep an undo from starting it. AWS's own reading of it as the
    time of the last start or stop:
    https://github.com/aws-samples/amazon-sagemaker-notebook-instance-lifecycle-config-samples/pull/17
    """
    return time_text(raw.get("LastModifiedTime"))


def _facts(raw: Any) -> dict[str, Fact]:
    return {
        "instance_type": raw.get("InstanceType"),
        "lifecycle_config": raw.get("NotebookInstanceLifecycleConfigName"),
        "last_modified_time": last_modified(raw),
    }


@lru_cache(maxsize=16)
def _details(managers: str | None) -> Mapping[str, Fact]:
    """One mapping for all that are alike in these."""
    return {MANAGED_BY_WORD: managers}


def managed_by(tags: Tags) -> str:
    """The stack, where its tags name one: nothing else of what the condition knows has notebook instances."""
    return STACK if any(key.startswith("aws:cloudformation:") for key in tags) else ""


def obstacle(_facts: Mapping[str, Fact], tags: Tags | None) -> Obstacle | None:
    """Why a notebook instance is kept whatever the policy says; None when nothing is in the way.

    What AWS did not say (None for its tags) is in the way.
    """
    if tags is None:
        return Obstacle(ObstacleCode.CANNOT_STOP, "AWS did not tell its tags, so they may spare it.")
    return None
