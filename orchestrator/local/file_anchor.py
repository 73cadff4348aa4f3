"""The anchor of the chain of manifests as a local file, best on another disk than the store."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from orchestrator.errors import AnchorError


class FileAnchor:
    """ports.Anchor; the file is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return str(self._path)

    def read(self) -> str | None:
        try:
            return self._path.read_bytes().decode("utf-8", "backslashreplace")
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise AnchorError(f"{self._path}: {failure.strerror or failure}") from failure

    def write(self, text: str) -> None:
        try:
            handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".", suffix=".part")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self._path)
        except OSError as failure:
            raise AnchorError(f"{self._path}: {failure.strerror or failure}") from failure
