"""Redshift clusters: one that is paused, and one that would lose tables, which is kept."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.demo.accounts import FRANKFURT, TEST, DemoAccount, pairs
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import DemoKind, IdAndState

_ACCOUNT = "dev-analytics"
_NODE_TYPES = {"warehouse": "ra3.xlplus", "old-warehouse": "dc2.large"}
_USER = {"MasterUsername": "demo", "MasterUserPassword": "Not-a-secret-1"}
_STATES = {"paused": "stopped", "pausing": "stopping"}


def _seed(aws: AnyAccount, account: DemoAccount, _: str) -> int:
    if account.name != _ACCOUNT:
        return 0
    for name, node_type in _NODE_TYPES.items():
        tags = pairs({**TEST, "Name": name})
        aws.client("redshift", FRANKFURT).create_cluster(
            ClusterIdentifier=name, NodeType=node_type, NumberOfNodes=2, Tags=tags, **_USER
        )
    return len(_NODE_TYPES)


def _states(aws: AnyAccount, region: str) -> Iterator[IdAndState]:
    for page in aws.client("redshift", region).get_paginator("describe_clusters").paginate():
        for one in page["Clusters"]:
            yield one["ClusterIdentifier"], _STATES.get(one["ClusterStatus"], one["ClusterStatus"])


FLEETS = DemoKind("Redshift clusters", _seed, _states)
