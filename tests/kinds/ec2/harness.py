"""EC2 for the contract suite, in memory and embedded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pytest

from orchestrator.core.model import Action, Target
from orchestrator.kinds.ec2.act import PROFILE
from orchestrator.kinds.ec2.kind import KIND
from orchestrator.kinds.shared.operations import Call
from tests.kinds.contract import harness
from tests.kinds.contract.harness import REGION, Row, Words
from tests.support.embedded import OrganizationBuilder
from tests.support.fake_ec2 import ANSWERED

WORDS = Words(
    entry=KIND,
    profile=PROFILE,
    running="running",
    odd_state="something-new",
    fell_back="stopped",
    throttled="RequestLimitExceeded",
    cannot_stop=("OperationNotPermitted", "The instance '{id}' may not be stopped."),
    cannot_mark=("TagLimitExceeded", "The maximum number of Tags for a resource has been reached."),
    starting="pending",
    not_found=("InvalidInstanceID.NotFound", "The instance ID '{id}' does not exist"),
)


def seed(organization: OrganizationBuilder, account: str, region: str, tags: Mapping[str, str]) -> str:
    """One to be stopped, and a spot instance, whose request is read; the id of the first."""
    image: Any = {"ImageId": "ami-00000000000000000", "InstanceType": "t3.micro"}
    request = {"Type": "persistent", "LaunchSpecification": image}
    organization.act("request_spot_instances", account, region, **request)
    return organization.instances(account, region, 1, tags)[0]


class InMemory(harness.MemoryAws):
    """Its own client, and in place of `Clients` whatever gives it."""

    words = WORDS
    prefix = "i"
    partition = "aws"

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        monkeypatch.setattr("orchestrator.kinds.ec2.kind.running_instances", self._running)
        monkeypatch.setattr("orchestrator.kinds.ec2.kind.instances_by_id", self._by_id)
        self.kind = self.make(self)

    def ec2(self, _region: str) -> InMemory:
        """As Clients.ec2."""
        return self

    def describe_instance_types(self, *, Filters: list[dict[str, Any]], MaxResults: int) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert len(Filters[0]["Values"]) <= MaxResults
        return {"InstanceTypes": [{"InstanceType": "t3.micro", "InstanceStorageSupported": False}]}

    def stop_instances(self, *, InstanceIds: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return {"StoppingInstances": self._change(PROFILE.stop, InstanceIds, "stopping")}

    def start_instances(self, *, InstanceIds: list[str]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return {"StartingInstances": self._change(PROFILE.start, InstanceIds, "pending")}

    def create_tags(self, *, Resources: list[str], Tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        tags = {tag["Key"]: tag["Value"] for tag in Tags}
        self.called(PROFILE.mark, Resources, lambda: [self.rows[one].tags.update(tags) for one in Resources])
        return ANSWERED

    def delete_tags(self, *, Resources: list[str], Tags: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """A tag with another value stays, where one is given."""

        def is_named(key: str, value: str) -> bool:
            return any(tag["Key"] == key and tag.get("Value", value) == value for tag in Tags)

        def delete() -> None:
            for one in Resources:
                tags = self.rows[one].tags
                self.rows[one].tags = {key: value for key, value in tags.items() if not is_named(key, value)}

        self.called(PROFILE.unmark, Resources, delete)
        return ANSWERED

    def _change(self, operation: str, ids: list[str], word: str) -> list[dict[str, Any]]:
        before: list[dict[str, Any]] = []

        def change() -> None:
            for one in ids:
                row = self.rows[one]
                before.append({"InstanceId": one, "PreviousState": {"Name": row.word}})
                row.word = word
                row.stopped_at, row.started_at = (
                    (self.now(), row.started_at) if word == "stopping" else (None, self.now())
                )

        self.called(operation, ids, change)
        return before

    def _running(self, *_: object, with_stopped: bool) -> Iterator[dict[str, Any]]:
        words = ("running", "pending", *(("stopped",) if with_stopped else ()))
        return (_raw(one, row) for one in self.rows for row in self.told(one) if row.word in words)

    def _by_id(self, _clients: object, _target: Target, ids: Sequence[str], call: Call) -> list[dict[str, Any]]:
        def described() -> list[dict[str, Any]]:
            self.looked(ids)
            return [_raw(one, row) for one in ids for row in self.told(one)]

        return call("DescribeInstances", described)


def _raw(instance_id: str, row: Row) -> dict[str, Any]:
    reason = f"User initiated ({row.stopped_at:%Y-%m-%d %H:%M:%S} GMT)" if row.stopped_at else ""
    return {
        "InstanceId": instance_id,
        "InstanceType": "t3.micro",
        "RootDeviceType": "ebs",
        "State": {"Name": row.word},
        "StateTransitionReason": reason,
        "LaunchTime": row.started_at,
        "Tags": [{"Key": key, "Value": value} for key, value in row.tags.items()],
    }


class Embedded(harness.EmbeddedAws):
    words = WORDS

    def add(self, count: int = 1, tags: Mapping[str, str] | None = None) -> list[str]:
        return self.organization.instances(self.account, REGION, count, tags)

    def put(self, resource_id: str, word: str) -> None:
        self.organization.in_memory(self.account, REGION, resource_id)._state.name = word

    def remove(self, resource_id: str) -> None:
        self.organization.forget(self.account, REGION, resource_id)

    def word(self, resource_id: str) -> str:
        return str(self.organization.in_memory(self.account, REGION, resource_id).state)

    def tags(self, resource_id: str) -> dict[str, str]:
        one = self.organization.in_memory(self.account, REGION, resource_id)
        return dict(one.ec2_backend.tags[resource_id])

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.organization.act("create_tags", self.account, REGION, Resources=[resource_id], Tags=pairs)

    def untag(self, resource_id: str, keys: Collection[str]) -> None:
        tags = [{"Key": key} for key in keys]
        self.organization.act("delete_tags", self.account, REGION, Resources=[resource_id], Tags=tags)

    def someone(self, action: Action, ids: Sequence[str]) -> None:
        operation = "start_instances" if action.starts else "stop_instances"
        self.organization.act(operation, self.account, REGION, InstanceIds=[*ids])

    def seed_everything(self) -> None:
        """A spot instance, whose request is read, and a target group, whose health is."""
        seed(self.organization, self.account, REGION, {})
        with self.organization.acting_in(self.account):
            vpc = self.organization.client("ec2", REGION).describe_vpcs()["Vpcs"][0]["VpcId"]
            balancer = self.organization.client("elbv2", REGION)
            balancer.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)
