"""Prices of AWS's list are asked for once in 14 days, and nothing that is remembered wrongly counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrator.core.model.price import PriceKey, UnitPrice
from orchestrator.core.model.price_items import COMPUTE
from orchestrator.errors import LedgerError
from orchestrator.ledger.ledger import Ledger
from orchestrator.prices.cached import LASTS, CachedPrices, Memory
from orchestrator.prices.first_known import FirstKnown
from tests.support.builders import AT
from tests.support.item_tables import MemoryItems

KEY = PriceKey("ec2", COMPUTE, "eu-central-1", "m7g.large", "Linux/UNIX", "default", "on-demand")
OTHER = KEY._replace(region="eu-west-1")
PRICE = UnitPrice(Decimal("0.0832"), "AWS Price List")


class Book:
    name = "AWS Price List"

    def __init__(self, known: Mapping[PriceKey, UnitPrice | str]) -> None:
        self.known = known
        self.asked: list[PriceKey] = []

    def prices(self, keys: Collection[PriceKey]) -> Mapping[PriceKey, UnitPrice | str]:
        self.asked += keys
        return {key: self.known.get(key, "none") for key in keys}


class Clock:
    now = AT


@pytest.fixture
def items() -> MemoryItems:
    return MemoryItems()


def cached(book: Book, items: MemoryItems) -> CachedPrices:
    ledger = Ledger(items, lambda: Clock.now)
    return CachedPrices(book, Memory(ledger.prices, ledger.remember_prices), lambda: Clock.now)


def test_what_was_told_once_is_not_asked_again_for_14_days(items: MemoryItems, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book({KEY: PRICE})
    for after in (timedelta(), LASTS - timedelta(seconds=1)):
        monkeypatch.setattr(Clock, "now", AT + after)
        assert cached(book, items).prices([KEY]) == {KEY: PRICE}
    assert book.asked == [KEY]
    monkeypatch.setattr(Clock, "now", AT + LASTS)
    assert cached(book, items).prices([KEY]) == {KEY: PRICE}
    assert book.asked == [KEY, KEY]


def test_what_is_not_known_is_asked_each_time(items: MemoryItems) -> None:
    book = Book({KEY: PRICE})
    for _ in range(2):
        assert cached(book, items).prices([KEY, OTHER]) == {KEY: PRICE, OTHER: "none"}
    assert book.asked == [KEY, OTHER, OTHER]


@pytest.mark.parametrize("wrong", [{"hourly": "NaN"}, {"hourly": "0"}, {"hourly": "-1"}, {"read_at": "soon"}])
def test_what_was_remembered_wrongly_is_asked_again(items: MemoryItems, wrong: dict[str, Any]) -> None:
    book = Book({KEY: PRICE})
    cached(book, items).prices([KEY])
    [row] = items.query("PRICES#eu-central-1")
    items.put({**row, **wrong})
    assert cached(book, items).prices([KEY]) == {KEY: PRICE}
    assert book.asked == [KEY, KEY]


def test_a_ledger_that_fails_costs_a_question_and_no_price() -> None:
    def fail(*_: object) -> Any:
        raise LedgerError("gone")

    book = Book({KEY: PRICE})
    assert CachedPrices(book, Memory(fail, fail), lambda: AT).prices([KEY]) == {KEY: PRICE}


def test_the_second_book_is_asked_for_what_the_first_does_not_know_and_both_reasons_are_told() -> None:
    first, second = Book({KEY: PRICE}), Book({})
    both = FirstKnown([first, second])
    assert both.prices([KEY, OTHER]) == {KEY: PRICE, OTHER: "none; none"}
    assert second.asked == [OTHER]
