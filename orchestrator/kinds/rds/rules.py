"""What RDS's answers mean, purely: states in the project's words, when they changed, and what a sweep must not touch.

What AWS cannot stop: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html#USER_StopInstance.Limitations
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from orchestrator.core.model import (
    AwsError,
    Fact,
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
_START_FAILURES: Mapping[str, str] = {
    "failed": "RDS cannot recover it",
    "inaccessible-encryption-credentials": "its KMS key is disabled, or the key's policy keeps RDS from it",
    "incompatible-": "it needs what is not there any more, as its network, its parameters or its option group",
    "insufficient-capacity": "AWS had no capacity for its class in its zone; undo again later",
    "storage-full": "its storage is full",
}
"""Statuses, or how they begin, and what they mostly come from."""
_RESTARTED_AFTER = timedelta(days=7)
"""AWS starts what is stopped again by itself after that time, which it tells beforehand."""
_OF_PRICES: Mapping[str, str] = {
    "license_model": "LicenseModel",
    "storage_type": "StorageType",
    "allocated_storage": "AllocatedStorage",
    "storage_iops": "Iops",
    "storage_throughput": "StorageThroughput",
}
"""What only prices ask for: RDS's names."""
_OF_CLUSTERS = ("aurora", "docdb", "neptune")


def state_of(aws_state: str | None) -> ResourceState:
    """RDS's status, normalised; `unknown` for whatever can neither be stopped nor tagged."""
    return _STATES.get(aws_state or "", ResourceState.UNKNOWN)


def is_up(resource: Resource) -> bool:
    """Whether a sweep reports it: it runs, is about to, or is in a state that passes."""
    return resource.state in {ResourceState.RUNNING, ResourceState.STARTING, ResourceState.UNKNOWN}


def resource_of(raw: Any, target: Target, partition: str) -> Resource:
    """A DB instance as RDS describes it, in the project's words."""
    told = raw.get("TagList")  # RDS tells an empty list of what has no tags
    tags = share_texts({tag["Key"]: tag.get("Value", "") for tag in told or ()})
    resource_id, facts = raw["DBInstanceIdentifier"], share_texts(_facts(raw))
    arn = f"arn:{partition}:rds:{target.region}:{target.account_id}:db:{resource_id}"
    aws_state = share_text(raw.get("DBInstanceStatus"))
    resource = Resource(
        kind="rds",
        target=target,
        resource_id=resource_id,
        arn=raw.get("DBInstanceArn") or arn,
        name=tags.get("Name", ""),
        state=state_of(aws_state),
        aws_state=aws_state or "unknown",
        tags=tags,
        facts=facts,
        changed_at=stopped_at(raw.get("AutomaticRestartTime")),
        obstacle=obstacle(facts, tags if told is not None else None),
        start_failure=start_failure(aws_state or ""),
        created_at=raw.get("InstanceCreateTime"),
        details=_details(
            (raw.get("DBSubnetGroup") or {}).get("VpcId"),
            managed_by(tags) if told is not None else None,
            *map(raw.get, _OF_PRICES.values()),
        ),
    )
    return spare_unreadable(resource)


def start_failure(aws_state: str) -> AwsError | None:
    """Why a start came to nothing, from the status that RDS leaves it in; None for every other status."""
    why = next((text for status, text in _START_FAILURES.items() if aws_state.startswith(status)), None)
    return AwsError(aws_state, why) if why is not None else None


def stopped_at(restart: datetime | None) -> datetime | None:
    """When it was stopped, from when AWS will start it again; RDS says it nowhere else."""
    return restart - _RESTARTED_AFTER if restart else None


def _facts(raw: Any) -> dict[str, Fact]:
    replicas = [*raw.get("ReadReplicaDBInstanceIdentifiers", ()), *raw.get("ReadReplicaDBClusterIdentifiers", ())]
    source = raw.get("ReadReplicaSourceDBInstanceIdentifier") or raw.get("ReadReplicaSourceDBClusterIdentifier")
    return {
        "engine": raw.get("Engine"),
        "db_instance_class": raw.get("DBInstanceClass"),
        "db_cluster_identifier": raw.get("DBClusterIdentifier"),
        "multi_az": raw.get("MultiAZ"),
        "read_replica_source": source,
        "read_replicas": ", ".join(replicas) or None,
        "availability_zone": raw.get("AvailabilityZone"),
        "automatic_restart_time": time_text(raw.get("AutomaticRestartTime")),
    }


@lru_cache(maxsize=4096)
def _details(vpc: str | None, managers: str | None, *of_prices: Fact) -> Mapping[str, Fact]:
    """One mapping for all that are alike in these."""
    return share_texts({"vpc": vpc, MANAGED_BY_WORD: managers, **dict(zip(_OF_PRICES, of_prices, strict=True))})


def managed_by(tags: Tags) -> str:
    """The stack, where its tags name one: nothing else of what the condition knows has DB instances."""
    return STACK if any(key.startswith("aws:cloudformation:") for key in tags) else ""


def obstacle(facts: Mapping[str, Fact], tags: Tags | None) -> Obstacle | None:
    """Why a DB instance is kept whatever the policy says; None when nothing is in the way.

    What AWS did not say (an unknown engine; None for its tags) is in the way.
    """
    cluster, engine = facts.get("db_cluster_identifier"), str(facts.get("engine") or "")
    if cluster:
        return Obstacle(ObstacleCode.OWNED, f"It belongs to the DB cluster {cluster}, which stops as a whole.")
    if engine.startswith(_OF_CLUSTERS):
        return Obstacle(ObstacleCode.OWNED, f"Its engine {engine} runs in DB clusters, which stop as a whole.")
    cannot_stop = _cannot_be_stopped(facts, engine)
    if tags is None and not cannot_stop:
        cannot_stop = "AWS did not tell its tags, so they may spare it."
    return Obstacle(ObstacleCode.CANNOT_STOP, cannot_stop) if cannot_stop else None


def _cannot_be_stopped(facts: Mapping[str, Fact], engine: str) -> str | None:
    source, replicas = facts.get("read_replica_source"), facts.get("read_replicas")
    if source:
        return f"It is a read replica of {source}; AWS stops neither of them."
    if replicas:
        return f"It has read replicas ({replicas}); AWS stops none of them."
    if not engine:
        return "Its engine is unknown, so AWS may not be able to stop it."
    if engine.startswith("custom-"):
        return f"Its engine is {engine}; AWS cannot stop RDS Custom."
    if engine.startswith("sqlserver-") and facts.get("multi_az") is not False:
        return f"Its engine is {engine} in several zones, which AWS cannot stop."
    return None
