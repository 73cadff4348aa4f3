"""Reports in a local folder, laid out as in S3; what the command line uses where no bucket is set."""

from __future__ import annotations

import filecmp
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from orchestrator.core.report.files import sweep_folder
from orchestrator.core.report.manifest import MANIFEST
from orchestrator.core.report.stored_files import SWEEPS_FOLDER, Entry
from orchestrator.errors import ReportStoreError

_CHUNK = 1 << 20
_PART = re.compile(r"\.[a-z0-9_]{8}\.part")
"""As `_write_once` calls them."""


class LocalReportStore:
    """ports.ReportStore below one directory. Files are never overwritten and appear whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def check(self, sweep_id: str) -> None:
        """Makes no folder of the sweep: the ledger does not know it yet, and a process may be killed right here."""
        folder = self._folder(sweep_id)
        try:
            if os.path.lexists(folder):
                raise ReportStoreError(f"{folder} exists already: the sweep id {sweep_id} was used before")
            top = self._directory / SWEEPS_FOLDER
            top.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder.parent if folder.parent.exists() else top):
                pass
        except OSError as failure:
            raise ReportStoreError(f"reports cannot be written to {folder}: {failure.strerror or failure}") from failure

    def put(self, sweep_id: str, name: str, content: bytes) -> None:
        self.put_chunks(sweep_id, name, (content,))

    def put_chunks(self, sweep_id: str, name: str, chunks: Iterable[bytes]) -> None:
        path = self._folder(sweep_id) / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, chunks)
        except OSError as failure:
            raise ReportStoreError(f"{path} cannot be written: {failure.strerror or failure}") from failure

    def find(self, sweep_id: str, name: str) -> bytes | None:
        chunks = self.find_chunks(sweep_id, name)
        return b"".join(chunks) if chunks is not None else None

    def find_chunks(self, sweep_id: str, name: str) -> Iterator[bytes] | None:
        path = self._folder(sweep_id) / name
        try:
            if path.is_fifo():
                raise ReportStoreError(f"{path} cannot be read: it is a pipe")  # which would hold everything up
            return _chunks(path, path.open("rb"))
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise _unreadable(path, failure) from failure

    def read(self, sweep_id: str, name: str) -> bytes:
        content = self.find(sweep_id, name)
        if content is None:
            known = ", ".join(self.sweeps()[:5]) or "none"
            raise ReportStoreError(f"there is no {self.location(sweep_id, name)}; the newest sweeps here: {known}")
        return content

    def list_files(self, sweep_id: str | None = None) -> Mapping[str, Entry]:
        top = self._directory / SWEEPS_FOLDER if sweep_id is None else self._folder(sweep_id)
        if sweep_id is not None and top.is_symlink():
            return {top.relative_to(self._directory).as_posix(): Entry.LINK}
        try:
            return dict(_entries(top, f"{top.relative_to(self._directory).as_posix()}/")) if top.exists() else {}
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


def _entries(folder: Path, key: str) -> Iterator[tuple[str, Entry]]:
    """By key; no link is followed."""
    entries = sorted(os.scandir(folder), key=lambda one: one.name)
    if not entries:
        yield key, Entry.EMPTY_FOLDER
    for entry in entries:
        name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(Path(entry.path), f"{key}{name}/")
        elif entry.is_file(follow_symlinks=False):
            yield f"{key}{name}", Entry.PART if _PART.fullmatch(name) else Entry.FILE
        else:
            yield f"{key}{name}", Entry.LINK


def _chunks(path: Path, opened: BinaryIO) -> Iterator[bytes]:
    with opened as file:
        try:
            while chunk := file.read(_CHUNK):
                yield chunk
        except OSError as failure:
            raise _unreadable(path, failure) from failure


def _unreadable(path: Path, failure: OSError) -> ReportStoreError:
    return ReportStoreError(f"{path} cannot be read: {failure.strerror or failure}")


def _write_once(path: Path, chunks: Iterable[bytes]) -> None:
    """Raises FileExistsError when the file is there with any other content: evidence is not overwritten."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        if not filecmp.cmp(temporary, path, shallow=False):
            raise
    finally:
        Path(temporary).unlink()
