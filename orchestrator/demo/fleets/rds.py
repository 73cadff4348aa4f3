"""DB instances: two that stop, and one with its read replica, of which AWS stops neither."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.accounts import DEV, FRANKFURT, IRELAND, TEST, DemoAccount, pairs
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import DemoKind, IdAndState

_CLASS = "db.t4g.micro"
_DATABASES = {"dev-web": (FRANKFURT, ("orders", "carts"), DEV), "dev-data": (IRELAND, ("metrics",), TEST)}
"""By account: region, names and tags."""
_REPLICAS = {"metrics": "metrics-replica"}


def _seed(aws: AnyAccount, account: DemoAccount, _: str) -> int:
    if account.name not in _DATABASES:
        return 0
    region, names, tags = _DATABASES[account.name]
    client = aws.client("rds", region)
    for name in names:
        client.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass=_CLASS,
            Engine="postgres",
            AllocatedStorage=20,
            StorageType="gp3",
            Tags=pairs({**tags, "Name": name}),
        )
    replicas = [name for name in names if name in _REPLICAS]
    for source in replicas:
        client.create_db_instance_read_replica(
            DBInstanceIdentifier=_REPLICAS[source],
            SourceDBInstanceIdentifier=source,
            DBInstanceClass=_CLASS,
            Tags=pairs({**tags, "Name": _REPLICAS[source]}),
        )
    return len(names) + len(replicas)


def _states(aws: AnyAccount, region: str) -> Iterator[IdAndState]:
    """Members of DB clusters are with their cluster."""
    for page in aws.client("rds", region).get_paginator("describe_db_instances").paginate():
        for one in page["DBInstances"]:
            if not one.get("DBClusterIdentifier"):
                yield one["DBInstanceIdentifier"], one["DBInstanceStatus"]


FLEETS = DemoKind("DB instances", _seed, _states)
