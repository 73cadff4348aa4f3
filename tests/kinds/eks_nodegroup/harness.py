"""EKS node groups for the contract suite, in memory and embedded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.eks.models import eks_backends

from orchestrator.core.model import Action
from orchestrator.demo.calls import Answer, Call
from orchestrator.demo.faults import Fault
from orchestrator.kinds.eks_nodegroup.act import PROFILE
from orchestrator.kinds.eks_nodegroup.kind import KIND
from orchestrator.kinds.eks_nodegroup.rules import ACTIVE, AT_ZERO, TO_ZERO, UPDATING
from tests.kinds.contract import harness
from tests.kinds.contract.harness import FAULT, REGION, Row, Words, refused
from tests.support.embedded import OrganizationBuilder
from tests.support.fake_ec2 import ANSWERED

CLUSTER = "shop"
SIZES = {"minSize": 2, "maxSize": 5, "desiredSize": 3}
RESTORE = {"min_size": 2, "desired_size": 3}
NONE = {"minSize": 0, "desiredSize": 0}


class NodegroupWords(Words):
    """One operation changes sizes in both directions; which is in the request."""

    __slots__ = ()

    def verb(self, operation: str) -> str | None:
        return operation if operation in {"stop", "start"} else Words.verb(self, operation)

    def verb_of(self, operation: str, desired_size: int) -> str | None:
        """`stop` and `start` by the size that is asked for."""
        return ("start" if desired_size else "stop") if operation == PROFILE.stop else self.verb(operation)


WORDS = NodegroupWords(
    entry=KIND,
    profile=PROFILE,
    running=ACTIVE,
    odd_state="DELETE_FAILED",
    fell_back="DEGRADED",
    throttled="ThrottlingException",
    cannot_stop=("InvalidParameterException", "The node group {id} cannot be changed."),
    cannot_mark=("BadRequestException", "The node group {id} takes no tags."),
    not_found=("ResourceNotFoundException", "No node group found for name: {id}."),
    starting=UPDATING,
    stopped=AT_ZERO,
    tells_one_at_a_time=True,
)
_PASSING = {TO_ZERO: AT_ZERO, UPDATING: ACTIVE}
_NUMBERS = count(1)


def seed(
    organization: OrganizationBuilder,
    account: str,
    region: str,
    tags: Mapping[str, str],
    cluster: str = CLUSTER,
    name: str = "",
    **fields: Any,
) -> str:
    """One to be stopped; its id."""
    name = name or f"group-{next(_NUMBERS):05}"
    arn = f"arn:aws:iam::{account}:role/eks"
    wanted = {"subnets": ["subnet-1"], "nodeRole": arn, "scalingConfig": SIZES, **fields}
    with organization.acting_in(account):
        client = organization.client("eks", region)
        try:
            client.describe_cluster(name=cluster)
        except ClientError:
            client.create_cluster(name=cluster, roleArn=arn, resourcesVpcConfig={})
        client.create_nodegroup(clusterName=cluster, nodegroupName=name, tags={**tags}, **wanted)
    return f"{cluster}/{name}"


def group_of(account: str, resource_id: str, region: str = REGION) -> Any:
    """As moto has it."""
    cluster, _, name = resource_id.partition("/")
    return eks_backends[account][region].clusters[cluster].nodegroups[name]


class InMemory(harness.MemoryAws):
    """Its own client, and in place of `Clients` whatever gives it."""

    words: NodegroupWords = WORDS
    prefix = f"{CLUSTER}/group"
    partition = "aws"

    def __init__(self, _: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.kind = self.make(self)

    def member(self, _service: str, _region: str) -> InMemory:
        """As Clients.member."""
        return self

    def list_clusters(self, *, maxResults: int) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert maxResults <= 100
        return {"clusters": [*dict.fromkeys(one.partition("/")[0] for one in self.rows)]}

    def list_nodegroups(self, *, clusterName: str, maxResults: int) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert maxResults <= 100
        told = [one.partition("/")[2] for one in (*self.rows, *self.copies) if one.startswith(f"{clusterName}/")]
        return {"nodegroups": told}

    def describe_nodegroup(self, *, clusterName: str, nodegroupName: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        one = f"{clusterName}/{nodegroupName}"
        self.looked([one])
        if one not in self.rows:
            raise refused("ResourceNotFoundException", f"No node group found for name: {nodegroupName}.", 404)
        return {"nodegroup": raw_of(one, self.rows[one])}

    def update_nodegroup_config(self, *, clusterName: str, nodegroupName: str, scalingConfig: Any) -> dict[str, Any]:  # noqa: N803 - AWS's names
        one = f"{clusterName}/{nodegroupName}"
        starts = scalingConfig["desiredSize"] > 0
        assert scalingConfig == ({name: SIZES[name] for name in NONE} if starts else NONE)

        def change() -> None:
            if self.rows[one].word in _PASSING:
                raise refused("ResourceInUseException", "Nodegroup is not in Active State", 409)
            self.rows[one].word = UPDATING if starts else TO_ZERO

        verb = self.words.verb_of(PROFILE.stop, scalingConfig["desiredSize"])
        assert verb is not None
        self.called(verb, [one], change)
        return {"update": {"id": "an-update", "status": "InProgress"}}

    def tag_resource(self, *, resourceArn: str, tags: Mapping[str, str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        one = _id_of(resourceArn)
        self.called(PROFILE.mark, [one], lambda: self.rows[one].tags.update(tags))
        return ANSWERED

    def untag_resource(self, *, resourceArn: str, tagKeys: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        one = _id_of(resourceArn)
        self.called(PROFILE.unmark, [one], lambda: [self.rows[one].tags.pop(key, None) for key in tagKeys])
        return ANSWERED

    def look(self, *ids: str) -> Any:
        """What is about to be down is down the next time that somebody looks."""
        found = super().look(*ids)
        for row in self.rows.values():
            row.word = _PASSING.get(row.word, row.word)
        return found


def _id_of(arn: str) -> str:
    return arn.partition(":nodegroup/")[2].rpartition("/")[0]


def raw_of(resource_id: str, row: Row, **fields: Any) -> dict[str, Any]:
    """As EKS describes one, in the state of that word of ours."""
    cluster, _, name = resource_id.partition("/")
    return {
        "clusterName": cluster,
        "nodegroupName": name,
        "nodegroupArn": f"arn:aws:eks:{REGION}:{harness.ACCOUNT}:nodegroup/{resource_id}/0a1b2c3d",
        "status": row.word.partition(" ")[0],
        "scalingConfig": {**SIZES, **NONE} if row.word in {AT_ZERO, TO_ZERO} else SIZES,
        "capacityType": "ON_DEMAND",
        "amiType": "AL2023_x86_64_STANDARD",
        "instanceTypes": ["m5.large"],
        "health": {"issues": [{"code": "AsgInstanceLaunchFailures"}] if row.word == "DEGRADED" else []},
        "tags": {**row.tags},
        **fields,
    }


class Embedded(harness.EmbeddedAws):
    words: NodegroupWords = WORDS

    def add(self, count: int = 1, tags: Mapping[str, str] | None = None) -> list[str]:
        return [seed(self.organization, self.account, REGION, tags or {}) for _ in range(count)]

    def put(self, resource_id: str, word: str) -> None:
        group = group_of(self.account, resource_id)
        group.status = word.partition(" ")[0]
        group.scaling_config = {**SIZES, **NONE} if word in {AT_ZERO, TO_ZERO} else SIZES

    def remove(self, resource_id: str) -> None:
        cluster, _, name = resource_id.partition("/")
        del eks_backends[self.account][REGION].clusters[cluster].nodegroups[name]

    def word(self, resource_id: str) -> str:
        group = group_of(self.account, resource_id)
        at_zero = {ACTIVE: AT_ZERO, UPDATING: TO_ZERO} if group.scaling_config["desiredSize"] == 0 else {}
        return at_zero.get(group.status, str(group.status))

    def tags(self, resource_id: str) -> dict[str, str]:
        return dict(group_of(self.account, resource_id).tags)

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        group = group_of(self.account, resource_id)
        group.tags = {**group.tags, **tags}

    def untag(self, resource_id: str, keys: Collection[str]) -> None:
        group = group_of(self.account, resource_id)
        group.tags = {key: value for key, value in group.tags.items() if key not in keys}

    def someone(self, action: Action, ids: Sequence[str]) -> None:
        with self.organization.acting_in(self.account):
            client = self.organization.client("eks", REGION)
            for one in ids:
                cluster, _, name = one.partition("/")
                sizes = {key: SIZES[key] for key in NONE} if action.starts else NONE
                client.update_nodegroup_config(clusterName=cluster, nodegroupName=name, scalingConfig=sizes)
                self.restores.setdefault(one, RESTORE)

    def listen(self, call: Call) -> Answer | None:
        if call.service != "eks" or not call.access_key.startswith("ASIA"):
            return None
        desired = call.json.get("scalingConfig", {}).get("desiredSize", 0)
        verb = self.words.verb_of(call.action, desired)
        self.log += [verb] if verb else []
        asked_for = f"{call.path_fields.get('name')}/{call.path_fields.get('nodegroupName')}"
        is_look = call.action == "DescribeNodegroup"
        return call.refused(*FAULT, 500) if is_look and asked_for in self._not_told else None

    def _fault(self, verb: str, fault: Fault) -> None:
        """A path names a group by its name, and an ARN by its name and more."""
        super()._fault(verb, replace(fault, instance=f"*{fault.instance.rpartition('/')[2]}*"))
