"""A report's document read back from report.json piece by piece: a large one is never in memory as objects, or as text.

Its rows are kept as compressed JSON, some at a time, and are made anew each time that they are read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, overload

from orchestrator.core.report.document import Row
from orchestrator.core.report.files import ROWS

_ROWS_AT_ONCE = 200
_DECODER = json.JSONDecoder()
_SIGNS = (",", ":", "]", "}")
"""One of which follows on each value within a document."""


def read_document(chunks: Iterable[bytes]) -> Row:
    """The document of a report.json that `report_chunks` wrote, of this release or one before. Raises ValueError."""
    text = _Text(chunks)
    document: Row = {}
    text.take("{")
    while not text.ends("}"):
        name = text.value()
        text.take(":")
        if name in ROWS and text.begins("["):
            document[name] = PackedRows(text.texts_of_array())
        else:
            document[name] = text.value()
    return document


class PackedRows(Sequence[Mapping[str, Any]]):
    """Rows by their texts. Equal to a list of equal rows."""

    def __init__(self, texts: Iterable[str]) -> None:
        each = iter(texts)
        self._packed: list[bytes] = []
        self._count = 0
        while some := [*islice(each, _ROWS_AT_ONCE)]:
            self._packed.append(zlib.compress(f"[{','.join(some)}]".encode(), 1))
            self._count += len(some)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for some in self._packed:
            yield from json.loads(zlib.decompress(some))

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(index, slice):
            return [*self][index]
        number = range(self._count)[index]
        return next(islice(self, number, None))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (list, PackedRows)):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return id(self)


class _Text:
    """JSON without white space between its values, as far as it was needed so far."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._text = ""
        self._at = 0

    def begins(self, sign: str) -> bool:
        while self._at >= len(self._text):
            self._read_on()
        return self._text[self._at] == sign

    def take(self, sign: str) -> None:
        if not self.begins(sign):
            raise ValueError(f"{sign} is missing in a report, at {self._text[self._at : self._at + 20]!r}")
        self._at += 1

    def ends(self, sign: str) -> bool:
        """Whether the array or object ends here; else what is between two values is passed over."""
        if self.begins(sign):
            self._at += 1
            return True
        if self.begins(","):
            self._at += 1
        return False

    def value(self) -> Any:
        """The next one. What looks like a number may be the beginning of one, unless one of the signs follows."""
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError:
                end = len(self._text)
            if self._text[end : end + 1] in _SIGNS:
                self._at = end
                return found
            self._read_on()

    def texts_of_array(self) -> Iterator[str]:
        self.take("[")
        while not self.ends("]"):
            while self._at >= len(self._text):
                self._read_on()
            self._text, self._at = self._text[self._at :], 0
            for _ in range(_ROWS_AT_ONCE):  # and not a copy of what is left of the text for each
                start = self._at
                self.value()
                yield self._text[start : self._at]
                if not self.begins(","):
                    break
                self._at += 1

    def _read_on(self) -> None:
        """Raises ValueError where nothing is left."""
        chunk = next(self._chunks, None)
        if chunk is None:
            raise ValueError("a report ends in its middle")
        self._text += chunk.decode()
