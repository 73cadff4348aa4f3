"""What AWS bills of a node group, purely: the hours of its nodes, as EC2 has them; the cluster is billed in any case.

https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html (amiType)
"""

from __future__ import annotations

from decimal import Decimal

from orchestrator.core.model import Resource
from orchestrator.core.model.price import Billed, BilledPart, PriceKey
from orchestrator.core.model.price_items import COMPUTE
from orchestrator.kinds.eks_nodegroup.rules import DESIRED_SIZE

_LINUX, _WINDOWS = "Linux/UNIX", "Windows"
_OF_LINUX = ("AL2_", "AL2023_", "BOTTLEROCKET_")


def billed(resource: Resource) -> Billed:
    """Of one node group, by what EKS tells of it."""
    types, nodes = str(resource.facts.get("instance_type") or ""), resource.facts.get(DESIRED_SIZE)
    capacity, system = resource.facts.get("capacity_type"), _system(str(resource.facts.get("ami_type") or ""))
    why = ""
    if not types or not isinstance(nodes, int):
        why = "EKS did not tell the instance type of its nodes (a launch template may), or how many there are"
    elif ", " in types:
        why = f"which of its instance types ({types}) its nodes have is not known"
    elif not system:
        why = "EKS did not tell the operating system of its nodes"
    if why:
        return Billed(running_unknown=why)
    on_demand = capacity == "ON_DEMAND"
    key = PriceKey(
        kind=resource.kind,
        item=COMPUTE,
        region=resource.target.region,
        type=types,
        operating_system=system,
        lifecycle="on-demand" if on_demand else str(capacity or "").lower(),
        service="AmazonEC2",
        filters=_filters(types, system) if on_demand else (),
    )
    return Billed((BilledPart(key, Decimal(str(nodes))),))


def _system(ami_type: str) -> str:
    """As EC2 calls the platform; empty for a custom AMI, which may be anything."""
    if ami_type.startswith("WINDOWS_"):
        return _WINDOWS
    return _LINUX if ami_type.startswith(_OF_LINUX) else ""


def _filters(instance_type: str, system: str) -> tuple[tuple[str, str], ...]:
    return (
        ("instanceType", instance_type),
        ("operatingSystem", "Linux" if system == _LINUX else system),
        ("tenancy", "Shared"),
        ("preInstalledSw", "NA"),
        ("licenseModel", "No License required"),
        ("capacitystatus", "Used"),
    )
