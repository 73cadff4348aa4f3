"""Rows packed into a page: some at a time, by column, each text once, compressed. `rows.js` unpacks them.

A chunk is the base64 of the zlib of a JSON object: {"count": n, "columns": {name: [texts, codes]}}, where `texts` are
the column's distinct values and `codes` say which of them each row has; without codes every row has the first. A value
is text as pages show it, a number, or null.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from orchestrator.core.report.control_characters import without_controls

ROWS_AT_ONCE = 500
_LEVEL = 6
"""Of zlib: a page of 50,000 decisions is a tenth larger than with 9, and made in half of the time."""


class Packed:
    """The packed rows of one table: rows are added one by one, and are held compressed."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.count = 0
        self.size = 0
        """Bytes of what is packed by now; in the page they are a third more."""
        self._chunks: list[bytes] = []
        self._begin()

    def add(self, row: Mapping[str, Any]) -> None:
        """One more; a column that it lacks is null."""
        get = row.get
        for name, values, codes in self._open:
            value = get(name)
            code = values.get(value)
            if code is None:
                code = values[value] = len(values)
            codes.append(code)
        self.count += 1
        if len(self._open[0][2]) == ROWS_AT_ONCE:
            self._close()

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> Self:
        """All of these; and itself."""
        for row in rows:
            self.add(row)
        self._close()
        return self

    def append(self, other: Packed) -> Self:
        """Its rows after these, of the same columns; and itself."""
        self._close()
        other._close()
        self._chunks += other._chunks
        self.count += other.count
        self.size += other.size
        return self

    def chunks(self) -> Iterator[bytes]:
        """Of all rows so far."""
        self._close()
        return map(base64.b64encode, self._chunks)

    def _begin(self) -> None:
        self._open: list[tuple[str, dict[Any, int], list[int]]] = [(name, {}, []) for name in self.columns]

    def _close(self) -> None:
        count = len(self._open[0][2])
        if count == 0:
            return
        columns = {
            name: [[*map(shown, values)], codes] if len(values) > 1 else [[*map(shown, values)]]
            for name, values, codes in self._open
        }
        text = json.dumps({"count": count, "columns": columns}, separators=(",", ":"))
        self._chunks.append(zlib.compress(text.encode(), _LEVEL))
        self.size += len(self._chunks[-1])
        self._begin()


def shown(value: object) -> object:
    """A value as pages show it: texts without what acts on a reader instead of being read."""
    return without_controls(value) if isinstance(value, str) else value
