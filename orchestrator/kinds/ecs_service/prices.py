"""What AWS bills of a service, purely: the hours of its tasks on Fargate, as many as it wants to run.

What a task costs is in its task definition, which a sweep does not read: only an operator's file has a price of one.
Elsewhere tasks run on hosts, which are billed by themselves.
"""

from __future__ import annotations

from decimal import Decimal

from orchestrator.core.model import Resource
from orchestrator.core.model.price import Billed, BilledPart, PriceKey
from orchestrator.core.model.price_items import COMPUTE

_FARGATE = "FARGATE"


def billed(resource: Resource) -> Billed:
    """Of one service; nothing of it is billed while it is stopped."""
    launch_type, tasks = resource.facts.get("launch_type"), resource.facts.get("desired_count")
    if launch_type != _FARGATE:
        how = f"its launch type is {launch_type}" if launch_type else "it has capacity providers"
        return Billed(running_unknown=f"{how}, and only tasks on Fargate have a price of their own")
    if not isinstance(tasks, int):
        return Billed(running_unknown="AWS did not tell its desired count")
    key = PriceKey(resource.kind, COMPUTE, resource.target.region, _FARGATE, lifecycle="on-demand")
    return Billed((BilledPart(key, Decimal(tasks)),))
