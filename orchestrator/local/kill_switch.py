"""The kill switch as a local file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.ports import KillSwitchUnreadableError

FILE_PREFIX = "file:"
"""How settings name such a file: `file:PATH`."""


def file_reader(path: Path) -> Callable[[], str]:
    """Reads a local file. Raises KillSwitchUnreadableError, also when there is none."""

    def read() -> str:
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as failure:
            raise KillSwitchUnreadableError(f"{path}: {failure}") from failure

    return read
