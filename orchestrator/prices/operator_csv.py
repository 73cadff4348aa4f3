"""The operator's own prices, from a CSV file: negotiated rates, spot, whatever the price list does not know.

A line for each price; the first one that fits counts. Every mistake is told at once, with its line and what would be
right: a price book with a mistake in it has no prices at all.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase

from orchestrator.core.model.kind import KindDescription
from orchestrator.core.model.money import CURRENCY
from orchestrator.core.model.price import ITEMS, PriceKey, UnitPrice
from orchestrator.core.model.price_items import COMPUTE
from orchestrator.core.policy.nearest import names_text, nearest
from orchestrator.errors import PricesError

FACTS = ("region", "type", "operating_system", "tenancy", "lifecycle", "engine", "deployment", "license")
"""The columns that are held against a resource; globs."""
COLUMNS = ("kind", "item", *FACTS, "price", "currency", "made_up", "note")
_NEEDED = ("kind", "region", "price")
_MEANT = {"lifecycle": "on-demand", "tenancy": "default"}
"""Of what runs, where the cell is empty: a spot instance has no on-demand price. Elsewhere an empty cell fits all."""
_PRICE = re.compile(r"[0-9]{1,7}(\.[0-9]{1,12})?")
_WORDS = {"": False, "false": False, "true": True}
_MOST_ROWS, _MOST_SHOWN = 20_000, 50
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class _Row:
    """One price; `facts` in the order of FACTS."""

    line: int
    facts: tuple[str, ...]
    hourly: Decimal
    made_up: bool

    def fits(self, facts: Sequence[str]) -> bool:
        """What a price does not depend on is empty, and fits."""
        return all(not fact or _fits(pattern, fact) for pattern, fact in zip(self.facts, facts, strict=True))


def _fits(pattern: str, fact: str) -> bool:
    return pattern in ("*", fact) or fnmatchcase(fact, pattern)


class OperatorPrices:
    """ports.PriceBook from the text of the file."""

    def __init__(self, text: str, source: str, kinds: Collection[KindDescription]) -> None:
        """Raises PricesError with every mistake."""
        self.name = name_of(source)
        reading = _Reading(text, kinds)
        self._rows = reading.rows()
        if reading.problems:
            shown = [f"{source}: {one}" for one in reading.problems[:_MOST_SHOWN]]
            more = len(reading.problems) - len(shown)
            raise PricesError("\n".join([*shown, *([f"{source}: and {more} more mistakes"] if more else [])]))

    def prices(self, keys: Collection[PriceKey]) -> Mapping[PriceKey, UnitPrice | str]:
        return {key: self._price(key) for key in keys}

    def _price(self, key: PriceKey) -> UnitPrice | str:
        facts = [getattr(key, name) for name in FACTS]
        for row in self._rows.get((key.kind, key.item), ()):
            if row.fits(facts):
                return UnitPrice(row.hourly, self.name, row.made_up)
        return f"{self.name} has none"


def name_of(source: str) -> str:
    """What it is called in reports: its last part, whatever folder, bucket or path it is in."""
    return re.split(r"[/\\]", source.removeprefix("ssm:"))[-1] or source


class _Reading:
    """Of one file, and what is wrong with it."""

    def __init__(self, text: str, kinds: Collection[KindDescription]) -> None:
        self._text = text.removeprefix("\ufeff")
        self._items = {one.name: one.price_items for one in kinds}
        self.problems: list[str] = []

    def rows(self) -> Mapping[tuple[str, str], Sequence[_Row]]:
        """By kind and item, in the order of the file."""
        found: defaultdict[tuple[str, str], list[_Row]] = defaultdict(list)
        seen: dict[tuple[str, ...], int] = {}
        header: list[str] = []
        for line, cells in self._lines():
            if not header:
                header = [one.casefold() for one in cells]
                if not self._check_header(line, header):
                    return {}
            elif len(cells) != len(header):
                self._tell(line, f"has {len(cells)} cells, and the first line names {len(header)} columns")
            else:
                cell = dict(zip(header, cells, strict=True))
                row = self._row(line, cell)
                if row is not None:
                    what = (cell["kind"], cell.get("item") or COMPUTE)
                    before = seen.setdefault((*what, *row.facts), line)
                    if before != line:
                        self._tell(line, f"never counts: line {before} is about the same; delete one of them")
                    found[what].append(row)
        if not header:
            self.problems.append(
                f"line 1: is missing; it names the columns: {', '.join(_NEEDED)}, and any of the others"
            )
        return found

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """Those that say something, each with the number of its last line."""
        reader = csv.reader(io.StringIO(self._text, newline=""), strict=True)
        try:
            for number, cells in enumerate(reader):
                if number > _MOST_ROWS:
                    self._tell(reader.line_num, f"is one too many: a price book has at most {_MOST_ROWS:,} lines")
                    return
                shown = [one.strip() for one in cells]
                if any(shown) and not shown[0].startswith("#"):
                    yield reader.line_num, shown
        except csv.Error as wrong:
            self._tell(reader.line_num, f"is no CSV ({wrong})")

    def _check_header(self, line: int, header: Sequence[str]) -> bool:
        for name in header:
            if name not in COLUMNS:
                near = nearest(name, COLUMNS)
                right = f"did you mean {near}?" if near else f"there are {', '.join(COLUMNS)}"
                self._tell(line, f"has the column {_shown(name)}; {right}")
            elif header.count(name) > 1 and f"twice: {name}" not in "".join(self.problems):
                self._tell(line, f"has a column twice: {name}")
        missing = [name for name in _NEEDED if name not in header]
        if missing:
            self._tell(line, f"lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
        return not self.problems

    def _row(self, line: int, cell: Mapping[str, str]) -> _Row | None:
        before = len(self.problems)
        kind, item = cell["kind"], cell.get("item") or COMPUTE
        items = self._items.get(kind)
        if items is None:
            self._tell(line, f"kind {_shown(kind)}: there are {names_text(self._items)}{_or_near(kind, self._items)}")
        elif item not in items:
            self._tell(line, f"item {_shown(item)}: of {kind} there are {names_text(items)}{_or_near(item, items)}")
        else:
            for name in ("region", *(one for one in items[item] if not cell.get(one))):
                if not cell.get(name):
                    self._tell(line, f"{name} is empty: name one, or a pattern; `*` fits all")
        price = self._price(line, cell["price"])
        if cell.get("currency", "") not in ("", CURRENCY):
            self._tell(line, f"currency {_shown(cell['currency'])}: every amount is in {CURRENCY}")
        made_up = _WORDS.get(cell.get("made_up", "").casefold())
        if made_up is None:
            self._tell(line, f"made_up {_shown(cell['made_up'])}: must be true, false or empty")
        if len(self.problems) > before or price is None:
            return None
        facts = tuple(cell.get(name) or (_MEANT.get(name, "*") if item == COMPUTE else "*") for name in FACTS)
        return _Row(line, facts, price / ITEMS[item][1], bool(made_up))

    def _price(self, line: int, text: str) -> Decimal | None:
        if _PRICE.fullmatch(text):
            return Decimal(text)
        right = "dollars, with a point and no sign, such as 0.0832"
        self._tell(line, f"price {_shown(text)}: must be {right}" if text else f"price is empty: must be {right}")
        return None

    def _tell(self, line: int, what: str) -> None:
        self.problems.append(f"line {line}: {what}")


def _or_near(word: str, known: Collection[str]) -> str:
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else ""


def _shown(text: str) -> str:
    """Quoted and escaped, as it may be anything."""
    return ascii(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")
