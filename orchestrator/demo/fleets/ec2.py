"""EC2 instances: those that `accounts` has. What its Auto Scaling group launched is that group's, not ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from orchestrator.demo.accounts import DemoAccount, Fleet, pairs
from orchestrator.demo.any_account import AnyAccount
from orchestrator.demo.fleets import DemoKind, IdAndState

_IMAGE, _TYPE = "ami-00000000000000000", "t3.micro"
_RUNNING_SINCE = timedelta(days=10)
_GROUP_TAG = "aws:autoscaling:groupName"


def _seed(aws: AnyAccount, account: DemoAccount, account_id: str) -> int:
    for fleet in account.fleets:
        _launch(aws, account_id, fleet)
    return sum(fleet.count for fleet in account.fleets)


def _launch(aws: AnyAccount, account_id: str, fleet: Fleet) -> None:
    answer = aws.client("ec2", fleet.region).run_instances(
        ImageId=_IMAGE,
        MinCount=fleet.count,
        MaxCount=fleet.count,
        InstanceType=_TYPE,
        TagSpecifications=[{"ResourceType": "instance", "Tags": pairs(fleet.tags)}],
        **fleet.launch,
    )
    set_in_moto(account_id, fleet.region, [one["InstanceId"] for one in answer["Instances"]], fleet.quirk)


def set_in_moto(account_id: str, region: str, ids: list[str], quirk: Mapping[str, Any]) -> None:
    """What EC2's API alone cannot make of these: that they run for long, and the quirk."""
    from moto.ec2.models import ec2_backends  # noqa: PLC0415 - only the process that serves may import moto

    backend = ec2_backends[account_id][region]
    for instance_id in ids:
        instance = backend.get_instance(instance_id)
        instance.launch_time -= _RUNNING_SINCE  # else each would be one that was started by hand
        for name, value in quirk.items():
            setattr(instance, name, value)


def _states(aws: AnyAccount, region: str) -> Iterator[IdAndState]:
    pages = aws.client("ec2", region).get_paginator("describe_instances").paginate()
    for reservation in (one for page in pages for one in page["Reservations"]):
        for instance in reservation["Instances"]:
            if not any(tag["Key"] == _GROUP_TAG for tag in instance.get("Tags", ())):
                yield instance["InstanceId"], instance["State"]["Name"]


FLEETS = DemoKind("EC2 instances", _seed, _states)
