"""DescribeInstanceTypes by names, with the facts that a sweep reads; moto goes through 1,395 types and tells 60.

A dry run is answered too, which moto does not know of.
"""

from __future__ import annotations

from moto.ec2.models.instance_types import INSTANCE_TYPES

from orchestrator.demo.calls import Answer, Call

_ASKED = "instance-type"


def types_gate(call: Call) -> Answer | None:
    """What a filter by names asks for; what is no type is left out, as EC2 does. None for any other question."""
    if call.service != "ec2" or call.action != "DescribeInstanceTypes":
        return None
    if call.form.get("DryRun", "").lower() == "true":
        text = "Request would have succeeded, but DryRun flag is set."
        return call.refused("DryRunOperation", text, 412)
    filters = call.filters()
    if filters.keys() != {_ASKED}:
        return None
    items = "".join(_item(name) for name in filters[_ASKED] if name in INSTANCE_TYPES)
    return Answer(
        200,
        "text/xml",
        '<DescribeInstanceTypesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>request-id</requestId><instanceTypeSet>{items}</instanceTypeSet></DescribeInstanceTypesResponse>",
    )


def _item(name: str) -> str:
    has_store = str(INSTANCE_TYPES[name]["InstanceStorageSupported"]).lower()
    return (
        f"<item><instanceType>{name}</instanceType>"
        f"<instanceStorageSupported>{has_store}</instanceStorageSupported>{_accelerators(name)}</item>"
    )


def _accelerators(name: str) -> str:
    """Only how many there are."""
    told = INSTANCE_TYPES[name]
    gpus = sum(one["Count"] for one in told.get("GpuInfo", {}).get("Gpus", ()))
    others = sum(one["Count"] for one in told.get("InferenceAcceleratorInfo", {}).get("Accelerators", ()))
    return (f"<gpuInfo><gpus><item><count>{gpus}</count></item></gpus></gpuInfo>" if gpus else "") + (
        f"<inferenceAcceleratorInfo><accelerators><item><count>{others}</count></item></accelerators>"
        "</inferenceAcceleratorInfo>"
        if others
        else ""
    )


GATES = (types_gate,)
