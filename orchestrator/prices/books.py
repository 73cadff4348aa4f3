"""The price book that settings name: one source after the other, each read when it is asked first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from orchestrator.core.model.kind import KindDescription
from orchestrator.errors import PricesError, SettingsError
from orchestrator.ledger.ledger import Ledger
from orchestrator.ports import PriceBook
from orchestrator.prices.cached import CachedPrices, Memory
from orchestrator.prices.first_known import FirstKnown
from orchestrator.prices.late import LatePrices
from orchestrator.prices.operator_csv import OperatorPrices, name_of
from orchestrator.prices.price_list import NAME, Ask, PriceList
from orchestrator.settings import PRICE_LIST

Read = Callable[[str], str]
"""The text at a source. Raises SettingsError."""


def make_price_book(
    sources: Sequence[str],
    read: Read,
    kinds: Collection[KindDescription],
    make_ask: Callable[[], Ask],
    ledger: Ledger,
) -> PriceBook:
    """The first that knows a price tells it. What AWS's list said is remembered in the ledger for 14 days."""

    def book_of(source: str) -> PriceBook:
        if source != PRICE_LIST:
            return LatePrices(name_of(source), lambda: read_book(source, read, kinds))
        memory = Memory(ledger.prices, ledger.remember_prices)
        return LatePrices(NAME, lambda: CachedPrices(PriceList(make_ask()), memory, ledger.now))

    each = [book_of(one) for one in dict.fromkeys(sources)]
    return FirstKnown(each) if len(each) > 1 else each[0]


def read_book(source: str, read: Read, kinds: Collection[KindDescription]) -> OperatorPrices:
    """The operator's file. Raises PricesError with every mistake in it, or why it cannot be read."""
    try:
        text = read(source)
    except SettingsError as unreadable:
        raise PricesError(str(unreadable)) from unreadable
    return OperatorPrices(text, source, kinds)
