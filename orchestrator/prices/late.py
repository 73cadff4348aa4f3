"""A price book that is read when it is asked first: a sweep that stops nothing reads none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from orchestrator.core.model.price import PriceKey, UnitPrice
from orchestrator.ports import PriceBook


class LatePrices:
    """ports.PriceBook; `name` is what it is called before it is read."""

    def __init__(self, name: str, read: Callable[[], PriceBook]) -> None:
        self.name = name
        self._read = read
        self._book: PriceBook | None = None

    def prices(self, keys: Collection[PriceKey]) -> Mapping[PriceKey, UnitPrice | str]:
        """Raises PricesError where it cannot be read, or has a mistake."""
        if not keys:
            return {}
        if self._book is None:
            self._book = self._read()
        return self._book.prices(keys)
