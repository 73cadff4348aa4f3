"""What RDS's answers mean, purely: states in the project's words, when they changed, and what a sweep must not touch.

What AWS cannot stop: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html#USER_StopInstance.Limitations
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from orchestrator.core.model import Fact, Obstacle, ObstacleCode, Resource, Tags, Target, time_text
from orchestrator.core.model.managed_by import MANAGED_BY_WORD
from orchestrator.core.model.shared_texts import share_text, share_texts
from orchestrator.core.model.unreadable import spare_unreadable
from orchestrator.kinds.shared.databases import managed_by, start_failure, state_of, stopped_at, tags_of

_OF_PRICES: Mapping[str, str] = {
    "license_model": "LicenseModel",
    "storage_type": "StorageType",
    "allocated_storage": "AllocatedStorage",
    "storage_iops": "Iops",
    "storage_throughput": "StorageThroughput",
}
"""What only prices ask for: RDS's names."""
_OF_CLUSTERS = ("aurora", "docdb", "neptune")


def resource_of(raw: Any, target: Target, partition: str) -> Resource:
    """A DB instance as RDS describes it, in the project's words."""
    told = tags_of(raw)
    tags = told or {}
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
        obstacle=obstacle(facts, told),
        start_failure=start_failure(aws_state or ""),
        created_at=raw.get("InstanceCreateTime"),
        details=_details(
            (raw.get("DBSubnetGroup") or {}).get("VpcId"),
            managed_by(told) if told is not None else None,
            *map(raw.get, _OF_PRICES.values()),
        ),
    )
    return spare_unreadable(resource)


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
