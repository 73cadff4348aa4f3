"""DB clusters: Aurora with a member and DocumentDB, which stop, and a Multi-AZ DB cluster, which AWS cannot stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.demo.accounts import DEV, FRANKFURT, TEST, DemoAccount, Tags, pairs
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import DemoKind, IdAndState

_USER = {"MasterUsername": "demo", "MasterUserPassword": "not-a-secret"}


@dataclass(frozen=True, slots=True)
class _Cluster:
    name: str
    engine: str
    tags: Tags
    members: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)


_CLUSTERS = {
    "dev-web": (_Cluster("catalog", "aurora-postgresql", DEV, members=1),),
    "dev-data": (
        _Cluster("documents", "docdb", TEST),
        _Cluster("ledger", "postgres", TEST, more={"DBClusterInstanceClass": "db.m6gd.large"}),
    ),
}


def _seed(aws: AnyAccount, account: DemoAccount, _: str) -> int:
    client = aws.client("rds", FRANKFURT)
    clusters = _CLUSTERS.get(account.name, ())
    for one in clusters:
        tags = pairs({**one.tags, "Name": one.name})
        client.create_db_cluster(DBClusterIdentifier=one.name, Engine=one.engine, Tags=tags, **_USER, **one.more)
        for number in range(one.members):
            client.create_db_instance(
                DBInstanceIdentifier=f"{one.name}-{number + 1}",
                DBInstanceClass="db.r6g.large",
                Engine=one.engine,
                DBClusterIdentifier=one.name,
                Tags=tags,
            )
    return len(clusters)


def _states(aws: AnyAccount, region: str) -> Iterator[IdAndState]:
    for page in aws.client("rds", region).get_paginator("describe_db_clusters").paginate():
        for one in page["DBClusters"]:
            yield one["DBClusterIdentifier"], one["Status"]


FLEETS = DemoKind("DB clusters", _seed, _states)
