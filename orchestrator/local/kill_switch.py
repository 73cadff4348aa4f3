"""The kill switch as a local file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.ports import KillSwitchUnreadableError

FILE_PREFIX = "file:"
"""How settings name such a file: `file:PATH`."""


def file_reader(path: Path) -> Callable[[], str | None]:
    """Reads a local file; None where there is none. Raises KillSwitchUnreadableError.

    Bytes that are no UTF-8 are what the file says too, as escapes: an editor that wrote `go` in UTF-16 has to see why.
    """

    def read() -> str | None:
        try:
            return path.read_bytes().decode("utf-8", "backslashreplace")
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise KillSwitchUnreadableError(f"{path}: {failure.strerror or failure}") from failure

    return read
