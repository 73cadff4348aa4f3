"""What RDS's answers about DB clusters mean, purely: what they are made of, and what a sweep must not touch.

What AWS cannot stop: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html#aurora-cluster-start-stop-limitations
and https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/multi-az-db-clusters-concepts.html. That a cluster is part of
a blue/green deployment only another call would tell: AWS refuses its stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.model import Fact, Obstacle, ObstacleCode, Resource, Tags, Target, time_text
from orchestrator.core.model.managed_by import MANAGED_BY_WORD
from orchestrator.core.model.shared_texts import share_text, share_texts
from orchestrator.core.model.unreadable import spare_unreadable
from orchestrator.kinds.shared.databases import managed_by, start_failure, state_of, stopped_at, tags_of

_ENGINES = frozenset({"aurora", "aurora-mysql", "aurora-postgresql", "docdb", "neptune"})
_MULTI_AZ = frozenset({"mysql", "postgres"})
"""The engines of Multi-AZ DB clusters, which are clusters of plain RDS."""
_PLAIN_MODE = "provisioned"
"""Of Serverless v2 too. DocumentDB and Neptune may tell none."""
_SERVERLESS_V1 = "serverless"
_PLAIN_SCALABILITY = "standard"


def resource_of(raw: Any, target: Target, partition: str) -> Resource:
    """A DB cluster as RDS describes it, in the project's words."""
    told = tags_of(raw)
    tags = told or {}
    resource_id, facts = raw["DBClusterIdentifier"], share_texts(_facts(raw))
    arn = f"arn:{partition}:rds:{target.region}:{target.account_id}:cluster:{resource_id}"
    aws_state = share_text(raw.get("Status"))
    resource = Resource(
        kind="rds_cluster",
        target=target,
        resource_id=resource_id,
        arn=raw.get("DBClusterArn") or arn,
        name=tags.get("Name", ""),
        state=state_of(aws_state),
        aws_state=aws_state or "unknown",
        tags=tags,
        facts=facts,
        changed_at=stopped_at(raw.get("AutomaticRestartTime")),
        obstacle=obstacle(facts, told),
        start_failure=start_failure(aws_state or ""),
        created_at=raw.get("ClusterCreateTime"),
        details={MANAGED_BY_WORD: managed_by(told) if told is not None else None},
    )
    return spare_unreadable(resource)


def _facts(raw: Any) -> dict[str, Fact]:
    members = raw.get("DBClusterMembers")
    return {
        "engine": raw.get("Engine"),
        "engine_mode": raw.get("EngineMode"),
        "members": None if members is None else len(members),
        "global_cluster": raw.get("GlobalClusterIdentifier"),
        "replication_source": raw.get("ReplicationSourceIdentifier"),
        "read_replicas": ", ".join(raw.get("ReadReplicaIdentifiers") or ()) or None,
        "scalability": _scalability(raw),
        "automatic_restart_time": time_text(raw.get("AutomaticRestartTime")),
    }


def _scalability(raw: Any) -> Fact:
    """An Aurora cluster of shards says so in one of two places."""
    told: Fact = raw.get("ClusterScalabilityType")
    return told or ("limitless" if raw.get("LimitlessDatabase") else None)


def obstacle(facts: Mapping[str, Fact], tags: Tags | None) -> Obstacle | None:
    """Why a DB cluster is kept whatever the policy says; None when nothing is in the way.

    What AWS did not say (an unknown engine; None for its tags) is in the way.
    """
    why = next(_in_the_way(facts, tags), None)
    return Obstacle(ObstacleCode.CANNOT_STOP, why) if why else None


def _in_the_way(facts: Mapping[str, Fact], tags: Tags | None) -> Iterator[str]:
    yield from _of_its_form(facts)
    if facts.get("global_cluster"):
        text = f"It belongs to the global database {facts['global_cluster']}"
        yield f"{text}; AWS stops only its sole cluster, and whether there are others is not known here."
    if facts.get("replication_source"):
        yield f"It is a replica of {facts['replication_source']}; AWS stops neither of them."
    if facts.get("read_replicas"):
        yield f"It has read replicas ({facts['read_replicas']}); AWS stops none of them."
    if tags is None:
        yield "AWS did not tell its tags, so they may spare it."


def _of_its_form(facts: Mapping[str, Fact]) -> Iterator[str]:
    engine, mode = facts.get("engine"), facts.get("engine_mode") or _PLAIN_MODE
    if not engine:
        yield "Its engine is unknown, so AWS may not be able to stop it."
    elif engine in _MULTI_AZ:
        yield f"It is a Multi-AZ DB cluster of {engine}, which AWS cannot stop."
    elif engine not in _ENGINES:
        yield f"Its engine is {engine}, of which it is not known whether AWS can stop it."
    if mode == _SERVERLESS_V1:
        yield "It is Aurora Serverless v1, which AWS cannot stop."
    elif mode != _PLAIN_MODE:
        yield f"Its engine mode is {mode}, in which AWS may not be able to stop it."
    if (facts.get("scalability") or _PLAIN_SCALABILITY) != _PLAIN_SCALABILITY:
        yield f"It is an Aurora cluster of the form {facts['scalability']}, which AWS may not be able to stop."
