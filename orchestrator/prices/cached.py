"""The same prices for 14 days: they are remembered in the ledger's table, so that few sweeps ask AWS at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from orchestrator.core.decide.savings import describe_key
from orchestrator.core.model.price import PriceKey, UnitPrice
from orchestrator.errors import StopOrchestratorError
from orchestrator.ports import PriceBook

LASTS = timedelta(days=14)
Remembered = Mapping[str, str]
"""`hourly`, or why it is not known as `unknown`; `read_at`, and `what` for people."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Where prices are remembered, by region and a name of the key."""

    load: Callable[[Collection[str]], Mapping[tuple[str, str], Remembered]]
    """All of these regions."""
    save: Callable[[Mapping[tuple[str, str], Remembered], timedelta], None]
    """For so long."""


class CachedPrices:
    """ports.PriceBook around another one. A memory that fails costs questions, and no prices."""

    def __init__(self, book: PriceBook, memory: Memory, now: Callable[[], datetime]) -> None:
        self._book = book
        self._memory = memory
        self._now = now
        self.name = book.name

    def prices(self, keys: Collection[PriceKey]) -> Mapping[PriceKey, UnitPrice | str]:
        now = self._now()
        found = self._remembered(keys, now)
        left = [key for key in keys if key not in found]
        told = self._book.prices(left) if left else {}
        known = {_place(key): _row(key, one, now) for key, one in told.items() if isinstance(one, UnitPrice)}
        if known:
            with suppress(StopOrchestratorError):  # then the next sweep asks again
                self._memory.save(known, LASTS)
        return {**found, **told}

    def _remembered(self, keys: Collection[PriceKey], now: datetime) -> dict[PriceKey, UnitPrice | str]:
        try:
            rows = self._memory.load(sorted({key.region for key in keys}))
        except StopOrchestratorError:
            return {}
        found: dict[PriceKey, UnitPrice | str] = {}
        for key in keys:
            price = _price(rows.get(_place(key)), now, self._book.name)
            if price is not None:
                found[key] = price
        return found


def _place(key: PriceKey) -> tuple[str, str]:
    """By everything that the price depends on, and how it was asked for."""
    return key.region, hashlib.sha256(repr(tuple(key)).encode()).hexdigest()[:32]


def _row(key: PriceKey, price: UnitPrice, now: datetime) -> Remembered:
    return {"hourly": str(price.hourly), "read_at": now.isoformat(), "what": describe_key(key)}


def _price(row: Remembered | None, now: datetime, source: str) -> UnitPrice | None:
    """None where it is too old, or cannot be read."""
    try:
        if row is None or not timedelta() <= now - datetime.fromisoformat(row["read_at"]) < LASTS:
            return None
        hourly = Decimal(row["hourly"])
    except (KeyError, ValueError, TypeError, InvalidOperation):
        return None
    return UnitPrice(hourly, source) if hourly.is_finite() and hourly > 0 else None
