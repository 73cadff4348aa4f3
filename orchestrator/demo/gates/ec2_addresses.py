"""Who owns a public IPv4 address: EC2 says `amazon` of one that it assigned by itself; moto calls it the account's."""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterface

from orchestrator.demo.calls import Answer, Call


def addresses_gate(call: Call) -> Answer | None:
    """Lets moto answer, with the owner that EC2 would name."""
    if call.service == "ec2" and call.action == "DescribeInstances":
        _name_owners()
    return None


@cache
def _name_owners() -> None:
    """For this process, from now on."""
    as_moto_has_it: Any = NetworkInterface.association

    def association(interface: NetworkInterface) -> dict[str, Any]:
        told: dict[str, Any] = as_moto_has_it.fget(interface)
        return {**told, "ipOwnerId": "amazon"} if told and not told.get("allocationId") else told

    setattr(NetworkInterface, "association", property(association))  # noqa: B010 - mypy knows it as read-only


GATES = (addresses_gate,)
