"""A report's rows, each made when it is asked for: a report of 50,000 decisions is not in memory a second time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

V = TypeVar("V")
Quick = Mapping[str, Callable[[V], Any]]
"""Fields of a row that are told without making the row."""


class LazyRow(Mapping[str, Any], Generic[V]):
    """One row: a field of it may be told without the others, and the others are made once."""

    __slots__ = ("_made", "_rows", "_value")

    def __init__(self, rows: LazyRows[V], value: V) -> None:
        self._rows = rows
        self._value = value
        self._made: Mapping[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        quick = self._rows.quick.get(name)
        return quick(self._value) if quick is not None else self._whole()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __repr__(self) -> str:
        return repr(self._whole())

    def _whole(self) -> Mapping[str, Any]:
        if self._made is None:
            self._made = self._rows.make(self._value)
        return self._made


class LazyRows(Sequence[Mapping[str, Any]], Generic[V]):
    """The rows of these values, in their order. Equal to a list of equal rows."""

    __slots__ = ("make", "quick", "values")

    def __init__(self, values: Sequence[V], make: Callable[[V], Mapping[str, Any]], quick: Quick[V]) -> None:
        self.values = values
        self.make = make
        self.quick = quick

    def made(self) -> Iterator[dict[str, Any]]:
        """Each whole, as a dictionary of its own; for whatever reads all of its fields."""
        return (dict(self.make(value)) for value in self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[LazyRow[V]]:
        return (LazyRow(self, value) for value in self.values)

    @overload
    def __getitem__(self, index: int) -> LazyRow[V]: ...

    @overload
    def __getitem__(self, index: slice) -> LazyRows[V]: ...

    def __getitem__(self, index: int | slice) -> LazyRow[V] | LazyRows[V]:
        if isinstance(index, slice):
            return LazyRows(self.values[index], self.make, self.quick)
        return LazyRow(self, self.values[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (list, LazyRows)):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return id(self)


def made_rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Each whole, whether they are made now or were read from a file."""
    return rows.made() if isinstance(rows, LazyRows) else iter(rows)
