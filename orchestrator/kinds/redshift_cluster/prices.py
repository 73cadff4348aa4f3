"""What AWS bills of a cluster, purely: the hours of its nodes. What its managed storage holds nobody tells here."""

from __future__ import annotations

from decimal import Decimal

from orchestrator.core.model import Resource
from orchestrator.core.model.price import Billed, BilledPart, PriceKey
from orchestrator.core.model.price_items import COMPUTE

_SERVICE = "AmazonRedshift"
_NO_STORAGE = "AWS bills managed storage by what it holds, and does not tell that of a cluster"


def billed(resource: Resource) -> Billed:
    """Of one cluster, by what Redshift tells of it; reserved nodes are billed whether it runs or not, and not known."""
    name, nodes = resource.facts.get("node_type"), resource.facts.get("number_of_nodes")
    if not name or not isinstance(nodes, int) or nodes < 1:
        return Billed((), (), "AWS did not tell type and number of its nodes", _NO_STORAGE)
    key = PriceKey(
        resource.kind,
        COMPUTE,
        resource.target.region,
        str(name),
        lifecycle="on-demand",
        service=_SERVICE,
        filters=(("productFamily", "Compute Instance"), ("instanceType", str(name))),
    )
    return Billed((BilledPart(key, Decimal(nodes)),), (), "", _NO_STORAGE)
