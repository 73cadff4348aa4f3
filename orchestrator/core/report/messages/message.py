"""A message as a value: whatever it says is plain text, in which names and tags may be hostile.

Each form (`plain`, `slack`, `teams`) makes it inert for its own readers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.core.report.control_characters import without_controls

MOST_ROWS = 20
"""Of one section; the report has all of them."""
_LONGEST_LINE = 300
_LONGEST_WORD = 60


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under a heading: `rows` of resources or accounts, sentences, `commands` to be pasted as they are."""

    heading: str
    rows: tuple[str, ...] = ()
    left: int = 0
    """Rows that are not here."""
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    def shortened(self, most: int) -> Section:
        """With so many rows and commands at most."""
        left = self.left + max(0, len(self.rows) - most)
        return replace(self, rows=self.rows[:most], left=left, commands=self.commands[:most])

    @property
    def lines(self) -> tuple[str, ...]:
        """The rows, and how many more there are."""
        return (*self.rows, *((f"... and {self.left:,} more",) if self.left else ()))


@dataclass(frozen=True, slots=True)
class Link:
    """Where a reader may go on."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """What one reader is told: a subject of one line, sentences, sections, links."""

    subject: str
    lines: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    links: tuple[Link, ...] = ()

    def shortened(self, most: int) -> Message:
        """With so many rows in each section at most."""
        return replace(self, sections=tuple(one.shortened(most) for one in self.sections), links=self.links[:most])


@dataclass(frozen=True, slots=True)
class Event:
    """What programs are told: the type and the detail of an event on a bus."""

    detail_type: str
    detail: Mapping[str, Any]


def section(heading: str, rows: Sequence[str], total: int | None = None, commands: Iterable[str] = ()) -> Section:
    """With the first rows. `total`: of how many these are."""
    shown = tuple(map(one_line, rows[:MOST_ROWS]))
    return Section(heading, shown, (len(rows) if total is None else total) - len(shown), tuple(commands))


def one_line(text: str, most: int = _LONGEST_LINE) -> str:
    """Without control characters and without what turns the direction of writing, and not too long."""
    shown = without_controls(text)
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."


def counted(count: int, one: str, several: str = "") -> str:
    """`1 resource`, `12 resources`."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def listed(words: Sequence[str], most: int = 10, longest: int = _LONGEST_WORD) -> str:
    """The first of them, each with so many characters at most, and how many more there are."""
    shown = ("; " if longest > _LONGEST_WORD else ", ").join(one_line(one, longest) for one in words[:most])
    return f"{shown} and {len(words) - most:,} more" if len(words) > most else shown
