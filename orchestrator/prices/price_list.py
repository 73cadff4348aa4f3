"""AWS's public price list: on-demand prices, one question for each price that a sweep needs.

Where the filters leave anything but exactly one price, it is not known: a price that may be another's is none.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any

from orchestrator.core.model.money import CURRENCY
from orchestrator.core.model.price import HOURS_A_MONTH, PriceKey, UnitPrice
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
from orchestrator.errors import PricesError

NAME = "AWS Price List"
Filters = Sequence[tuple[str, str]]
Ask = Callable[[str, Filters], Iterable[str]]
"""The products of a service that these filters leave, as JSON. Raises PricesError."""
AT_MOST_SECONDS = 20.0
"""That all questions of one sweep may take; what is not answered by then is not known, and the next sweep asks."""
_AT_ONCE = 8
_HOURS, _GB, _IOPS = (
    {"hrs": Decimal(1)},
    {"gb-mo": HOURS_A_MONTH, "gb-month": HOURS_A_MONTH},
    {"iops-mo": HOURS_A_MONTH},
)
_THROUGHPUT = {"mibps-mo": HOURS_A_MONTH, "gibps-mo": HOURS_A_MONTH * 1024}
_UNITS: Mapping[str, Mapping[str, Decimal]] = {
    COMPUTE: _HOURS,
    PUBLIC_IPV4: _HOURS,
    VOLUME: _GB,
    VOLUME_IOPS: _IOPS,
    VOLUME_THROUGHPUT: _THROUGHPUT,
    STORAGE: _GB,
    STORAGE_IOPS: _IOPS,
    STORAGE_THROUGHPUT: _THROUGHPUT,
}
"""Of each item the list's units, and by what a price of that is divided for one of the item and an hour."""
_NOT_LISTED = f"the {NAME} has none that is told by these facts; name it in a file of your own"
_SPOT = f"spot prices are not in the {NAME}; name one in a file of your own, with the lifecycle spot"


class PriceList:
    """ports.PriceBook by the Price List API."""

    name = NAME

    def __init__(self, ask: Ask, at_most_seconds: float = AT_MOST_SECONDS) -> None:
        self._ask = ask
        self._at_most = at_most_seconds

    def prices(self, keys: Collection[PriceKey]) -> Mapping[PriceKey, UnitPrice | str]:
        """Whatever goes wrong is why a price is not known."""
        listed = [key for key in keys if key.filters]
        found: dict[PriceKey, UnitPrice | str] = {
            key: _SPOT if key.lifecycle == "spot" else _NOT_LISTED for key in keys if not key.filters
        }
        found.update(dict.fromkeys(listed, f"the {NAME} did not answer within {self._at_most:g} s"))
        found.update(self._ask_each(listed))
        return found

    def _ask_each(self, keys: Sequence[PriceKey]) -> Mapping[PriceKey, UnitPrice | str]:
        """As many as are answered in time. Threads that still wait hold up no process: it ends without them."""
        told: SimpleQueue[tuple[PriceKey, UnitPrice | str]] = SimpleQueue()
        left, ends, found = deque(keys), monotonic() + self._at_most, dict[PriceKey, UnitPrice | str]()

        def work() -> None:
            with suppress(IndexError):  # nothing is left
                while monotonic() < ends:
                    key = left.popleft()
                    told.put((key, self._price(key)))

        for _ in range(min(_AT_ONCE, len(keys))):
            threading.Thread(target=work, name="prices", daemon=True).start()
        with suppress(Empty):
            while len(found) < len(keys):
                key, price = told.get(timeout=max(0.001, ends - monotonic()))
                found[key] = price
        return found

    def _price(self, key: PriceKey) -> UnitPrice | str:
        """A thread's boundary: nothing is raised past it."""
        try:
            products = [*self._ask(key.service, (("regionCode", key.region), *key.filters))]
            listed = {price for text in products for price in _on_demand(text, key.item)}
        except (PricesError, ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as wrong:
            return f"{NAME}: {wrong}" if isinstance(wrong, PricesError) else f"the {NAME}'s answer is not understood"
        listed = {price for price in listed if price} or listed  # a free part of what else has a price
        if not listed:
            return f"the {NAME} has no such product"
        if len(listed) > 1:
            return f"the {NAME} has {len(listed)} prices for it"
        [price] = listed
        return UnitPrice(price, NAME) if price else f"the {NAME} says that it is free, which it is for some only"


def _on_demand(text: str, item: str) -> Iterator[Decimal]:
    """Each price by the hour. Raises ValueError, KeyError or TypeError for what is none."""
    product: Any = json.loads(text)
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            amount = Decimal(dimension["pricePerUnit"][CURRENCY])
            if not amount.is_finite() or amount < 0:
                raise ValueError(f"{amount} is no price")
            yield amount / _UNITS[item][str(dimension["unit"]).casefold()]
