"""A report's document from its file. Its rows are made when they are read: as dictionaries, 272,000 decisions are 2 GB.

For whatever ends a sweep a second time: its report is there, and the other files are made from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, overload

Row = dict[str, Any]
_ROWS = frozenset({"coverage", "decisions", "outcomes", "compliance"})
_decode = json.JSONDecoder().raw_decode


def document_from(content: bytes) -> Row:
    """Equal to what json.loads makes of the file; raises as that does."""
    text = content.decode()
    try:
        return dict(_fields(text))
    except (ValueError, IndexError):  # other whitespace than report_chunks writes, or no JSON at all
        document: Row = json.loads(text)
        return document


class StoredRows(Sequence[Row]):
    """Rows in a text, each made when it is its turn. Equal to a list of equal rows."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = start
        """Behind the bracket."""
        self._length, self.end = 0, start
        for _, end in self._each():
            self._length, self.end = self._length + 1, end
        if text[self.end] != "]":
            raise ValueError("the rows have no end")

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Row]:
        return (row for row, _ in self._each())

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        return [*self][index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return id(self)

    def _each(self) -> Iterator[tuple[Row, int]]:
        """With where each ends."""
        at = self._start
        while self._text[at] != "]":
            row, at = _decode(self._text, at)
            yield row, at
            if self._text[at] == ",":
                at += 1


def _fields(text: str) -> Iterator[tuple[str, Any]]:
    """Raises ValueError and IndexError where it is not written as report_chunks writes."""
    if not text.startswith("{"):
        raise ValueError
    at = 0
    while text[at] != "}" or at == 0:
        name, at = _decode(text, at + 1)
        if text[at] != ":":
            raise ValueError
        if name in _ROWS and text[at + 1] == "[":
            rows = StoredRows(text, at + 2)
            yield name, rows
            at = rows.end + 1
        else:
            value, at = _decode(text, at + 1)
            yield name, value
        if text[at] not in ",}":
            raise ValueError
    if text[at + 1 :].strip():
        raise ValueError
