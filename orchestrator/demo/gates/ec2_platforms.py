"""What EC2 calls PlatformDetails, by which it bills: moto tells none."""

from __future__ import annotations

from functools import cache

from moto.ec2.models.instances import Instance

from orchestrator.demo.calls import Answer, Call


def platforms_gate(call: Call) -> Answer | None:
    """Lets moto answer, with it."""
    if call.service == "ec2" and call.action == "DescribeInstances":
        _name_platforms()
    return None


@cache
def _name_platforms() -> None:
    """For this process, from now on: Linux without a license, unless its image is Windows."""

    def platform_details(instance: Instance) -> str:
        return "Windows" if str(instance.platform or "").casefold() == "windows" else "Linux/UNIX"

    setattr(Instance, "platform_details", property(platform_details))  # noqa: B010 - mypy knows no such attribute


GATES = (platforms_gate,)
