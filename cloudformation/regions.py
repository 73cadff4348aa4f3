"""AWS's regions by name, of whatever partition, as botocore has them: no call is made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from botocore.loaders import Loader

from orchestrator.core.policy.nearest import nearest

_NO_REGION = "-global"
"""How the names end that stand for a partition's global services."""


@cache
def partitions() -> Mapping[str, str]:
    """The partition of each region."""
    loader = Loader()
    by_region = {region: one["id"] for one in loader.load_data("partitions")["partitions"] for region in one["regions"]}
    by_region |= {
        region: one["partition"] for one in loader.load_data("endpoints")["partitions"] for region in one["regions"]
    }
    return {region: partition for region, partition in by_region.items() if not region.endswith(_NO_REGION)}


@cache
def dns_suffix(region: str) -> str:
    """What the names of a region's endpoints end in; `amazonaws.com` for a region that botocore does not know."""
    suffixes = {one["id"]: one["outputs"]["dnsSuffix"] for one in Loader().load_data("partitions")["partitions"]}
    return str(suffixes.get(partitions().get(region, "aws"), "amazonaws.com"))


def nearest_region(name: str) -> str:
    """Empty where none is near."""
    return nearest(name, sorted(partitions()))


def region_problem(name: str) -> str | None:
    """What is wrong with a region's name, and what would be right; None for a region."""
    if name in partitions():
        return None
    near = nearest_region(name)
    return f"{name!r} is no region; " + (f"did you mean {near}?" if near else "regions look like eu-central-1")
