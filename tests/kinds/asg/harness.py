"""Auto Scaling groups for the contract suite, in memory and embedded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

import pytest
from moto.autoscaling.models import autoscaling_backends

from orchestrator.core.model import Action
from orchestrator.demo.calls import Call
from orchestrator.kinds.asg.act import PROFILE
from orchestrator.kinds.asg.kind import KIND
from tests.kinds.contract import harness
from tests.kinds.contract.harness import AT, REGION, Row, Words
from tests.support.embedded import OrganizationBuilder
from tests.support.fake_ec2 import ANSWERED

WORDS = Words(
    entry=KIND,
    profile=PROFILE,
    running="running",
    odd_state="Something new",
    fell_back="stopped",
    throttled="Throttling",
    cannot_stop=("ValidationError", "The group {id} may not be changed."),
    cannot_mark=("LimitExceeded", "The group {id} has too many tags."),
    not_found=("ValidationError", "AutoScalingGroup name not found - AutoScalingGroup '{id}' not found"),
)
_NUMBERS = count(1)
_ZEROS = {"MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
_SIZES = {"MinSize": 1, "MaxSize": 4, "DesiredCapacity": 2}


def seed(organization: OrganizationBuilder, account: str, region: str, tags: Mapping[str, str], **fields: Any) -> str:
    """One to be stopped, of two instances, which have its tags where they are `inherited`; its name."""
    name = fields.pop("AutoScalingGroupName", f"group-{next(_NUMBERS)}")
    template = {"LaunchTemplateName": "web"}
    with organization.acting_in(account):
        ec2, client = organization.client("ec2", region), organization.client("autoscaling", region)
        if not ec2.describe_launch_templates()["LaunchTemplates"]:
            made_of: Any = {"ImageId": "ami-0123456789abcdef0", "InstanceType": "t3.micro"}
            ec2.create_launch_template(**template, LaunchTemplateData=made_of)
        inherited = fields.pop("inherited", False)
        pairs = [{"Key": key, "Value": value, "PropagateAtLaunch": inherited} for key, value in tags.items()]
        wanted: Any = {**_SIZES, "AvailabilityZones": [f"{region}a"], "LaunchTemplate": template, **fields}
        client.create_auto_scaling_group(AutoScalingGroupName=name, Tags=pairs, **wanted)
    return name


def group_of(account: str, region: str, name: str) -> Any:
    """As moto has it."""
    return autoscaling_backends[account][region].autoscaling_groups[name]


class InMemory(harness.MemoryAws):
    """Its own client, and in place of `Clients` whatever gives it. A word stands for sizes and instances."""

    words = WORDS
    prefix = "group"

    def __init__(self, _: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.scheduled: list[dict[str, Any]] = []
        self.sizes: dict[str, dict[str, int]] = {}
        self.kind = self.make(self)

    def member(self, _service: str, _region: str) -> InMemory:
        """As Clients.member."""
        return self

    def describe_auto_scaling_groups(self, **asked: Any) -> dict[str, Any]:
        assert (asked["MaxRecords"], asked["IncludeInstances"]) == (100, True)
        names: Sequence[str] = asked.get("AutoScalingGroupNames", ())
        self.looked(names)
        wanted = names or [*self.rows]
        return {"AutoScalingGroups": [self._raw(one, row) for one in wanted for row in self.told(one)]}

    def describe_scheduled_actions(self, *, MaxRecords: int) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert MaxRecords == 100
        return {"ScheduledUpdateGroupActions": self.scheduled}

    def update_auto_scaling_group(self, *, AutoScalingGroupName: str, **sizes: int) -> dict[str, Any]:  # noqa: N803 - AWS's names
        def change() -> None:
            row, wanted = self.rows[AutoScalingGroupName], sizes["DesiredCapacity"]
            self.sizes[AutoScalingGroupName] = sizes
            is_down = row.word in {"stopping", "stopped"}
            row.word = "starting" if wanted and is_down else row.word if wanted or is_down else "stopping"

        self.called(PROFILE.stop, [AutoScalingGroupName], change, _verb(sizes["DesiredCapacity"]))
        return ANSWERED

    def create_or_update_tags(self, *, Tags: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert not any(tag["PropagateAtLaunch"] for tag in Tags)
        [name] = {tag["ResourceId"] for tag in Tags}
        tags = {tag["Key"]: tag["Value"] for tag in Tags}
        self.called(PROFILE.mark, [name], lambda: self.rows[name].tags.update(tags))
        return ANSWERED

    def delete_tags(self, *, Tags: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's names
        [name] = {tag["ResourceId"] for tag in Tags}
        self.called(PROFILE.unmark, [name], lambda: [self.rows[name].tags.pop(tag["Key"], None) for tag in Tags])
        return ANSWERED

    def look(self, *ids: str) -> Any:
        """What is about to be down is down the next time that somebody looks."""
        found = super().look(*ids)
        for row in self.rows.values():
            row.word = {"stopping": "stopped", "starting": "running"}.get(row.word, row.word)
        return found

    def _raw(self, name: str, row: Row) -> dict[str, Any]:
        id_ = "00000000-0000-0000-0000-000000000000"
        arn = f"arn:aws:autoscaling:{REGION}:{harness.ACCOUNT}:autoScalingGroup:{id_}:autoScalingGroupName/{name}"
        in_service = {"running": ["InService"] * 2, "stopping": ["Terminating"], "starting": ["Pending"]}
        known = {"running", "stopping", "stopped", "starting"}
        sizes = _ZEROS if row.word in {"stopping", "stopped"} else _SIZES
        return {
            "AutoScalingGroupName": name,
            "AutoScalingGroupARN": arn,
            **sizes,
            "Instances": [{"LifecycleState": one} for one in in_service.get(row.word, ())],
            "Tags": [{"Key": key, "Value": value} for key, value in row.tags.items()],
            "CreatedTime": AT,
            **({} if row.word in known else {"Status": row.word}),
        }


class Embedded(harness.EmbeddedAws):
    words = WORDS

    def add(self, count: int = 1, tags: Mapping[str, str] | None = None) -> list[str]:
        return [seed(self.organization, self.account, REGION, tags or {}) for _ in range(count)]

    def put(self, resource_id: str, word: str) -> None:
        group = self.group(resource_id)
        if word not in {"running", "starting", "stopping", "stopped"}:
            vars(group)["status"] = word
            return
        sizes = _ZEROS if word in {"stopping", "stopped"} else _SIZES
        self._resize(resource_id, sizes)
        state = {"running": "InService", "starting": "Pending", "stopping": "Terminating"}.get(word)
        for one in group.instance_states:
            one.lifecycle_state = state
        if state is None:
            group.instance_states = []

    def remove(self, resource_id: str) -> None:
        del autoscaling_backends[self.account][REGION].autoscaling_groups[resource_id]

    def word(self, resource_id: str) -> str:
        group = self.group(resource_id)
        if group.desired_capacity:
            return "running" if group.active_instances() else "starting"
        return "stopping" if group.instance_states else "stopped"

    def tags(self, resource_id: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.group(resource_id).tags}

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        pairs: Any = [
            {**_of(resource_id), "Key": key, "Value": value, "PropagateAtLaunch": False} for key, value in tags.items()
        ]
        autoscaling_backends[self.account][REGION].create_or_update_tags(pairs)

    def untag(self, resource_id: str, keys: Collection[str]) -> None:
        pairs = [{**_of(resource_id), "Key": key} for key in keys]
        autoscaling_backends[self.account][REGION].delete_tags(pairs)

    def someone(self, action: Action, ids: Sequence[str]) -> None:
        for one in ids:
            self._resize(one, _SIZES if action.starts else _ZEROS)

    def verb_of(self, call: Call) -> str | None:
        return _verb(int(call.form["DesiredCapacity"])) if call.action == PROFILE.stop else super().verb_of(call)

    def looked_for(self, call: Call) -> set[str]:
        return {value for name, value in call.form.items() if name.startswith("AutoScalingGroupNames")}

    def group(self, resource_id: str) -> Any:
        return group_of(self.account, REGION, resource_id)

    def _resize(self, name: str, sizes: Mapping[str, int]) -> None:
        with self.organization.acting_in(self.account):
            client: Any = self.organization.client("autoscaling", REGION)
            client.update_auto_scaling_group(AutoScalingGroupName=name, **sizes)


def _verb(wanted: int) -> str:
    """A stop and a start are one operation: the size tells them apart."""
    return "start" if wanted else "stop"


def _of(name: str) -> dict[str, str]:
    return {"ResourceId": name, "ResourceType": "auto-scaling-group"}
