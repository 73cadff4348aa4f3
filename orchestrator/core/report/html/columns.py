"""What a table's column is called, how it is shown, and what it offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["text", "number", "money", "percent", "time", "status", "code", "word", "prose", "coverage"]
"""`word`: as text, in one line. `prose`: a sentence of ours, with commands in backticks.
`coverage`: a sign, a space, and what it means; only the sign is seen."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. In `link`, `{name}` is the row's value of that column: `#decisions?account_id={account_id}`."""

    name: str
    heading: str
    form: Form = "text"
    link: str = ""
    choice: bool = False
    """Few values: readers choose one from a list."""
    below: str = ""
    """The column whose value stands in small letters below it."""
    detail: bool = False
    """Shown below the row, when it is opened."""
