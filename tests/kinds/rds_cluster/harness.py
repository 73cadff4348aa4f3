"""DB clusters for the contract suite, in memory and embedded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from moto.rds.models import rds_backends

from orchestrator.core.model import Action
from orchestrator.kinds.rds_cluster.act import PROFILE
from orchestrator.kinds.rds_cluster.kind import KIND
from tests.kinds.contract import harness
from tests.kinds.contract.harness import REGION, Row, Words, refused
from tests.support.embedded import OrganizationBuilder
from tests.support.fake_ec2 import ANSWERED

WORDS = Words(
    entry=KIND,
    profile=PROFILE,
    running="available",
    odd_state="failing-over",
    fell_back="inaccessible-encryption-credentials-recoverable",
    throttled="Throttling",
    cannot_stop=("InvalidDBClusterStateFault", "The DB cluster {id} can't be stopped: it is in a deployment."),
    cannot_mark=("InvalidDBClusterStateFault", "DbCluster {id} is in modifying state."),
    not_found=("DBClusterNotFoundFault", "DBCluster {id} not found."),
)
_NUMBERS = count(1)


def seed(organization: OrganizationBuilder, account: str, region: str, tags: Mapping[str, str], **fields: Any) -> str:
    """One to be stopped; its identifier."""
    name = f"shop-{next(_NUMBERS)}"
    user = {"MasterUsername": "admin", "MasterUserPassword": "not-a-secret"}
    wanted = {"Engine": "aurora-postgresql", **user, **fields}
    with organization.acting_in(account):
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        organization.client("rds", region).create_db_cluster(DBClusterIdentifier=name, Tags=pairs, **wanted)
    return name


def add_member(organization: OrganizationBuilder, account: str, region: str, cluster: str, engine: str) -> str:
    """An instance of that cluster."""
    name = f"{cluster}-{next(_NUMBERS)}"
    with organization.acting_in(account):
        organization.client("rds", region).create_db_instance(
            DBInstanceIdentifier=name, DBInstanceClass="db.r6g.large", Engine=engine, DBClusterIdentifier=cluster
        )
    return name


class InMemory(harness.MemoryAws):
    """Its own client, and in place of `Clients` whatever gives it."""

    words = WORDS
    prefix = "shop"
    partition = "aws"

    def __init__(self, _: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.kind = self.make(self)

    def member(self, _service: str, _region: str) -> InMemory:
        """As Clients.member."""
        return self

    def describe_db_clusters(self, *, MaxRecords: int, Filters: Sequence[Any] = ()) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert MaxRecords <= 100
        wanted = Filters[0]["Values"] if Filters else [*self.rows]
        self.looked(wanted if Filters else ())
        return {"DBClusters": [_raw(one, row) for one in wanted for row in self.told(one)]}

    def stop_db_cluster(self, *, DBClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return self._change(PROFILE.stop, DBClusterIdentifier, "available", "stopping")

    def start_db_cluster(self, *, DBClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return self._change(PROFILE.start, DBClusterIdentifier, "stopped", "starting")

    def add_tags_to_resource(self, *, ResourceName: str, Tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        name = ResourceName.rpartition(":cluster:")[2]
        tags = {tag["Key"]: tag["Value"] for tag in Tags}
        self.called(PROFILE.mark, [name], lambda: self._taggable(name).tags.update(tags))
        return ANSWERED

    def remove_tags_from_resource(self, *, ResourceName: str, TagKeys: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        name = ResourceName.rpartition(":cluster:")[2]
        self.called(PROFILE.unmark, [name], lambda: [self._taggable(name).tags.pop(key, None) for key in TagKeys])
        return ANSWERED

    def look(self, *ids: str) -> Any:
        """What is about to be down is down the next time that somebody looks."""
        found = super().look(*ids)
        for row in self.rows.values():
            row.word = {"stopping": "stopped", "starting": "available"}.get(row.word, row.word)
        return found

    def _change(self, operation: str, name: str, needed: str, word: str) -> dict[str, Any]:
        def change() -> None:
            self._in_state(name, needed)
            row = self.rows[name]
            row.word, row.stopped_at = word, self.now() if word == "stopping" else None

        self.called(operation, [name], change)
        return {"DBCluster": {"DBClusterIdentifier": name, "Status": word}}

    def _taggable(self, name: str) -> Row:
        self._in_state(name, "available")
        return self.rows[name]

    def _in_state(self, name: str, needed: str) -> None:
        if self.rows[name].word != needed:
            raise refused("InvalidDBClusterStateFault", f"DbCluster {name} is not in {needed} state.")


def _raw(name: str, row: Row) -> dict[str, Any]:
    restart = {"AutomaticRestartTime": row.stopped_at + timedelta(days=7)} if row.stopped_at else {}
    return {
        "DBClusterIdentifier": name,
        "DBClusterArn": f"arn:aws:rds:{harness.REGION}:{harness.ACCOUNT}:cluster:{name}",
        "Status": row.word,
        "Engine": "aurora-postgresql",
        "DBClusterMembers": [],
        "TagList": [{"Key": key, "Value": value} for key, value in row.tags.items()],
        **restart,
    }


class Embedded(harness.EmbeddedAws):
    words = WORDS

    def add(self, count: int = 1, tags: Mapping[str, str] | None = None) -> list[str]:
        return [seed(self.organization, self.account, REGION, tags or {}) for _ in range(count)]

    def put(self, resource_id: str, word: str) -> None:
        cluster = self._cluster(resource_id)
        cluster.status = word
        vars(cluster).pop("seen_status", None)

    def remove(self, resource_id: str) -> None:
        del rds_backends[self.account][REGION].clusters[resource_id]

    def word(self, resource_id: str) -> str:
        return str(self._cluster(resource_id).status)

    def tags(self, resource_id: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self._cluster(resource_id).tags}

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        self._cluster(resource_id).add_tags([{"Key": key, "Value": value} for key, value in tags.items()])

    def untag(self, resource_id: str, keys: Collection[str]) -> None:
        self._cluster(resource_id).remove_tags([*keys])

    def someone(self, action: Action, ids: Sequence[str]) -> None:
        with self.organization.acting_in(self.account):
            client = self.organization.client("rds", REGION)
            for one in ids:
                call = client.start_db_cluster if action.starts else client.stop_db_cluster
                call(DBClusterIdentifier=one)

    def _cluster(self, resource_id: str) -> Any:
        return rds_backends[self.account][REGION].clusters[resource_id]
