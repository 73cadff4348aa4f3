"""What AWS bills of a notebook instance, purely: its hours by its type, its volume by the hour of the month."""

from __future__ import annotations

from decimal import Decimal

from orchestrator.core.model import Resource
from orchestrator.core.model.price import Billed, BilledPart, PriceKey
from orchestrator.core.model.price_items import COMPUTE, STORAGE

_SERVICE = "AmazonSageMaker"


def billed(resource: Resource, volume_gb: int | str) -> Billed:
    """Of one notebook instance. `volume_gb`: of its volume; a text says why that is not known."""
    running, no_running = _compute(resource)
    if isinstance(volume_gb, str):
        return Billed(running, (), no_running, volume_gb)
    # AWS's price list has volumes by their usage in each region, and no attribute tells notebooks' from others'.
    volume = PriceKey(resource.kind, STORAGE, resource.target.region, "", service=_SERVICE)
    return Billed(running, (BilledPart(volume, Decimal(volume_gb)),), no_running)


def _compute(resource: Resource) -> tuple[tuple[BilledPart, ...], str]:
    name = resource.facts.get("instance_type")
    if not name:
        return (), "AWS did not tell its instance type"
    key = PriceKey(
        resource.kind,
        COMPUTE,
        resource.target.region,
        str(name),
        lifecycle="on-demand",
        service=_SERVICE,
        filters=(("component", "Notebook"), ("instanceName", str(name))),
    )
    return (BilledPart(key),), ""
