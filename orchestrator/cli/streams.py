r"""The standard streams of a command, and the process that is all its own; it imports next to nothing.

Tables and colours are `terminal`'s; both show a control character as an escape, such as `\u001b`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Any, cast

from orchestrator.core.report.control_characters import without_controls


class SafeStream:
    """A standard stream for all that does not print through a console: logs, warnings, bad usage, tracebacks."""

    def __init__(self, stream: IO[str]) -> None:
        self.rich_proxied_file = stream
        """Rich's name for where its consoles write instead."""

    def write(self, text: str) -> int:
        self.rich_proxied_file.write(without_controls(text, lines=True))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Meanwhile standard output and standard error are safe streams."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("Any", SafeStream(one)) for one in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


_is_whole_process = ContextVar("_is_whole_process", default=False)


def is_whole_process() -> bool:
    """Whether the process ends with the command."""
    return _is_whole_process.get()


@contextmanager
def whole_process() -> Iterator[None]:
    """Within it a command is all that the process does: it ends with it."""
    token = _is_whole_process.set(True)
    try:
        yield
    finally:
        _is_whole_process.reset(token)
