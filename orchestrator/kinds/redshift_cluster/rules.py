"""What Redshift's answers mean, purely: states in the project's words, and what a sweep must not pause.

What AWS cannot pause: https://docs.aws.amazon.com/redshift/latest/mgmt/rs-mgmt-pause-resume-cluster.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from orchestrator.core.model import AwsError, Fact, Loss, Obstacle, ObstacleCode, Resource, ResourceState, Tags, Target
from orchestrator.core.model.managed_by import MANAGED_BY_WORD, STACK
from orchestrator.core.model.shared_texts import share_text, share_texts
from orchestrator.core.model.unreadable import spare_unreadable
from orchestrator.kinds.redshift_cluster.description import QUERIES_ENDED

_AVAILABLE, _FOR_QUERIES = "available", "Available"
_STATES: Mapping[str, ResourceState] = {
    _AVAILABLE: ResourceState.RUNNING,
    "creating": ResourceState.STARTING,
    "resuming": ResourceState.STARTING,
    "pausing": ResourceState.STOPPING,
    "paused": ResourceState.STOPPED,
    "deleting": ResourceState.GONE,
}
"""Whatever else there is (modifying, resizing, `available, prep-for-resize` ...) is unknown: AWS does not pause it.

https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html
"""
_START_FAILURES: Mapping[str, str] = {
    "hardware-failure": "its hardware failed; one of a single node has to be restored from a snapshot",
    "incompatible-": "it needs what is not there any more, as its network, its parameters or its HSM",
    "storage-full": "its storage is full",
}
"""Statuses, or how they begin, and what they mostly come from."""
_LOSES_TABLES = "dc2."
_LOSES_NOTHING = "ra3."
"""How node types begin whose data is in Redshift's managed storage."""
_LOSSES = (Loss(QUERIES_ENDED),)
_SINGLE_ZONE = frozenset({"", "disabled", "false"})


def state_of(status: str | None, availability: str | None) -> ResourceState:
    """Redshift's status, normalised. One that is `available` runs only if it is so for queries too, and AWS says so:
    not while it is modified or maintained.
    """
    if status == _AVAILABLE and availability != _FOR_QUERIES:
        return ResourceState.UNKNOWN
    return _STATES.get(status or "", ResourceState.UNKNOWN)


def is_up(resource: Resource) -> bool:
    """Whether a sweep reports it: it runs, is about to, or is in a state that passes."""
    return resource.state in {ResourceState.RUNNING, ResourceState.STARTING, ResourceState.UNKNOWN}


def resource_of(raw: Any, target: Target, partition: str) -> Resource:
    """A cluster as Redshift describes it, in the project's words."""
    told = raw.get("Tags")  # Redshift tells an empty list of what has no tags
    tags = share_texts({tag["Key"]: tag.get("Value", "") for tag in told or ()})
    resource_id, facts = raw["ClusterIdentifier"], share_texts(_facts(raw))
    status, availability = raw.get("ClusterStatus"), raw.get("ClusterAvailabilityStatus")
    state = state_of(status, availability)
    resource = Resource(
        kind="redshift_cluster",
        target=target,
        resource_id=resource_id,
        arn=f"arn:{partition}:redshift:{target.region}:{target.account_id}:cluster:{resource_id}",
        name=tags.get("Name", ""),
        state=state,
        aws_state=share_text(_words_for(status, availability)) or "unknown",
        tags=tags,
        facts=facts,
        obstacle=obstacle(facts, tags if told is not None else None),
        start_failure=start_failure(status or ""),
        losses=_LOSSES if state is ResourceState.RUNNING else (),
        created_at=raw.get("ClusterCreateTime"),
        details=_details(raw.get("VpcId"), managed_by(tags) if told is not None else None),
    )
    return spare_unreadable(resource)


def start_failure(status: str) -> AwsError | None:
    """Why a resume came to nothing, from the status that Redshift leaves it in; None for every other status."""
    why = next((text for begins, text in _START_FAILURES.items() if status.startswith(begins)), None)
    return AwsError(status, why) if why is not None else None


def _words_for(status: str | None, availability: str | None) -> str | None:
    """AWS's own for its state; both where one alone would say that it runs."""
    if status != _AVAILABLE or availability == _FOR_QUERIES:
        return status
    return f"{status}, {availability or 'not known if for queries'}"


def _facts(raw: Any) -> dict[str, Fact]:
    hsm = raw.get("HsmStatus") or {}
    return {
        "node_type": raw.get("NodeType"),
        "number_of_nodes": raw.get("NumberOfNodes"),
        "automated_snapshot_retention_period": raw.get("AutomatedSnapshotRetentionPeriod"),
        "hsm": ", ".join(str(value) for value in hsm.values() if value) or None,
        "multi_az": raw.get("MultiAZ") or ("Enabled" if raw.get("MultiAZSecondary") else None),
        "availability_zone": raw.get("AvailabilityZone"),
        "pending_actions": ", ".join(raw.get("PendingActions") or ()) or None,
    }


@lru_cache(maxsize=4096)
def _details(vpc: str | None, managers: str | None) -> Mapping[str, Fact]:
    """One mapping for all that are alike in these."""
    return share_texts({"vpc": vpc, MANAGED_BY_WORD: managers})


def managed_by(tags: Tags) -> str:
    """The stack, where its tags name one: nothing else of what the condition knows has clusters."""
    return STACK if any(key.startswith("aws:cloudformation:") for key in tags) else ""


def obstacle(facts: Mapping[str, Fact], tags: Tags | None) -> Obstacle | None:
    """Why a cluster is kept whatever the policy says; None when nothing is in the way.

    What AWS did not say (its node type, its snapshots; None for its tags) is in the way.
    """
    cannot_stop = next(_cannot_be_paused(facts), None)
    if tags is None and not cannot_stop:
        cannot_stop = "AWS did not tell its tags, so they may spare it."
    return Obstacle(ObstacleCode.CANNOT_STOP, cannot_stop) if cannot_stop else None


def _cannot_be_paused(facts: Mapping[str, Fact]) -> Iterator[str]:
    retention, node_type = facts.get("automated_snapshot_retention_period"), str(facts.get("node_type") or "")
    if retention is None:
        yield "AWS did not tell whether it has automated snapshots, and cannot pause a cluster without them."
    elif retention == 0:
        yield "Its automated snapshots are turned off; AWS cannot pause a cluster without them."
    if facts.get("hsm"):
        yield "It uses a hardware security module (HSM); AWS cannot pause such a cluster."
    if str(facts.get("multi_az") or "").lower() not in _SINGLE_ZONE:
        yield "It is in two availability zones (Multi-AZ); AWS does not say that it can pause such a cluster."
    if node_type.startswith(_LOSES_TABLES):
        yield f"Its node type is {node_type}; a pause would lose its no-backup tables for good."
    elif not node_type:
        yield "Its node type is unknown, so a pause may lose data."
    elif not node_type.startswith(_LOSES_NOTHING):
        yield f"Its node type is {node_type}, of which this release does not know what a pause would lose."
