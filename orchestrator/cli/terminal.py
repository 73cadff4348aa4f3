r"""The one way to a terminal: no control character of a name, tag, policy or message of AWS reaches it.

Such a character is shown as an escape, such as `\u001b`; line feeds stay, they are layout. What rich itself writes
(colours, the moving bar) passes. Square brackets are text: there is no markup by which a name could colour or link.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import IO, Any, cast

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from orchestrator.cli.invocation import as_called
from orchestrator.core.report.control_characters import without_controls

_UNWRAPPED = 100_000
"""Columns: more than any line has."""
_BLANKS_AT_THE_END = re.compile(r" +\n")


class SafeConsole(Console):
    """Rich's console for texts that strangers wrote. Markup and emoji codes mean nothing in it.

    Where its stream is no terminal, lines are not wrapped, unless COLUMNS says how wide they may be.
    """

    def __init__(self, **how: Any) -> None:
        self._is_unwrapped = False
        super().__init__(**{"markup": False, "emoji": False, **how})
        self._is_unwrapped = "width" not in how

    @property
    def size(self) -> ConsoleDimensions:
        """Of a pipe or a file, whose reader wants a row in one line, there is no width."""
        found = super().size
        if self._is_unwrapped and not self.is_terminal and not os.environ.get("COLUMNS"):
            return ConsoleDimensions(_UNWRAPPED, found.height)
        return found

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        """As rich does; but for a terminal no line ends with blanks, by which tables fill their columns."""
        text = super()._render_buffer(buffer)
        return text if self.is_terminal else _BLANKS_AT_THE_END.sub("\n", text)

    def rule(self, title: Any = "", **how: Any) -> None:
        """As rich does; where lines have no end, its title alone."""
        if self.width >= _UNWRAPPED:
            self.print(title)
        else:
            super().rule(title, **how)

    @property
    def file(self) -> IO[str]:
        """Where rich writes; never a stream that would take its own escape sequences for a stranger's."""
        found: Any = super().file
        while (proxied := getattr(found, "rich_proxied_file", None)) is not None:
            found = proxied
        return cast("IO[str]", found)

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def print(self, *objects: Any, **how: Any) -> None:
        """As rich does; a command in a text or a line is as it can be pasted here."""
        super().print(*map(_as_called, objects), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does, but with the texts made harmless; everything that is printed passes here."""
        for one in super().render(renderable, options):
            yield one if one.control else Segment(without_controls(one.text, lines=True), one.style)


def _as_called(one: Any) -> Any:
    if isinstance(one, str):
        return as_called(one)
    if not isinstance(one, Text) or (text := as_called(one.plain)) == one.plain:
        return one
    return Text(text, one.style)


def csv_text(content: bytes) -> str:
    """A CSV file as it is, but for what an earlier release let into one."""
    rows = content.decode("utf-8", "replace").split("\r\n")
    return "\r\n".join(without_controls(row, lines=True) for row in rows)
