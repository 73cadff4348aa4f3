"""The files of the index page in the local folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from orchestrator.core.report.stored_files import INDEX_FOLDER
from orchestrator.core.report.sweep_index import MOST_BYTES
from orchestrator.errors import ReportStoreError


class LocalIndexStore:
    """ports.IndexStore below one directory."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / INDEX_FOLDER

    @property
    def name(self) -> str:
        return str(self._folder)

    def find(self, name: str) -> bytes | None:
        path = self._folder / name
        try:
            if not path.is_file():
                return None  # nor a pipe, which would hold everything up
            with path.open("rb") as file:
                return file.read(MOST_BYTES + 1)
        except OSError as failure:
            raise ReportStoreError(f"{path} cannot be read: {failure.strerror or failure}") from failure

    def put(self, name: str, content: bytes) -> None:
        path = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as failure:
            raise ReportStoreError(f"{path} cannot be written: {failure.strerror or failure}") from failure
