"""What DB instances and DB clusters have in common, purely: one service has both, with the same words and times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orchestrator.core.model import AwsError, Resource, ResourceState, Tags
from orchestrator.core.model.managed_by import STACK
from orchestrator.core.model.shared_texts import share_texts
from orchestrator.kinds.shared.database_times import RESTARTED_AFTER

_STATES: Mapping[str, ResourceState] = {
    "available": ResourceState.RUNNING,
    "creating": ResourceState.STARTING,
    "starting": ResourceState.STARTING,
    "stopping": ResourceState.STOPPING,
    "stopped": ResourceState.STOPPED,
    "deleting": ResourceState.GONE,
}
"""Whatever else there is (backing-up, modifying, maintenance ...) is unknown: it can neither be stopped nor tagged."""
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html#Aurora.Status
_START_FAILURES: Mapping[str, str] = {
    "failed": "RDS cannot recover it",
    "inaccessible-encryption-credentials": "its KMS key is disabled, or the key's policy keeps RDS from it",
    "incompatible-": "it needs what is not there any more, as its network, its parameters or its option group",
    "insufficient-capacity": "AWS had no capacity for its class in its zone; undo again later",
    "storage-full": "its storage is full",
}
"""Statuses, or how they begin, and what they mostly come from."""


def state_of(aws_state: str | None) -> ResourceState:
    """RDS's status, normalised; `unknown` for whatever can neither be stopped nor tagged."""
    return _STATES.get(aws_state or "", ResourceState.UNKNOWN)


def is_up(resource: Resource) -> bool:
    """Whether a sweep reports it: it runs, is about to, or is in a state that passes."""
    return resource.state in {ResourceState.RUNNING, ResourceState.STARTING, ResourceState.UNKNOWN}


def is_read(resource: Resource, *, with_stopped: bool) -> bool:
    """Whether a sweep that asks for what is stopped too, or does not, reads it."""
    down = {ResourceState.STOPPING, ResourceState.STOPPED} if with_stopped else {ResourceState.STOPPING}
    return is_up(resource) or resource.state in down


def start_failure(aws_state: str) -> AwsError | None:
    """Why a start came to nothing, from the status that RDS leaves it in; None for every other status."""
    why = next((text for status, text in _START_FAILURES.items() if aws_state.startswith(status)), None)
    return AwsError(aws_state, why) if why is not None else None


def stopped_at(restart: datetime | None) -> datetime | None:
    """When it was stopped, from when AWS will start it again; RDS says it nowhere else."""
    return restart - RESTARTED_AFTER if restart else None


def tags_of(raw: Any) -> Tags | None:
    """None where the answer has no list of them: RDS tells an empty one of what has none."""
    told = raw.get("TagList")
    return None if told is None else share_texts({tag["Key"]: tag.get("Value", "") for tag in told})


def managed_by(tags: Tags) -> str:
    """The stack, where its tags name one: nothing else of what the condition knows has databases."""
    return STACK if any(key.startswith("aws:cloudformation:") for key in tags) else ""
