"""Reports in a local folder, laid out as in S3; what the command line uses where no bucket is set."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.core.report.files import sweep_folder
from orchestrator.core.report.manifest import MANIFEST
from orchestrator.core.report.stored_files import SWEEPS_FOLDER
from orchestrator.errors import ReportStoreError


class LocalReportStore:
    """ports.ReportStore below one directory. Files are never overwritten and appear whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def check(self, sweep_id: str) -> None:
        folder = self._folder(sweep_id)
        try:
            folder.mkdir(parents=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except FileExistsError as taken:
            raise ReportStoreError(f"{folder} exists already: the sweep id {sweep_id} was used before") from taken
        except OSError as failure:
            raise ReportStoreError(f"reports cannot be written to {folder}: {failure.strerror or failure}") from failure

    def put(self, sweep_id: str, name: str, content: bytes) -> None:
        path = self._folder(sweep_id) / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, content)
        except OSError as failure:
            raise ReportStoreError(f"{path} cannot be written: {failure.strerror or failure}") from failure

    def find(self, sweep_id: str, name: str) -> bytes | None:
        path = self._folder(sweep_id) / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise ReportStoreError(f"{path} cannot be read: {failure.strerror or failure}") from failure

    def read(self, sweep_id: str, name: str) -> bytes:
        content = self.find(sweep_id, name)
        if content is None:
            known = ", ".join(self.sweeps()[:5]) or "none"
            raise ReportStoreError(f"there is no {self.location(sweep_id, name)}; the newest sweeps here: {known}")
        return content

    def list_files(self, sweep_id: str | None = None) -> Mapping[str, int]:
        top = self._directory / SWEEPS_FOLDER if sweep_id is None else self._folder(sweep_id)
        try:
            return dict(_sizes(top, f"{top.relative_to(self._directory).as_posix()}/")) if top.exists() else {}
        except OSError as failure:
            raise ReportStoreError(f"{top} cannot be listed: {failure.strerror or failure}") from failure

    def location(self, sweep_id: str, name: str) -> str:
        return str(self._folder(sweep_id) / name)

    def sweeps(self) -> list[str]:
        """The ids of the finished sweeps, newest first."""
        found = self._directory.glob(f"sweeps/dt=*/sweep=*/{MANIFEST}")
        return sorted((path.parent.name.removeprefix("sweep=") for path in found), reverse=True)

    def _folder(self, sweep_id: str) -> Path:
        return self._directory / sweep_folder(sweep_id)


def _sizes(folder: Path, key: str) -> Iterator[tuple[str, int]]:
    """By key; a link to elsewhere is a file, since no sweep makes one, and an empty folder ends in `/`."""
    entries = sorted(os.scandir(folder), key=lambda one: one.name)
    if not entries:
        yield key, 0
    for entry in entries:
        name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
        if entry.is_dir(follow_symlinks=False):
            yield from _sizes(Path(entry.path), f"{key}{name}/")
        else:
            yield f"{key}{name}", entry.stat(follow_symlinks=False).st_size


def _write_once(path: Path, content: bytes) -> None:
    """Raises FileExistsError when the file is there with any other content: evidence is not overwritten."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        if path.read_bytes() != content:
            raise
    finally:
        Path(temporary).unlink()
