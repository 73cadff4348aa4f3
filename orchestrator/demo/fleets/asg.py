"""Auto Scaling groups: one that is sized to zero, and one with instances protected from scale-in, which is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from orchestrator.demo.accounts import TEST, VIRGINIA, DemoAccount
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import DemoKind, IdAndState
from orchestrator.demo.fleets.ec2 import set_in_moto

_ACCOUNT = "dev-data"
_GROUPS = {"web": ((2, 6, 4), False), "workers": ((1, 2, 2), True)}
"""By name: the least, the most and the wanted instances, and whether these are protected from scale-in."""
_TEMPLATE = {"LaunchTemplateName": "web"}


def _seed(aws: AnyAccount, account: DemoAccount, account_id: str) -> int:
    if account.name != _ACCOUNT:
        return 0
    aws.client("ec2", VIRGINIA).create_launch_template(
        **_TEMPLATE, LaunchTemplateData={"ImageId": "ami-00000000000000000", "InstanceType": "t3.micro"}
    )
    client = aws.client("autoscaling", VIRGINIA)
    for name, ((least, most, wanted), is_protected) in _GROUPS.items():
        tags = [
            {"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in {**TEST, "Name": name}.items()
        ]
        client.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=least,
            MaxSize=most,
            DesiredCapacity=wanted,
            AvailabilityZones=[f"{VIRGINIA}a"],
            LaunchTemplate=_TEMPLATE,
            NewInstancesProtectedFromScaleIn=is_protected,
            Tags=tags,
        )
        [made] = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        set_in_moto(account_id, VIRGINIA, [one["InstanceId"] for one in made["Instances"]], {})
    return len(_GROUPS)


def _states(aws: AnyAccount, region: str) -> Iterator[IdAndState]:
    for page in aws.client("autoscaling", region).get_paginator("describe_auto_scaling_groups").paginate():
        for one in page["AutoScalingGroups"]:
            counts = Counter(instance["LifecycleState"] for instance in one["Instances"])
            there = ", ".join(f"{counts[state]} {state}" for state in sorted(counts))
            least, most, wanted = one["MinSize"], one["MaxSize"], one["DesiredCapacity"]
            down = "stopping" if there else "stopped"
            yield one["AutoScalingGroupName"], f"{least} to {most}, {wanted} wanted, {there}" if most else down


FLEETS = DemoKind("Auto Scaling groups", _seed, _states)
