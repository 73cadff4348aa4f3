"""docs/money.md is true to the price book, and the price books that are there to copy are right and made up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.core.model.price import ITEMS, PriceKey, UnitPrice
from orchestrator.core.report.document import _TYPE_FACTS
from orchestrator.core.report.money_rows import MONEY_COLUMNS
from orchestrator.kinds.registry import DESCRIPTIONS
from orchestrator.prices.operator_csv import COLUMNS, OperatorPrices

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "money.md").read_text()
BOOKS = (ROOT / "config" / "prices.csv.example", ROOT / "orchestrator" / "demo" / "made-up-prices.csv")


def first_cells(heading: str) -> list[str]:
    """Every name in the first column of the tables after that heading."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [name for cell in re.findall(r"^\| (`.+?) \|", part, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)]


def test_every_column_and_item_of_a_price_book_is_described() -> None:
    assert first_cells("The file") == [*COLUMNS, *ITEMS]


def test_every_column_of_the_table_of_decisions_is_described() -> None:
    assert first_cells("In the report") == [*MONEY_COLUMNS]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.name)
def test_a_price_book_to_copy_is_right_and_every_price_of_it_is_made_up(path: Path) -> None:
    book = OperatorPrices(path.read_text(), str(path), DESCRIPTIONS)
    rows = [row for some in book._rows.values() for row in some]
    assert rows
    assert all(row.made_up for row in rows)
    key = PriceKey("ec2", "public_ipv4", "eu-central-1", "")
    assert isinstance(book.prices([key])[key], UnitPrice)


def test_every_kind_has_prices_of_items_that_there_are_and_tells_its_type() -> None:
    for kind in DESCRIPTIONS:
        assert kind.price_items.keys() <= ITEMS.keys()
        assert "compute" in kind.price_items or not kind.price_items, "of such a kind nothing is known"
        assert kind.type_fact in _TYPE_FACTS
