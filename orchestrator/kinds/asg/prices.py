"""What AWS bills of a group, purely: the hours of its instances by type, as many as there are.

The group tells neither their platform nor their lifecycle, by which AWS's price list goes: only an operator's file has
a price of them. What their volumes and addresses cost is not known either, and ends with them.
"""

from __future__ import annotations

from decimal import Decimal

from orchestrator.core.model import Resource
from orchestrator.core.model.price import Billed, BilledPart, PriceKey
from orchestrator.core.model.price_items import COMPUTE
from orchestrator.kinds.asg.rules import TYPES, instance_counts


def billed(resource: Resource) -> Billed:
    """Of one group; nothing of it is billed while it is stopped."""
    counts = instance_counts(resource.details.get(TYPES))
    if not counts:
        return Billed(running_unknown="AWS did not tell the types of its instances")
    region = resource.target.region
    parts = [
        BilledPart(PriceKey(resource.kind, COMPUTE, region, name, lifecycle="on-demand"), Decimal(count))
        for name, count in counts.items()
    ]
    return Billed(tuple(parts))
