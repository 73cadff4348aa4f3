"""One price book after the other: each is asked for what those before it do not know."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from orchestrator.core.model.price import PriceKey, UnitPrice
from orchestrator.ports import PriceBook


class FirstKnown:
    """ports.PriceBook."""

    def __init__(self, books: Sequence[PriceBook]) -> None:
        self._books = books
        self.name = ", then ".join(one.name for one in books)

    def prices(self, keys: Collection[PriceKey]) -> Mapping[PriceKey, UnitPrice | str]:
        """Raises PricesError where one cannot tell any: what comes after it has other prices."""
        known: dict[PriceKey, UnitPrice] = {}
        reasons: dict[PriceKey, list[str]] = {key: [] for key in keys}
        for book in self._books:
            left = [key for key in reasons if key not in known]
            for key, found in (book.prices(left) if left else {}).items():
                if isinstance(found, UnitPrice):
                    known[key] = found
                else:
                    reasons[key].append(found)
        return {key: known.get(key) or "; ".join(why) for key, why in reasons.items()}
