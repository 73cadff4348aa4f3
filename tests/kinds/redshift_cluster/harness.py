"""Redshift for the contract suite, in memory and embedded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

import pytest
from moto.redshift.models import redshift_backends

from orchestrator.core.model import Action
from orchestrator.demo.calls import Answer, Call
from orchestrator.kinds.redshift_cluster.act import PROFILE
from orchestrator.kinds.redshift_cluster.kind import KIND
from tests.kinds.contract import harness
from tests.kinds.contract.harness import ACCOUNT, REGION, Row, Words, refused
from tests.support.embedded import OrganizationBuilder
from tests.support.fake_ec2 import ANSWERED

WORDS = Words(
    entry=KIND,
    profile=PROFILE,
    running="available",
    odd_state="resizing",
    fell_back="incompatible-network",
    throttled="Throttling",
    cannot_stop=("UnsupportedOperation", "The cluster {id} cannot be paused."),
    cannot_mark=("InvalidClusterState", "The cluster {id} is not in the available state."),
    not_found=("ClusterNotFound", "Cluster {id} not found."),
    starting="resuming",
    stopped="paused",
)
_NUMBERS = count(1)


def seed(organization: OrganizationBuilder, account: str, region: str, tags: Mapping[str, str], **fields: Any) -> str:
    """One to be paused; its identifier."""
    name = f"dwh-{next(_NUMBERS)}"
    admin = {"MasterUsername": "admin", "MasterUserPassword": "Abcdefgh1"}
    wanted = {"NodeType": "ra3.xlplus", "NumberOfNodes": 2, **admin, **fields}
    with organization.acting_in(account):
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        organization.client("redshift", region).create_cluster(ClusterIdentifier=name, Tags=pairs, **wanted)
    return name


class InMemory(harness.MemoryAws):
    """Its own client, and in place of `Clients` whatever gives it."""

    words = WORDS
    prefix = "dwh"
    partition = "aws"

    def __init__(self, _: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.kind = self.make(self)

    def member(self, _service: str, _region: str) -> InMemory:
        """As Clients.member."""
        return self

    def describe_clusters(self, *, MaxRecords: int = 0, ClusterIdentifier: str = "") -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert MaxRecords <= 100
        if not ClusterIdentifier:
            return {"Clusters": [_raw(one, row) for one in self.rows for row in self.told(one)]}
        self.looked([ClusterIdentifier])
        self._require(ClusterIdentifier)
        return {"Clusters": [_raw(ClusterIdentifier, row) for row in self.told(ClusterIdentifier)]}

    def pause_cluster(self, *, ClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return self._change(PROFILE.stop, ClusterIdentifier, "available", "pausing")

    def resume_cluster(self, *, ClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return self._change(PROFILE.start, ClusterIdentifier, "paused", "resuming")

    def create_tags(self, *, ResourceName: str, Tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        name = ResourceName.rpartition(":cluster:")[2]
        tags = {tag["Key"]: tag["Value"] for tag in Tags}
        self.called(PROFILE.mark, [name], lambda: self.rows[name].tags.update(tags))
        return ANSWERED

    def delete_tags(self, *, ResourceName: str, TagKeys: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        name = ResourceName.rpartition(":cluster:")[2]
        self.called(PROFILE.unmark, [name], lambda: [self.rows[name].tags.pop(key, None) for key in TagKeys])
        return ANSWERED

    def look(self, *ids: str) -> Any:
        """What is about to be down is down the next time that somebody looks."""
        found = super().look(*ids)
        for row in self.rows.values():
            row.word = {"pausing": "paused", "resuming": "available"}.get(row.word, row.word)
        return found

    def _change(self, operation: str, name: str, needed: str, word: str) -> dict[str, Any]:
        def change() -> None:
            if self.rows[name].word != needed:
                raise refused("InvalidClusterState", f"The cluster {name} is not in the {needed} state.")
            self.rows[name].word = word

        self.called(operation, [name], change)
        return {"Cluster": {"ClusterIdentifier": name, "ClusterStatus": word}}

    def _require(self, name: str) -> None:
        code, message = WORDS.not_found
        if name not in self.rows:
            raise refused(code, message.format(id=name), 404)


def _raw(name: str, row: Row) -> dict[str, Any]:
    return {
        "ClusterIdentifier": name,
        "ClusterNamespaceArn": f"arn:aws:redshift:{REGION}:{ACCOUNT}:namespace:{name}",
        "ClusterStatus": row.word,
        "ClusterAvailabilityStatus": "Available" if row.word == "available" else "Unavailable",
        "NodeType": "ra3.xlplus",
        "NumberOfNodes": 2,
        "AutomatedSnapshotRetentionPeriod": 1,
        "MultiAZ": "Disabled",
        "Tags": [{"Key": key, "Value": value} for key, value in row.tags.items()],
    }


class Embedded(harness.EmbeddedAws):
    words = WORDS

    def add(self, count: int = 1, tags: Mapping[str, str] | None = None) -> list[str]:
        return [seed(self.organization, self.account, REGION, tags or {}) for _ in range(count)]

    def put(self, resource_id: str, word: str) -> None:
        self.cluster(resource_id).status = word

    def remove(self, resource_id: str) -> None:
        del redshift_backends[self.account][REGION].clusters[resource_id]

    def word(self, resource_id: str) -> str:
        return str(self.cluster(resource_id).status)

    def tags(self, resource_id: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.cluster(resource_id).tags}

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        self.cluster(resource_id).create_tags([{"Key": key, "Value": value} for key, value in tags.items()])

    def untag(self, resource_id: str, keys: Collection[str]) -> None:
        self.cluster(resource_id).delete_tags([*keys])

    def someone(self, action: Action, ids: Sequence[str]) -> None:
        with self.organization.acting_in(self.account):
            client = self.organization.client("redshift", REGION)
            for one in ids:
                call = client.resume_cluster if action.starts else client.pause_cluster
                call(ClusterIdentifier=one)

    def listen(self, call: Call) -> Answer | None:
        if call.action == "DescribeClusters" and self._not_told.intersection(call.texts):
            return call.refused(*harness.FAULT, 500)
        return super().listen(call)

    def cluster(self, resource_id: str) -> Any:
        return redshift_backends[self.account][REGION].clusters[resource_id]
