"""What AWS bills of a resource, by the hour: the parts of it, and by which facts each of them has its price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from orchestrator.core.model.price_items import (
    COMPUTE,
    PUBLIC_IPV4,
    STORAGE,
    STORAGE_IOPS,
    STORAGE_THROUGHPUT,
    VOLUME,
    VOLUME_IOPS,
    VOLUME_THROUGHPUT,
)

HOURS_A_MONTH = Decimal(730)
"""By which AWS itself turns a price for a month into one for an hour."""

ITEMS: dict[str, tuple[str, Decimal]] = {
    COMPUTE: ("an hour", Decimal(1)),
    PUBLIC_IPV4: ("an hour", Decimal(1)),
    VOLUME: ("a GB and month", HOURS_A_MONTH),
    VOLUME_IOPS: ("an IOPS and month", HOURS_A_MONTH),
    VOLUME_THROUGHPUT: ("a MiB/s and month", HOURS_A_MONTH),
    STORAGE: ("a GB and month", HOURS_A_MONTH),
    STORAGE_IOPS: ("an IOPS and month", HOURS_A_MONTH),
    STORAGE_THROUGHPUT: ("a MiB/s and month", HOURS_A_MONTH),
}
"""What has a price: of what amount, for people, and how many hours that is. Volumes are EC2's, storage a database's."""


class PriceKey(NamedTuple):
    """Everything that one price depends on, in AWS's words; empty where it does not depend on that."""

    kind: str
    item: str
    """One of ITEMS."""
    region: str
    type: str
    """Of an instance, a volume or storage: `m7g.large`, `gp3`."""
    operating_system: str = ""
    """What EC2 calls PlatformDetails."""
    tenancy: str = ""
    lifecycle: str = ""
    engine: str = ""
    deployment: str = ""
    """`single-az` or `multi-az`."""
    license: str = ""
    service: str = ""
    """The service's code in AWS's price list."""
    filters: tuple[tuple[str, str], ...] = ()
    """By which AWS's price list has exactly this price; empty: that list does not have it."""


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """What one of an item costs in an hour."""

    hourly: Decimal
    source: str
    """For people: `prices.csv`, `AWS Price List`."""
    made_up: bool = False
    """It is an example's, and means nothing."""


@dataclass(frozen=True, slots=True)
class BilledPart:
    """So many of an item."""

    key: PriceKey
    quantity: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Billed:
    """What AWS bills of one resource."""

    running: tuple[BilledPart, ...] = ()
    """Only while it runs."""
    still: tuple[BilledPart, ...] = ()
    """While it is stopped as well."""
    running_unknown: str = ""
    """Why the first is not known, as far as it has no price for another reason; empty where it is."""
    still_unknown: str = ""
